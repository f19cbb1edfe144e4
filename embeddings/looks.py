"""The looks a network takes at one prepared image; what it pools of them is averaged.

One look costs the network's time, and each makes a code hardier against what it undoes: a mirrored
or turned copy is seen as its original was, and what has been cut off or put around it counts for
less beside its middle (docs/training-log.md has what each finds). It knows geometry; no pixels, and
no tensor library: ``runtime`` and ``network`` do what is said here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, get_args

Look = Literal["whole", "mirrored", "turned", "middle"]
"""The image as it is; its mirror image, left to right; turned by a quarter, anticlockwise; and its
middle, enlarged to the same size."""

LOOKS: Final[tuple[Look, ...]] = get_args(Look)

_SHARE: Final = 0.7  # of each side that the middle has


def middle(side: int) -> slice:
    """The rows, and the columns, of an image of ``side`` pixels that are its middle."""
    kept = round(_SHARE * side)
    first = (side - kept) // 2
    return slice(first, first + kept)


def are_looks(names: object) -> bool:
    """Whether ``names`` is a sequence of one or more different looks."""
    return (
        isinstance(names, Sequence)
        and not isinstance(names, str)
        and 0 < len(names) == len({name for name in names if name in LOOKS})
    )
