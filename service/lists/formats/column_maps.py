"""Column maps: a TOML file that says which column, key or field of a list means what.

::

    format = "csv"                        # or jsonl, json, and any format whose records have fields
    records = "value.item"                # json: where in the document the records stand
    encoding = "windows-1252"             # csv; UTF-8 and UTF-16 with its mark are found out
    delimiter = ";"                       # csv; found out unless it is given
    optional = ["photodna"]               # these may be without a column

    [columns]                             # what it means = the column, or several: all are read
    provider_id = "Image ID"
    md5 = ["MD5", "MD5 of the original"]
    labels = ["Category", "Subset"]

    [constants]
    labels = ["hotline"]                  # every entry has these too

    [tables.Category]                     # what a cell of this column means
    "1" = "A"
    "2" = ["B", "C"]
    "9" = false                           # a line that says this is no entry, and is counted
    "*" = "other"                         # whatever else; without it that is a bad line

    [withdrawn]                           # a line that says this takes its entry off the list
    Status = ["deleted"]

It knows what a map says, and how to follow it for one record; not where records come from.
"""

from __future__ import annotations

import codecs
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from service.domain.signals import types_by_name
from service.domain.values import Withdrawn
from service.lists.formats.drafts import Draft, Notes, Row
from service.lists.formats.errors import BadLineError, BadMapError

SHIPPED: Final = Path(__file__).parent / "maps"
"""Maps that come with the project: ``--map iwf`` is one."""

MAX_MAP: Final = 256 * 1024
"""Bytes."""

_EMPTY: Final = frozenset({"", "null", "\\n", "none"})
_NO_SIGNALS: Final = frozenset({"provider_id", "labels", "pdq_quality", "quality"})
_TOP: Final = frozenset(
    {"format", "records", "encoding", "delimiter", "optional", "columns", "constants", "tables",
     "withdrawn"}
)  # fmt: skip

_NO_CODE_PAGES: Final = frozenset(
    {
        "idna",
        "punycode",
        "unicode_escape",
        "raw_unicode_escape",
        "undefined",
        "utf_7",
        "mbcs",
        "oem",
    }
)

Meaning = tuple[str, ...] | None
"""What a cell means: labels; ``None``: that the line is no entry."""


@dataclass(frozen=True)
class ColumnMap:
    """Which column means what. Columns are compared without case, and trimmed."""

    columns: Mapping[str, tuple[str, ...]]
    """What it means, to the columns that say it."""
    format: str = "csv"
    records: str = "item"
    encoding: str | None = None
    delimiter: str = ""
    optional: frozenset[str] = frozenset()
    constants: tuple[str, ...] = ()
    """Labels."""
    tables: Mapping[str, Mapping[str, Meaning]] = field(default_factory=dict)
    withdrawn: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @property
    def known(self) -> frozenset[str]:
        """Every column that is read."""
        read = {column for columns in self.columns.values() for column in columns}
        return frozenset(read | self.tables.keys() | self.withdrawn.keys())

    def missing(self, header: Iterable[str]) -> list[str]:
        """What the map reads, and a list with this header does not say."""
        there = {plain(heading) for heading in header}
        absent = {
            meaning: f"{meaning} ({' or '.join(columns)})"
            for meaning, columns in self.columns.items()
            if there.isdisjoint(columns)
        }
        if self.columns.keys() - _NO_SIGNALS <= absent.keys():
            return ["any signal"]
        return [said for meaning, said in absent.items() if meaning not in self.optional]

    def row(self, number: int, record: Mapping[str, object], notes: Notes) -> Row | None:
        """The row that a record says, its keys ``plain``; ``None`` where it is no entry.

        Raises ``BadLineError``.
        """
        draft = Draft(notes)
        if not self.fill(draft, record, notes):
            return None
        if self._is_withdrawn(record):
            if draft.provider_id is None:
                raise BadLineError("a withdrawn line names no provider_id", "provider_id")
            return Withdrawn(number, draft.provider_id)
        return draft.row(number)

    def fill(self, draft: Draft, record: Mapping[str, object], notes: Notes) -> bool:
        """Say of ``draft`` what the record says; ``False`` where it says that it is no entry."""
        draft.labels += self.constants
        for meaning, columns in self.columns.items():
            for column in columns:
                value = record.get(column)
                if value is None or (isinstance(value, str) and value.strip().lower() in _EMPTY):
                    continue
                if meaning not in _NO_SIGNALS:
                    draft.signal(meaning, value, column)
                elif not self._say(draft, meaning, column, value):
                    notes.pass_over(f"entry of a {column} that is not listed")
                    return False
        return True

    def _say(self, draft: Draft, meaning: str, column: str, value: object) -> bool:
        if meaning == "labels":
            labels = self._labels(column, value)
            draft.labels += labels or ()
            return labels is not None
        if meaning == "provider_id":
            draft.provider_id = draft.provider_id or _text(column, value)
        elif meaning == "pdq_quality":
            draft.pdq_quality = int(_number(column, value, 100))
        else:
            draft.structure = _number(column, value, 1)
        return True

    def _labels(self, column: str, value: object) -> Meaning:
        if isinstance(value, list):
            found: list[str] = []
            for one in value:
                labels = self._labels(column, one)
                if labels is None:
                    return None
                found += labels
            return tuple(found)
        text = _text(column, value)
        table = self.tables.get(column)
        if table is None:
            return (text,) if text else ()
        if (meaning := table.get(text.lower(), _UNKNOWN)) is not _UNKNOWN:
            return meaning
        if "*" not in table:
            raise BadLineError(f"{column} has a value that is not in the map's table", column)
        return table["*"]

    def _is_withdrawn(self, record: Mapping[str, object]) -> bool:
        return any(
            column in record and _text(column, record[column]).lower() in values
            for column, values in self.withdrawn.items()
        )


_UNKNOWN: Final[Meaning] = ("\0",)


def plain(heading: str) -> str:
    """A column's name as maps compare it."""
    return " ".join(heading.split()).lower()


def load_map(name: str | Path) -> ColumnMap:
    """The map of that file, or the shipped one of that name. Raises ``BadMapError``."""
    path = Path(name)
    shipped = SHIPPED / f"{name}.toml"
    if not path.suffix and len(path.parts) == 1 and not path.exists():
        if not shipped.exists():
            raise BadMapError(
                f"no map {str(name)[:80]!r} is shipped; known: {', '.join(shipped_maps())}"
            )
        path = shipped
    try:
        with path.open("rb") as file:
            text = file.read(MAX_MAP + 1)
    except OSError as error:
        raise BadMapError(f"{path}: {error.strerror or error}") from None
    return parse_map(text)


def map_of(text: str) -> ColumnMap:
    """The shipped map of that name, or the map that the text itself is; never a file.

    Raises ``BadMapError``.
    """
    if text in shipped_maps():
        return load_map(SHIPPED / f"{text}.toml")
    return parse_map(text.encode(errors="replace"))


def shipped_maps() -> list[str]:
    """The names of the maps that come with the project."""
    return sorted(path.stem for path in SHIPPED.glob("*.toml"))


def parse_map(text: bytes) -> ColumnMap:
    """A map from its TOML. Raises ``BadMapError``, naming the key."""
    if len(text) > MAX_MAP:
        raise BadMapError(f"a map of more than {MAX_MAP} bytes")
    try:
        said = tomllib.loads(text.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise BadMapError(f"the map is not TOML: {str(error)[:200]}") from None
    if unknown := sorted(said.keys() - _TOP):
        raise BadMapError(f"the map has an unknown key {unknown[0][:64]!r}")
    columns = {
        _meaning(name): tuple(map(plain, _texts(f"columns.{name}", value)))
        for name, value in _table(said, "columns").items()
    }
    constants = _table(said, "constants")
    if unknown := sorted(constants.keys() - {"labels"}):
        raise BadMapError(
            f"constants.{unknown[0][:64]}: only labels may be the same for every line"
        )
    made = ColumnMap(
        columns=columns,
        format=_one_text(said, "format", "csv"),
        records=_one_text(said, "records", "item"),
        encoding=_encoding(said.get("encoding")),
        delimiter=_one_text(said, "delimiter", ""),
        optional=frozenset(_texts("optional", said.get("optional", []))),
        constants=_texts("constants.labels", constants.get("labels", [])),
        tables={
            plain(name): _meanings(name, table) for name, table in _table(said, "tables").items()
        },
        withdrawn={
            plain(column): frozenset(text.lower() for text in _texts(f"withdrawn.{column}", values))
            for column, values in _table(said, "withdrawn").items()
        },
    )
    if not made.columns.keys() - _NO_SIGNALS and made.format in ("csv", "tsv", "jsonl", "json"):
        raise BadMapError("the map reads no signal: [columns] names none, such as md5 = ...")
    if len(made.delimiter) > 1:
        raise BadMapError("delimiter must be one character")
    if stray := sorted(made.tables.keys() - set(columns.get("labels", ()))):
        raise BadMapError(f"tables.{stray[0]}: no label is read from this column")
    return made


def _meaning(name: str) -> str:
    if name in _NO_SIGNALS or name.startswith("code:"):
        return name
    if name not in types_by_name() or types_by_name()[name].spaced:
        known = sorted({*_NO_SIGNALS, *(k for k, one in types_by_name().items() if not one.spaced)})
        raise BadMapError(f"columns.{name[:64]}: known are {', '.join(known)} and code:SPACE")
    return name


def _meanings(name: str, table: object) -> dict[str, Meaning]:
    if not isinstance(table, dict):
        raise BadMapError(f"tables.{name} must be a table of values and what they mean")
    return {
        value.strip().lower(): None if said is False else _texts(f"tables.{name}.{value}", said)
        for value, said in table.items()
    }


def _encoding(name: object) -> str | None:
    if name is None:
        return None
    try:
        if not isinstance(name, str) or name.lower().replace("-", "_") in _NO_CODE_PAGES:
            raise LookupError
        found = codecs.lookup(name)
        "md5".encode(found.name)
    except (LookupError, UnicodeError, TypeError, ValueError):
        raise BadMapError("encoding must name one that Python knows, as windows-1252") from None
    return None if found.name in ("utf-8", "utf-16") else found.name


def _table(said: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = said.get(name, {})
    if not isinstance(value, dict):
        raise BadMapError(f"{name} must be a table: [{name}]")
    return value


def _one_text(said: Mapping[str, Any], name: str, default: str) -> str:
    value = said.get(name, default)
    if not isinstance(value, str):
        raise BadMapError(f"{name} must be text")
    return value


def _texts(name: str, value: object) -> tuple[str, ...]:
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise BadMapError(f"{name} must be text, or a list of texts")
    return tuple(texts)


def _text(column: str, value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        value = int(value)
    if isinstance(value, int | float):
        return str(value)
    if not isinstance(value, str):
        raise BadLineError(f"{column} must be text or a number", column)
    return value.strip()


def _number(column: str, value: object, most: int) -> float:
    try:
        number = float(value) if isinstance(value, int | float | str) else -1.0
    except ValueError:
        number = -1.0
    if not 0 <= number <= most or isinstance(value, bool) or (most > 1 and number % 1):
        raise BadLineError(f"{column} must be a number from 0 to {most}", column)
    return number
