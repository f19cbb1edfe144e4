"""A row's tag: its group and its own radius in one 32-bit word, as kernels read it

A tag is ``own << 22 | slot``: ``slot`` numbers the groups in use from 0, ``own`` is the widest
radius at which the entry may match, 0 to 256 bits. On a device the tag of a row that is removed or
disabled is -1, so one word read for the few rows near a query decides everything but the distance.
A search brings a table of radii, one for each slot, -1 where a group is not searched. It knows
groups; not rows.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from embeddings.codes import CODE_BITS
from index.contract.arguments import radii_of
from index.contract.errors import RowsError
from index.contract.interface import Groups, Radius
from index.gpu.rows.directory import Tags

SLOT_BITS: Final = 22
DEAD: Final = -1

_SLOT: Final = (1 << SLOT_BITS) - 1


class GroupSlots:
    """The groups in use, numbered from 0 as they first came."""

    def __init__(self) -> None:
        self._groups = np.empty(0, np.int32)
        self._sorted = np.empty(0, np.int32)
        self._order = np.empty(0, np.int64)

    def __len__(self) -> int:
        return len(self._groups)

    @property
    def all(self) -> Groups:
        """The groups that have a slot."""
        return self._groups

    def tags(self, groups: Groups, own: int = CODE_BITS) -> Tags:
        """Tags of rows of ``groups``; new groups get a slot. Raises ``RowsError`` beyond 4M."""
        fresh = np.setdiff1d(groups, self._groups)
        if len(fresh):
            if len(self._groups) + len(fresh) > _SLOT:
                raise RowsError(f"an index has at most {_SLOT} groups")
            self._groups = np.concatenate([self._groups, fresh])
            self._order = np.argsort(self._groups)
            self._sorted = self._groups[self._order]
        slots = self._order[np.searchsorted(self._sorted, groups)]
        return (slots | own << SLOT_BITS).astype(np.int32)

    def groups(self, tags: Tags) -> Groups:
        """The groups of ``tags``."""
        groups: Groups = self._groups[tags & _SLOT]
        return groups

    def radii(self, radius: Radius) -> NDArray[np.int32]:
        """The radius of each slot, int32 (slots,), -1 where it is not searched."""
        return radii_of(self._groups, radius)


def with_own(tags: Tags, own: int) -> Tags:
    """``tags`` of entries that match at ``own`` bits or nearer only."""
    return ((tags & _SLOT) | own << SLOT_BITS).astype(np.int32)
