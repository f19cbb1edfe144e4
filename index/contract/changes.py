"""What a caller asks an index to change, as values.

It knows ids, codes and groups; not what becomes of them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from embeddings.codes import CODE_BYTES, Codes
from index.contract.interface import Groups, Ids


def _no_ids() -> Ids:
    return np.empty(0, np.int64)


@dataclass(frozen=True, eq=False)
class Additions:
    """Rows to hold."""

    ids: Ids = field(default_factory=_no_ids)
    codes: Codes = field(default_factory=lambda: np.empty((0, CODE_BYTES), np.uint8))
    """uint8 (n, 32); for an index of digests, uint8 (n, width)."""
    groups: Groups = field(default_factory=lambda: np.empty(0, np.int32))
    enabled: NDArray[np.bool_] | None = None
    """bool (n,); all enabled when it is not given."""


@dataclass(frozen=True, eq=False)
class Changes:
    """Changes that come into force together.

    They apply in this order: ``remove``, ``add``, ``disable``, ``enable``; so an entry is replaced
    by removing and adding its id at once.
    """

    remove: Ids = field(default_factory=_no_ids)
    add: Additions = field(default_factory=Additions)
    disable: Ids = field(default_factory=_no_ids)
    enable: Ids = field(default_factory=_no_ids)


@dataclass(frozen=True)
class Applied:
    """How many ids each kind of change found present."""

    removed: int
    added: int
    disabled: int
    enabled: int


class Changeable(ABC):
    """An index whose every change is an ``apply``: the contract's other ways to change it."""

    @abstractmethod
    def apply(self, changes: Changes) -> Applied:
        """Bring ``changes`` into force together."""

    def add(self, ids: Ids, codes: Codes, groups: Groups) -> None:
        """Add enabled rows; all, or none and ``RowsError`` or ``DuplicateIdError``."""
        self.apply(Changes(add=Additions(ids, codes, groups)))

    def remove(self, ids: Ids) -> int:
        """Remove ids; those that are absent are passed over. Returns how many were present."""
        return self.apply(Changes(remove=ids)).removed

    def set_enabled(self, ids: Ids, enabled: bool) -> int:
        """Enable or disable ids; those that are absent are passed over.

        Returns how many were present.
        """
        if enabled:
            return self.apply(Changes(enable=ids)).enabled
        return self.apply(Changes(disable=ids)).disabled
