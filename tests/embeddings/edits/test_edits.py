"""What every edit promises, whatever the picture."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from embeddings.edits import (
    colour,
    compose,
    compression,
    drawings,
    filters,
    geometry,
    render,
    screens,
    stickers,
    text,
)
from evaluation.corpora import samples

Edit = Callable[[Image.Image, Image.Image, np.random.Generator], Image.Image]

EDITS: Final[dict[str, Edit]] = {
    "crop": lambda i, _o, r: geometry.crop(i, 0.5, r),
    "crop-wide": lambda i, _o, r: geometry.crop(i, 0.2, r, aspect=3.0),
    "crop-centre": lambda i, _o, _r: geometry.crop_centre(i, 0.3),
    "rotate-90": lambda i, _o, _r: geometry.rotate(i, 90),
    "rotate-25": lambda i, _o, _r: geometry.rotate(i, 25, (9, 9, 9)),
    "rotate-inside": lambda i, _o, _r: geometry.rotate_inside(i, -37),
    "rotate-inside-45": lambda i, _o, _r: geometry.rotate_inside(i, 45),
    "mirror": lambda i, _o, _r: geometry.mirror(i),
    "flip": lambda i, _o, _r: geometry.flip(i),
    "perspective": lambda i, _o, r: geometry.perspective(i, 0.4, r),
    "squash": lambda i, _o, _r: geometry.squash(i, 0.4),
    "stretch": lambda i, _o, _r: geometry.squash(i, 1.8),
    "resize": lambda i, _o, _r: geometry.resize(i, 0.3),
    "down-up": lambda i, _o, _r: geometry.down_up(i, 0.2),
    "border": lambda i, _o, _r: geometry.border(i, 0.1, (1, 2, 3)),
    "letterbox": lambda i, _o, _r: geometry.letterbox(i, 0.5),
    "brightness": lambda i, _o, _r: colour.brightness(i, 1.5),
    "contrast": lambda i, _o, _r: colour.contrast(i, 0.5),
    "saturation": lambda i, _o, _r: colour.saturation(i, 2.0),
    "hue": lambda i, _o, _r: colour.hue(i, 120),
    "gamma": lambda i, _o, _r: colour.gamma(i, 2.0),
    "invert": lambda i, _o, _r: colour.invert(i),
    "greyscale": lambda i, _o, _r: colour.greyscale(i),
    "sepia": lambda i, _o, _r: colour.sepia(i),
    "tint": lambda i, _o, _r: colour.tint(i, (255, 0, 0), 0.3),
    "gains": lambda i, _o, _r: colour.gains(i, 1.3, 0.9, 0.7),
    "swap-channels": lambda i, _o, _r: colour.swap_channels(i, (2, 0, 1)),
    "posterise": lambda i, _o, _r: colour.posterise(i, 2),
    "solarise": lambda i, _o, _r: colour.solarise(i, 100),
    "autocontrast": lambda i, _o, _r: colour.autocontrast(i, 5.0),
    "equalise": lambda i, _o, _r: colour.equalise(i),
    "blur": lambda i, _o, _r: filters.blur(i, 2.0),
    "motion-blur": lambda i, _o, _r: filters.motion_blur(i, 9, True),
    "sharpen": lambda i, _o, _r: filters.sharpen(i, 200),
    "noise": lambda i, _o, r: filters.noise(i, 20, r),
    "grain": lambda i, _o, r: filters.grain(i, 0.1, r),
    "pixelate": lambda i, _o, _r: filters.pixelate(i, 16),
    "vignette": lambda i, _o, _r: filters.vignette(i, 0.8),
    "soften": lambda i, _o, _r: filters.soften(i, 0.2),
    "jpeg": lambda i, _o, _r: compression.jpeg(i, 10),
    "webp": lambda i, _o, _r: compression.webp(i, 10),
    "avif": lambda i, _o, _r: compression.avif(i, 20),
    "caption": lambda i, _o, r: text.caption(i, text.phrase(r, 5)),
    "band": lambda i, _o, r: text.band(i, text.phrase(r, 9)),
    "random-band": lambda i, _o, r: text.random_band(i, r, 0.3),
    "meme": lambda i, _o, _r: text.meme(i, "first", "second"),
    "watermark-tiled": lambda i, _o, _r: text.watermark_tiled(i, "sample", 0.7),
    "watermark-corner": lambda i, _o, r: text.watermark_corner(i, "sample", 0.9, r),
    "stickers": lambda i, _o, r: stickers.stickers(i, 4, 0.4, r),
    "scribble": lambda i, _o, r: stickers.scribble(i, 3, 0.03, r),
    "bars": lambda i, _o, r: stickers.bars(i, 2, 0.2, r, (200, 0, 200)),
    "chat": lambda i, o, r: screens.chat(i, r, o),
    "gallery": lambda i, o, r: screens.gallery(i, r, o),
    "browser": lambda i, o, r: screens.browser(i, r, o),
    "feed": lambda i, o, r: screens.feed(i, r, o),
    "desktop": lambda i, o, r: screens.desktop(i, r, o),
    "any-screen": lambda i, _o, r: screens.any_screen(i, r),
    "paste-onto": lambda i, o, r: compose.paste_onto(i, o, 0.5, r),
    "side-by-side": lambda i, o, _r: compose.side_by_side(i, o),
    "stacked": lambda i, o, _r: compose.side_by_side(i, o, first=False, stacked=True),
    "collage": lambda i, o, r: compose.collage(i, [o], r),
    "blend": lambda i, o, _r: compose.blend(i, o, 0.35),
    "inset": lambda i, o, r: compose.inset(i, o, 0.4, r),
    "shadowed": lambda i, o, _r: compose.shadowed(i, o, 0.8, 30),
    "halftone": lambda i, _o, _r: render.halftone(i, 5.0),
    "halftone-colour": lambda i, _o, _r: render.halftone(i, 4.0, 15.0, True),
    "moire": lambda i, _o, r: render.moire(i, 0.8, r),
    "smooth": lambda i, _o, _r: render.smooth(i, 4, 30.0),
    "palette": lambda i, _o, _r: render.palette(i, 5),
    "palette-dithered": lambda i, _o, _r: render.palette(i, 5, True),
    "sketch": lambda i, _o, _r: render.sketch(i, 6.0),
    "line-art": lambda i, _o, _r: render.line_art(i, 1.0),
    "cartoon": lambda i, _o, _r: render.cartoon(i, 8),
    "emboss": lambda i, _o, _r: render.emboss(i),
    "duotone": lambda i, _o, _r: drawings.duotone(i, (20, 0, 60), (250, 240, 180)),
    "thicker": lambda i, _o, _r: drawings.line_weight(i, 1),
    "thinner": lambda i, _o, _r: drawings.line_weight(i, -2),
    "swap-fills": lambda i, _o, r: drawings.swap_fills(i, 3, r),
    "ground-colour": lambda i, _o, r: drawings.replace_ground(i, r),
    "ground-picture": lambda i, o, r: drawings.replace_ground(i, r, o),
    "flatten": lambda i, _o, _r: drawings.flatten(i, 0.4),
    "paper": lambda i, _o, r: drawings.paper(i, r),
}
"""Every public edit, with parameters strong enough to show."""

SAME_SIZE: Final = frozenset(EDITS) - {
    "crop", "crop-wide", "crop-centre", "rotate-90", "rotate-25", "rotate-inside",
    "rotate-inside-45", "squash", "stretch", "resize", "border", "letterbox", "band",
    "random-band", "chat", "gallery", "browser", "feed", "desktop", "any-screen", "side-by-side",
    "stacked",
}  # fmt: skip


def _edited(name: str, image: Image.Image, other: Image.Image, seed: int = 3) -> Image.Image:
    return EDITS[name](image, other, np.random.default_rng(seed))


@pytest.fixture(scope="module")
def photograph() -> Image.Image:
    image = samples.photograph("cat").image
    image.thumbnail((150, 150))
    return image


@pytest.fixture(scope="module")
def other() -> Image.Image:
    image = samples.photograph("coffee").image
    image.thumbnail((120, 160))
    return image


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_changes_the_picture_and_leaves_its_argument_alone(
    name: str, photograph: Image.Image, other: Image.Image
) -> None:
    before, before_other = photograph.tobytes(), other.tobytes()
    edited = _edited(name, photograph, other)
    assert edited.mode == "RGB"
    assert (edited.size, edited.tobytes()) != (photograph.size, before)
    assert (photograph.tobytes(), other.tobytes()) == (before, before_other)


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_is_deterministic(name: str, photograph: Image.Image, other: Image.Image) -> None:
    first, second = (_edited(name, photograph, other) for _ in range(2))
    assert first.size == second.size
    assert first.tobytes() == second.tobytes()


@pytest.mark.parametrize("name", sorted(SAME_SIZE))
def test_an_edit_of_pixels_keeps_the_size(
    name: str, photograph: Image.Image, other: Image.Image
) -> None:
    assert _edited(name, photograph, other).size == photograph.size


SIDES = st.one_of(st.integers(1, 4), st.integers(1, 60), st.sampled_from([255, 600]))


@pytest.mark.parametrize("name", EDITS)
@settings(max_examples=6, deadline=None, derandomize=True)
@example(width=1, height=1, other_width=1, other_height=1)
@example(width=1, height=900, other_width=40, other_height=1)
@example(width=900, height=1, other_width=1, other_height=40)
@given(width=SIDES, height=SIDES, other_width=SIDES, other_height=SIDES)
def test_an_edit_takes_any_size(
    name: str, width: int, height: int, other_width: int, other_height: int
) -> None:
    rng = np.random.default_rng(width * 1000 + height)
    image = Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8))
    other = Image.new("RGB", (other_width, other_height), (200, 10, 90))
    edited = _edited(name, image, other)
    assert edited.mode == "RGB"
    assert min(edited.size) >= 1
    if name in SAME_SIZE:
        assert edited.size == image.size


@pytest.mark.parametrize("name", ["jpeg", "webp", "avif"])
def test_a_codec_that_cannot_hold_the_length_shortens_it(name: str) -> None:
    edited = _edited(name, Image.new("RGB", (66_000, 1), (5, 90, 200)), Image.new("RGB", (1, 1)))
    assert edited.mode == "RGB"
    assert edited.width < 66_000
