"""``lookalike publish``: a bank, images or a list as one signed file that others can trust."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from service.cli.local import DATA_HELP, open_local_store
from service.cli.terminal import counted, reporting, say

if TYPE_CHECKING:
    from service.lists.formats import Listed
    from service.lists.signed.package import SignedList


@reporting
def publish_list(
    source: Annotated[
        str, typer.Argument(metavar="BANK|DIR|FILE", help="A bank, a folder of images, or a list.")
    ],
    key: Annotated[
        Path, typer.Option(help="The key to sign with: `lookalike keys signing FILE` makes one.")
    ],
    out: Annotated[
        Path | None, typer.Option(help="The file to write; default: the source's name and .zip.")
    ] = None,
    after: Annotated[
        Path | None,
        typer.Option(help="The signed list before this one; default: the file to write, if there."),
    ] = None,
    provider: Annotated[str, typer.Option(help="Who publishes it.")] = "local",
    list_name: Annotated[
        str | None, typer.Option("--list", help="What it is called; default: the source's name.")
    ] = None,
    list_version: Annotated[
        str | None, typer.Option(help="The name of this version; default: the time.")
    ] = None,
    data: Annotated[Path | None, typer.Option(help=DATA_HELP)] = None,
) -> None:
    """Write a list that is signed, for others to import.

    It says what it holds, which code spaces its codes are of, and which list came before. Images
    are hashed to be listed (--role reference), under their SHA-256. Whoever imports it names the
    public key once (`lookalike import --signed-by`), and takes from then on what this key signed.
    """
    from service.lists.signed.keys import SigningKey
    from service.lists.signed.publishing import publish

    signing = SigningKey.load(key)
    name = Path(source).resolve().name.partition(".")[0] if Path(source).exists() else source
    target = out or Path(f"{name}.zip")
    earlier = after or (target if target.exists() else None)
    with contextlib.ExitStack() as stack:
        before = None if earlier is None else _before(stack, earlier)
        entries = stack.enter_context(_entries(source, data))
        made = publish(entries, signing, target, provider, list_name or name, list_version, before)
    manifest, change = made.manifest, made.manifest.delta
    if made.repeated:
        say(f"{counted(made.repeated, 'entry', 'entries')} given more than once")
    spaces = f", code space {', '.join(manifest.code_spaces)}" if manifest.code_spaces else ""
    say(
        f"{target}: {counted(manifest.entries, 'entry', 'entries')}{spaces}, number"
        f" {manifest.number}: {change['added']} added, {change['changed']} changed,"
        f" {change['removed']} removed"
    )
    say(f"signed by {made.public_key}")


def _before(stack: contextlib.ExitStack, path: Path) -> SignedList:
    from service.lists.signed.errors import UnsignedListError
    from service.lists.signed.package import signed_list

    found = signed_list(stack.enter_context(path.open("rb")))
    if found is None:
        raise UnsignedListError(f"{path} is there and is no signed list: name another with --out")
    return found


@contextlib.contextmanager
def _entries(source: str, data: Path | None) -> Iterator[Iterable[Listed]]:
    path = Path(source)
    if path.is_dir():
        yield _hashed(path)
    elif path.is_file():
        with path.open("rb") as file:
            yield _read(file)
    else:
        from service.cli.commands.lists.export import Qualified

        with open_local_store(data) as store, store.entries.export(source) as export:
            yield export.entries if len(export.lists) < 2 else Qualified(export.entries)


def _hashed(folder: Path) -> Iterator[Listed]:
    """The images of a folder; none may fail, since what is left out of a list is missed."""
    from dataclasses import replace

    from service.cli import files
    from service.cli.batch import Failure, each_file
    from service.cli.local import load_fingerprinter
    from service.cli.progress import progress
    from service.domain.signals import from_fingerprint
    from service.domain.values import ImportRow
    from service.lists.formats import UnreadableListError

    fingerprinter, limits = load_fingerprinter()
    with progress("Fingerprinting", files.walk([folder]), False) as found:
        for done in each_file(
            found, lambda data: fingerprinter.fingerprint(data, "reference"), limits.max_bytes
        ):
            if isinstance(done.outcome, Failure):
                raise UnreadableListError(
                    f"{done.path}: {done.outcome.message}: nothing was written; `lookalike hash"
                    " --skip-unsupported` makes a list without it, which can be published"
                )
            signals = replace(from_fingerprint(done.outcome), descriptors={})
            yield ImportRow(0, signals, done.outcome.sha256)


def _read(file: BinaryIO) -> Iterator[Listed]:
    """The entries of a list in any format; none may be bad."""
    from service.domain.values import RejectedLine
    from service.lists.formats import ListReader, UnreadableListError, file_chunks

    for row in ListReader(file_chunks(file)).present():
        if isinstance(row, RejectedLine):
            raise UnreadableListError(f"line {row.line}: {row.reason}: nothing was written")
        yield row
