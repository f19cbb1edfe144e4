"""PDQ hashes agree with those of the reference implementation, which is not a dependency."""

from __future__ import annotations

import json
from dataclasses import astuple

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from embeddings.hashes.pdq import MIN_QUALITY, dihedral, pdq
from tests.embeddings.make_pdq_golden import DRAWINGS, GOLDEN, cases, picture


def bits_apart(left: bytes, right: bytes) -> int:
    return sum(a.bit_count() for a in (x ^ y for x, y in zip(left, right, strict=True)))


def test_hashes_and_qualities_are_those_of_the_reference() -> None:
    """Within 4 bits at every size, most of them identical.

    But for the few drawings of some 5 x 5 pixels that have less quality than may be matched: their
    coefficients are so much alike that the order of adding up decides which exceed the median.
    """
    golden = json.loads(GOLDEN.read_text())["hashes"]
    assert [tuple(row[:3]) for row in golden] == list(cases())
    apart = []
    for name, width, height, expected, quality in golden:
        found = pdq(picture(name, width, height))
        assert abs(found.quality - quality) <= 1, (name, width, height)
        if quality < MIN_QUALITY and name in DRAWINGS:
            continue
        apart.append(bits_apart(found.hash, bytes.fromhex(expected)))
        assert apart[-1] <= 4, (name, width, height)
    assert len(apart) > 100
    assert np.mean(np.array(apart) == 0) >= 0.6


def test_the_eight_orientations_are_those_of_the_reference() -> None:
    for name, width, height, expected in json.loads(GOLDEN.read_text())["dihedral"]:
        *found, _ = astuple(dihedral(picture(name, width, height)))
        for ours, theirs in zip(found, expected, strict=True):
            assert bits_apart(ours, bytes.fromhex(theirs)) <= 4, (name, width, height)


def test_live_against_the_reference_where_it_is_installed() -> None:
    reference = pytest.importorskip("pdqhash")
    rng = np.random.default_rng(5)
    for _ in range(60):
        width, height = rng.integers(5, 900, 2)
        rgb = picture("coffee", int(width), int(height))
        bits, quality = reference.compute(rgb)
        found = pdq(rgb)
        assert bits_apart(found.hash, np.packbits(bits.astype(np.uint8)).tobytes()) <= 4
        assert abs(found.quality - quality) <= 1


TURNS = {
    "original": lambda rgb: rgb,
    "rotate90": lambda rgb: np.rot90(rgb),
    "rotate180": lambda rgb: np.rot90(rgb, 2),
    "rotate270": lambda rgb: np.rot90(rgb, 3),
    "flip_x": lambda rgb: rgb[::-1],
    "flip_y": lambda rgb: rgb[:, ::-1],
    "transpose": lambda rgb: rgb.transpose(1, 0, 2),
    "transverse": lambda rgb: np.rot90(rgb, 2).transpose(1, 0, 2),
}


@pytest.mark.parametrize("turn", TURNS)
def test_an_orientation_is_the_hash_of_the_turned_image(turn: str) -> None:
    """Not to the bit: the reference's window is off centre by half a pixel on even sizes."""
    rgb = picture("cat", 451, 300)
    turned = np.ascontiguousarray(TURNS[turn](rgb))
    hashes = dihedral(rgb)
    assert bits_apart(getattr(hashes, turn), pdq(turned).hash) <= 16
    others = [getattr(hashes, other) for other in TURNS if other != turn]
    assert min(bits_apart(other, pdq(turned).hash) for other in others) > 60


def test_the_original_among_the_orientations_is_the_plain_hash() -> None:
    rgb = picture("coins", 300, 200)
    assert dihedral(rgb).original == pdq(rgb).hash
    assert dihedral(rgb).quality == pdq(rgb).quality


@pytest.mark.parametrize(("height", "width"), [(1, 1), (4, 900), (900, 4)])
def test_an_image_below_five_pixels_a_side_hashes_to_zeros(height: int, width: int) -> None:
    rgb = picture("coffee", width, height)
    assert (pdq(rgb).hash, pdq(rgb).quality) == (bytes(32), 0)
    assert set(astuple(dihedral(rgb))) == {bytes(32), 0}


def test_about_half_the_bits_are_set() -> None:
    found = pdq(picture("coffee", 400, 300))
    assert sum(byte.bit_count() for byte in found.hash) == 128
    assert found.quality == 100


@pytest.mark.parametrize("value", [0, 127, 255])
def test_a_flat_image_has_no_quality(value: int) -> None:
    assert pdq(np.full((200, 300, 3), value, np.uint8)).quality == 0


def test_a_faint_gradient_stays_below_the_bound() -> None:
    ramp = np.linspace(90, 160, 300).astype(np.uint8)
    rgb: NDArray[np.uint8] = np.ascontiguousarray(
        np.broadcast_to(ramp[None, :, None], (200, 300, 3))
    )
    assert pdq(rgb).quality < MIN_QUALITY


@pytest.mark.parametrize(
    ("factor", "width", "height"),
    [(2, 1024, 1030), (2, 1533, 1201), (4, 2049, 2050), (4, 3333, 2222), (8, 4103, 4097)],
)
def test_a_reduced_image_hashes_like_the_full_one(factor: int, width: int, height: int) -> None:
    rgb = picture("grass", width, height)
    reduced = np.array(Image.fromarray(rgb).reduce(factor))
    assert bits_apart(pdq(reduced, (width, height)).hash, pdq(rgb).hash) <= 4


def test_a_long_thin_image_is_hashed() -> None:
    rgb = picture("steps", 60_000, 6)
    assert len(pdq(rgb).hash) == 32
