"""What a request will cost, before its work is begun: in pixels, and in bytes of memory.

An image is weighed by what its header announces; signals as a few pixels, so that all queries wait
in one queue. The figures are rounded from measurements (docs/benchmarks.md, "Attacks on the door"):
they decide the order of work and how much of it is admitted, no answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from embeddings.errors import ImageError
from embeddings.files.formats import Format
from embeddings.files.images import ImageLimits, announced, reduction

SIGNALS: Final = 2.0**13
"""Pixels in whose time signals are matched."""

HEAVY: Final = 2.0**24
"""Pixels beyond which an image keeps a worker for so long that one other is left for the rest."""

_NETWORK: Final = 2.0**20
"""Pixels in whose time an image is encoded once it is decoded."""
_VIEWS: Final = 3.0
"""Times as much, with views."""
_LOOKS: Final = 7.0
"""Times what the network takes, to list it."""
_PIXELS: Final[dict[Format, float]] = {"jpeg": 0.25}
"""By format, how much of a pixel a pixel costs; JPEG is decoded at a reduced size."""
_BYTES: Final[dict[Format, int]] = {"jpeg": 4, "png": 5, "avif": 9}
"""By format, bytes a pixel takes while it is decoded (``embeddings.files.images``)."""
_MOST_BYTES: Final = 17
_UNREDUCED: Final = 23
"""The same of one that is not reduced while it is decoded, in any format."""
_LARGE: Final = 2**22
"""Pixels beyond which only what is long and narrow is not reduced."""
_NARROW: Final = 4.0
"""Times as much as a pixel costs there: colours are worked out at the full size."""
_COPIES: Final = 3
"""Of the file, while it is decoded."""


@dataclass(frozen=True)
class RequestWeight:
    """What an image will cost."""

    cost: float
    """Pixels."""
    memory: int
    """Bytes."""


def weigh(
    data: bytes, limits: ImageLimits, views: bool = False, listed: bool = False
) -> RequestWeight:
    """What the image in ``data`` will cost, to ask with or to be ``listed``; one that will be
    refused costs little."""
    try:
        contents = announced(data, limits)
    except ImageError:
        return RequestWeight(_NETWORK, _COPIES * len(data))
    pixels = contents.width * contents.height
    each = _PIXELS.get(contents.format, 1.0)
    taken = max(_BYTES.get(contents.format, _MOST_BYTES), 3 * contents.pixel_bytes + 8)
    if reduction(contents.width, contents.height, contents.orientation) == 1:
        taken = max(taken, _UNREDUCED)
        each *= _NARROW if pixels > _LARGE else 1.0
    if contents.inner:  # which may have as many pixels together
        each *= 2
    cost = _NETWORK * (_LOOKS if listed else 1.0) + pixels * each
    memory = _COPIES * len(data) + pixels * taken
    return RequestWeight(cost * (_VIEWS if views else 1.0), memory)


def owed(further: int) -> float:
    """What an image cost beyond that, in pixels: only decoding it shows how many ``further``
    pictures are in it that look different, each of which is encoded."""
    return _NETWORK * further
