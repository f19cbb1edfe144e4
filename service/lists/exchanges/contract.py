"""What every exchange promises: pages of a list, or of what changed of it since a checkpoint.

A *checkpoint* says up to where a list was fetched; only the exchange knows what it means. It moves
when every page since the last one was read, never before: some exchanges give their entries in no
order of time, so that a checkpoint taken half way would leave some out for good. A *place* says
which page comes next; it may expire.

It knows no format: pages are kept as they came, and ``service.lists.formats`` reads them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO, Protocol


@dataclass(frozen=True)
class Turn:
    """What a page says of the pages after it."""

    place: str | None
    """Where the next page is; ``None``: this was the last."""
    checkpoint: str | None
    """Up to where the list is fetched, as far as this page knows; ``None``: it does not say."""
    name: str = ""
    """The page's own name, where its format is told by that."""


class Exchange(Protocol):
    """One list at one exchange."""

    @property
    def format(self) -> str | None:
        """In which format of ``service.lists.formats`` the pages are; ``None``: by their names and
        first bytes."""
        ...

    @property
    def whole(self) -> bool:
        """Whether the pages are all of the list each time, not what changed since a checkpoint."""
        ...

    def page(self, since: str | None, place: str | None, out: BinaryIO) -> Turn | None:
        """Write one page to ``out``: the one at ``place``, or the first after the checkpoint
        ``since``, ``None`` being the beginning. ``None``: nothing is new since then.

        Raises ``ExchangeError``.
        """
        ...

    def later(self, one: str, other: str) -> str:
        """The later of two checkpoints that pages of one fetch gave."""
        ...
