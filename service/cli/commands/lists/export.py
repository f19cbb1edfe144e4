"""``lookalike export``: a bank's entries as a list that another Lookalike, or HMA, can import."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.local import DATA_HELP, open_local_store
from service.cli.terminal import counted, reporting, say

if TYPE_CHECKING:
    from service.store import Entry


@reporting
def export_bank(
    bank: Annotated[str, typer.Option(help="Bank to export.")],
    format_name: Annotated[
        str, typer.Option("--format", help="csv, jsonl or text.", metavar="F")
    ] = "csv",
    data: Annotated[Path | None, typer.Option(help=DATA_HELP)] = None,
) -> None:
    """Write a bank's entries to stdout as a hash list.

    Only entries in force are written: not those that are disabled or removed. csv and jsonl carry
    everything an entry says; text is one signal a line, as threatexchange and
    Hasher-Matcher-Actioner read it. The first line says how many lines of entries follow, so that
    `lookalike import` notices a list that was cut off. Where a bank holds several lists, the
    ids are written as provider/list/id, so that no two are the same; what would be longer than an
    id may be ends in a digest instead.
    """
    from service.lists.formats import format_named, write_list

    chosen = format_named(format_name)
    with open_local_store(data) as store, store.entries.export(bank) as export:
        entries = export.entries if len(export.lists) < 2 else Qualified(export.entries)
        count = -1 - (chosen == "csv")  # what stands above the entries
        for text in write_list(entries, chosen):
            sys.stdout.write(text)
            count += 1
        sys.stdout.flush()
    say(f"{counted(count, 'entry', 'entries')} of {bank!r}")


@dataclass(frozen=True)
class Qualified:
    """Entries whose ids name their list too."""

    entries: Iterable[Entry]

    def __iter__(self) -> Iterator[Entry]:
        from service.domain.values import MAX_PROVIDER_ID

        for entry in self.entries:
            name = f"{entry.provider}/{entry.list}/{entry.provider_id}"
            if len(name) > MAX_PROVIDER_ID:
                digest = hashlib.blake2b(name.encode(), digest_size=16).hexdigest()
                # The same entry gets the same id in every export. A digest is no space at the end.
                name = f"{name[: MAX_PROVIDER_ID - len(digest) - 1]}#{digest}"
            yield replace(entry, provider_id=name)
