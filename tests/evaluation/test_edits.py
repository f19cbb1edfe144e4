"""The benchmark's table of edits is frozen, complete and harmless to the picture's nature."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from PIL import Image

from evaluation.copies import edits
from evaluation.copies.edits import EDITS, FAMILIES, MAX_PIXELS, NamedEdit
from evaluation.corpora import samples

REQUIRED = (
    "jpeg-5", "jpeg-30", "resize-50", "squash-80", "squash-50", "brighter", "darker", "contrast",
    "saturation", "hue-20", "hue-120", "greyscale", "blur-mild", "blur-heavy", "noise-mild",
    "noise-heavy", "posterise-4", "posterise-2", "invert", "pixelate-32", "crop-80", "crop-50",
    "crop-30", "rotate-5", "rotate-25", "rotate-90", "mirror", "perspective", "border-white",
    "border-wide", "letterbox", "caption", "meme-band", "stickers", "watermark-corner",
    "watermark-tiled", "screenshot-chat", "screenshot-gallery", "screenshot-browser",
    "screenshot-feed", "paste-75", "paste-50", "side-by-side", "blend-35",
)  # fmt: skip


@pytest.fixture(scope="module")
def pictures() -> tuple[Image.Image, Image.Image]:
    image, other = samples.photograph("cat").image, samples.photograph("coffee").image
    image.thumbnail((220, 220))
    other.thumbnail((200, 200))
    return image, other


def _applied(edit: NamedEdit, pictures: tuple[Image.Image, Image.Image], seed: int) -> Image.Image:
    return edits.apply(edit, *pictures, edits.generator(seed, "a picture", edit.name))


def test_the_table_holds_what_a_matcher_is_asked_to_survive() -> None:
    assert set(REQUIRED) <= set(EDITS)
    families = Counter(edit.family for edit in EDITS.values())
    assert set(families) == set(FAMILIES)
    assert len(EDITS) >= 36
    assert min(families.values()) >= 12
    assert all(name == edit.name for name, edit in EDITS.items())


def test_families_cover_the_table_in_its_order() -> None:
    ordered = [edit.name for family in FAMILIES for edit in edits.of_family(family)]
    assert ordered == list(EDITS)


@pytest.mark.parametrize("edit", EDITS.values(), ids=list(EDITS))
def test_an_edit_is_the_same_every_time_and_changes_the_picture(
    edit: NamedEdit, pictures: tuple[Image.Image, Image.Image]
) -> None:
    first, again = _applied(edit, pictures, 0), _applied(edit, pictures, 0)
    assert (first.mode, first.size, first.tobytes()) == ("RGB", again.size, again.tobytes())
    assert (first.size, first.tobytes()) != (pictures[0].size, pictures[0].tobytes())


@pytest.mark.parametrize("edit", EDITS.values(), ids=list(EDITS))
@pytest.mark.parametrize("size", [(1, 1), (700, 2), (3, 500)])
def test_an_edit_takes_any_picture(edit: NamedEdit, size: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    image = Image.fromarray(rng.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8))
    assert _applied(edit, (image, Image.new("RGB", (5, 9), (250, 9, 9))), 0).mode == "RGB"


def test_large_pictures_are_made_smaller_before_they_are_edited() -> None:
    image = Image.new("RGB", (3000, 2000), (10, 200, 90))
    mirrored = _applied(EDITS["mirror"], (image, image), 0)
    assert 0.98 * MAX_PIXELS < mirrored.width * mirrored.height <= MAX_PIXELS
    assert mirrored.width / mirrored.height == pytest.approx(1.5, rel=0.01)


def test_generators_depend_on_seed_picture_and_edit_alone() -> None:
    def draw(seed: int, picture: str, edit: str) -> int:
        return int(edits.generator(seed, picture, edit).integers(0, 2**62))

    assert draw(0, "a", "b") == draw(0, "a", "b")
    assert len({draw(0, "a", "b"), draw(1, "a", "b"), draw(0, "b", "a"), draw(0, "ab", "")}) == 4
    assert isinstance(draw(0, "\udcff not valid text", "b"), int)
