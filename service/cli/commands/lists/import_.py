"""``lookalike import``: a hash list as one new list version, all of it or nothing."""

from __future__ import annotations

import contextlib
import io
import shlex
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from service.cli.files import NotAFileError
from service.cli.local import DATA_HELP, store_to_change
from service.cli.progress import list_progress
from service.cli.rejected_file import rejected_file
from service.cli.terminal import (
    FAILED,
    counted,
    new_table,
    print_table,
    reporting,
    say,
    say_error,
)
from service.domain.values import Mode

if TYPE_CHECKING:
    from service.store import ImportDiff

SHOWN = 20
"""Rejected lines that are shown; the others are counted."""


@reporting
def import_list(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The list; `-` is stdin.")],
    bank: Annotated[str, typer.Option(help="Bank to import into; made if it is not there.")],
    provider: Annotated[str, typer.Option(help="Who provides the list.")] = "local",
    list_name: Annotated[
        str, typer.Option("--list", help="Which of the provider's lists it is.")
    ] = "default",
    list_version: Annotated[
        str | None, typer.Option(help="The provider's name for this version; default: the time.")
    ] = None,
    format_name: Annotated[
        str,
        typer.Option("--format", help="How the list is written; auto finds it out.", metavar="F"),
    ] = "auto",
    map_name: Annotated[
        str | None,
        typer.Option(
            "--map",
            metavar="FILE.toml",
            help="What the list's columns mean: a file, or the name of a shipped map, as iwf.",
        ),
    ] = None,
    rejected_to: Annotated[
        Path | None,
        typer.Option(
            "--rejected", metavar="FILE", help="Write every bad line there: number, field, reason."
        ),
    ] = None,
    max_rejected: Annotated[
        int, typer.Option(min=0, help="Bad lines to tolerate; with more, nothing is imported.")
    ] = 0,
    mode: Annotated[
        Mode,
        typer.Option(
            help="The file is the whole list; or, append, what changed of it: what it does not name"
            " stays."
        ),
    ] = Mode.REPLACE,
    allow_shrink: Annotated[
        bool,
        typer.Option(
            "--allow-shrink", help="Import a list that lacks more than a fifth of what it held."
        ),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")
    ] = False,
    signed_by: Annotated[
        str | None,
        typer.Option(
            "--signed-by",
            metavar="KEY",
            help="Import only what this public key signed, now and from now on: ed25519:…",
        ),
    ] = None,
    repin: Annotated[
        bool,
        typer.Option("--repin", help="Leave the key the list is pinned to: for another, or none."),
    ] = False,
    data: Annotated[Path | None, typer.Option(help=DATA_HELP)] = None,
) -> None:
    """Import a hash list as a new version of that list.

    The file is the whole list: entries that it no longer holds are removed from it. Valid lines
    commit together; bad lines are shown with line and reason, and over --max-rejected nothing
    commits. Nor does it where more than a fifth of 10 or more entries would be removed, without
    --allow-shrink, or where the list states its length (`# entries: 3`) and is shorter. A running
    server sees the change within two seconds. The list may be packed with ZIP or gzip.

    A list that `lookalike publish` signed is imported with --signed-by once; from then on the list
    takes what that key signed, each time something newer, and nothing else.
    """
    from service.lists.formats import (
        ListReader,
        ReadOptions,
        file_chunks,
        load_map,
        reading_format,
    )
    from service.lists.signed.keys import public_key_of
    from service.lists.signed.package import signed_list
    from service.store import ImportTarget, RefusedDiffError, Signing

    chosen = None if format_name == "auto" else reading_format(format_name).name
    options = ReadOptions(columns=None if map_name is None else load_map(map_name))
    vouched = None if signed_by is None else public_key_of(signed_by)
    with (
        _opened(file) as stream,
        rejected_file(rejected_to) as rejected,
        store_to_change(data, dry_run) as store,
    ):
        new_bank = all(there.name != bank for there in store.banks.all())
        try:
            with list_progress(_size(file)) as bar:
                signed = signed_list(stream, options) if stream.seekable() else None
                if signed is None:
                    reader = ListReader(bar.reading(file_chunks(stream)), chosen, options)
                    given = iter(reader)
                else:
                    reader, given = signed.reader, signed.rows()
                    list_version = list_version or signed.manifest.version
                target = ImportTarget(
                    bank, provider, list_name, list_version, create_bank=True, mode=mode
                )
                signing = Signing(None if signed is None else signed.version, vouched, repin)
                rows = bar.rows(rejected.watching(given))
                diff = store.apply_import(
                    target, rows, max_rejected, dry_run, allow_shrink, signing
                )
        except RefusedDiffError as error:
            rejected.finish(error.diff.rejected, error.diff.rejected_count)
            _show_rejected(error.diff)
            say_refusals(error.diff)
            if not error.diff.refused:
                say_error(error.code, str(error))
            raise typer.Exit(FAILED) from None
        rejected.finish(diff.rejected, diff.rejected_count)
    _show_rejected(diff)
    for what, count in reader.passed_over.items():
        say(f"not listed: {what}, {count:,} times" if count > 1 else f"not listed: {what}, once")
    if reader.ignored:
        say(f"columns or keys that are not read: {', '.join(reader.ignored)}")
    if diff.digest_only:
        say(
            f"{counted(diff.digest_only, 'entry', 'entries')} with too little structure for PDQ or"
            " a code: matched by digest only"
        )
    if new_bank:
        would = "would be" if dry_run else "is"
        say(f"bank {bank!r} {would} new: a PDQ or code match there asks for review")
    show_diff(diff)
    say_refusals(diff)
    if diff.refused:
        raise typer.Exit(FAILED)


@contextlib.contextmanager
def _opened(file: Path) -> Iterator[BinaryIO]:
    if str(file) == "-":
        with _to_go_back_in(sys.stdin.buffer) as stream:
            yield stream
        return
    if file.is_dir():
        raise NotAFileError(
            f"{file} is a folder, not a list; `lookalike hash --jsonl {shlex.quote(str(file))}"
            " > list.jsonl` makes a list of the images in it"
        )
    with file.open("rb") as stream:
        yield stream


@contextlib.contextmanager
def _to_go_back_in(stream: BinaryIO) -> Iterator[BinaryIO]:
    """The stream; of a ZIP archive, which may be a signed list, a file that it was copied to."""
    if (
        stream.seekable()
        or not isinstance(stream, io.BufferedReader)
        or not stream.peek(4).startswith(b"PK")
    ):
        yield stream
    else:
        with tempfile.TemporaryFile() as copy:
            shutil.copyfileobj(stream, copy)
            copy.seek(0)
            yield copy


def _size(file: Path) -> int | None:
    """Bytes; ``None`` where nobody knows: of stdin, a pipe or a device."""
    return file.stat().st_size if file.is_file() else None


def say_refusals(diff: ImportDiff) -> None:
    """Why nothing was, or in a dry run would be, imported."""
    would = "would be" if diff.dry_run else "was"
    if diff.too_many_rejected:
        say_error(
            "too_many_rejected",
            f"{counted(diff.rejected_count, 'bad line')}, and --max-rejected allows"
            f" {diff.max_rejected}: nothing {would} imported",
        )
    if diff.shrinks:
        say_error(
            "list_shrinks",
            f"{diff.removed} of the list's {diff.held} entries are not in this version, more than a"
            f" fifth: nothing {would} imported; if the list is whole, repeat with --allow-shrink",
        )


def _show_rejected(diff: ImportDiff) -> None:
    for rejected in diff.rejected[:SHOWN]:
        say(f"line {rejected.line}: {rejected.reason}")
    if diff.rejected_count > SHOWN:
        say(f"… and {diff.rejected_count - SHOWN} more")


def show_diff(diff: ImportDiff) -> None:
    """What a change of a list did, or would do, as a table."""
    state = "dry run: nothing changed" if diff.dry_run else f"version {diff.list_version}"
    counts = {
        "added": diff.added,
        "updated": diff.updated,
        "removed": diff.removed,
        "unchanged": diff.unchanged,
        **({"withdrawn": diff.withdrawn} if diff.withdrawn else {}),
        "repeated": diff.duplicates,
        "rejected": diff.rejected_count,
    }
    table = new_table()
    for name in counts:
        table.add_column(name, justify="right", no_wrap=True)
    table.add_row(*map(str, counts.values()))
    print_table(table, f"{diff.bank} ← {diff.provider}/{diff.list}, {state}")
