"""``lookalike hash``: fingerprints of files and folders, with no store and no network."""

from __future__ import annotations

import json
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli import files
from service.cli.batch import Failure, FileResult, each_file
from service.cli.list_output import Output, output_to
from service.cli.listing import IdFrom, LabelFrom, Listing, Taken, digest_of
from service.cli.local import load_fingerprinter
from service.cli.progress import progress
from service.cli.terminal import (
    FAILED,
    counted,
    new_table,
    print_table,
    printable,
    reporting,
    say,
    say_error,
)
from service.domain.errors import ServiceError

if TYPE_CHECKING:
    from rich.table import Table

    from embeddings.fingerprint import Fingerprint
    from service.domain.values import ImportRow


class CodeRole(StrEnum):
    """What codes are made for; see ``embeddings.fingerprint``."""

    QUERY = "query"
    REFERENCE = "reference"


class ListForm(StrEnum):
    """Forms of a list that ``import`` takes as they are."""

    CSV = "csv"
    JSONL = "jsonl"


@reporting
def hash_files(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH", help="Files and folders.")],
    jsonl: Annotated[bool, typer.Option("--jsonl", help="JSON Lines instead of a table.")] = False,
    role: Annotated[
        CodeRole,
        typer.Option(help="What the codes are for: to be listed (reference), or to ask with."),
    ] = CodeRole.QUERY,
    descriptors: Annotated[
        bool,
        typer.Option("--descriptors", help="With --jsonl, also what a query's matches score by."),
    ] = False,
    form: Annotated[
        ListForm | None,
        typer.Option("--format", help="A list for `lookalike import`, without paths of its own."),
    ] = None,
    id_from: Annotated[
        IdFrom | None,
        typer.Option("--id", help="What names an entry; default with --format: sha256."),
    ] = None,
    label_from: Annotated[
        LabelFrom | None,
        typer.Option("--label", help="Label an entry by the folders that its file lies in."),
    ] = None,
    skip_unsupported: Annotated[
        bool,
        typer.Option("--skip-unsupported", help="Pass over, and count, files that are no images."),
    ] = False,
    resume: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Write to this file, and go on where an earlier run ended."
        ),
    ] = None,
) -> None:
    """Fingerprint images: digests, PDQ and code.

    Folders are walked recursively, in sorted order, and every file in them is tried. A file that
    has no fingerprint is reported with the reason, and the exit code is then 1. Needs no store and
    no network; --jsonl writes what `lookalike import` reads, and --format a list that holds nothing
    else. Lists are best hashed with --role reference, which looks at each image in many ways and
    takes six to seven times as long.
    """
    if descriptors and (role is CodeRole.REFERENCE or not jsonl):
        raise typer.BadParameter("--descriptors: of queries alone, and with --jsonl")
    if jsonl and form is not None:
        raise typer.BadParameter("--format: not with --jsonl")
    if not jsonl and form is None and (id_from or label_from or resume):
        raise typer.BadParameter("--id, --label, --resume: with --jsonl or --format")
    if resume and form and (id_from is IdFrom.NAME or (id_from is IdFrom.PATH and len(paths) > 1)):
        # Two files may share such an id, and one of them would look as if it had been done.
        raise typer.BadParameter("--resume: with --id sha256, or --id path and one PATH")
    listing = None
    if form is not None or id_from is not None or label_from is not None:
        listing = Listing(paths, id_from or IdFrom.SHA256, label_from)
    key = "path" if form is None else "provider_id"
    with output_to(resume, key, is_csv=form is ListForm.CSV) as out:
        run = _Run(role, descriptors, form, listing, skip_unsupported, jsonl)
        run.over(paths, out)
    run.finish()


class _Run:
    """One call of the command: what was done, and what is shown of it."""

    def __init__(
        self,
        role: CodeRole,
        descriptors: bool,
        form: ListForm | None,
        listing: Listing | None,
        skip: bool,
        jsonl: bool,
    ) -> None:
        self._role, self._descriptors, self._form = role, descriptors, form
        self._listing, self._skip, self._jsonl = listing, skip, jsonl
        self._taken = Taken()
        self._rows: list[FileResult[Fingerprint]] = []
        self._done = self._failed = self._skipped = self._before = self._copies = 0

    def over(self, paths: list[Path], out: Output) -> None:
        """Hash every file that ``out`` does not hold."""
        fingerprinter, limits = load_fingerprinter()

        def wanted() -> Iterator[Path]:
            for path in files.walk(paths):
                if out.done and self._name(path, limits.max_bytes) in out.done:
                    self._before += 1
                else:
                    yield path

        def fingerprint(data: bytes) -> Fingerprint:
            return fingerprinter.fingerprint(data, self._role.value)

        fresh = out.fresh
        quiet = self._jsonl or self._form is not None
        with progress("Fingerprinting", wanted(), quiet) as found:
            for result in each_file(found, fingerprint, limits.max_bytes):
                self._done += 1
                failure = result.outcome if isinstance(result.outcome, Failure) else None
                if failure is not None and self._skip and failure.code == "unsupported_image":
                    self._skipped += 1
                    continue
                try:
                    text = self._text(result, fresh)
                except ServiceError as error:
                    failure = Failure(error.code, str(error))
                    text = self._text(FileResult(result.path, failure), fresh)
                if text:
                    out.line(text)
                    fresh = False
                if failure is not None:
                    self._failed += 1
                    if not self._jsonl:
                        say_error(failure.code, f"{result.path}: {failure.message}")

    def finish(self) -> None:
        """Say what there is to say. Raises ``Exit`` if a file failed."""
        if self._rows:
            print_table(_table(self._rows, self._role))
        if self._before:
            say(f"{counted(self._before, 'file')} done before")
        if self._done == 0 and not self._before:
            say("no files found")
        if self._skipped:
            say(f"{counted(self._skipped, 'file')} passed over: no images that are read here")
        if self._copies:
            say(f"{counted(self._copies, 'file')} left out: copies of others under the same id")
        if self._failed:
            where = ": their lines hold an error instead of hashes" if self._jsonl else ""
            say(f"{self._failed} of {counted(self._done, 'file')} failed{where}")
            raise typer.Exit(FAILED)

    def _name(self, path: Path, max_bytes: int) -> str:
        """What a line that was written names a file by."""
        if self._form is None:
            return str(path)
        assert self._listing is not None
        return self._listing.name(path) or digest_of(path, max_bytes)

    def _text(self, result: FileResult[Fingerprint], fresh: bool) -> str:
        """What is written of one file; empty where nothing is, or where a table shows it.

        Raises ``BadNameError``, ``RepeatedIdError``.
        """
        if isinstance(result.outcome, Failure):
            if self._jsonl:
                return json.dumps(result.failure_json()) + "\n"
            if self._form is None:
                self._rows.append(result)
            return ""
        if self._listing is not None:
            row = self._listing.row(result.path, result.outcome)
            assert row.provider_id is not None
            new = self._taken.is_new(row.provider_id, bytes.fromhex(result.outcome.sha256))
            if self._form is not None:
                if not new:
                    self._copies += 1
                    return ""
                return _listed(row, self._form, fresh)
            named = {"provider_id": row.provider_id, "labels": list(row.labels)}
            return json.dumps({**_to_json(result, self._descriptors), **named}) + "\n"
        if self._jsonl:
            return json.dumps(_to_json(result, self._descriptors)) + "\n"
        self._rows.append(result)
        return ""


def _listed(row: ImportRow, form: ListForm, fresh: bool) -> str:
    """The line of an entry; the first of CSV comes with the header."""
    from service.lists.formats import entry_lines, format_named

    lines = [*entry_lines([row], format_named(form.value))]
    return "".join(lines if fresh else lines[-1:])


def _to_json(result: FileResult[Fingerprint], descriptors: bool) -> dict[str, object]:
    from service.domain.signals import fingerprint_json

    if isinstance(result.outcome, Failure):
        return result.failure_json()
    return {"path": str(result.path), **fingerprint_json(result.outcome, descriptors)}


def _table(results: list[FileResult[Fingerprint]], role: CodeRole) -> Table:
    from rich.text import Text

    made_for = (
        "Codes are made to be listed (--role reference)."
        if role is CodeRole.REFERENCE
        else "Codes are made to ask with; for a list use --role reference."
    )
    table = new_table(
        caption="The first digits of each hash, and the quality of PDQ; --jsonl gives them whole."
        f"\n{made_for}",
        caption_justify="left",
    )
    table.add_column("file", overflow="fold", ratio=1)
    table.add_column("pixels", justify="right", no_wrap=True)
    for heading in ("sha256", "pdq", "code"):
        table.add_column(heading, no_wrap=True)
    table.add_column("quality", justify="right", no_wrap=True)
    table.add_column("photo", justify="right", no_wrap=True)
    for result in results:
        name, found = printable(str(result.path)), result.outcome
        if isinstance(found, Failure):
            failed = Text("failed", "bold red")
            table.add_row(Text.assemble(name, "\n  ", (found.code, "red")), failed)
            continue
        table.add_row(
            name,
            f"{found.width}x{found.height}",
            found.sha256[:8],
            f"{found.pdq.hex()[:8]} {found.pdq_quality:3}",
            "\n".join(code.hex()[:8] for _, code in sorted(found.codes.items())),
            f"{found.structure:.2f}",
            f"{found.photographic:.2f}",
        )
    return table
