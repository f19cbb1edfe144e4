"""What an index is told that it was fed, as one text beside the number of the change.

It is the mark of the store's commit, and with it whether entries were left out and which the newest
entry was then. It knows texts; not what is fed.
"""

from __future__ import annotations

from typing import Final, NamedTuple

_FLAWED: Final = "flawed "
_NEWEST: Final = " newest "


class FedMark(NamedTuple):
    """The mark of an index, in its parts."""

    mark: str
    """Of the commit."""
    flawed: bool
    """Whether the index lacks entries that were not what was written. No store holds the whole
    text, so the next start reads all entries again instead of forgetting that some are missing."""
    newest: int | None
    """The highest id of an entry that there was: a later one is new, whatever its row says of when
    it changed. Not known of indexes of earlier releases."""

    @property
    def text(self) -> str:
        """As the index keeps it."""
        newest = "" if self.newest is None else f"{_NEWEST}{self.newest}"
        return f"{_FLAWED if self.flawed else ''}{self.mark}{newest}"


def parsed_mark(text: str) -> FedMark:
    """The parts of an index's mark."""
    mark, _, newest = text.removeprefix(_FLAWED).partition(_NEWEST)
    known = int(newest) if newest.isascii() and newest.isdigit() else None
    return FedMark(mark, text.startswith(_FLAWED), known)
