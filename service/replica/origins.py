"""Whether the index that a server finds was made from the store that it finds.

A volume or a URL of another store, or an old copy of a database, answers like any other, and does
not know what its users believe to be listed. The index beside it remembers: it says which store it
was made from, and how far that had come. So nothing is served where the two do not fit, until
somebody says that the store is right, by moving the index away; ``lookalike restore`` says so by
itself. It knows headers of files; not what an index holds.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from index.opening import Origin, forget, origin
from service.domain.errors import StoreSwappedError
from service.replica.marks import parsed_mark
from service.store import Commit, Store, StoreView


def refuse_if_swapped(store: Store, folder: Path) -> None:
    """Raise ``StoreSwappedError`` if an index in ``folder`` was made from another store than
    ``store``, or from what that lacks; other ``StoreError`` if it cannot be read."""
    found = dict(_origins(folder))
    if not found:
        return
    with store.view() as view:
        for place, one in found.items():
            if said := _misfit(one, view):
                raise StoreSwappedError(
                    f"{store.name} is not the store that {place} was made from: {said}. Is it the"
                    " right volume, the right URL? If it is the right store, say because an older"
                    f" copy was put there, move {folder} away and start again: the index is made"
                    " anew from the store, and what is not in that matches no more"
                )


def forget_all(folder: Path) -> None:
    """Have every index in ``folder`` made anew from whatever store is there then. Raises
    ``OSError``."""
    for place, _ in _origins(folder):
        forget(place)


def _origins(folder: Path) -> Iterator[tuple[Path, Origin]]:
    if folder.is_dir():
        for place in sorted(folder.iterdir()):
            if (one := origin(place)) is not None:
                yield place, one


def _misfit(one: Origin, view: StoreView) -> str:
    """Why an index can not have been made from the store; empty if it can."""
    if one.store != view.identity:
        return f"that has the identity {one.store[:12]!r}, and this one {view.identity[:12]!r}"
    commit = Commit(one.sequence, parsed_mark(one.mark).mark)
    # What was purged cannot be asked for, and its number alone does not prove it ours.
    if not commit.sequence or commit.sequence < view.purged or view.holds(commit):
        return ""
    return (
        f"that had come to change {commit.sequence}, which this one lacks, being at"
        f" {view.commit.sequence}: an older copy of it"
    )
