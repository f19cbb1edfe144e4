"""What a replica knows beside its indexes, and how far it is: banks, keys, code spaces."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from service.store import Bank, Commit, Key


@dataclass(frozen=True)
class Known:
    """What the replica knows beside the indexes, replaced as a whole."""

    commit: Commit
    """That the indexes are up to."""
    banks: Mapping[str, Bank]
    """By name."""
    banks_by_id: Mapping[int, Bank]
    keys: Mapping[str, Key]
    """By key id; revoked ones are absent."""
    spaces: Mapping[int, frozenset[str]]
    """Bank id to the code spaces of which it holds codes: those of which it held some once, and
    some bank does now."""
    hashed: Mapping[str, frozenset[int]]
    """By type, ids of the banks that hold hashes of pictures, PDQ among them, or held some until
    lately."""
    filled: frozenset[int] = frozenset()
    """Ids of the banks that hold an entry that is enabled."""


@dataclass(frozen=True)
class Freshness:
    """How far the replica is."""

    sequence: int
    age_seconds: float
    """Since the replica was last known to hold everything that was committed."""
