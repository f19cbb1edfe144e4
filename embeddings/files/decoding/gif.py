"""GIF: the first frame, in its place on the canvas, and files that were cut off.

What a frame leaves uncovered is transparent, whatever colour the file calls its background: so it
is in browsers.
"""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageFile

from embeddings.files.decoding.decoded import Decoded, enough
from embeddings.files.formats import FileContents
from embeddings.files.srgb import Colours


def load(contents: FileContents, image: ImageFile.ImageFile, factor: int) -> Decoded:
    """The first frame on its canvas. Raises ``UnreadableImageError``."""
    rows = None
    interlaced = any(isinstance(tile.args, tuple) and tile.args[1] for tile in image.tile)
    try:
        image.load()
    except (OSError, EOFError):
        if not contents.cut_off or interlaced:
            raise
        rows = _there(image)
    left, top = contents.offset
    if contents.decoded_size == (contents.width, contents.height):
        return Decoded(image, Colours(), factor, rows=rows)
    page = Image.new("RGBA", (contents.width, contents.height))
    page.paste(image.convert("RGBA"), (left, top))
    return Decoded(page, Colours(), factor, rows=None if rows is None else top + rows)


def _there(image: ImageFile.ImageFile) -> int:
    """How many rows the decoder came to before the data ended; the rest is as it was before."""
    image.tile = []
    untouched = image.info.get("transparency", 0)
    there = (np.asarray(image) != untouched).any(axis=1)
    return enough(int(np.flatnonzero(there)[-1]) + 1 if there.any() else 0, image.height)
