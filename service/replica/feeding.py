"""Indexes brought up to what the store holds: by what they missed, or from the beginning.

An index goes on from what it holds if the store came by that very commit. Otherwise it is built
anew: it is new, its files are damaged or another store's, or the store is a backup that was
restored since. Each index comes from one state to the next in one step, whatever lies between. It
knows which entries an index needs; not when to look for them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator

from index.contract.numbered import Fed
from service.replica.columns import IndexName, gathered
from service.replica.indexes import Indexes
from service.replica.marks import FedMark, parsed_mark
from service.store import Commit, EntryBatch, StoreView
from service.store.views.view import START

log = logging.getLogger(__name__)


def bring_up(
    indexes: Indexes,
    view: StoreView,
    known: Commit | None = None,
    pace: Callable[[], None] = lambda: None,
    flawed: bool = False,
) -> frozenset[int]:
    """Make ``indexes`` hold what ``view`` does; the ids of the banks of the entries it read.

    ``known``: the commit up to which they were fed before, if they were, and which ``view`` holds:
    an index that is new since then needs nothing older. ``pace`` is called now and then, and may
    raise to give up. ``flawed``: entries were left out until ``known``, and are still not what was
    written. Whenever it raises, what is done is done, and the next call does the rest.
    """
    touched = set[int]()
    spaces = {space for held in view.spaces.values() for space in held}
    opened = indexes.open(spaces, view.secret)
    fresh, anew, behind = set[IndexName](), dict[IndexName, str](), dict[IndexName, int]()
    ours = set[tuple[Commit, bool]]() if known is None else {(known, False), (known, flawed)}
    newest = dict[int, int]()
    for name, index in indexes.all.items():
        if known is not None and name in opened:
            fresh.add(name)
        elif (reason := _not_ours(index, view, ours)) is not None:
            anew[name] = reason
        elif index.sequence < view.commit.sequence:
            behind[name] = index.sequence
        if index.sequence and (there := parsed_mark(index.mark).newest) is not None:
            newest[index.sequence] = there
    if anew:
        _rebuild(indexes, view, anew, _noted(view.entries(), pace, touched), flawed)
    since = min([*behind.values(), *([known.sequence] if known and fresh else [])], default=None)
    if since is None:
        return frozenset(touched)
    batches = _noted(view.entries(since, newest.get(since)), pace, touched)
    changed = gathered(batches, frozenset({*behind, *fresh}), indexes.keyed)
    commit = _fed(view, flawed)
    for name in fresh:
        index = indexes.all[name]
        index.rebuild(changed.batches.get(name, ()), commit.sequence, commit.mark)
    for name in behind:
        indexes.all[name].apply(changed.changes(name), commit.sequence, commit.mark)
    return frozenset(touched)


def _rebuild(
    indexes: Indexes,
    view: StoreView,
    anew: dict[IndexName, str],
    entries: Iterable[EntryBatch],
    flawed: bool,
) -> None:
    everything = gathered(entries, frozenset(anew), indexes.keyed)
    commit = _fed(view, flawed)
    for name, reason in anew.items():
        if reason:
            said = " ".join(filter(None, (name.signal, name.space)))
            log.warning("the index of %s is built anew from the store: %s", said, reason)
            indexes.note_rebuilt(name, reason)
        batches = everything.batches.get(name, ())
        indexes.all[name].rebuild(batches, commit.sequence, commit.mark)


def _fed(view: StoreView, flawed: bool) -> Commit:
    """What an index is told that it holds, once the entries of ``view`` were read."""
    lacks = flawed or bool(view.damaged or view.incomplete or any(view.lost.values()))
    return Commit(view.commit.sequence, FedMark(view.commit.mark, lacks, view.newest).text)


def _not_ours(index: Fed, view: StoreView, ours: set[tuple[Commit, bool]]) -> str | None:
    """Why an index cannot go on from what it holds; empty if it holds nothing yet, ``None`` if it
    can. ``ours``: commits that ``view`` is known to hold, and whether entries were left out that
    still are not what was written; grows."""
    if index.needs_rebuild:
        return index.needs_rebuild
    if index.sequence == START:
        return ""
    fed = parsed_mark(index.mark)
    commit = Commit(index.sequence, fed.mark)
    if (commit, fed.flawed) in ours:
        return None
    if fed.flawed:
        return "entries were not what was written when it was fed, and were left out"
    if not view.holds(commit):
        if commit.sequence < view.purged:
            return (
                f"it was fed up to {commit.sequence}, and the store is purged up to {view.purged}"
            )
        return f"the store does not hold the change {index.sequence} it was fed: a restored backup?"
    ours.add((commit, False))
    return None


def _noted(
    batches: Iterable[EntryBatch], pace: Callable[[], None], banks: set[int]
) -> Iterator[EntryBatch]:
    for batch in batches:
        pace()
        banks.update(batch.bank_ids)
        yield batch
