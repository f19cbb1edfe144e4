"""Which ids stand at the rows of an immutable part, their groups, and which of them are live.

Rows are sorted by id, so that an id is found by bisection: no hash map, 13 bytes a row. Values are
replaced, never changed in place, so a reader that holds one sees one moment. It knows nothing of
codes or digests.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from index.contract.interface import Groups, Ids

REMOVED, DISABLED, ENABLED = 0, 1, 2

Status = NDArray[np.uint8]
"""uint8 (n,): REMOVED, DISABLED or ENABLED."""


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows of one part, sorted by id."""

    ids: Ids
    groups: Groups
    status: Status

    def __len__(self) -> int:
        """Rows, removed ones included."""
        return len(self.ids)

    @property
    def nbytes(self) -> int:
        """Memory, bytes."""
        return self.ids.nbytes + self.groups.nbytes + self.status.nbytes

    @property
    def present(self) -> int:
        """Rows that are not removed."""
        return int(np.count_nonzero(self.status))

    @property
    def enabled(self) -> int:
        """Rows that are enabled."""
        return int(np.count_nonzero(self.status == ENABLED))

    def find(self, ids: Ids) -> NDArray[np.int64]:
        """The rows of those of ``ids`` that stand here and are not removed."""
        if not len(self.ids):
            return np.empty(0, np.int64)
        at = np.minimum(np.searchsorted(self.ids, ids), len(self.ids) - 1)
        found: NDArray[np.int64] = at[(self.ids[at] == ids) & (self.status[at] != REMOVED)]
        return found

    def marked(self, rows: NDArray[np.int64], status: int) -> Rows:
        """The same rows, with ``rows`` set to ``status``."""
        changed = self.status.copy()
        changed[rows] = status
        return replace(self, status=changed)
