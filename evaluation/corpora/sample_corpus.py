"""The shipped sample images as a corpus: what is measured where the reader names no folder.

Names and order are those of the same pictures saved as PNG in folders ``photo/`` and ``nonphoto/``,
so a measurement of either gives the same numbers. Nothing is written. It knows nothing of edits,
hashes or metrics.
"""

from __future__ import annotations

import io
from collections.abc import Sequence

from PIL import Image

from evaluation.corpora import samples
from evaluation.corpora.corpus import Corpus, CorpusLimits, Item

NAME = "the shipped samples"

_SMALL = (
    ("cat", "coffee", "coins", "bricks", "grass", "tissue"),
    (
        "owl",
        "house",
        "comic",
        "town_map",
        "rosette",
        "teapot",
    ),
)
_SMALL_SIDE = 192


class SampleCorpus(Corpus):
    """Sample images held in memory: RGB, under a megapixel each."""

    def __init__(self, chosen: Sequence[samples.Sample]) -> None:
        """Use ``sample_corpus``."""
        ordered = sorted(chosen, key=_name)
        items = tuple(Item(_name(one), one.kind, "", "") for one in ordered)
        super().__init__(NAME, items, (), CorpusLimits())
        self._images = [one.image for one in ordered]

    def read(self, index: int) -> bytes:
        """The bytes of one image, as a PNG file."""
        buffer = io.BytesIO()
        self._images[index].save(buffer, "PNG")
        return buffer.getvalue()

    def image(self, index: int) -> Image.Image:
        """One image, RGB, to be changed freely."""
        return self._images[index].copy()


def sample_corpus(small: bool = False) -> SampleCorpus:
    """All samples, or with ``small`` a dozen of them at thumbnail size: enough to run every step,
    too few to say anything.
    """
    if not small:
        return SampleCorpus([*samples.photographs(), *samples.drawings()])
    photographs, drawings = _SMALL
    chosen = [*map(samples.photograph, photographs), *map(samples.drawing, drawings)]
    for one in chosen:
        one.image.thumbnail((_SMALL_SIDE, _SMALL_SIDE))
    return SampleCorpus(chosen)


def _name(sample: samples.Sample) -> str:
    return f"{sample.kind}/{sample.name}.png"
