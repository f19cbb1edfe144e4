"""What single edits do to a picture, on pictures made to show it."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from embeddings.edits import (
    canvas,
    colour,
    compose,
    drawings,
    filters,
    geometry,
    render,
    screens,
    text,
)
from evaluation.corpora import samples

RED, GREEN, BLUE = (220, 20, 30), (20, 200, 40), (30, 40, 210)


def _rng() -> np.random.Generator:
    return np.random.default_rng(11)


def _values(image: Image.Image) -> NDArray[np.int16]:
    return np.asarray(image).astype(np.int16)


def _contains(page: Image.Image, picture: Image.Image) -> bool:
    """Whether ``picture`` stands in ``page``, pixel for pixel."""
    big, small = np.asarray(page), np.asarray(picture)
    windows = np.lib.stride_tricks.sliding_window_view(big, (8, 8, 3))[:, :, 0]
    corner = (windows == small[:8, :8]).all(axis=(2, 3, 4))
    return any(
        np.array_equal(big[y : y + small.shape[0], x : x + small.shape[1]], small)
        for y, x in zip(*np.nonzero(corner), strict=True)
    )


@pytest.mark.parametrize("fraction", [0.8, 0.5, 0.3, 0.2])
def test_a_crop_keeps_that_share_of_the_area_and_the_shape(fraction: float) -> None:
    image = Image.new("RGB", (300, 200))
    cropped = geometry.crop(image, fraction, _rng())
    assert cropped.width * cropped.height == pytest.approx(fraction * 60_000, rel=0.02)
    assert cropped.width / cropped.height == pytest.approx(1.5, rel=0.02)


@pytest.mark.parametrize("degrees", [-170, -45, -20, 5, 37, 45, 80, 90, 133])
@pytest.mark.parametrize("size", [(200, 200), (300, 120), (90, 310)])
def test_turning_inside_shows_no_corner(degrees: float, size: tuple[int, int]) -> None:
    turned = _values(geometry.rotate_inside(Image.new("RGB", size, (255, 255, 255)), degrees))
    assert turned.min() == 255
    # The largest square in a long strip at 45 degrees has half the shorter side's square.
    assert turned.shape[0] * turned.shape[1] > 0.45 * min(size) ** 2


def test_four_quarter_turns_and_two_mirrors_give_the_picture_back() -> None:
    image = samples.photograph("coffee").image.resize((60, 40))
    turned = image
    for _ in range(4):
        turned = geometry.rotate(turned, 90)
    assert turned.tobytes() == image.tobytes()
    assert geometry.mirror(geometry.mirror(image)).tobytes() == image.tobytes()
    assert geometry.flip(geometry.mirror(image)).tobytes() == geometry.rotate(image, 180).tobytes()


def test_perspective_maps_each_corner_of_the_picture_inward() -> None:
    seen = _values(geometry.perspective(Image.new("RGB", (200, 100), RED), 0.4, _rng(), GREEN))
    assert tuple(seen[50, 100]) == RED
    assert tuple(seen[0, 0]) == tuple(seen[-1, -1]) == GREEN


def test_border_and_letterbox_keep_the_picture_whole() -> None:
    image = samples.photograph("cat").image.resize((90, 60))
    assert geometry.border(image, 0.1).size == (102, 72)
    assert geometry.letterbox(image, 0.5).size == (90, 180)
    assert geometry.letterbox(image, 3.0).size == (180, 60)
    for framed in (geometry.border(image, 0.1), geometry.letterbox(image, 3.0, BLUE)):
        assert _contains(framed, image)


def test_squash_changes_one_side() -> None:
    image = Image.new("RGB", (100, 80))
    assert geometry.squash(image, 0.5).size == (50, 80)
    assert geometry.squash(image, 2.0).size == (100, 40)


def test_a_whole_turn_of_hue_changes_nothing_and_a_third_moves_red_to_green() -> None:
    image = Image.new("RGB", (4, 4), RED)
    assert np.abs(_values(colour.hue(image, 360)) - RED).max() <= 1
    assert np.argmax(_values(colour.hue(image, 120))[0, 0]) == 1
    grey = Image.new("RGB", (4, 4), (90, 90, 90))
    assert np.abs(_values(colour.hue(grey, 77)) - 90).max() <= 1


@pytest.mark.parametrize("bits", [1, 2, 3])
def test_posterising_leaves_few_levels_from_black_to_white(bits: int) -> None:
    ramp = Image.fromarray(np.tile(np.arange(256, dtype=np.uint8)[None, :, None], (2, 1, 3)))
    levels = np.unique(_values(colour.posterise(ramp, bits)))
    assert len(levels) == 2**bits
    assert levels[[0, -1]].tolist() == [0, 255]


def test_pixelating_leaves_that_many_cells() -> None:
    image = samples.photograph("coffee").image.resize((160, 80))
    cells = np.unique(_values(filters.pixelate(image, 8)).reshape(-1, 3), axis=0)
    assert len(cells) <= 8 * 4


def test_captions_and_bands_show_their_words_and_a_band_adds_height() -> None:
    image = Image.new("RGB", (200, 100), BLUE)
    for edge in ("top", "bottom"):
        ink = (_values(text.caption(image, "hello", 0.2, edge)) == 255).all(axis=2)
        assert 20 < ink.sum() < 0.2 * ink.size
        assert ink[:50].any() == (edge == "top")
        assert ink[50:].any() == (edge == "bottom")
    band = text.band(image, "some words of a band", 0.3)
    assert band.size == (200, 130)
    assert _contains(band, image)
    assert (_values(band)[:30] < 60).all(axis=2).any()


def test_a_long_text_stays_within_its_band() -> None:
    band = text.band(Image.new("RGB", (160, 100), RED), "word " * 12, 0.4)
    strip = _values(band)[:40]
    assert (strip[[0, -1]] == 255).all()
    assert (strip < 100).any()


def test_screens_show_the_whole_picture_and_more() -> None:
    image = samples.photograph("coffee").image.resize((120, 80))
    for screen in screens.SCREENS:
        for other in (None, Image.new("RGB", (50, 70), GREEN)):
            page = screen(image, _rng(), other)
            assert _contains(page, image)
            assert page.width * page.height > 1.3 * 120 * 80


def test_composing_keeps_the_picture_at_the_size_asked_for() -> None:
    image = samples.photograph("cat").image.resize((120, 80))
    other = Image.new("RGB", (77, 99), GREEN)
    page = compose.paste_onto(image, other, 0.5, _rng())
    assert page.size == image.size
    assert _contains(page, canvas.scaled(image, 60, 40))
    pair = compose.side_by_side(image, other, first=False)
    assert pair.height == 80
    assert _contains(pair, image)
    blended = _values(compose.blend(image, other, 0.25))
    assert np.abs(blended - (0.75 * _values(image) + 0.25 * np.array(GREEN))).max() <= 1


def test_a_collage_shows_the_picture_once_in_a_random_pane() -> None:
    image, other = Image.new("RGB", (100, 100), RED), Image.new("RGB", (30, 30), GREEN)
    seen = set()
    for seed in range(20):
        sheet = _values(compose.collage(image, [other], np.random.default_rng(seed)))
        panes = [tuple(sheet[y, x]) for y in (20, 80) for x in (20, 80)]
        assert panes.count(RED) == 1
        seen.add(panes.index(RED))
    assert seen == {0, 1, 2, 3}


def test_halftone_leaves_ink_and_paper_in_the_pictures_proportion() -> None:
    for level in (64, 128, 192):
        dots = _values(render.halftone(Image.new("RGB", (200, 200), (level,) * 3), 6.0))
        assert dots.mean() == pytest.approx(level, abs=20)
        assert ((dots < 40) | (dots > 215)).mean() > 0.6


def test_smoothing_removes_texture_and_keeps_the_edge() -> None:
    values = np.zeros((100, 100, 3), np.int16)
    values[:, 50:] = 200
    values += np.random.default_rng(0).integers(0, 30, values.shape, dtype=np.int16)
    smoothed = _values(render.smooth(Image.fromarray(values.astype(np.uint8)), 4, 40.0))
    assert smoothed[10:-10, 10:40].std() < 0.6 * values[10:-10, 10:40].std()
    assert smoothed[:, 60].mean() - smoothed[:, 40].mean() > 150


def test_a_palette_has_at_most_that_many_colours() -> None:
    image = samples.photograph("coffee").image.resize((150, 100))
    for dithered in (False, True):
        values = _values(render.palette(image, 6, dithered)).reshape(-1, 3)
        assert len(np.unique(values, axis=0)) <= 6


def test_line_art_is_black_on_white() -> None:
    drawn = _values(render.line_art(samples.photograph("coffee").image.resize((300, 200)), 1.0))
    assert (drawn > 200).mean() > 0.5
    assert 0.01 < (drawn < 60).mean() < 0.4


def _drawing() -> Image.Image:
    """A dark ring on white paper with a red spot beside it."""
    image = Image.new("RGB", (100, 100), (255, 255, 255))
    draw = ImageDraw.Draw(image)
    draw.ellipse((20, 20, 70, 70), outline=(0, 0, 0), width=4)
    draw.ellipse((76, 76, 90, 90), fill=RED)
    return image


def test_another_ground_reaches_the_rim_but_not_into_closed_shapes() -> None:
    ground = _values(drawings.replace_ground(_drawing(), _rng(), Image.new("RGB", (9, 9), BLUE)))
    assert tuple(ground[2, 2]) == tuple(ground[95, 5]) == tuple(ground[73, 73]) == BLUE
    assert tuple(ground[45, 45]) == (255, 255, 255)
    assert tuple(ground[83, 83]) == RED


def test_lines_grow_thicker_and_thinner() -> None:
    def ink(image: Image.Image) -> int:
        return int((_values(image) < 60).all(axis=2).sum())

    image = _drawing()
    assert ink(drawings.line_weight(image, -1)) < ink(image) < ink(drawings.line_weight(image, 1))


def test_swapped_fills_stay_flat_and_keep_their_outline() -> None:
    swapped = _values(drawings.swap_fills(_drawing(), 1, _rng()))
    paper = swapped[:15].reshape(-1, 3)
    assert len(np.unique(paper, axis=0)) == 1
    assert tuple(paper[0]) != (255, 255, 255)
    assert tuple(swapped[83, 83]) == RED


@pytest.mark.parametrize("size", [(1, 5000), (5000, 1), (400, 300), (3, 3)])
def test_bounding_keeps_small_pictures_and_shrinks_large_ones(size: tuple[int, int]) -> None:
    image = Image.new("RGB", size)
    small = canvas.bounded(image, 1000)
    assert small.width * small.height <= 1000
    if size == (400, 300):
        assert small.width / small.height == pytest.approx(4 / 3, rel=0.05)
    if size == (3, 3):
        assert small is image
