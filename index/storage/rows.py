"""What callers hand over, checked and cut to what a segment can hold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from index.contract.arguments import checked_ids, checked_rows
from index.contract.changes import Additions
from index.contract.errors import RowsError
from index.contract.interface import Groups, Ids
from index.storage.kind import MOST_ROWS


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows in ascending order of their ids, owned by nobody else."""

    ids: Ids
    payload: NDArray[np.uint8]
    """uint8 (n, width)."""
    groups: Groups
    off: Ids
    """Those that are not enabled, in any order."""


def rows_of(entries: Additions, width: int) -> Rows:
    """``entries``, each of ``width`` bytes. Raises ``RowsError`` or ``DuplicateIdError``."""
    # No rows at all have no width either.
    codes = entries.codes if len(entries.ids) else np.empty((0, width), np.uint8)
    ids, payload, groups = checked_rows(entries.ids, codes, entries.groups, width)
    return Rows(ids, payload, groups, _off(entries))


def in_chunks(entries: Iterable[Additions], width: int) -> Iterator[Rows]:
    """Batches as chunks that a segment can hold. Raises as ``rows_of`` does."""
    waiting: list[Rows] = []
    count = 0
    for batch in entries:
        for at in range(0, len(batch.ids), MOST_ROWS):
            cut = slice(at, at + MOST_ROWS)
            enabled = None if batch.enabled is None else batch.enabled[cut]
            some = Additions(batch.ids[cut], batch.codes[cut], batch.groups[cut], enabled)
            rows = rows_of(some, width)
            if count + len(rows.ids) > MOST_ROWS:
                yield _joined(waiting, width)
                waiting, count = [], 0
            waiting.append(rows)
            count += len(rows.ids)
    if count:
        yield _joined(waiting, width)


def _joined(waiting: list[Rows], width: int) -> Rows:
    columns = ((rows.ids, rows.payload, rows.groups, rows.off) for rows in waiting)
    ids, payload, groups, off = (np.concatenate(column) for column in zip(*columns, strict=True))
    return Rows(*checked_rows(ids, payload, groups, width), np.sort(off))


def _off(entries: Additions) -> Ids:
    if entries.enabled is None:
        return np.empty(0, np.int64)
    ids, enabled = checked_ids(entries.ids), np.asarray(entries.enabled)
    if enabled.dtype != np.bool_ or enabled.shape != ids.shape:
        expected = f"bool ({len(ids)},)"
        raise RowsError(f"enabled must be {expected}, not {enabled.dtype} {enabled.shape}")
    return ids[~enabled]
