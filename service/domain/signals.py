"""The signals of one item, as they cross from requests and lists to the store and the matcher.

It knows the form of each signal type and how to read it from text; not who lists a signal, nor what
a match of it leads to. ``photodna`` is not read yet.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from embeddings.figures import CODE_BITS, CODE_BYTES, MIN_STRUCTURE, PDQ_MIN_QUALITY
from service.domain.errors import BadSignalError

if TYPE_CHECKING:
    from embeddings.fingerprint import Fingerprint, ViewFingerprint

DIGEST_BYTES: Final[Mapping[str, int]] = MappingProxyType({"md5": 16, "sha1": 20, "sha256": 32})
"""Digest type to its length, bytes."""

MAX_SPACES: Final = 8
"""Codes one item may carry."""

MAX_URL: Final = 2048
"""Characters."""

_HEX: Final = re.compile(r"[0-9a-fA-F]*", re.ASCII)
_SPACE: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}", re.ASCII)
_KNOWN: Final = frozenset(
    {
        *DIGEST_BYTES,
        "pdq",
        "codes",
        "code_role",
        "descriptors",
        "url",
        "pdq_quality",
        "quality",
    }
)
_ROLES: Final = ("query", "reference")

DOUBTS: Final = ("further_frames", "truncated", "ambiguous_picture")
"""Why a file's signals may not be those of all that it shows."""


@dataclass(frozen=True)
class Signals:
    """The signals of one item; those that are absent are ``None``."""

    md5: bytes | None = None
    """16 bytes."""
    sha1: bytes | None = None
    """20 bytes."""
    sha256: bytes | None = None
    """32 bytes."""
    pdq: bytes | None = None
    """32 bytes."""
    codes: Mapping[str, bytes] = field(default_factory=dict)
    """Code space to code, 32 bytes each."""
    descriptors: Mapping[str, bytes] = field(default_factory=dict)
    """Of a query: code space to 256 signed bytes, by which what its code finds is scored."""
    code_role: str | None = None
    """What the codes were made for, ``reference`` or ``query``; ``None`` where nobody said."""
    url: str | None = None
    """A web page, as listed."""
    pdq_quality: int | None = None
    """0..100; ``None`` where the list does not say."""
    quality: float | None = None
    """Structure, 0..1; ``None`` where the list does not say."""

    def __bool__(self) -> bool:
        """Whether there is anything to match."""
        return bool(self.md5 or self.sha1 or self.sha256 or self.pdq or self.codes or self.url)

    @property
    def structured(self) -> bool:
        """Whether PDQ and codes may be matched at all; a list that gives no quality is believed."""
        return is_structured(self.quality)

    @property
    def pdq_usable(self) -> bool:
        """Whether there is a PDQ hash that may be matched."""
        return self.pdq is not None and self.structured and is_trusted(self.pdq_quality)

    @property
    def codes_usable(self) -> bool:
        """Whether there are codes that may be matched."""
        return bool(self.codes) and self.structured

    @property
    def digest_only(self) -> bool:
        """Whether there are perceptual signals and none of them may be matched."""
        perceptual = self.pdq is not None or bool(self.codes)
        return perceptual and not (self.pdq_usable or self.codes_usable)

    def to_json(self) -> dict[str, object]:
        """The same as hex text, absent ones left out: what ``parse_signals`` reads."""
        out: dict[str, object] = {}
        for name in (*DIGEST_BYTES, "pdq"):
            value: bytes | None = getattr(self, name)
            if value is not None:
                out[name] = value.hex()
        if self.codes:
            out["codes"] = {space: code.hex() for space, code in sorted(self.codes.items())}
        if self.descriptors:
            out["descriptors"] = {s: one.hex() for s, one in sorted(self.descriptors.items())}
        for name in ("code_role", "url", "pdq_quality", "quality"):
            if getattr(self, name) is not None:
                out[name] = getattr(self, name)
        return out


def is_structured(value: float | None) -> bool:
    """Whether an image of this quality may be matched by PDQ and codes."""
    return value is None or value >= MIN_STRUCTURE


def is_trusted(pdq_quality: int | None) -> bool:
    """Whether a PDQ hash of this quality may be matched."""
    return pdq_quality is None or pdq_quality >= PDQ_MIN_QUALITY


def from_fingerprint(fingerprint: Fingerprint) -> Signals:
    """The signals of an image that was fingerprinted here."""
    return Signals(
        md5=bytes.fromhex(fingerprint.md5),
        sha1=bytes.fromhex(fingerprint.sha1),
        sha256=bytes.fromhex(fingerprint.sha256),
        pdq=fingerprint.pdq,
        codes=dict(fingerprint.codes),
        descriptors=dict(fingerprint.descriptors),
        code_role=fingerprint.role,
        pdq_quality=fingerprint.pdq_quality,
        quality=fingerprint.quality,
    )


def from_view(view: ViewFingerprint) -> Signals:
    """The signals of a view of an image."""
    return Signals(
        pdq=view.pdq,
        codes=dict(view.codes),
        descriptors=dict(view.descriptors),
        pdq_quality=view.pdq_quality,
        quality=view.quality,
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
        "quality": fingerprint.quality,
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


def parse_signals(fields: Mapping[str, object]) -> Signals:
    """Read signals from text: hex of either case; ``None`` counts as absent.

    ``codes`` maps code space to hex. Raises ``BadSignalError`` naming the key, never the value.
    """
    unknown = sorted(str(name)[:64] for name in fields if name not in _KNOWN)
    if unknown:
        raise BadSignalError(
            f"unknown signal {unknown[0]!r}; known are {', '.join(sorted(_KNOWN))}"
        )
    given = _by_space("codes", fields.get("codes"), CODE_BYTES)
    return Signals(
        md5=_digest(fields, "md5"),
        sha1=_digest(fields, "sha1"),
        sha256=_digest(fields, "sha256"),
        pdq=_hex("pdq", fields.get("pdq"), CODE_BYTES),
        codes=given,
        descriptors=_descriptors(fields.get("descriptors"), given),
        code_role=_code_role(fields.get("code_role")),
        url=_url(fields.get("url")),
        pdq_quality=_pdq_quality(fields.get("pdq_quality")),
        quality=unit_interval("quality", fields.get("quality")),
    )


def unit_interval(name: str, value: object) -> float | None:
    """A number in 0..1, or ``None`` where none was given."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise BadSignalError(f"{name} must be a number from 0 to 1")
    return float(value)


def _digest(fields: Mapping[str, object], name: str) -> bytes | None:
    return _hex(name, fields.get(name), DIGEST_BYTES[name])


def _hex(name: str, value: object, length: int) -> bytes | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise BadSignalError(f"{name} must be text, {2 * length} hex digits")
    if len(value) != 2 * length or not _HEX.fullmatch(value):
        raise BadSignalError(
            f"{name} must be {2 * length} hex digits, not {len(value)} characters like this"
        )
    return bytes.fromhex(value)


def _by_space(name: str, value: object, length: int) -> dict[str, bytes]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise BadSignalError(f"{name} must map code spaces to hex")
    if len(value) > MAX_SPACES:
        raise BadSignalError(f"{name} of at most {MAX_SPACES} spaces, not {len(value)}")
    found: dict[str, bytes] = {}
    for space, text in value.items():
        if not isinstance(space, str) or not _SPACE.fullmatch(space):
            raise BadSignalError(
                f"{name}: a code space is 1 to 64 lower-case letters, digits, '.', '_' and '-'"
            )
        one = _hex(f"{name}.{space}", text, length)
        if one is not None:
            found[space] = one
    return found


def _descriptors(value: object, given: Mapping[str, bytes]) -> dict[str, bytes]:
    """Descriptors, each with the code whose signs it has: what comes near is found by the code."""
    found = _by_space("descriptors", value, CODE_BITS)
    if not found:
        return found
    from embeddings import codes  # NumPy, which nobody else here needs

    for space, one in found.items():
        if space not in given:
            raise BadSignalError(f"descriptors.{space}: give codes.{space} as well")
        if not codes.belongs(one, given[space]):
            raise BadSignalError(
                f"descriptors.{space} is none, or not that of codes.{space}: 256 signed bytes, "
                "-127 to 127, whose signs are the code's bits"
            )
    return found


def _code_role(value: object) -> str | None:
    if value is not None and value not in _ROLES:
        raise BadSignalError(f"code_role must be one of {', '.join(_ROLES)}")
    return value if isinstance(value, str) else None


def _url(value: object) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or not value.strip():
        raise BadSignalError("url must be text")
    url = value.strip()
    if len(url) > MAX_URL:
        raise BadSignalError(f"url has {len(url)} characters, more than {MAX_URL}")
    if not url.isprintable() or "://" not in url:
        raise BadSignalError("url must be absolute, without control characters")
    return url


def _pdq_quality(value: object) -> int | None:
    if value is None:
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # in JSON 97.0 is an integer
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 100:
        raise BadSignalError("pdq_quality must be an integer from 0 to 100")
    return value


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
    return QuerySignals(parse_signals(given), photographic, _doubts(fields.get("doubts")))


def _doubts(value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or not all(
        isinstance(one, str) and one in DOUBTS for one in value
    ):
        raise BadSignalError(f"doubts must be a list of {', '.join(DOUBTS)}")
    return tuple(sorted({*value}))


_OF_THE_IMAGE: Final = frozenset({"photographic", "width", "height", "doubts"})
