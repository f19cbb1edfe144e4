"""From the store's rows to what each index is fed: ids, groups and signals as arrays.

The one place that decides which signals of an entry stand in an index: what is below quality does
not, what is disabled does, so that it can be enabled. It knows columns; not what an index does with
them, nor which transaction they came from.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from embeddings.figures import MIN_STRUCTURE
from index.contract.arguments import distinct_ids
from index.contract.changes import Additions, Changes
from index.contract.interface import Ids
from service.domain.signals import Keyed, types_by_name
from service.store import EntryBatch
from service.store.entries.packing import MAX_ALIKE, ORDINAL_BITS
from service.store.views.batches import Alike

Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class IndexName:
    """Which index."""

    signal: str
    space: str = ""
    """Of codes; empty for other signals."""


PDQ: Final = IndexName("pdq")


@dataclass(frozen=True, eq=False)
class EntryColumns:
    """Many entries, by index."""

    ids: Ids
    """Of all signals that these entries have or had, in force or not."""
    batches: Mapping[IndexName, Sequence[Additions]]
    """What stands in each index; those that are absent hold none of these entries."""

    def changes(self, name: IndexName) -> Changes:
        """What sets these entries in one index to what they are now, whatever they were."""
        return Changes(remove=self.ids, add=self.entries(name))

    def entries(self, name: IndexName) -> Additions:
        """What stands in one index."""
        batches = self.batches.get(name, ())
        if not batches:
            return Additions()
        if len(batches) == 1:
            return batches[0]
        return Additions(
            np.concatenate([batch.ids for batch in batches]),
            np.concatenate([batch.codes for batch in batches]),
            np.concatenate([batch.groups for batch in batches]),
            np.concatenate([_enabled(batch) for batch in batches]),
        )


_LATER: Final = MAX_ALIKE - 1
"""The bits of an id that say which of several signals it is; 0 of the first."""


def gathered(
    batches: Iterable[EntryBatch],
    names: frozenset[IndexName] | None = None,
    keyed: Keyed | None = None,
) -> EntryColumns:
    """``batches``, for the indexes ``names``, or for all; ``keyed`` hides what is found by keys."""
    keyed = keyed or Keyed()
    ids: list[Ids] = [np.empty(0, np.int64)]
    found: dict[IndexName, list[Additions]] = {}
    for batch in batches:
        ids.append(index_ids(batch.ids))
        for number, most in batch.several.items():
            ids.append(index_ids(np.full(most - 1, number), np.arange(1, most)))
        for alike in batch.alike:
            for name, entries in _split(alike, names, keyed):
                found.setdefault(name, []).append(entries)
    # What stands there now is removed before it is added, too: an index may have heard of it that
    # did not hear of all. In order once, not by each index: a store's batches mostly are.
    further = [one.ids for batches in found.values() for one in batches if (one.ids & _LATER).any()]
    return EntryColumns(distinct_ids(np.concatenate([*ids, *further])), found)


def index_ids(entries: Ids, ordinal: Ids | int = 0) -> Ids:
    """The ids in an index of the signals ``ordinal`` of ``entries``, int64 (n,).

    The ordinal counts the signals of one type and space in an entry, so an entry that has one of
    each type has ordinal 0 in every index.
    """
    return (entries << ORDINAL_BITS) | ordinal


def _split(
    alike: Alike, names: frozenset[IndexName] | None, keyed: Keyed
) -> Iterator[tuple[IndexName, Additions]]:
    """What stands in which index."""
    types = types_by_name()
    structured = _least(alike, alike.layout.structure, "f", MIN_STRUCTURE)
    for one in alike.layout.items:
        if (known := types.get(one.type)) is None:
            continue  # a newer release's: this one has no index of them
        if names is not None and IndexName(one.type, one.space) not in names:
            continue
        fit = structured if known.structural else None
        if known.grade is not None and one.quality:
            trusted = _least(alike, one.at + one.width, one.quality, known.grade.least)
            fit = trusted if fit is None or trusted is None else fit & trusted
        values = np.ascontiguousarray(alike.signals[:, one.at : one.at + one.width])
        if known.keys is not None:
            keys = [known.keys.listed(value.tobytes()) for value in values]
            values = np.frombuffer(keyed.many(keys), np.uint8).reshape(-1, known.key_width)
        ids, groups, enabled = alike.ids, alike.bank_ids, alike.in_force
        if fit is not None and not fit.all():
            if not fit.any():
                continue
            ids, groups, enabled, values = ids[fit], groups[fit], enabled[fit], values[fit]
        yield (
            IndexName(one.type, one.space),
            Additions(index_ids(ids, one.ordinal), values, groups, enabled),
        )


def _least(alike: Alike, at: int, number: str, least: float) -> Bools | None:
    """Whose number at ``at`` is ``least`` or more; ``None`` where there is no such number."""
    if at < 0:
        return None
    kind = np.dtype("<i4" if number == "i" else "<f8")
    column = np.ascontiguousarray(alike.signals[:, at : at + kind.itemsize])
    fit: Bools = column.view(kind)[:, 0] >= least
    return fit


def _enabled(batch: Additions) -> Bools:
    return np.ones(len(batch.ids), np.bool_) if batch.enabled is None else batch.enabled
