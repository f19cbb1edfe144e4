"""Where the indexes are kept: a folder for each, under the data folder; or nowhere.

::

    data/index/                  0700
        TYPE         what is matched by equality (``index.digests.digest_index``), or by radius
                     (``index.segmented.segmented_index``), such as ``md5`` and ``pdq``
        TYPE-SPACE   of one code space, such as ``code-lite0-256-7``

What is there is derived from the store, so whatever cannot be kept is held in memory instead, and
said. It knows folders; not what an index holds or whether it is up to date.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

from index.contract.numbered import NumberedIndex
from index.digests.digest_index import DigestIndex
from index.opening import open_index
from service.domain.signals import signal_type
from service.replica.columns import IndexName
from service.store.core.traces import INDEX_FOLDER

log = logging.getLogger(__name__)

FOLDER: Final = INDEX_FOLDER
"""In the data folder."""


class Shelf(Protocol):
    """Opens indexes."""

    def digests(self, name: IndexName, layout: str = "") -> DigestIndex:
        """The index of digests or URLs of this name; ``layout``: by which rules and which secret
        its keys are made, where it has any."""
        ...

    def codes(self, name: IndexName) -> NumberedIndex:
        """The index of PDQ hashes, or of the codes of one space."""
        ...

    def trouble(self, name: IndexName) -> str:
        """Why an index is not kept where it should be; empty where it is."""
        ...


class MemoryShelf:
    """Indexes that live as long as the process, and are quick to open: a scan by FAISS."""

    def digests(self, name: IndexName, layout: str = "") -> DigestIndex:
        """See ``Shelf``."""
        del layout
        return DigestIndex(signal_type(name.signal).key_width)

    def codes(self, name: IndexName) -> NumberedIndex:
        """See ``Shelf``."""
        del name
        from index.flat.flat_index import FlatIndex

        return FlatIndex()

    def trouble(self, name: IndexName) -> str:
        """Memory is where they should be."""
        del name
        return ""


class FolderShelf:
    """Indexes that survive a restart."""

    def __init__(self, folder: Path, store: Callable[[], str], write: bool = True) -> None:
        """Keep them in ``folder``, for the store of this identity; without ``write`` only read."""
        self._folder, self._store, self._write = folder, store, write
        self._troubles: dict[IndexName, str] = {}

    def digests(self, name: IndexName, layout: str = "") -> DigestIndex:
        """See ``Shelf``."""
        store = self._store()
        try:
            width, place = signal_type(name.signal).key_width, self._place(name)
            return DigestIndex.open(place, width, name.signal, store, self._write, space=layout)
        except OSError as error:
            self._note(name, error)
            return MemoryShelf().digests(name)

    def codes(self, name: IndexName) -> NumberedIndex:
        """See ``Shelf``. Where its folder cannot be used it is as quick, and built at each
        start."""
        space = name.space or name.signal
        try:
            return open_index(
                self._place(name), space, name.signal, self._store(), write=self._write
            )
        except OSError as error:
            from index.segmented.segmented_index import SegmentedIndex

            self._note(name, error)
            return SegmentedIndex()

    def trouble(self, name: IndexName) -> str:
        """See ``Shelf``."""
        return self._troubles.get(name, "")

    def _note(self, name: IndexName, error: Exception) -> None:
        said = " ".join(filter(None, (name.signal, name.space)))
        self._troubles[name] = f"kept in memory only: {error!r}"
        log.warning("the index of %s is kept in memory only: %r", said, error)

    def _place(self, name: IndexName) -> Path:
        if self._write:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return self._folder / (f"{name.signal}-{name.space}" if name.space else name.signal)
