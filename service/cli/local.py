"""What the commands take from this machine: settings, the store, the model.

Each function imports what it needs when it is called. It knows no command.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from embeddings.files.images import ImageLimits
    from embeddings.fingerprint import Fingerprinter
    from embeddings.network.encoder import NetworkEncoder
    from service.domain.settings import Settings
    from service.replica.shelf import Shelf
    from service.store import Store

WORTH_READING: Final = 30_000
"""Entries from which a command reads the indexes' files instead of the store: at 11 µs an entry,
what loading the kernels and checking the files takes."""

DATA_HELP: Final = (
    "Folder of the store, or of its index alone where LOOKALIKE_DATABASE_URL is set; default:"
    " LOOKALIKE_DATA_DIR, else `data`."
)


def settings_for(data: Path | None = None) -> Settings:
    """The environment's settings; a data folder named on the command line comes first.

    Where LOOKALIKE_DATABASE_URL names another database for the store, the folder is that of the
    index alone. Raises ``SettingsError``.
    """
    from service.domain.settings import load_settings

    return load_settings(data_dir=data)


def actor() -> str:
    """Who writes to the store, as it is written down there: the command that runs."""
    # Typer carries a copy of click, whose contexts those of click itself do not show.
    from typer._click.globals import get_current_context

    context = get_current_context(silent=True)
    names = []
    while context is not None and context.parent is not None:
        names.append(context.info_name or "")
        context = context.parent
    return f"cli:{' '.join(reversed(names))}".rstrip(":")


@contextlib.contextmanager
def open_local_store(data: Path | None) -> Iterator[Store]:
    """The store, open. Raises ``StoreError``: a command that mistook the folder must not make a
    second store there, so only ``lookalike init`` and a first ``lookalike serve`` make one."""
    from service.store import open_store

    settings = settings_for(data)
    store = open_store(settings.data_dir, settings.store_url, False, settings.deadlines, actor())
    try:
        yield store
    finally:
        store.close()


@contextlib.contextmanager
def store_to_change(data: Path | None, dry_run: bool) -> Iterator[Store]:
    """The store; for a dry run where there never was one, an empty one that is thrown away.

    Raises ``StoreError``.
    """
    from service.cli.terminal import say
    from service.domain.errors import StoreMissingError
    from service.store import open_store

    with contextlib.ExitStack() as stack:
        try:
            store = stack.enter_context(open_local_store(data))
        except StoreMissingError:
            if not dry_run:
                raise
            say("there is no store yet: compared with an empty one")
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            store = open_store(folder, actor=actor())
            stack.callback(store.close)
        yield store


def shelf_for(store: Store, data: Path | None) -> Shelf:
    """What is quickest to the first answer of a command that ends soon.

    A large store's indexes are read from the files that a server keeps; where there are none, or
    few entries, reading the entries is quicker than getting compiled searches ready. Raises
    ``StoreSwappedError`` where they were made from another store.
    """
    from service.replica.origins import refuse_if_swapped
    from service.replica.shelf import FOLDER, FolderShelf, MemoryShelf

    folder = settings_for(data).data_dir / FOLDER
    refuse_if_swapped(store, folder)
    if store.entries.highest() < WORTH_READING or not folder.is_dir():
        return MemoryShelf()
    return FolderShelf(folder, lambda: store.identity, write=False)


def open_encoder() -> NetworkEncoder:
    """The model, on the device that the environment's settings ask for.

    Raises ``SettingsError``, ``CheckpointError`` and ``DeviceError``.
    """
    from embeddings.network.encoder import load_encoder

    return load_encoder(settings_for().device)


def load_fingerprinter() -> tuple[Fingerprinter, ImageLimits]:
    """The model and the limits that the environment's settings ask for.

    Raises ``SettingsError``, ``CheckpointError`` and ``DeviceError``.
    """
    from embeddings.files.images import ImageLimits
    from embeddings.fingerprint import Fingerprinter
    from embeddings.network.imagery import load_imagery

    settings = settings_for()
    limits = ImageLimits(max_bytes=settings.max_upload_bytes, max_pixels=settings.max_pixels)
    return Fingerprinter([open_encoder()], load_imagery(), limits), limits
