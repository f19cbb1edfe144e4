"""The names of the list formats, their columns, and what one line says of the whole list.

It knows one line; not how the rest of a list is read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from service.domain.signals import DIGEST_BYTES
from service.lists.formats.errors import UnknownFormatError, UnreadableListError


class Format(StrEnum):
    """How a list is written."""

    CSV = "csv"
    JSONL = "jsonl"
    TEXT = "text"


COLUMNS: Final = (
    "provider_id",
    *DIGEST_BYTES,
    "pdq",
    "pdq_quality",
    "codes",
    "code_role",
    "quality",
    "url",
    "labels",
)
"""What a line may say, by name: CSV columns and JSON keys, in the order they are written."""

SIGNAL_COLUMNS: Final = frozenset({*DIGEST_BYTES, "pdq", "codes", "url"})
"""Those that can be matched."""

PASSED_OVER: Final = frozenset({"path", "photographic", "width", "height", "descriptors", "doubts"})
"""What ``lookalike hash`` says of an image besides; a list has no use for it, so nobody is told."""

CODE_PREFIX: Final = "code:"
"""In text, a code's signal type is ``code:SPACE``."""

DELIMITERS: Final = (",", ";", "\t")
"""Between CSV cells; spreadsheets write the one their locale asks for."""

COMMENT: Final = "#"
"""Begins a line that says nothing of any entry: above the first of a list; in text, anywhere."""

_STATED: Final = re.compile(
    r"""\#\s*entries\s*:\s*([0-9]{1,12})[\s,;]*  # a spreadsheet adds cells
    |\{\s*"entries"\s*:\s*([0-9]{1,12})\s*\}\s*""",
    re.ASCII | re.IGNORECASE | re.VERBOSE,
)
_SEPARATOR: Final = re.compile(r'"?sep=(.)"?\s*', re.ASCII | re.IGNORECASE)

_ALIASES: Final[Mapping[str, str]] = MappingProxyType(
    {"id": "provider_id", "sha_1": "sha1", "sha_256": "sha256", "label": "labels"}
)
_BARE_HASH: Final = re.compile(r"[0-9a-fA-F]{32}|[0-9a-fA-F]{40}|[0-9a-fA-F]{64}", re.ASCII)


def format_named(name: str) -> Format:
    """The format of that name that is written too; raises ``UnknownFormatError``."""
    try:
        return Format(name.lower())
    except ValueError:
        known = ", ".join(Format)
        raise UnknownFormatError(f"no list format {name[:40]!r}; known are {known}") from None


def column_named(heading: str) -> str:
    """The column that a CSV heading means, or the heading itself, trimmed, in lower case."""
    plain = heading.strip().lower().replace("-", "_").replace(" ", "_")
    return _ALIASES.get(plain, plain)


def stated_length(line: str) -> int | None:
    """How many entries a line says the list has; ``None`` for a line that says no such thing.

    It is ``# entries: 3`` in CSV and text, and ``{"entries": 3}`` in JSON Lines.
    """
    text = line.lstrip()
    found = _STATED.fullmatch(text) if text.startswith((COMMENT, "{")) else None
    return None if found is None else int(found[1] or found[2])


def length_line(count: int, format: Format) -> str:  # noqa: A002 - the contract's word
    """The line that says how many lines of entries follow: ``stated_length`` undone."""
    return f'{{"entries":{count}}}\n' if format is Format.JSONL else f"# entries: {count}\n"


def separator(line: str) -> str:
    """The delimiter that a spreadsheet's ``sep=;`` names; empty for a line that is none.

    Raises ``UnreadableListError`` for a delimiter that is not read.
    """
    found = _SEPARATOR.fullmatch(line)
    if found is None:
        return ""
    if found[1] not in DELIMITERS:
        raise UnreadableListError("'sep=' names a delimiter that is none of ',', ';' and the tab")
    return found[1]


def delimiter_of(header: str) -> str:
    """The delimiter that divides ``header`` into the most columns we know."""
    return max(DELIMITERS, key=lambda mark: len(_known_columns(header, mark)))


def detect(line: str) -> Format:
    """The format of the list that begins with ``line``; raises ``UnreadableListError``."""
    start = line.strip()
    if start.startswith("{"):
        return Format.JSONL
    if start.startswith("["):
        raise UnreadableListError(
            "a JSON array of no format that is known: write one object a line (JSON Lines), or say"
            ' in a column map (--map, format = "json") what its keys mean'
        )
    if _known_columns(start, delimiter_of(start)) & SIGNAL_COLUMNS:
        return Format.CSV
    words = start.split()
    if len(words) == 2 and (
        words[0].lower() in SIGNAL_COLUMNS or words[0].lower().startswith(CODE_PREFIX)
    ):
        return Format.TEXT
    if _BARE_HASH.fullmatch(start):
        raise UnreadableListError(
            "the first line is a bare hash: say what the hashes are in a first line such as"
            " 'sha256', which makes the list a CSV of one column"
        )
    raise UnreadableListError(
        "cannot tell the format from the first line: it is no CSV header with a column among"
        f" {', '.join(sorted(SIGNAL_COLUMNS))}, no JSON object and no 'signal_type hash'"
    )


def _known_columns(header: str, mark: str) -> set[str]:
    headings = (cell.strip().strip('"') for cell in header.split(mark))
    return {column_named(heading) for heading in headings} & set(COLUMNS)
