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
from embeddings.files.images import ImageLimits, announced

SIGNALS: Final = 2.0**13
"""Pixels in whose time signals are matched."""

HEAVY: Final = 2.0**24
"""Pixels beyond which an image keeps a worker for so long that one other is left for the rest."""

_NETWORK: Final = 2.0**20
"""Pixels in whose time an image is encoded once it is decoded."""
_VIEWS: Final = 3.0
"""Times as much, with views."""
_PIXELS: Final[dict[Format, float]] = {"jpeg": 0.25}
"""By format, how much of a pixel a pixel costs; JPEG is decoded at a reduced size."""
_BYTES: Final[dict[Format, int]] = {"jpeg": 4, "png": 5, "avif": 9}
"""By format, bytes a pixel takes while it is decoded (``embeddings.files.images``)."""
_MOST_BYTES: Final = 17
_COPIES: Final = 3
"""Of the file, while it is decoded."""


@dataclass(frozen=True)
class Weight:
    """What an image will cost."""

    cost: float
    """Pixels."""
    memory: int
    """Bytes."""


def weigh(data: bytes, limits: ImageLimits, views: bool = False) -> Weight:
    """What the image in ``data`` will cost; one that will be refused costs little."""
    try:
        contents = announced(data, limits)
    except ImageError:
        return Weight(_NETWORK, _COPIES * len(data))
    pixels = contents.width * contents.height
    cost = _NETWORK + pixels * _PIXELS.get(contents.format, 1.0)
    memory = _COPIES * len(data) + pixels * _BYTES.get(contents.format, _MOST_BYTES)
    return Weight(cost * (_VIEWS if views else 1.0), memory)
