"""``lookalike relist``: a list's codes made anew, as references, of those images that are at hand.

An entry is an image's if one of its digests is. Everything else that the list says of it stays, and
an entry without an id gets the one that an import would give it, so that what comes out updates
what is listed and adds nothing beside it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli import files
from service.cli.batch import Failure, each_file
from service.cli.local import load_fingerprinter
from service.cli.progress import progress
from service.cli.terminal import FAILED, counted, reporting, say, say_error

if TYPE_CHECKING:
    from embeddings.fingerprint import Fingerprint
    from service.domain.signals import Signals
    from service.store import ImportRow

_Made = dict[tuple[str, bytes], "Fingerprint"]
"""By digest: its algorithm and value."""


@reporting
def relist(
    file: Annotated[Path, typer.Argument(metavar="LIST", help="The list: csv, jsonl or text.")],
    paths: Annotated[list[Path], typer.Argument(metavar="PATH", help="Files and folders.")],
) -> None:
    """Make the codes of a list anew from its images.

    LIST is written to stdout as JSON Lines, with codes made for listing where the images are at
    hand. Images are found by their digests. Needs no store and no network. Import what comes out as
    the same list of the same provider: its entries are updated in place.
    """
    from service.domain.signals import from_fingerprint
    from service.lists.formats import Format, ListReader, file_chunks, write_list
    from service.store import RejectedLine

    fingerprinter, limits = load_fingerprinter()
    made: _Made = {}
    failed = 0

    def reference(data: bytes) -> Fingerprint:
        return fingerprinter.fingerprint(data, "reference")

    with progress("Fingerprinting", files.walk(paths), True) as found:
        for result in each_file(found, reference, limits.max_bytes):
            if isinstance(result.outcome, Failure):
                failed += 1
                say_error(result.outcome.code, f"{result.path}: {result.outcome.message}")
                continue
            for digest in _digests(from_fingerprint(result.outcome)):
                made[digest] = result.outcome
    counts = _Counts()

    def rows(reader: ListReader) -> Iterator[ImportRow]:
        for row in reader.present():
            if isinstance(row, RejectedLine):
                counts.bad += 1
                say_error("bad_line", f"line {row.line}: {row.reason}")
            else:
                yield _again(row, made, counts)

    with file.open("rb") as stream:
        for text in write_list(list(rows(ListReader(file_chunks(stream)))), Format.JSONL):
            sys.stdout.write(text)
    sys.stdout.flush()
    say(f"{counts.again} of {counted(counts.all, 'entry', 'entries')} listed again")
    if counts.bad or failed:
        say(f"left out: {counted(counts.bad, 'bad line')}, {counted(failed, 'file')}")
        raise typer.Exit(FAILED)


@dataclass
class _Counts:
    all: int = 0
    again: int = 0
    bad: int = 0


def _digests(signals: Signals) -> list[tuple[str, bytes]]:
    """Of the file: of each its algorithm and value."""
    from service.domain.signals import Weight, types_by_name

    types = types_by_name()
    return [
        (types[one.type].algorithm, one.value)
        for one in signals.items
        if types[one.type].weight is Weight.DIGEST
    ]


def _again(row: ImportRow, made: _Made, counts: _Counts) -> ImportRow:
    from service.store.entries.rows import derived_provider_id

    counts.all += 1
    named = replace(row, provider_id=row.provider_id or derived_provider_id(row.signals))
    for digest in _digests(row.signals):
        one = made.get(digest)
        if one is not None:
            counts.again += 1
            signals = row.signals.with_codes(one.codes, one.role, one.structure)
            return replace(named, signals=signals)
    return named
