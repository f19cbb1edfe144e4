"""What an import did or would do to a list, and why one is refused once that is known.

It knows numbers and reasons; how they are found out stands in ``imports``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from service.domain.errors import ImportRefusedError
from service.domain.values import Mode, RejectedLine

SHRINK_SHARE: Final = 0.2
"""Of the entries of a list: more than this are not removed unless the caller says so."""

SHRINK_FROM: Final = 10
"""Entries: the share means something from here on."""


@dataclass(frozen=True)
class ImportDiff:
    """What an import did, or with ``dry_run`` would do."""

    bank: str
    provider: str
    list: str
    list_version: str
    dry_run: bool
    mode: Mode
    added: int
    updated: int
    """Content changed, or listed again after it was removed."""
    held: int
    """On the list before."""
    removed: int
    """On the list before and no longer: tombstoned."""
    unchanged: int
    after: int
    """On the list then."""
    withdrawn: int
    """Lines that say that an item is no longer listed, whether it was or not."""
    duplicates: int
    """Lines that repeat an earlier one exactly."""
    digest_only: int
    """Valid lines whose image has too little structure: their digests match, PDQ and codes do
    not."""
    rejected: tuple[RejectedLine, ...]
    """The first of them; ``rejected_count`` counts all."""
    rejected_count: int
    max_rejected: int
    allow_shrink: bool
    sequence: int
    """Of the commit; with ``dry_run`` of the newest commit before."""

    @property
    def too_many_rejected(self) -> bool:
        """Whether more lines were rejected than the caller allowed."""
        return self.rejected_count > self.max_rejected

    @property
    def shrinks(self) -> bool:
        """Whether so much of the list would go that the caller must allow it, and did not."""
        return (
            not self.allow_shrink
            and self.held >= SHRINK_FROM
            and self.removed > SHRINK_SHARE * self.held
        )

    @property
    def refused(self) -> bool:
        """Whether nothing may commit."""
        return self.too_many_rejected or self.shrinks


class RefusedDiffError(ImportRefusedError):
    """A list was compared with what is there, and refused for what that showed."""

    def __init__(self, message: str, diff: ImportDiff) -> None:
        """Carry the diff, so that it can be shown."""
        super().__init__(message)
        self.diff = diff


class TooManyRejectedError(RefusedDiffError):
    """More lines were rejected than the caller allowed; nothing was committed."""

    code = "too_many_rejected"

    def __init__(self, diff: ImportDiff) -> None:
        """Name the first rejected line."""
        first = diff.rejected[0]
        super().__init__(
            f"{diff.rejected_count} lines rejected, and max_rejected allows {diff.max_rejected}:"
            f" nothing was imported; the first is line {first.line}: {first.reason}",
            diff,
        )


class ListShrinksError(RefusedDiffError):
    """The new version lacks much of what the list held: it may have been cut off."""

    code = "list_shrinks"

    def __init__(self, diff: ImportDiff) -> None:
        """Say how much would go."""
        super().__init__(
            f"this version would remove {diff.removed} of the list's {diff.held} entries, more than"
            f" {SHRINK_SHARE:.0%}: nothing was imported; if the list is whole, allow it to shrink",
            diff,
        )


class NoValidLineError(RefusedDiffError):
    """Every line of the list was rejected."""

    code = "empty_list"

    def __init__(self, diff: ImportDiff) -> None:
        """Name the first rejected line."""
        first = diff.rejected[0]
        super().__init__(
            f"every line was rejected, {diff.rejected_count} in all: nothing was imported; the"
            f" first is line {first.line}: {first.reason}",
            diff,
        )
