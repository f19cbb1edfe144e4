"""The index's files against the store: whether each holds what the store does, and no more.

Whatever is wrong with them is mended by a start, which builds anew what it cannot use; it is looked
for because a difference that a start does not notice would be a miss. It knows no command.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from index.contract.changes import Additions
from index.contract.interface import Hits
from index.digests.digest_index import DigestIndex
from service.replica.columns import IndexName, gathered
from service.replica.indexes import Indexes
from service.replica.marks import parsed_mark
from service.replica.shelf import FolderShelf
from service.store import Commit, Flaw, Store, StoreView


def index_flaws(store: Store, folder: Path) -> Iterator[Flaw]:
    """What is wrong with the index in ``folder``. Raises ``StoreError``."""
    indexes = Indexes(FolderShelf(folder, lambda: store.identity, write=False))
    try:
        with store.view() as view:
            spaces = {space for held in view.spaces.values() for space in held}
            indexes.open(spaces, view.secret)
            yield from _compared(indexes, view)
    finally:
        indexes.close()


def _compared(indexes: Indexes, view: StoreView) -> Iterator[Flaw]:
    usable: dict[IndexName, Any] = {}
    for name, index in indexes.all.items():
        said = " ".join(filter(None, (name.signal, name.space)))
        fed = parsed_mark(index.mark)
        if index.needs_rebuild:
            yield Flaw("index", f"{said}: its files are not used: {index.needs_rebuild}")
        elif fed.flawed:
            yield Flaw("index", f"{said}: entries that are not what was written were left out")
        elif index.sequence and not view.holds(Commit(index.sequence, fed.mark)):
            yield Flaw("index", f"{said}: it follows another course of events: a restored backup?")
        elif index.sequence == view.commit.sequence:
            usable[name] = index  # one that is behind is brought up at the next start
    missing = dict.fromkeys(usable, 0)
    held = dict.fromkeys(usable, 0)
    for batch in view.entries():
        for name, batches in gathered([batch], frozenset(usable), indexes.keyed).batches.items():
            for entries in batches:
                held[name] += len(entries.ids)
                missing[name] += _missing(usable[name], entries)
    if unread := indexes.unread():
        yield Flaw("index", f"url: {unread} cannot be read by this release, and match nothing")
    for name, index in usable.items():
        said = " ".join(filter(None, (name.signal, name.space)))
        if missing[name]:
            yield Flaw("index", f"{said}: {missing[name]} entries of the store are not found")
        if (there := index.stats().entries) != held[name] and not view.damaged:
            yield Flaw("index", f"{said}: it holds {there} entries, and the store {held[name]}")


def _missing(index: Any, entries: Additions) -> int:  # noqa: ANN401 (of digests or of codes)
    """How many of these are enabled and not found by what they are."""
    on = np.ones(len(entries.ids), np.bool_) if entries.enabled is None else entries.enabled
    ids, codes, groups = entries.ids[on], entries.codes[on], entries.groups[on]
    if not len(ids):
        return 0
    hits: Hits
    if isinstance(index, DigestIndex):
        hits = index.search(codes, frozenset(groups.tolist()))
    else:
        radii: Mapping[int, int] = dict.fromkeys(groups.tolist(), 0)
        hits = index.search(codes, radii)
    asked = np.repeat(np.arange(len(ids)), np.diff(hits.offsets))
    found = np.zeros(len(ids), np.bool_)
    found[asked[hits.ids == ids[asked]]] = True
    return int(len(ids) - found.sum())
