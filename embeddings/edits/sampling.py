"""Random edits of rising strength: what a training program asks for.

``sample`` draws one to four edits and their parameters. Strength 0 gives mostly one gentle edit,
strength 1 chains of heavy ones, in between both shift steadily, so that a curriculum may move along
it. Drawings get their own edits besides the common ones. It knows nothing of benchmarks (their
edits are fixed and named elsewhere), nor of the network that is trained.
"""

from __future__ import annotations

from typing import Final, Literal

import numpy as np
from PIL import Image

from embeddings.edits.canvas import bounded
from embeddings.edits.choices import CHOICES, EditChoice

Kind = Literal["photo", "nonphoto"]

MAX_PIXELS: Final = 90_000
"""A view is never larger: 300 by 300. Screens grow a picture, and cost follows pixels."""


def drawn(rng: np.random.Generator, strength: float, kind: Kind) -> list[EditChoice]:
    """Which edits a view gets, in order: one or two at strength 0, one to four at 1."""
    weights = np.array(
        [
            (one.weak + (one.strong - one.weak) * strength)
            * (one.photo if kind == "photo" else one.nonphoto)
            for one in CHOICES
        ]
    )
    most = 1 + rng.binomial(3, 0.1 + 0.5 * strength)
    chosen: list[EditChoice] = []
    for index in rng.choice(len(CHOICES), 2 * most, replace=False, p=weights / weights.sum()):
        one = CHOICES[index]
        if len(chosen) < most and all(one.group != other.group for other in chosen):
            chosen.append(one)
    # What is uploaded was encoded last.
    return sorted(chosen, key=lambda one: one.group == "codec")


def sample(
    image: Image.Image,
    other: Image.Image,
    rng: np.random.Generator,
    strength: float,
    kind: Kind = "photo",
) -> Image.Image:
    """A random copy of ``image``: 1 to 4 edits, at most ``MAX_PIXELS`` large.

    ``other``: an unrelated picture, for the edits that need one. ``strength``: 0 gentle .. 1 heavy.
    ``kind``: drawings and renders draw their own edits more often. Deterministic given ``rng``.
    """
    view, second = bounded(image, MAX_PIXELS), bounded(other, MAX_PIXELS)
    for choice in drawn(rng, strength, kind):
        view = bounded(choice.draw(view, second, rng, strength), MAX_PIXELS)
    return view
