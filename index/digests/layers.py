"""A store of fixed-width rows in a few immutable layers, safe to change while others read it.

Every change builds new layers or new status bytes beside the old ones and then swaps one reference.
A reader takes that reference once and works on it: it never waits and never sees half a change.
Layers are merged as they grow (each at least ``GROWTH`` times the next), so there are O(log n) of
them and an entry is copied O(log n) times in its life. Merging runs in the writer's call.

It knows widths and ids; how a layer answers queries is its subclass's business.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Generic, Protocol, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from index.contract.arguments import checked_ids, checked_rows
from index.contract.changes import Applied, Changes, Entries
from index.contract.errors import DuplicateIdError
from index.contract.interface import Ids
from index.digests.rows import DISABLED, ENABLED, REMOVED, Rows, Status

GROWTH = 4


class Layer(Protocol):
    """An immutable set of rows with a payload each."""

    @property
    def rows(self) -> Rows:
        """Ids, groups and status of the rows."""
        ...

    @property
    def payload(self) -> NDArray[np.uint8]:
        """uint8 (n, width), row for row."""
        ...

    def with_rows(self, rows: Rows) -> Self:
        """The same payload under a new status."""
        ...


L = TypeVar("L", bound=Layer)


class Layers(Generic[L]):
    """The layers in force, and the writes that replace them."""

    def __init__(self, width: int, build: Callable[[Rows, NDArray[np.uint8]], L]) -> None:
        """``width``: bytes a payload; ``build``: makes a layer of rows and payloads."""
        self._width = width
        self._build = build
        self._writing = threading.Lock()
        self._current: tuple[L, ...] = ()

    @property
    def current(self) -> tuple[L, ...]:
        """The layers of this moment; take it once per query."""
        return self._current

    def apply(self, changes: Changes) -> Applied:
        """Bring ``changes`` into force in one step; all, or none and ``RowsError``."""
        add = changes.add
        # No rows at all have no width either.
        codes = add.codes if len(add.ids) else np.empty((0, self._width), np.uint8)
        ids, payload, groups = checked_rows(add.ids, codes, add.groups, self._width)
        with self._writing:
            stack, removed = _marked(self._current, changes.remove, REMOVED)
            # A layer that is mostly tombstones is rewritten: deleted rows must not pile up.
            stack = [
                kept
                for layer in stack
                for kept in (
                    (layer,) if 2 * layer.rows.present > len(layer.rows) else self._merged([layer])
                )
            ]
            if len(ids):
                stack = self._added(stack, Rows(ids, groups, _status(add, ids)), payload)
            stack, disabled = _marked(stack, changes.disable, DISABLED)
            stack, enabled = _marked(stack, changes.enable, ENABLED)
            self._current = tuple(stack)
        return Applied(removed, len(ids), disabled, enabled)

    def restore(self, layers: tuple[L, ...]) -> None:
        """Hold ``layers`` and nothing else, in one step."""
        with self._writing:
            self._current = layers

    def joined(self, layers: Sequence[L]) -> L | None:
        """What is not removed in ``layers`` as one of them; ``None`` if that is nothing."""
        merged = self._merged(list(layers))
        return merged[0] if merged else None

    def _added(self, stack: list[L], rows: Rows, payload: NDArray[np.uint8]) -> list[L]:
        for layer in stack:
            present = layer.rows.find(rows.ids)
            if len(present):
                raise DuplicateIdError(int(layer.rows.ids[present[0]]), len(present))
        stack = [*stack, self._build(rows, payload)]
        small = len(stack) - 1
        while small and len(stack[small - 1].rows) < GROWTH * sum(
            len(layer.rows) for layer in stack[small:]
        ):
            small -= 1
        return [*stack[:small], *self._merged(stack[small:])]

    def _merged(self, stack: list[L]) -> tuple[L, ...]:
        """One layer of what is not removed in ``stack``, or none."""
        kept = [layer.rows.status != REMOVED for layer in stack]
        if not stack:
            return ()
        if len(stack) == 1 and bool(kept[0].all()):
            return (stack[0],)

        def gather(columns: list[np.ndarray]) -> np.ndarray:
            return np.concatenate([c[k] for c, k in zip(columns, kept, strict=True)])

        ids = gather([layer.rows.ids for layer in stack])
        if not len(ids):
            return ()
        groups = gather([layer.rows.groups for layer in stack])
        status = gather([layer.rows.status for layer in stack])
        payload = gather([layer.payload for layer in stack])
        if not bool((ids[1:] > ids[:-1]).all()):
            order = np.argsort(ids, kind="stable")
            ids, groups, status, payload = ids[order], groups[order], status[order], payload[order]
        return (self._build(Rows(ids, groups, status), payload),)


def _marked(stack: Sequence[L], ids: Ids, status: int) -> tuple[list[L], int]:
    """``stack`` with those of ``ids`` that are present set to ``status``, and how many they are."""
    if not len(ids):
        return list(stack), 0
    ids, marked, out = np.unique(checked_ids(ids)), 0, []
    for layer in stack:
        rows = layer.rows.find(ids)
        marked += len(rows)
        out.append(layer.with_rows(layer.rows.marked(rows, status)) if len(rows) else layer)
    return out, marked


def _status(add: Entries, ids: Ids) -> Status:
    """Of the rows to add, whose ``ids`` are sorted."""
    status = np.full(len(ids), ENABLED, np.uint8)
    if add.enabled is not None:
        off = np.asarray(add.ids)[~np.asarray(add.enabled)]
        status[np.searchsorted(ids, np.sort(off))] = DISABLED
    return status
