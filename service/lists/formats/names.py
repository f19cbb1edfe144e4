"""The names of the list formats, their columns, and what one line says of the whole list.

It knows one line; not how the rest of a list is read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from service.domain.signals import Types, signal_types
from service.lists.formats.errors import UnknownFormatError, UnreadableListError


class Format(StrEnum):
    """How a list is written."""

    CSV = "csv"
    JSONL = "jsonl"
    TEXT = "text"


@dataclass(frozen=True)
class Names:
    """What a line may say, by name: CSV columns and JSON keys."""

    columns: tuple[str, ...]
    """All of them, in the order they are written."""
    signals: frozenset[str]
    """Those that can be matched."""
    aliases: Mapping[str, str]
    """Other spellings, in lower case with ``_`` between words, to the column they mean."""
    types: Mapping[str, str]
    """What text may call a type, to the column that says it; of types without code spaces."""
    prefixes: Mapping[str, str]
    """What stands before a code space in text, with its colon, to the column."""

    def column(self, heading: str) -> str:
        """The column that a CSV heading or a JSON key means, or the heading itself, trimmed, in
        lower case."""
        plain = _plain(heading)
        return self.aliases.get(plain, plain)

    def in_text(self, word: str) -> tuple[str, str] | None:
        """The column and the code space that a signal type in text means; ``None`` for no type."""
        plain, colon, space = word.lower().partition(":")
        if colon:
            field = self.prefixes.get(plain)
            return None if field is None else (field, space)
        field = self.types.get(_plain(word))
        return None if field is None else (field, "")


def names() -> Names:
    """The names, of the types that are registered now."""
    return _names(signal_types())


@lru_cache(maxsize=8)
def _names(types: Types) -> Names:
    aliases = {"id": "provider_id", "label": "labels"}
    aliases |= {alias: one.field for one in types for alias in one.aliases}
    return Names(
        columns=(
            "provider_id",
            *(field for one in types for field in one.fields),
            "quality",
            "frames",
            "labels",
        ),
        signals=frozenset({*(one.field for one in types), "frames"}),
        aliases=MappingProxyType(aliases),
        types=MappingProxyType(
            {
                name: one.field
                for one in types
                if not one.spaced
                for name in (one.name, *one.aliases)
            }
        ),
        prefixes=MappingProxyType({one.name: one.field for one in types if one.spaced}),
    )


def _plain(heading: str) -> str:
    return heading.strip().lower().replace("-", "_").replace(" ", "_")


PASSED_OVER: Final = frozenset({"path", "photographic", "width", "height", "descriptors", "doubts"})
"""What ``lookalike hash`` says of an image besides; a list has no use for it, so nobody is told."""

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

_BARE_HASH: Final = re.compile(r"[0-9a-fA-F]{32}|[0-9a-fA-F]{40}|[0-9a-fA-F]{64}", re.ASCII)


def format_named(name: str) -> Format:
    """The format of that name that is written too; raises ``UnknownFormatError``."""
    try:
        return Format(name.lower())
    except ValueError:
        known = ", ".join(Format)
        raise UnknownFormatError(f"no list format {name[:40]!r}; known are {known}") from None


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
    known = names()
    if _known_columns(start, delimiter_of(start)) & known.signals:
        return Format.CSV
    words = start.split()
    if len(words) == 2 and known.in_text(words[0]) is not None:
        return Format.TEXT
    if _BARE_HASH.fullmatch(start):
        raise UnreadableListError(
            "the first line is a bare hash: say what the hashes are in a first line such as"
            " 'sha256', which makes the list a CSV of one column"
        )
    raise UnreadableListError(
        "cannot tell the format from the first line: it is no CSV header with a column among"
        f" {', '.join(sorted(known.signals))}, no JSON object and no 'signal_type hash'"
    )


def _known_columns(header: str, mark: str) -> set[str]:
    headings = (cell.strip().strip('"') for cell in header.split(mark))
    known = names()
    return {known.column(heading) for heading in headings} & set(known.columns)
