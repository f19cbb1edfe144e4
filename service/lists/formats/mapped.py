"""Lists that are read by a column map: CSV and TSV, JSON Lines, and JSON documents of any shape."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any

from service.domain.values import RejectedLine
from service.lists.formats import documents, quoted
from service.lists.formats.column_maps import ColumnMap, plain
from service.lists.formats.drafts import Notes, Row
from service.lists.formats.errors import BadLineError, BadMapError, UnreadableListError
from service.lists.formats.lines import Line, read_lines
from service.lists.formats.names import COMMENT, DELIMITERS, separator
from service.lists.formats.streams import ByteStream


def mapped_rows(stream: ByteStream, columns: ColumnMap, notes: Notes) -> Iterator[Row]:
    """The rows of a list that ``columns`` describes. Raises ``UnreadableListError``."""
    if columns.format in ("csv", "tsv"):
        return _csv_rows(stream, columns, notes)
    if columns.format == "jsonl":
        return _rows(_json_lines(stream, columns), columns, notes)
    if columns.format == "json":
        found = documents.records(stream, columns.records)
        return _rows(enumerate(found, 1), columns, notes)
    raise BadMapError(f"format {columns.format[:40]!r}: a map reads csv, tsv, jsonl and json")


def _rows(
    records: Iterable[tuple[int, Any] | RejectedLine], columns: ColumnMap, notes: Notes
) -> Iterator[Row]:
    """Rows of records with keys; each that is no row says why."""
    for numbered in records:
        if isinstance(numbered, RejectedLine):
            yield numbered
            continue
        number, record = numbered
        row = mapped_row(number, record, columns, notes)
        if row is not None:
            yield row


def mapped_row(number: int, record: Any, columns: ColumnMap, notes: Notes) -> Row | None:  # noqa: ANN401 (whatever JSON holds)
    """What a record says; ``None`` where it is no entry, or says nothing."""
    if not isinstance(record, dict):
        return RejectedLine(number, "not a JSON object")
    plainly: dict[str, object] = {}
    known = columns.known
    for key, value in record.items():
        name = plain(key)
        if name in known:
            if name in plainly:
                return RejectedLine(number, "two keys for one column of the map", name)
            plainly[name] = value
        else:
            notes.ignore(key)
    try:
        return columns.row(number, plainly, notes)
    except BadLineError as error:
        return RejectedLine(number, str(error), error.field)


def _json_lines(stream: ByteStream, columns: ColumnMap) -> Iterator[tuple[int, Any] | RejectedLine]:
    for line in read_lines(stream, columns.encoding):
        if isinstance(line, RejectedLine):
            yield line
            continue
        try:
            yield line.number, json.loads(line.text)
        except (ValueError, RecursionError):
            yield RejectedLine(line.number, "not JSON that is read")


def _csv_rows(stream: ByteStream, columns: ColumnMap, notes: Notes) -> Iterator[Row]:
    lines = read_lines(stream, columns.encoding)
    bad: list[RejectedLine] = []
    mark = columns.delimiter or ("\t" if columns.format == "tsv" else "")
    for line in lines:
        if isinstance(line, RejectedLine):
            bad.append(line)
            if len(bad) > 100:
                raise UnreadableListError("not text: of the first 100 lines none can be read")
            continue
        if line.text.lstrip().startswith(COMMENT):
            continue
        if found := separator(line.text):
            mark = mark or found
            continue
        header, mark = _header(line, mark, columns)
        for heading in header:
            if heading and heading not in columns.known:
                notes.ignore(heading)
        records = quoted.records(lines, mark, len(header))
        return chain(bad, _cells(records, header, mark, columns, notes))
    raise UnreadableListError("a CSV list begins with a header, and this one is empty")


def _header(line: Line, mark: str, columns: ColumnMap) -> tuple[list[str], str]:
    known = columns.known

    def cut(delimiter: str) -> list[str]:
        try:
            cells = next(csv.reader([line.text], delimiter=delimiter, strict=True), [])
        except csv.Error:
            return []
        return [plain(cell) for cell in cells]

    mark = mark or max(DELIMITERS, key=lambda one: len(known & set(cut(one))))
    header = cut(mark)
    if missing := columns.missing(header):
        raise UnreadableListError(
            f"the header on line {line.number} has no column for {', '.join(missing)[:300]}, which"
            " the map reads: is it the map of this list?"
        )
    for name in known:
        if header.count(name) > 1:
            raise UnreadableListError(f"the CSV header has two columns {name!r}")
    return header, mark


def _cells(
    records: Iterator[Line | RejectedLine],
    header: list[str],
    mark: str,
    columns: ColumnMap,
    notes: Notes,
) -> Iterator[Row]:
    least = max((n for n, name in enumerate(header, 1) if name), default=0)
    known = columns.known
    for line in records:
        if isinstance(line, RejectedLine):
            yield line
            continue
        try:
            cells = next(csv.reader([line.text], delimiter=mark, strict=True), [])
        except csv.Error:
            yield RejectedLine(line.number, quoted.OPEN_QUOTE)
            continue
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) < least or any(cell.strip() for cell in cells[len(header) :]):
            yield RejectedLine(line.number, f"{len(cells)} cells under a header of {len(header)}")
            continue
        record: Mapping[str, object] = {
            name: cell for name, cell in zip(header, cells, strict=False) if name in known
        }
        try:
            row = columns.row(line.number, record, notes)
        except BadLineError as error:
            yield RejectedLine(line.number, str(error), error.field)
            continue
        if row is not None:
            yield row
