"""JPEG: reduced while it is decoded, and read as far as it goes where it was cut off.

A file that ends early is given the marker it lacks (see ``formats.jpeg``). The decoder then fills
up what it has no data for with blocks of zeros, which are mid-grey in every channel: so the rows at
the bottom that are nothing else are those that are missing. A picture that truly ends in such a
grey counts as shorter than it is, never as longer.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from PIL import ImageFile

from embeddings.files.decoding.decoded import Decoded, enough
from embeddings.files.formats import FileContents
from embeddings.files.srgb import Colours

_GREY: Final = 128
_ROUNDING: Final = 1


def load(contents: FileContents, image: ImageFile.ImageFile, factor: int) -> Decoded:
    """The image, reduced by ``factor`` within the decoder. Raises ``UnreadableImageError``."""
    if factor > 1:
        image.draft(image.mode, (contents.width // factor, contents.height // factor))
    image.load()
    rows = None
    if contents.cut_off:
        pixels = np.asarray(image, np.int16).reshape(image.height, -1)
        there = (np.abs(pixels - _GREY) > _ROUNDING).any(axis=1)
        rows = enough(int(np.flatnonzero(there)[-1]) + 1 if there.any() else 0, image.height)
    return Decoded(image, Colours(contents.profile), rows=rows)
