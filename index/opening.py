"""Which index of codes a service is given: the fastest that this machine can run.

This is the only module that knows every implementation. They are imported when one is opened, so
that importing this module loads neither FAISS nor LLVM.
"""

from __future__ import annotations

from pathlib import Path

from index.contract.numbered import NumberedIndex


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
