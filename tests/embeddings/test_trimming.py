"""Margins of one colour are left out, the same ones on every device, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from embeddings.edits import compression, filters, geometry
from embeddings.network.preparing.trimming import CELLS, SAMPLES, content, sampled
from embeddings.network.preparing.views import Box
from evaluation.corpora.samples import photographs


@pytest.fixture(scope="module")
def photograph() -> Image.Image:
    """One that has no margin of its own: 320 by 240."""
    return next(photographs()).image.resize((320, 240))


def near(one: Box, other: Box, pixels: float) -> bool:
    ends = ("left", "top", "right", "bottom")
    return all(abs(getattr(one, end) - getattr(other, end)) <= pixels for end in ends)


def test_a_photograph_stays_whole(photograph: Image.Image) -> None:
    assert content(np.asarray(photograph)) == Box(0, 0, 320, 240)


@pytest.mark.parametrize("colour", [(255, 255, 255), (0, 0, 0), (200, 30, 90)])
def test_a_letterbox_is_left_out_to_a_cell(
    photograph: Image.Image, colour: tuple[int, int, int]
) -> None:
    framed = geometry.letterbox(photograph, 0.5, colour)
    margin = (framed.height - 240) // 2
    whole = Box(0, margin, 320, margin + 240)
    assert near(content(np.asarray(framed)), whole, framed.height / CELLS + 1)


def test_a_border_around_a_letterbox_is_left_out_too(photograph: Image.Image) -> None:
    framed = geometry.letterbox(photograph, 0.6, (0, 0, 0))
    left = (framed.height - 240) // 2
    framed = geometry.border(framed, 0.1, (255, 255, 255))
    edge = (framed.width - 320) // 2
    whole = Box(edge, edge + left, edge + 320, edge + left + 240)
    assert near(content(np.asarray(framed)), whole, framed.height / CELLS + 1)


def test_recompression_and_light_noise_do_not_stop_it(photograph: Image.Image) -> None:
    framed = geometry.border(photograph, 0.25, (240, 240, 240))
    clean = content(np.asarray(framed))
    assert clean != Box(0, 0, framed.width, framed.height)
    rough = compression.jpeg(filters.noise(framed, 4, np.random.default_rng(0)), 30)
    assert near(content(np.asarray(rough)), clean, 2 * framed.width / CELLS)


@pytest.mark.parametrize("shape", [(500, 400), (64, 64), (65, 4000), (3000, 70)])
def test_one_colour_is_all_there_is(shape: tuple[int, int]) -> None:
    """What has no content is not made smaller."""
    image = np.full((*shape, 3), 77, np.uint8)
    assert content(image) == Box(0, 0, shape[1], shape[0])


def test_a_speck_is_not_blown_up() -> None:
    """Next to nothing on an empty page is no picture: the page stays as it is."""
    image = np.full((640, 640, 3), 255, np.uint8)
    image[300:330, 300:330] = 0
    assert content(image) == Box(0, 0, 640, 640)


def test_an_icons_worth_of_pixels_is_no_picture() -> None:
    """A picture of a few pixels on a small page would be blown up until everything resembles it."""
    image = np.full((64, 64, 3), 255, np.uint8)
    image[20:40, 20:40] = np.random.default_rng(0).integers(0, 256, (20, 20, 3))
    assert content(image) == Box(0, 0, 64, 64)
    larger = np.full((96, 96, 3), 255, np.uint8)
    larger[30:60, 30:60] = np.random.default_rng(0).integers(0, 256, (30, 30, 3))
    assert content(larger) != Box(0, 0, 96, 96)


def test_small_images_stay_whole() -> None:
    image = np.full((CELLS - 1, 300, 3), 255, np.uint8)
    image[20:40, 100:200] = 0
    assert content(image) == Box(0, 0, 300, CELLS - 1)


@given(st.integers(1, 5000))
def test_samples_lie_within_and_spread_evenly(length: int) -> None:
    places = sampled(length)
    assert len(places) == CELLS * SAMPLES
    assert places[0] >= 0
    assert places[-1] < length
    steps = np.diff(places)
    assert steps.max() - steps.min() <= 1


@given(st.integers(64, 400), st.integers(64, 400), st.tuples(*[st.integers(0, 40)] * 4))
def test_content_is_never_cut(height: int, width: int, margins: tuple[int, int, int, int]) -> None:
    """Whatever the margins around a chequered picture, the box found holds all of it."""
    top, bottom, left, right = margins
    image = np.full((top + height + bottom, left + width + right, 3), 128, np.uint8)
    rows, columns = np.mgrid[0:height, 0:width] // 16
    image[top : top + height, left : left + width] = ((rows + columns) % 2 * 255)[..., None]
    box = content(image)
    # A cell may touch the content's edge and have its samples outside; one that halves the squares
    # is as grey as the margin.
    slack_down, slack_across = (2 * side / CELLS + 1 for side in image.shape[:2])
    assert box.left <= left + slack_across
    assert box.top <= top + slack_down
    assert box.right >= left + width - slack_across
    assert box.bottom >= top + height - slack_down
