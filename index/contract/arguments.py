"""Checks of what callers hand to an index, done once, before any work.

It knows shapes, types and ranges; not how an index stores or searches them.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from embeddings.codes import CODE_BITS
from index.contract.errors import DuplicateIdError, RadiusError, RowsError
from index.contract.interface import Groups, Ids, Radius


def checked_ids(ids: Ids) -> Ids:
    """``ids`` as C-contiguous int64 (n,), each >= 0; else ``RowsError``."""
    array = np.asarray(ids)
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise RowsError(f"ids must be int64 (n,), not {array.dtype} {array.shape}")
    array = np.ascontiguousarray(array, np.int64)
    if array.size and int(array.min()) < 0:
        raise RowsError(f"ids must be >= 0, not {int(array.min())}")
    return array


def distinct_ids(ids: Ids) -> Ids:
    """``checked_ids`` in rising order, each once; those that already are, as a store's mostly are,
    are not sorted again."""
    array = checked_ids(ids)
    rising = bool((array[1:] > array[:-1]).all())
    return array if rising else np.unique(array)


def checked_rows(
    ids: Ids, payload: NDArray[np.uint8], groups: Groups, width: int
) -> tuple[Ids, NDArray[np.uint8], Groups]:
    """The rows of one ``add``, sorted by id and owned by the callee: later writes by the caller do
    no harm.

    ``payload`` is uint8 (n, ``width``). Raises ``RowsError``, or ``DuplicateIdError`` for an id
    given twice.
    """
    ids = checked_ids(ids)
    payload, groups = np.asarray(payload), np.asarray(groups)
    if payload.dtype != np.uint8 or payload.shape != (len(ids), width):
        expected = f"uint8 ({len(ids)}, {width})"
        raise RowsError(f"rows must be {expected}, not {payload.dtype} {payload.shape}")
    if groups.shape != ids.shape or (groups.size and groups.dtype.kind not in "iu"):
        raise RowsError(f"groups must be int32 ({len(ids)},), not {groups.dtype} {groups.shape}")
    if groups.size and not 0 <= int(groups.min()) <= int(groups.max()) <= np.iinfo(np.int32).max:
        raise RowsError("groups must be 0..2147483647")
    if len(ids) > 1 and not bool((ids[1:] > ids[:-1]).all()):
        order = np.argsort(ids, kind="stable")
        ids, payload, groups = ids[order], payload[order], groups[order]
        twice = ids[1:][ids[1:] == ids[:-1]]
        if len(twice):
            raise DuplicateIdError(int(twice[0]), len(twice))
    return ids.copy(), np.array(payload, order="C"), groups.astype(np.int32)


def checked_radius(radius: Radius) -> Radius:
    """``radius`` itself once every value is 0..256 bits; else ``RadiusError``."""
    for value in radius.values() if isinstance(radius, Mapping) else (radius,):
        if not 0 <= value <= CODE_BITS:
            raise RadiusError(f"a radius is 0..{CODE_BITS} bits, not {value}")
    return radius


def checked_neighbours(k: int) -> int:
    """``k`` itself once it is at least 1; else ``RadiusError``."""
    if k < 1:
        raise RadiusError(f"k must be at least 1, not {k}")
    return k


def checked_limit(limit: int | None) -> int | None:
    """``limit`` itself once it is none or at least 1; else ``RadiusError``."""
    if limit is not None and limit < 1:
        raise RadiusError(f"a limit is at least 1, not {limit}")
    return limit


def radii_of(groups: Groups, radius: Radius) -> NDArray[np.int32]:
    """The radius in force for each of ``groups``:

    int32, the same shape, bits; -1 where it is not searched.
    """
    if not isinstance(radius, Mapping):
        return np.full(groups.shape, radius, np.int32)
    if not radius:
        return np.full(groups.shape, -1, np.int32)
    known = np.array(sorted(radius), np.int64)
    values = np.array([radius[int(group)] for group in known], np.int32)
    at = np.minimum(np.searchsorted(known, groups), len(known) - 1)
    return np.where(known[at] == groups, values[at], np.int32(-1)).astype(np.int32)


def widest(radius: Radius) -> int:
    """The largest radius in force, bits; -1 when no group is searched."""
    if isinstance(radius, Mapping):
        return max(radius.values(), default=-1)
    return radius
