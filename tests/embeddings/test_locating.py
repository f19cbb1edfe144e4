"""A rectangle is cut out where the answer shows one beyond doubt, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from embeddings.network.preparing.locating import CELLS, SIDE, WHOLE, ImageShare, glance, picture

Answer = NDArray[np.float32]


def covered(part: ImageShare) -> Answer:
    """How much of each cell ``part`` covers: what a locator that is always right would say."""
    edges = np.arange(CELLS + 1) / CELLS
    spans = []
    for low, high in ((part.top, part.bottom), (part.left, part.right)):
        inside = np.clip(edges, low, high)
        spans.append((inside[1:] - inside[:-1]) * CELLS)
    return np.outer(*spans).astype(np.float32)


@st.composite
def parts(draw: st.DrawFn) -> ImageShare:
    """Rectangles large enough to be what a page shows, and small enough to leave a page."""
    left, top = draw(st.floats(0, 0.5)), draw(st.floats(0, 0.5))
    width, height = draw(st.floats(0.45, 0.9)), draw(st.floats(0.45, 0.9))
    right, bottom = min(1.0, left + width), min(1.0, top + height)
    assume((right - left) * (bottom - top) < 0.75)
    return ImageShare(left, top, right, bottom)


@given(parts())
def test_a_clear_rectangle_is_found_to_half_a_cell(part: ImageShare) -> None:
    found = picture(covered(part))
    for side in ("left", "top", "right", "bottom"):
        assert abs(getattr(found, side) - getattr(part, side)) <= 0.5 / CELLS


@given(parts(), st.integers(0, 2**32 - 1))
def test_a_little_doubt_does_not_hide_it(part: ImageShare, seed: int) -> None:
    doubt = np.random.default_rng(seed).uniform(-0.1, 0.1, (CELLS, CELLS))
    found = picture(np.clip(covered(part) + doubt, 0, 1).astype(np.float32))
    assert found != WHOLE
    assert abs(found.left - part.left) <= 1 / CELLS


@given(parts())
def test_a_mirrored_answer_gives_the_mirrored_part(part: ImageShare) -> None:
    found, turned = picture(covered(part)), picture(covered(part)[:, ::-1].copy())
    assert (turned.left, turned.right) == pytest.approx((1 - found.right, 1 - found.left))


@pytest.mark.parametrize(
    "answer",
    [
        np.ones((CELLS, CELLS)),
        np.full((CELLS, CELLS), 0.6),
        np.zeros((CELLS, CELLS)),
        np.full((CELLS, CELLS), 0.49),
        np.maximum(covered(ImageShare(0.3, 0, 0.7, 1)), covered(ImageShare(0, 0.3, 1, 0.7))),
        covered(ImageShare(0, 0, 0.4, 0.4)) + covered(ImageShare(0.6, 0.6, 1, 1)),
        covered(ImageShare(0.1, 0.1, 0.3, 0.3)),
        covered(ImageShare(0.02, 0.02, 1, 1)),
        np.random.default_rng(0).random((CELLS, CELLS)),
        0.7 * covered(ImageShare(0.2, 0.2, 0.8, 0.8)),
    ],
    ids=["all", "most", "none", "unsure", "cross", "two", "small", "nearly all", "noise", "dim"],
)
def test_what_is_no_clear_rectangle_leaves_the_image_whole(answer: Answer) -> None:
    assert picture(answer.astype(np.float32)) == WHOLE


def test_a_part_is_whole_pixels_and_never_empty() -> None:
    box = ImageShare(0.26, 0.5, 0.51, 0.74).within(10, 20)
    assert (box.left, box.top, box.right, box.bottom) == (5, 5, 11, 8)
    everything = WHOLE.within(3, 1)
    assert (everything.left, everything.top, everything.right, everything.bottom) == (0, 0, 1, 3)


def test_a_glance_averages() -> None:
    image = np.zeros((2 * SIDE, 2 * SIDE, 3), np.uint8)
    image[::2] = 200
    assert (glance(image) == 100).all()
