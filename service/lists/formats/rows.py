"""One line of a list to one row: the three grammars.

Each parser answers with the row or says why not; a reason names columns and keys, and the path
of a file that had no fingerprint, never a value that could be a hash. They know one line at a
time; not where it came from.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final, NoReturn

from service.domain.errors import InvalidValueError
from service.domain.signals import SignalType, parse_signals, signal_types
from service.domain.values import ImportRow, RejectedLine, check_labels, check_text
from service.lists.formats.drafts import Notes
from service.lists.formats.errors import BadLineError, UnreadableListError
from service.lists.formats.lines import MAX_LINE, Line
from service.lists.formats.names import (
    PASSED_OVER,
    delimiter_of,
    names,
)

MAX_PROVIDER_ID: Final = 256
"""Characters."""

MAX_PATH: Final = 200
"""Characters of a path that a reason repeats, its end."""

csv.field_size_limit(MAX_LINE)  # a cell of frames may be most of a line

_ERROR_CODE: Final = re.compile(r"[a-z][a-z_]{0,39}", re.ASCII)
_INTEGER: Final = re.compile(r"([0-9]{1,9})(\.0{0,20})?", re.ASCII)
_DECIMAL: Final = re.compile(r"[0-9]{0,9}\.?[0-9]{1,40}([eE]-?[0-9]{1,3})?", re.ASCII)
_EMPTY: Final = frozenset({"", "NULL", "null", "Null", "\\N"})
"""What stands for no value: databases export it so."""
_NAMELESS: Final = "(no name)"


class RowParser:
    """What the three grammars share."""

    def __init__(self, notes: Notes) -> None:
        """Names that nobody reads go into ``notes``."""
        self._ignore = notes.ignore
        self.names = names()
        self._known = frozenset(self.names.columns)

    def parse(self, line: Line) -> ImportRow | RejectedLine | None:
        """The row that ``line`` says, or why it says none; ``None`` where it says nothing."""
        identity: object = None
        try:
            fields = self.fields(line)
            if fields is None:
                return None
            identity = fields.get("provider_id")
            return _row(line.number, fields)
        except InvalidValueError as error:
            named = identity if isinstance(identity, str) else ""
            return RejectedLine(line.number, str(error), field_of(error), named)

    def fields(self, line: Line) -> dict[str, object] | None:
        """Column to value, as ``parse_signals`` reads them; ``None`` where there is no content."""
        raise NotImplementedError


def field_of(error: InvalidValueError) -> str:
    """The column that an error is about: it names itself, or the message begins with it."""
    if isinstance(error, BadLineError) and error.field:
        return error.field
    word = str(error).split(" ", 1)[0]
    return word if word.partition(".")[0] in names().columns else ""


class CsvParser(RowParser):
    """Cells under a header, which may be quoted. Several labels
    or codes in a cell are divided by ``;`` (``\\;`` is a semicolon within), a code is
    ``SPACE=hex``. Empty cells beyond the header are passed over: lists of police forces end every
    line but the header with a delimiter.
    """

    def __init__(self, header: Line, notes: Notes, mark: str = "") -> None:
        """Read the header, whose cells are divided by ``mark`` or by what divides it best.

        Raises ``UnreadableListError`` if there is nothing to match in it.
        """
        super().__init__(notes)
        self.mark = mark or delimiter_of(header.text)
        try:
            self._columns = [self.names.column(cell) for cell in _cells(header.text, self.mark)]
        except BadLineError as error:
            raise UnreadableListError(f"the CSV header is {error}") from None
        if self.names.signals.isdisjoint(self._columns):
            raise UnreadableListError(
                "the CSV header names no signal; it needs a column among"
                f" {', '.join(sorted(self.names.signals))}"
            )
        for name in self._columns:
            if name in self._known and self._columns.count(name) > 1:
                raise UnreadableListError(f"the CSV header has two columns {name!r}")
            if name and name not in self._known and name not in PASSED_OVER:
                self._ignore(name)
        self.width = len(self._columns)
        plain = {"provider_id", *(one.field for one in signal_types() if not one.spaced)}
        self._readers = [
            (name, name in self._known or not name, None if name in plain else self._reader(name))
            for name in self._columns
        ]
        self._least = max(n for n, name in enumerate(self._columns, 1) if name)

    def fields(self, line: Line) -> dict[str, object] | None:
        """One line's cells, empty ones left out; ``None`` where all are, as spreadsheets write."""
        cells = _cells(line.text, self.mark)
        width = len(self._columns)
        if len(cells) < self._least or (
            len(cells) > width and any(cell.strip() for cell in cells[width:])
        ):
            raise BadLineError(f"{len(cells)} cells under a header of {width}")
        fields: dict[str, object] = {}
        for (name, known, read), cell in zip(self._readers, cells, strict=False):
            value = cell.strip()
            if value in _EMPTY or not known:
                continue
            if not name:
                self._ignore(_NAMELESS)
            else:
                fields[name] = value if read is None else read(value)
        return fields if fields or any(cell.strip() for cell in cells) else None

    def _reader(self, name: str) -> Callable[[str], object]:
        """How a cell of a column is read that holds more than a text."""
        types = {field: one for one in signal_types() for field in one.fields}
        return partial(_from_cell, name, types.get(name))


class JsonLinesParser(RowParser):
    """One object a line; keys as the columns, in either case, ``codes`` an object, ``labels`` an
    array."""

    def fields(self, line: Line) -> dict[str, object]:
        """One line's keys."""
        value = _json(line.text)
        if not isinstance(value, dict):
            raise BadLineError("not a JSON object")
        fields: dict[str, object] = {}
        unread = []
        for key, said in value.items():
            name = key if key in self._known else self.names.column(key)
            if name in fields:
                raise BadLineError(f"two keys for {name!r}")
            if name in self._known:
                fields[name] = None if isinstance(said, str) and said in _EMPTY else said
            elif name not in PASSED_OVER:
                unread.append(key)
        if "error" in value and self.names.signals.isdisjoint(fields):
            raise BadLineError(_failed(value))
        for key in unread:
            self._ignore(key)
        return fields


class TextParser(RowParser):
    """``signal_type hash``; a line that begins with ``#`` is a comment."""

    def fields(self, line: Line) -> dict[str, object] | None:
        """The line's one signal."""
        if line.text.lstrip().startswith("#"):
            return None
        words = line.text.split()
        if len(words) != 2:
            raise BadLineError(f"{len(words)} words where 'signal_type hash' has two")
        meant = self.names.in_text(words[0])
        if meant is None:
            known = ", ".join(sorted(self.names.types.keys() - self.names.aliases.keys()))
            spaced = ", ".join(f"{name}:SPACE" for name in self.names.prefixes)
            # The words may stand the wrong way round, and a hash must not be repeated.
            what = f"signal type {words[0].lower()!r}" if len(words[0]) < 32 else "the first word"
            raise BadLineError(f"{what} is none of {known}, {spaced}")
        field, space = meant
        return {field: {space: words[1]} if space else words[1]}


def to_cell(parts: Sequence[str]) -> str:
    """Several values as one CSV cell."""
    return ";".join(part.replace("\\", "\\\\").replace(";", "\\;") for part in parts)


def _from_cell(name: str, known: SignalType | None, value: str) -> object:
    """What a cell says that is no plain signal; ``known``: the type of which it says something."""
    if name == "labels":
        if _is_one(value):
            return [value]
        return [part.strip() for part in _cell_parts(value) if part.strip()]
    if name == "frames":
        return _json(value, "frames: ")
    if name == "quality":
        return float(value) if _DECIMAL.fullmatch(value) else value
    if known is None or name == known.role_field:
        return value
    if name == known.field:
        if _is_one(value) and "=" in value:
            space, _, text = value.partition("=")
            return {space: text}
        by_space: dict[str, str] = {}
        for part in _cell_parts(value):
            space, equals, text = part.strip().partition("=")
            if not equals:
                raise BadLineError(f"{name} must be SPACE=hex, divided by ';'")
            if space in by_space:
                raise BadLineError(f"{name} name one space twice")
            by_space[space] = text
        return by_space
    if known.grade is not None and known.grade.whole:
        if len(value) <= 9 and value.isascii() and value.isdigit():
            return int(value)
        whole = _INTEGER.fullmatch(value)
        return int(whole[1]) if whole else value
    return float(value) if _DECIMAL.fullmatch(value) else value


def _is_one(value: str) -> bool:
    """Whether a cell holds one value and no more, as most do."""
    return ";" not in value and "\\" not in value


def _cell_parts(value: str) -> Iterator[str]:
    """The values of one cell: ``to_cell`` undone."""
    if "\\" not in value:
        yield from value.split(";")
        return
    part, escaped = "", False
    for character in value:
        if escaped:
            part += character if character in "\\;" else "\\" + character
            escaped = False
        elif character == "\\":
            escaped = True
        elif character == ";":
            yield part
            part = ""
        else:
            part += character
    yield part + "\\" if escaped else part


def _cells(text: str, mark: str) -> list[str]:
    if '"' not in text and "\r" not in text and "\n" not in text:
        return text.split(mark)  # as in most lists, in a tenth of the time
    try:
        return next(csv.reader([text], delimiter=mark, strict=True), [])
    except csv.Error:
        raise BadLineError("not CSV: a quote is open or out of place") from None


def _json(text: str, where: str = "") -> Any:  # noqa: ANN401 (whatever it says)
    try:
        return json.loads(text, object_pairs_hook=_no_repeats, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        said = f"{where}not JSON: {error.msg.lower()}, at column {error.colno}"
        raise BadLineError(said) from None
    except (RecursionError, ValueError):  # nested too deep; a number of thousands of digits
        raise BadLineError(
            f"{where}not JSON that we read: too deep, or a number too long"
        ) from None


def _no_repeats(pairs: list[tuple[str, object]]) -> dict[str, object]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise BadLineError("not JSON that we read: a key stands twice in one object")
    return value


def _no_constant(name: str) -> NoReturn:
    raise BadLineError(f"not JSON: {name} is no JSON number")


def _failed(value: Mapping[str, Any]) -> str:
    """What ``lookalike hash`` said of a file that has no fingerprint."""
    path, error = value.get("path"), value["error"]
    code = error.get("code") if isinstance(error, dict) else None
    named = "the file"
    if isinstance(path, str) and path:
        shown = path if len(path) <= MAX_PATH else "…" + path[-MAX_PATH:]
        named = shown if shown.isprintable() else ascii(shown)
    why = f" ({code})" if isinstance(code, str) and _ERROR_CODE.fullmatch(code) else ""
    return f"{named} could not be fingerprinted{why}, so it has no signals"


def _row(number: int, fields: dict[str, object]) -> ImportRow:
    identity = _whole(fields.pop("provider_id", None))
    if isinstance(identity, int) and not isinstance(identity, bool):
        identity = str(identity)
    if identity is not None and not isinstance(identity, str):
        raise BadLineError("provider_id must be text or an integer")
    labels = fields.pop("labels", None)
    if labels is None:
        labels = []
    if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
        raise BadLineError("labels must be a list of texts")
    signals = parse_signals(fields)
    if not signals:
        raise BadLineError("no signal to match")
    return ImportRow(
        line=number,
        signals=signals,
        provider_id=identity
        if identity is None
        else check_text("provider_id", identity, MAX_PROVIDER_ID),
        labels=check_labels(tuple(labels)),
    )


def _whole(value: object) -> object:
    """A number such as 97.0 as an integer: programs that know no missing integer write it so."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    return value
