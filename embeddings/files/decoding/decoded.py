"""A decoded image, and how much of it a file that was cut off had left."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from PIL import Image

from embeddings.errors import UnreadableImageError
from embeddings.files.srgb import Colours

LEAST_SHARE: Final = 0.9
"""Of its rows: with less, a file that was cut off is not read."""


@dataclass(frozen=True, eq=False)
class Decoded:
    """An image of any mode, as stored: before orientation and colours."""

    image: Image.Image
    colours: Colours
    factor: int = 1
    """By which it is still to be reduced."""
    lower: Image.Image | None = None
    """Of samples of 16 bits the lower halves, where ``image`` has the upper ones."""
    rows: int | None = None
    """How many rows of ``image`` the file had, where it was cut off."""
    from_bottom: bool = False
    """Whether these are the lowest ones."""
    opaque: bool = False
    """Whether some programs show it without its transparency."""


def enough(rows: int, height: int) -> int:
    """``rows``, if that is enough of ``height``. Raises ``UnreadableImageError``."""
    if rows < LEAST_SHARE * height:
        raise UnreadableImageError(f"the image is truncated: {rows} of its {height} rows are there")
    return rows
