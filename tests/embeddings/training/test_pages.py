"""Pages and their masks: what is the picture's is marked, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from embeddings.network.preparing.locating import CELLS, SIDE
from embeddings.training.batches import pages

pytestmark = pytest.mark.slow

RED, BLUE = (230, 20, 20), (20, 20, 230)


@pytest.mark.parametrize("seed", range(40))
def test_the_mask_marks_the_picture_on_its_page(seed: int) -> None:
    """A red picture, and nothing else of that red on a page: the mask is where it is red."""
    red, blue = Image.new("RGB", (140, 100), RED), Image.new("RGB", (90, 120), BLUE)
    page, mask = pages.drawn(red, blue, np.random.default_rng(seed))
    assert page.size == mask.size
    marked = np.asarray(mask)
    is_red = np.abs(np.asarray(page).astype(int) - RED).max(2) <= 2
    if marked.min() == 255:  # one picture, whatever is on it
        assert is_red.any()
        return
    # Where something lies on the picture neither is.
    assert (is_red[marked == 255]).mean() > 0.99
    assert not is_red[marked == 0].any()


def test_a_sample_depends_on_its_generator_alone() -> None:
    rng = np.random.default_rng(5)
    images = [Image.fromarray(rng.integers(0, 255, (90, 120, 3), np.uint8)) for _ in range(2)]
    for seed in range(8):
        one, other = (
            pages.sample(images[0], images[1], np.random.default_rng(seed), "nonphoto", 112)
            for _ in range(2)
        )
        assert one[0].shape == (SIDE, SIDE, 3)
        assert one[1].shape == (CELLS, CELLS)
        for left, right in zip(one, other, strict=True):
            np.testing.assert_array_equal(left, right)


def test_a_picture_too_small_to_be_what_a_page_shows_is_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Then everything counts as the picture."""
    small = Image.new("L", (120, 90), 0)
    small.paste(255, (10, 10, 30, 30))
    gravel = Image.fromarray(np.random.default_rng(3).integers(0, 255, (90, 120, 3), np.uint8))
    monkeypatch.setattr(pages, "drawn", lambda *_: (gravel, small))
    _, answer = pages.sample(gravel, gravel, np.random.default_rng(0), "photo", 112)
    assert (answer == 255).all()
