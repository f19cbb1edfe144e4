"""What tells one kind of rows from another: how rows become a segment that can be searched.

Codes, digests and FAISS's scan share everything else: changes, merging, files, scrubbing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from index.contract.interface import Groups, Ids

MOST_ROWS: Final = 1 << 24
"""Rows of a segment: their numbers fit 24 bits."""

Columns = tuple[NDArray[Any], ...]
"""What rows hold beside id and group, each (n, k)."""


class Segment(Protocol):
    """Rows that no longer change."""

    @property
    def ids(self) -> Ids:
        """The id of each row."""
        ...

    @property
    def groups(self) -> Groups:
        """The groups of the rows, in any order; each may be named often."""
        ...

    @property
    def columns(self) -> Columns:
        """What the rows hold beside id and group, row for row."""
        ...

    def __len__(self) -> int:
        """Rows, removed ones included."""
        ...

    def find(self, ids: Ids) -> NDArray[np.int64]:
        """The row of each of ``ids``, -1 where there is none."""
        ...

    def groups_of(self, rows: NDArray[np.int64]) -> Groups:
        """The group of each row."""
        ...

    def parts(self) -> Mapping[str, NDArray[Any]]:
        """The arrays it is made of, as its file names them.

        The same objects at each call: scrubbing knows them again.
        """
        ...


S = TypeVar("S", bound=Segment)


@dataclass(frozen=True)
class RowKind(Generic[S]):
    """One kind of rows."""

    name: str
    """Which implementation answers, as ``/v1/status`` shows it."""
    width: int
    """Bytes a row, as callers hand them over."""
    columns: Callable[[NDArray[np.uint8]], Columns]
    """From rows, uint8 (n, ``width``), to what is kept of them."""
    build: Callable[[Ids, Groups, Columns, int], S]
    """A segment of rows in any order, with unique ids; on so many threads."""
    load: Callable[[Mapping[str, NDArray[Any]]], S]
    """The segment of these parts. Raises ``DamagedFileError`` unless their sizes agree."""


@dataclass(frozen=True, eq=False)
class ById:
    """The rows of a segment, sorted by id, so that an id is found by bisection."""

    ids: Ids
    groups: Groups
    """int32 (n,): of each row."""

    def __len__(self) -> int:
        """Rows, removed ones included."""
        return len(self.ids)

    def find(self, ids: Ids) -> NDArray[np.int64]:
        """The row of each of ``ids``, -1 where there is none."""
        at = np.minimum(np.searchsorted(self.ids, ids), len(self) - 1)
        return np.where(self.ids[at] == ids, at, -1)

    def groups_of(self, rows: NDArray[np.int64]) -> Groups:
        """The group of each row."""
        return self.groups[rows]


def by_id(ids: Ids, groups: Groups, columns: Columns) -> tuple[Ids, Groups, Columns]:
    """The rows in ascending order of their ids."""
    if bool((ids[1:] > ids[:-1]).all()):
        return ids, groups, columns
    order = np.argsort(ids, kind="stable")
    return ids[order], groups[order], tuple(column[order] for column in columns)
