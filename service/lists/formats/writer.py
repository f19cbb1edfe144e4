"""Entries to a list that this project, or another matcher, can import.

It knows how each format is written; not where the text goes.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator
from typing import Protocol

from service.domain.signals import DIGEST_BYTES, Signals
from service.lists.formats.names import CODE_PREFIX, COLUMNS, Format, length_line
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
    yield from _entry_lines(entries, format)


def _lines_of(entry: Listed, format: Format) -> int:  # noqa: A002
    """How many lines an entry becomes: each is an entry to whoever reads the list."""
    return _text_lines(entry).count("\n") if format is Format.TEXT else 1


def _entry_lines(entries: Iterable[Listed], format: Format) -> Iterator[str]:  # noqa: A002
    if format is Format.JSONL:
        return map(_json_line, entries)
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

    yield line(COLUMNS)
    for entry in entries:
        said = entry.signals.to_json()
        codes = [f"{space}={code.hex()}" for space, code in sorted(entry.signals.codes.items())]
        said |= {
            "provider_id": entry.provider_id or "",
            "codes": to_cell(codes),
            "labels": to_cell(entry.labels),
        }
        yield line([str(said.get(column, "")) for column in COLUMNS])


def _json_line(entry: Listed) -> str:
    said: dict[str, object] = {}
    if entry.provider_id is not None:
        said["provider_id"] = entry.provider_id
    said |= entry.signals.to_json()
    if entry.labels:
        said["labels"] = list(entry.labels)
    return json.dumps(said, ensure_ascii=False, separators=(",", ":")) + "\n"


def _text_lines(entry: Listed) -> str:
    said = entry.signals.to_json()
    lines = [f"{name} {said[name]}" for name in DIGEST_BYTES if name in said]
    # A line has no place for a quality, and without it a blank image's hash would match any blank.
    if entry.signals.pdq_usable:
        lines.append(f"pdq {said['pdq']}")
    if entry.signals.codes_usable:
        codes = sorted(entry.signals.codes.items())
        lines += [f"{CODE_PREFIX}{space} {code.hex()}" for space, code in codes]
    if "url" in said:
        lines.append(f"url {said['url']}")
    return "".join(line + "\n" for line in lines)
