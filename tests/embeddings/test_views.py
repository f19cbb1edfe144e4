"""Pictures within a picture are found; a picture is not taken apart."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from embeddings.network.preparing.views import MOST, views
from evaluation.corpora import samples


def _photograph(name: str, side: int = 240) -> NDArray[np.uint8]:
    image: NDArray[np.uint8] = np.asarray(samples.photograph(name).image)
    step = min(image.shape[:2]) // side
    return np.ascontiguousarray(image[::step, ::step][:side, :side])


@pytest.fixture
def cat() -> NDArray[np.uint8]:
    """uint8 (240, 240, 3)."""
    return _photograph("cat")


@pytest.fixture
def cup() -> NDArray[np.uint8]:
    """uint8 (240, 240, 3)."""
    return _photograph("coffee")


def _holds(parts: list[NDArray[np.uint8]], picture: NDArray[np.uint8]) -> bool:
    """Whether one of ``parts`` is ``picture``, give or take a few pixels."""
    return any(
        abs(part.shape[0] - picture.shape[0]) <= 8
        and abs(part.shape[1] - picture.shape[1]) <= 8
        and np.abs(part.mean((0, 1)) - picture.mean((0, 1))).max() < 6
        for part in parts
    )


def test_both_of_two_pictures_side_by_side_are_found(
    cat: NDArray[np.uint8], cup: NDArray[np.uint8]
) -> None:
    """Each is a view of its own."""
    parts = views(np.concatenate((cat, cup), 1))
    assert _holds(parts, cat)
    assert _holds(parts, cup)


@pytest.mark.parametrize("colour", [0, 255])
def test_a_letterbox_is_taken_off(cat: NDArray[np.uint8], colour: int) -> None:
    """What the bars frame is a view."""
    framed = np.pad(cat, ((70, 70), (0, 0), (0, 0)), constant_values=colour)
    assert _holds(views(framed), cat)


def test_a_picture_pasted_onto_another_is_found(
    cat: NDArray[np.uint8], cup: NDArray[np.uint8]
) -> None:
    """Its four sides are edges that cross what lies beneath."""
    pasted = cup.repeat(2, 0).repeat(2, 1)
    pasted[100:340, 60:300] = cat
    assert _holds(views(pasted), cat)


def test_a_picture_in_a_page_is_found(cat: NDArray[np.uint8]) -> None:
    """As in a screenshot: a bar above, a ground around, lines of text below."""
    page = np.full((520, 300, 3), 245, np.uint8)
    page[:40] = 60
    page[80:320, 30:270] = cat
    page[350:500:20, 30:200] = 90
    assert _holds(views(page), cat)


def test_most_pictures_hold_no_other(cat: NDArray[np.uint8]) -> None:
    """A photograph by itself has no framed part."""
    assert views(cat) == []


def test_there_are_never_more_than_asked_for() -> None:
    """A page of frames within frames yields the likeliest ones."""
    tiles = np.random.default_rng(0).integers(0, 255, (4, 4, 3), np.uint8)
    page = tiles.repeat(90, 0).repeat(90, 1)
    assert len(views(page)) <= MOST
    assert len(views(page, 2)) <= 2


@pytest.mark.parametrize("shape", [(1, 1), (1, 5000), (20, 20), (31, 400), (4000, 33)])
def test_any_shape_is_taken(shape: tuple[int, int]) -> None:
    """Thin and tiny pictures are looked at, or left alone, without an error."""
    noise = np.random.default_rng(1).integers(0, 255, (*shape, 3), np.uint8)
    for part in views(noise):
        assert part.size > 0


@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_flat_picture_has_no_parts(level: int) -> None:
    """Nothing frames anything."""
    assert views(np.full((300, 300, 3), level, np.uint8)) == []
