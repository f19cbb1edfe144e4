"""The looks a network takes at one prepared image; what it pools of them is averaged.

One look costs the network's time. With ``mirrored`` an image and its mirror image have one code;
with ``turned`` a copy turned by a quarter shares one look of two, one turned by half none; with
``middle`` what was cut off or put around a copy counts for less (docs/training-log.md has what each
finds). It knows geometry; no pixels, and no tensor library: ``runtime`` and ``network`` do what is
said here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, TypeGuard, get_args

Look = Literal["whole", "mirrored", "turned", "middle"]
"""The image as it is; its mirror image, left to right; turned by a quarter, anticlockwise; and its
middle, enlarged to the same size."""

LOOKS: Final[tuple[Look, ...]] = get_args(Look)

_SHARE: Final = 0.7  # of each side that the middle has


def middle_part(side: int) -> slice:
    """The rows, and the columns, of an image of ``side`` pixels that are its middle."""
    kept = round(_SHARE * side)
    first = (side - kept) // 2
    return slice(first, first + kept)


def are_looks(names: object) -> TypeGuard[Sequence[Look]]:
    """Whether ``names`` is a sequence of one or more different looks."""
    return (
        isinstance(names, Sequence)
        and not isinstance(names, str)
        and 0 < len(names) == len({name for name in names if name in LOOKS})
    )
