"""Which index of codes a service is given: the fastest that this machine can run.

This is the only module that knows every implementation. They are imported when one is opened, so
that importing this module loads neither FAISS nor LLVM. Which store a folder's index was made from
can be asked without opening it.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path

from index.contract.numbered import NumberedIndex


@dataclass(frozen=True)
class Origin:
    """What the index in a folder was made from."""

    store: str
    """Its identity."""
    sequence: int
    """The store's number of the last change that is in; 0 for none."""
    mark: str
    """The store's name for that change."""


def origin(path: Path) -> Origin | None:
    """Of the index in the folder ``path``; ``None`` where none was saved, or what was cannot be
    read and will not be used."""
    from index.contract.errors import DamagedFileError
    from index.files import container
    from index.storage.snapshots import MANIFEST

    with contextlib.suppress(DamagedFileError, OSError, KeyError, TypeError, ValueError):
        fields = container.header(path / MANIFEST, "M")
        return Origin(str(fields["store"]), int(fields["sequence"]), str(fields["mark"]))
    return None


def forget(path: Path) -> None:
    """Let the next to open the index in the folder ``path`` find a new one. Raises ``OSError``."""
    from index.storage.snapshots import MANIFEST

    (path / MANIFEST).unlink(missing_ok=True)


def open_index(
    path: Path, space: str, signal: str, store: str = "", write: bool = True
) -> NumberedIndex:
    """The fastest index this machine can run, as it was saved in the folder ``path``.

    That is ``SegmentedIndex``; where its kernels cannot be compiled, a FAISS scan that lives in
    memory and is fed anew at each start. ``space``, ``signal`` and ``store`` (its identity) say
    whose codes these are: files saved under others are not used. Without ``write`` the folder is
    only read. Raises ``OSError`` if the folder cannot be made.
    """
    try:
        from index.kernels.build.loading import warm_up

        warm_up()
    except Exception as failure:  # noqa: BLE001 - whatever numba and LLVM may raise on odd machines
        from index.flat.flat_index import FlatIndex

        return FlatIndex(f"kernels cannot be compiled: {failure!r}")
    from index.segmented.segmented_index import SegmentedIndex

    return SegmentedIndex.open(path, space, signal, store, write=write)
