"""A segment: codes that no longer change, sorted and with tables.

Rows are sorted by group, then id, so that a bank's rows are one run. The parts, by their name
in the file (see ``container``), for n rows in g groups::

    ids      int64 (n)          id of each row
    order    uint32 (n) or (0)  rows by ascending id; empty when rows are in that order already
    groups   int32 (g)          the groups, ascending
    bounds   int64 (g + 1)      where each group's rows begin, and n
    head     int64 (2 n)        first 128 bits of each row, in the order of ``permutation``
    tail     int64 (2 n)        last 128 bits
    offsets  uint32 (16 × 65537) or (0)   per table: where each sub-code's places begin, and n
    checks   uint16 (16 n) or (0)         per table and place: the row's next sub-code
    rows     uint8 (48 n) or (0)          per table and place: the row, 24 bits

Small segments have no tables: scanning them is quicker. It knows which rows exist; whether they
are still in force is in a ``Part``. It knows nothing of writers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from index.contract.errors import DamagedFileError
from index.contract.interface import Groups, Ids
from index.kernels.build.loading import kernels
from index.kernels.probing import BUCKETS, TABLES
from index.storage.kind import MOST_ROWS, Columns

_PARTS: Final = (
    *("ids", "order", "groups", "bounds", "head", "tail"),
    *("offsets", "checks", "rows"),
)


@dataclass(frozen=True, eq=False)
class CodeSegment:
    """The arrays above; each may be read ``intrinsics.PADDING`` bytes past its end."""

    ids: Ids
    order: NDArray[np.uint32]
    groups: Groups
    bounds: NDArray[np.int64]
    head: NDArray[np.int64]
    tail: NDArray[np.int64]
    offsets: NDArray[np.uint32]
    checks: NDArray[np.uint16]
    rows: NDArray[np.uint8]
    routes: dict[Any, Any] = field(default_factory=dict, repr=False)
    """What ``routing`` keeps here."""

    def __len__(self) -> int:
        """Rows, removed ones included."""
        return len(self.ids)

    @property
    def has_tables(self) -> bool:
        """Whether rows can be found without a scan."""
        return len(self.offsets) > 0

    def parts(self) -> dict[str, NDArray[Any]]:
        """The arrays by name."""
        return {name: getattr(self, name) for name in _PARTS}

    @classmethod
    def of(cls, parts: Mapping[str, NDArray[Any]]) -> Self:
        """The segment of ``parts``; ``DamagedFileError`` unless their types and sizes agree."""
        n, g = len(parts["ids"]), len(parts["groups"])
        table_rows = n if len(parts["offsets"]) else 0
        expected: dict[str, tuple[str, int]] = {
            "ids": ("int64", n),
            "order": ("uint32", n if len(parts["order"]) else 0),
            "groups": ("int32", g),
            "bounds": ("int64", g + 1),
            "head": ("int64", 2 * n),
            "tail": ("int64", 2 * n),
            "offsets": ("uint32", TABLES * (BUCKETS + 1) if table_rows else 0),
            "checks": ("uint16", TABLES * table_rows),
            "rows": ("uint8", 3 * TABLES * table_rows),
        }
        found = {name: (str(part.dtype), len(part)) for name, part in parts.items()}
        if found != expected or n > MOST_ROWS:
            raise DamagedFileError(f"a segment of {n} rows whose parts disagree")
        arrays: dict[str, Any] = {name: parts[name] for name in _PARTS}
        return cls(**arrays)

    def find(self, ids: Ids) -> NDArray[np.int64]:
        """The row of each of ``ids``, -1 where there is none."""
        rows = np.empty(len(ids), np.int64)
        kernels().find(self.ids, self.order, ids, rows)
        return rows

    def groups_of(self, rows: NDArray[np.int64]) -> Groups:
        """The group of each row."""
        if len(self.groups) == 1:
            return np.full(len(rows), self.groups[0], np.int32)
        return self.groups[np.searchsorted(self.bounds, rows, "right") - 1]

    @property
    def columns(self) -> Columns:
        """The halves of each code: int64 (n, 2) twice."""
        return self.head.reshape(-1, 2), self.tail.reshape(-1, 2)
