"""What a signed list says of itself: the JSON that is signed, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

import orjson

from service.lists.signed.errors import BadSignatureError

FORMAT: Final = "lookalike-signed-list/1"
"""Another release's is refused by name."""

MANIFEST: Final = "manifest.json"
SIGNATURE: Final = "signature.json"
ENTRIES: Final = "entries.jsonl"
DELTA: Final = "delta.jsonl"
PARTS: Final = (ENTRIES, DELTA)

MOST_EARLIER: Final = 100

MOST_BYTES: Final = 1 << 16
"""Of a manifest."""


@dataclass(frozen=True)
class Part:
    """One file of the list."""

    sha256: str
    bytes: int
    lines: int


@dataclass(frozen=True)
class Earlier:
    """A signed list before this one."""

    number: int
    manifest_sha256: str


@dataclass(frozen=True)
class Manifest:
    """All that is signed."""

    provider: str
    list: str
    """The publisher's names for what it is; whoever imports it may use others."""
    version: str
    """For people."""
    number: int
    """Higher than that of every list before: the moment in which it was made, in
    milliseconds, unless the list before has a higher one."""
    created_at: str
    """RFC 3339, UTC."""
    entries: int
    signals: Mapping[str, int]
    """Type to how many entries have it."""
    code_spaces: tuple[str, ...]
    parts: Mapping[str, Part]
    """By name: ``PARTS``."""
    delta: Mapping[str, int]
    """How many entries were ``added``, ``changed`` and ``removed`` since the one before."""
    previous: tuple[Earlier, ...]
    """Those before, the newest first, at most ``MOST_EARLIER``; none where nothing is known of one:
    so that who imports this one sees that it follows from the one imported last."""

    def to_bytes(self) -> bytes:
        """What is signed."""
        said = {"format": FORMAT, **asdict(self)}
        return orjson.dumps(said, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS) + b"\n"


def parsed(raw: bytes) -> Manifest:
    """The manifest that ``to_bytes`` wrote; to be called once the signature was verified.

    Raises ``BadSignatureError`` for what another release signed.
    """
    try:
        said: dict[str, Any] = orjson.loads(raw)
        form = said.pop("format")
        if form != FORMAT:
            raise BadSignatureError(f"a signed list of the form {str(form)[:64]!r}, not {FORMAT}")
        previous = said.pop("previous")
        parts = {str(name): Part(**one) for name, one in said.pop("parts").items()}
        spaces = tuple(map(str, said.pop("code_spaces")))
        made = Manifest(
            **said,
            parts=parts,
            code_spaces=spaces,
            previous=tuple(Earlier(**one) for one in previous),
        )
        whole = isinstance(made.number, int) and isinstance(made.entries, int)
        texts = (made.provider, made.list, made.version, made.created_at)
        if not (whole and all(isinstance(one, str) for one in texts) and set(parts) == {*PARTS}):
            raise TypeError
        numbers = [one.number for one in made.previous]
        numbers += [number for one in parts.values() for number in (one.bytes, one.lines)]
        for number in numbers:
            if not isinstance(number, int):
                raise TypeError
        for one in made.previous:
            bytes.fromhex(one.manifest_sha256)
    except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError, ValueError):
        raise BadSignatureError("the manifest was signed and cannot be read") from None
    return made
