"""Images with something in them stand above the bound, empty ones below, compressed or not."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from embeddings.figures import MIN_STRUCTURE
from embeddings.hashes.structure import structure
from evaluation.corpora.samples import drawings, photograph, photographs

SIZES = [(400, 300), (513, 1021)]
QUALITIES = [None, 50, 20]


def compressed(image: Image.Image, quality: int | None) -> NDArray[np.uint8]:
    if quality is None:
        return np.array(image)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return np.array(Image.open(buffer))


def levels(plane: NDArray[np.float64]) -> Image.Image:
    """A grey plane (h, w), or a colour one (h, w, 3), as an image."""
    colour = plane if plane.ndim == 3 else np.repeat(plane[..., None], 3, axis=2)
    return Image.fromarray(np.clip(colour, 0, 255).astype(np.uint8))


def grid(width: int, height: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    return x / width, y / height


def flat(width: int, height: int) -> Image.Image:
    return Image.new("RGB", (width, height), (200, 120, 40))


def noise(width: int, height: int) -> Image.Image:
    return levels(128 + np.random.default_rng(1).normal(0, 8, (height, width, 3)))


def ramp(width: int, height: int) -> Image.Image:
    return levels(grid(width, height)[0] * 255)


def colours(width: int, height: int) -> Image.Image:
    x, y = grid(width, height)
    return levels(np.stack([(x + y) * 127, x * 255, y * 255], axis=-1))


def glow(width: int, height: int) -> Image.Image:
    x, y = grid(width, height)
    return levels(255 * np.exp(-12 * ((x - 0.5) ** 2 + (y - 0.4) ** 2)))


def vignette(width: int, height: int) -> Image.Image:
    x, y = grid(width, height)
    return levels(255 - 300 * ((x - 0.5) ** 2 + (y - 0.5) ** 2))


def dot(width: int, height: int) -> Image.Image:
    image = Image.new("RGB", (width, height), "white")
    box = (width * 0.48, height * 0.48, width * 0.52, height * 0.52)
    ImageDraw.Draw(image).ellipse(box, fill="black")
    return image


def paper(width: int, height: int) -> Image.Image:
    """Two whites one can hardly tell apart."""
    image = Image.new("RGB", (width, height), "white")
    image.paste((251, 250, 246), (width // 5, height // 5, width // 2, height // 2))
    return image


EMPTY: list[Callable[[int, int], Image.Image]]
EMPTY = [flat, noise, ramp, colours, glow, vignette, dot, paper]


@pytest.mark.parametrize("quality", QUALITIES)
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("draw", EMPTY)
def test_empty_images_stand_below(
    draw: Callable[[int, int], Image.Image], size: tuple[int, int], quality: int | None
) -> None:
    assert structure(compressed(draw(*size), quality)) < MIN_STRUCTURE * 0.8


def circle(width: int, height: int) -> Image.Image:
    image = Image.new("RGB", (width, height), "white")
    box = (width * 0.2, height * 0.2, width * 0.8, height * 0.8)
    ImageDraw.Draw(image).ellipse(box, outline="black")
    return image


def figure(width: int, height: int) -> Image.Image:
    image = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(image)
    draw.ellipse((width * 0.4, height * 0.1, width * 0.6, height * 0.35), outline=(90, 90, 90))
    for ends in [(0.5, 0.35, 0.5, 0.7), (0.5, 0.7, 0.3, 0.95), (0.5, 0.7, 0.7, 0.95)]:
        line = [end * side for end, side in zip(ends, (width, height) * 2, strict=True)]
        draw.line(line, fill=(90, 90, 90), width=2)
    return image


def equal_brightness(width: int, height: int) -> Image.Image:
    """Stripes that differ in colour alone."""
    x, y = grid(width, height)
    stripes = (np.sin(25 * x + 9 * y * y) > 0)[..., None]
    return levels(np.where(stripes, (200.0, 60.0, 60.0), (60.0, 122.0, 122.0)))


@pytest.mark.parametrize("quality", QUALITIES)
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("draw", [circle, figure, equal_brightness])
def test_simple_line_drawings_stand_above(
    draw: Callable[[int, int], Image.Image], size: tuple[int, int], quality: int | None
) -> None:
    assert structure(compressed(draw(*size), quality)) > MIN_STRUCTURE * 1.25


def test_every_sample_photograph_and_drawing_stands_above() -> None:
    all_samples = [*photographs(), *drawings()]
    found = {sample.name: structure(np.array(sample.image)) for sample in all_samples}
    assert len(found) > 30
    assert all(quality > MIN_STRUCTURE for quality in found.values()), found


def test_compression_and_size_hardly_change_it() -> None:
    image = photograph("cat").image
    plain = structure(np.array(image))
    for quality in (90, 50, 20):
        assert abs(structure(compressed(image, quality)) - plain) < 0.08
    half = image.resize((image.width // 2, image.height // 2), Image.Resampling.BOX)
    assert abs(structure(np.array(half)) - plain) < 0.08


def test_more_structure_scores_higher() -> None:
    scores = [structure(np.array(draw(400, 300))) for draw in (flat, dot, circle, equal_brightness)]
    assert scores == sorted(scores)
    assert len(set(scores)) == len(scores)


@pytest.mark.parametrize("size", [(1, 1), (1, 900), (5, 7), (16, 16), (2000, 23)])
def test_tiny_images_have_none(size: tuple[int, int]) -> None:
    rng = np.random.default_rng(2)
    assert structure(rng.integers(0, 256, (size[1], size[0], 3), np.uint8)) == 0


@pytest.mark.parametrize("size", [(24, 24), (33, 63), (64, 64), (65, 1200)])
def test_it_is_between_0_and_1_at_every_size(size: tuple[int, int]) -> None:
    rng = np.random.default_rng(2)
    assert 0.5 < structure(rng.integers(0, 2, (size[1], size[0], 3), np.uint8) * np.uint8(255)) <= 1
