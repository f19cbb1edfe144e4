"""Entries to a list that this project, or another matcher, can import.

It knows how each format is written; not where the text goes.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator
from typing import Protocol

from service.domain.signals import Signals, signal_types
from service.lists.formats.names import Format, length_line, names
from service.lists.formats.rows import to_cell


class Listed(Protocol):
    """What a list says of one item: an ``Entry`` of the store, or an ``ImportRow``."""

    @property
    def provider_id(self) -> str | None:
        """The provider's own id."""

    @property
    def signals(self) -> Signals:
        """Its signals."""

    @property
    def labels(self) -> tuple[str, ...]:
        """Its labels."""


def write_list(entries: Iterable[Listed], format: Format) -> Iterator[str]:  # noqa: A002 - the contract's word
    """The list's text: how long it is, then what stands above the entries, then each entry's.

    ``text`` has no place for ids, labels and qualities: an entry becomes one line a signal, and
    PDQ and codes of images with too little structure are left out. ``entries`` are gone through
    twice: a list that says at its start how long it is cannot be cut off unnoticed.
    """
    assert iter(entries) is not entries, "an iterator can be gone through only once"
    count = sum(_lines_of(entry, format) for entry in entries)
    yield length_line(count, format)
    yield from entry_lines(entries, format)


def _lines_of(entry: Listed, format: Format) -> int:  # noqa: A002
    """How many lines an entry becomes: each is an entry to whoever reads the list."""
    return _text_lines(entry).count("\n") if format is Format.TEXT else 1


def entry_lines(entries: Iterable[Listed], format: Format) -> Iterator[str]:  # noqa: A002
    """The same without the length: ``entries`` are gone through once, as they come."""
    if format is Format.JSONL:
        return map(json_line, entries)
    if format is Format.TEXT:
        return map(_text_lines, entries)
    return _csv_lines(entries)


def _csv_lines(entries: Iterable[Listed]) -> Iterator[str]:
    out = io.StringIO()
    write = csv.writer(out, lineterminator="\n").writerow

    def line(cells: Iterable[str]) -> str:
        write(cells)
        text = out.getvalue()
        out.seek(0)
        out.truncate()
        return text

    columns = names().columns
    spaced = [one.field for one in signal_types() if one.spaced]
    yield line(columns)
    for entry in entries:
        said = entry.signals.to_json()
        for field in spaced:
            if isinstance(by_space := said.get(field), dict):
                said[field] = to_cell([f"{space}={text}" for space, text in by_space.items()])
        if "frames" in said:
            said["frames"] = _compact(said["frames"])
        said |= {"provider_id": entry.provider_id or "", "labels": to_cell(entry.labels)}
        yield line([str(said.get(column, "")) for column in columns])


def json_line(entry: Listed) -> str:
    """The line of one entry in JSON Lines."""
    said: dict[str, object] = {}
    if entry.provider_id is not None:
        said["provider_id"] = entry.provider_id
    said |= entry.signals.to_json()
    if entry.labels:
        said["labels"] = list(entry.labels)
    return _compact(said) + "\n"


def _compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _text_lines(entry: Listed) -> str:
    # A line has no place for a quality, and without it a blank image's hash would match any blank.
    usable = [*entry.signals.usable()]
    return "".join(
        f"{f'{known.name}:{one.space}' if known.spaced else known.name} {known.write(one.value)}\n"
        for known in signal_types()
        for one in usable
        if one.type == known.name
    )
