"""A fingerprint's signals: from an image hashed here, or as a caller sends one back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from service.domain.errors import BadSignalError
from service.domain.signals.fields import parse_signals, unit_interval
from service.domain.signals.items import Signals

if TYPE_CHECKING:
    from embeddings.fingerprint import Fingerprint, ViewFingerprint

DOUBTS: Final = ("further_frames", "truncated", "ambiguous_picture")
"""Why a file's signals may not be those of all that it shows."""

MADE: Final = ("md5", "sha1", "sha256", "pdq", "code")
"""The types of which an image that is hashed here has signals."""

_OF_THE_IMAGE: Final = frozenset({"photographic", "width", "height", "doubts"})


def from_fingerprint(fingerprint: Fingerprint) -> Signals:
    """The signals of an image that was fingerprinted here."""
    return Signals.of(
        md5=bytes.fromhex(fingerprint.md5),
        sha1=bytes.fromhex(fingerprint.sha1),
        sha256=bytes.fromhex(fingerprint.sha256),
        pdq=fingerprint.pdq,
        codes=dict(fingerprint.codes),
        descriptors=dict(fingerprint.descriptors),
        code_role=fingerprint.role,
        pdq_quality=fingerprint.pdq_quality,
        quality=fingerprint.structure,
    )


def from_view(view: ViewFingerprint) -> Signals:
    """The signals of a view of an image."""
    return Signals.of(
        pdq=view.pdq,
        codes=dict(view.codes),
        descriptors=dict(view.descriptors),
        pdq_quality=view.pdq_quality,
        quality=view.structure,
    )


def fingerprint_json(fingerprint: Fingerprint, descriptors: bool = True) -> dict[str, object]:
    """A fingerprint's fields as the contract names them: what ``query_signals`` reads.

    ``descriptors``: whether they are among them. Nothing is rounded, which could carry a score over
    a bound: sent back as signals, they must be matched as the image is.
    """
    out: dict[str, object] = {
        "md5": fingerprint.md5,
        "sha1": fingerprint.sha1,
        "sha256": fingerprint.sha256,
        "pdq": fingerprint.pdq.hex(),
        "pdq_quality": fingerprint.pdq_quality,
        "codes": {space: code.hex() for space, code in sorted(fingerprint.codes.items())},
        "code_role": fingerprint.role,
        "quality": fingerprint.structure,
        "photographic": fingerprint.photographic,
        "width": fingerprint.width,
        "height": fingerprint.height,
    }
    if descriptors and fingerprint.descriptors:
        asked = sorted(fingerprint.descriptors.items())
        out["descriptors"] = {space: one.hex() for space, one in asked}
    if doubts := doubts_of(fingerprint):
        out["doubts"] = doubts
    return out


def doubts_of(fingerprint: Fingerprint) -> list[str]:
    """Why its signals are not those of all that the file shows: as ``DOUBTS``."""
    found = {*fingerprint.doubts}
    if fingerprint.frames > 1:
        found.add("further_frames")
    if fingerprint.others:
        found.add("ambiguous_picture")  # their signals are not among these
    return sorted(found)


@dataclass(frozen=True)
class QuerySignals:
    """What a query says of an item, or a fingerprint of an image."""

    signals: Signals
    photographic: float | None
    """Probability that the image is a photograph, 0..1."""
    doubts: tuple[str, ...] = ()
    """Of ``DOUBTS``: why they are not the signals of all that the file shows."""


def query_signals(fields: Mapping[str, object]) -> QuerySignals:
    """Read what ``lookalike hash`` and ``/v1/fingerprint`` write: signals, imagery score, size.

    The size says nothing of an item and is passed over. Raises ``BadSignalError``.
    """
    given = {name: value for name, value in fields.items() if name not in _OF_THE_IMAGE}
    photographic = unit_interval("photographic", fields.get("photographic"))
    signals = parse_signals(given, asked=True)
    return QuerySignals(signals, photographic, _doubts(fields.get("doubts")))


def _doubts(value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or not all(
        isinstance(one, str) and one in DOUBTS for one in value
    ):
        raise BadSignalError(f"doubts must be a list of {', '.join(DOUBTS)}")
    return tuple(sorted({*value}))
