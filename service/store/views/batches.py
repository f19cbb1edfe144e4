"""Entries as arrays: what an index is fed, and the check that it is what was written.

Rows of one layout are one table of bytes. It knows no index; which signals stand in which is the
replica's to say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import compress
from typing import TYPE_CHECKING, Any, Final

from service.store.core.models import EntryRow
from service.store.entries.packing import SignalLayout, parsed
from service.store.entries.rows import CHECKED, IN_FORCE, REMOVED, is_whole, whole_rows

if TYPE_CHECKING:  # commands that read no entries start without NumPy
    import numpy as np
    from numpy.typing import NDArray

READ: Final = (EntryRow.id, EntryRow.bank_id, EntryRow.list_id, *CHECKED)
"""The columns of a row that ``Reader`` takes."""


@dataclass(frozen=True, eq=False)
class Alike:
    """Entries whose signals are laid out alike."""

    layout: SignalLayout
    ids: NDArray[np.int64]
    """(n,), internal."""
    bank_ids: NDArray[np.int32]
    """(n,)."""
    in_force: NDArray[np.bool_]
    """(n,); the others are disabled."""
    signals: NDArray[np.uint8]
    """(n, ``layout.size``)."""


@dataclass(frozen=True, eq=False)
class EntryBatch:
    """What an index must know of some entries."""

    ids: NDArray[np.int64]
    """(n,): of all of them, those that are removed too."""
    bank_ids: frozenset[int]
    alike: tuple[Alike, ...]
    """Those that are not removed."""
    several: Mapping[int, int] = field(default_factory=dict)
    """Of entries that had several signals of one type and space: id to how many, at most."""


class Reader:
    """Makes batches of rows, and notes what is wrong with them."""

    def __init__(self, bank_of: Mapping[int, int], damaged: dict[int, int]) -> None:
        """``bank_of``: list id to bank id, of those that are whole; ``damaged`` gets the ids of
        entries that are not what was written, with their banks' (0 where that is none)."""
        self._pairs = frozenset(bank_of.items())
        self._banks = frozenset(bank_of.values())
        self._damaged = damaged

    def batch(self, rows: Sequence[Any]) -> EntryBatch:
        """Of rows of ``READ``; those that are damaged are in no batch."""
        import numpy as np

        gone = [row[0] for row in rows if row[3] == REMOVED and is_whole(*row[3:])]
        kept: Sequence[Any] = [row for row in rows if row[3] != REMOVED] if gone else rows
        kept = self._whole(kept)
        ids = np.array([*gone, *[row[0] for row in kept]], np.int64)
        banks = {row[1] for row in rows if row[3] == REMOVED and row[1] in self._banks}
        parts = tuple(_alike(layout, some) for layout, some in _by_layout(kept))
        for part in parts:
            banks.update(np.unique(part.bank_ids).tolist())
        return EntryBatch(ids, frozenset(banks), parts)

    def bad(self, rows: Sequence[Any]) -> dict[int, int]:
        """Those of ``rows`` that are not what was written, as ``damaged`` has them."""
        return {row[0]: self._bank(row[1]) for row in rows if not self._is_whole(row)}

    def _whole(self, rows: Sequence[Any]) -> Sequence[Any]:
        whole = whole_rows(rows)
        if all(whole) and {(row[2], row[1]) for row in rows} <= self._pairs:
            return rows
        good = [
            fine and (row[2], row[1]) in self._pairs for fine, row in zip(whole, rows, strict=True)
        ]
        bad = [row for fine, row in zip(good, rows, strict=True) if not fine]
        self._damaged.update({row[0]: self._bank(row[1]) for row in bad})
        return list(compress(rows, good))

    def _is_whole(self, row: Any) -> bool:  # noqa: ANN401 (a row of any query)
        return (row[2], row[1]) in self._pairs and is_whole(*row[3:])

    def _bank(self, bank_id: object) -> int:
        return bank_id if isinstance(bank_id, int) and bank_id in self._banks else 0


def _by_layout(rows: Sequence[Any]) -> list[tuple[str, Sequence[Any]]]:
    layouts = [row[4] for row in rows]
    if len(set(layouts)) == 1:
        return [(layouts[0], rows)]
    found: dict[str, list[Any]] = {}
    for layout, row in zip(layouts, rows, strict=True):
        found.setdefault(layout, []).append(row)
    return list(found.items())


def _alike(layout: str, rows: Sequence[Any]) -> Alike:
    import numpy as np

    laid = parsed(layout)
    ids, banks, _, states, _, _, _, signals, _ = zip(*rows, strict=True)
    return Alike(
        laid,
        np.array(ids, np.int64),
        np.array(banks, np.int32),
        np.array([state == IN_FORCE for state in states], np.bool_),
        np.frombuffer(b"".join(signals), np.uint8).reshape(len(rows), laid.size),
    )
