"""The benchmark's edits: a frozen table of names, families and strengths.

Three families. ``mild``: what happens to a picture by passing through programs and hands, still the
same to anyone. ``heavy``: one strong edit. ``chains``: three heavy edits, then a recompression. The
table is part of what a published number means: an edit is never changed, only added under a new
name.

Lengths follow the picture's size. A crop's figure is the share of the area kept; that of paste-on,
of the sides. Pixels are the same for one version of Pillow; its codecs may change with the next. It
knows nothing of which picture gets which edit, nor of what is measured.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

import numpy as np
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
from embeddings.edits.canvas import BLACK, WHITE, bounded, mean_colour

Family = Literal["mild", "heavy", "chains"]
FAMILIES: Final[tuple[Family, ...]] = ("mild", "heavy", "chains")

MAX_PIXELS: Final = 640 * 640
"""Pictures are brought to this before they are edited: edits cost by the pixel, codes see fewer."""

Edit = Callable[[Image.Image, Image.Image, np.random.Generator], Image.Image]
"""The picture, an unrelated other, a generator -> the edited picture. RGB throughout."""


@dataclass(frozen=True)
class NamedEdit:
    """One row of the table."""

    name: str
    family: Family
    apply: Edit


def _short(image: Image.Image) -> int:
    return min(image.size)


def _stickers(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    return stickers.stickers(image, 4, 0.28, rng)


def _band(image: Image.Image, rng: np.random.Generator, height: float) -> Image.Image:
    return text.band(image, text.phrase(rng, 7), height)


def _caption(image: Image.Image, rng: np.random.Generator, height: float) -> Image.Image:
    return text.caption(image, text.phrase(rng, 4), height)


def _beside(image: Image.Image, other: Image.Image, rng: np.random.Generator) -> Image.Image:
    return compose.side_by_side(image, other, first=bool(rng.random() < 0.5))


def _tiled(image: Image.Image, rng: np.random.Generator, opacity: float) -> Image.Image:
    # White letters would not show on a drawing's white ground.
    ink = BLACK if sum(mean_colour(image)) > 3 * 160 else WHITE
    return text.watermark_tiled(image, text.phrase(rng, 2), opacity, colour=ink)


_MILD: Final[Mapping[str, Edit]] = {
    "jpeg-30": lambda i, _o, _r: compression.jpeg(i, 30),
    "webp-30": lambda i, _o, _r: compression.webp(i, 30),
    "avif-40": lambda i, _o, _r: compression.avif(i, 40),
    "resize-50": lambda i, _o, _r: geometry.resize(i, 0.5),
    "squash-80": lambda i, _o, _r: geometry.squash(i, 0.8),
    "brighter": lambda i, _o, _r: colour.brightness(i, 1.35),
    "darker": lambda i, _o, _r: colour.gamma(i, 1.5),
    "contrast": lambda i, _o, _r: colour.contrast(i, 1.5),
    "saturation": lambda i, _o, _r: colour.saturation(i, 1.8),
    "hue-20": lambda i, _o, _r: colour.hue(i, 20),
    "greyscale": lambda i, _o, _r: colour.greyscale(i),
    "blur-mild": lambda i, _o, _r: filters.blur(i, 0.006 * _short(i)),
    "noise-mild": lambda i, _o, r: filters.noise(i, 10, r),
    "posterise-4": lambda i, _o, _r: colour.posterise(i, 4),
    "crop-80": lambda i, _o, r: geometry.crop(i, 0.8, r),
    "rotate-5": lambda i, _o, _r: geometry.rotate_inside(i, 5),
    "border-white": lambda i, _o, _r: geometry.border(i, 0.05, WHITE),
    "caption": lambda i, _o, r: _caption(i, r, 0.09),
    "watermark-corner": lambda i, _o, r: text.watermark_corner(i, text.phrase(r, 2), 0.7, r),
}

_HEAVY: Final[Mapping[str, Edit]] = {
    "jpeg-5": lambda i, _o, _r: compression.jpeg(i, 5),
    "squash-50": lambda i, _o, _r: geometry.squash(i, 0.5),
    "hue-120": lambda i, _o, _r: colour.hue(i, 120),
    "invert": lambda i, _o, _r: colour.invert(i),
    "blur-heavy": lambda i, _o, _r: filters.blur(i, 0.02 * _short(i)),
    "noise-heavy": lambda i, _o, r: filters.noise(i, 45, r),
    "pixelate-32": lambda i, _o, _r: filters.pixelate(i, 32),
    "posterise-2": lambda i, _o, _r: colour.posterise(i, 2),
    "crop-50": lambda i, _o, r: geometry.crop(i, 0.5, r),
    "crop-30": lambda i, _o, r: geometry.crop(i, 0.3, r),
    "rotate-25": lambda i, _o, _r: geometry.rotate(i, 25),
    "rotate-90": lambda i, _o, _r: geometry.rotate(i, 90),
    "mirror": lambda i, _o, _r: geometry.mirror(i),
    "perspective": lambda i, _o, r: geometry.perspective(i, 0.3, r),
    "border-wide": lambda i, _o, _r: geometry.border(i, 0.25),
    "letterbox": lambda i, _o, _r: geometry.letterbox(i, 0.5 if i.width > i.height else 2.0),
    "meme-band": lambda i, _o, r: _band(i, r, 0.35),
    "stickers": lambda i, _o, r: _stickers(i, r),
    "watermark-tiled": lambda i, _o, r: _tiled(i, r, 0.6),
    "screenshot-chat": lambda i, o, r: screens.chat(i, r, o),
    "screenshot-gallery": lambda i, o, r: screens.gallery(i, r, o),
    "screenshot-browser": lambda i, o, r: screens.browser(i, r, o),
    "screenshot-feed": lambda i, o, r: screens.feed(i, r, o),
    "paste-75": lambda i, o, r: compose.paste_onto(i, o, 0.75, r),
    "paste-50": lambda i, o, r: compose.paste_onto(i, o, 0.5, r),
    "side-by-side": _beside,
    "collage": lambda i, o, r: compose.collage(i, [o, geometry.mirror(o)], r),
    "blend-35": lambda i, o, _r: compose.blend(i, o, 0.35),
    "halftone": lambda i, _o, _r: render.halftone(i, max(3.0, _short(i) / 60)),
    "screen-photo": lambda i, _o, r: render.moire(i, 0.8, r),
    "repainted": lambda i, _o, _r: render.cartoon(i, 8),
    "refilled": lambda i, _o, r: drawings.swap_fills(i, 3, r, 6),
}


def _chain(*steps: Edit) -> Edit:
    def apply(image: Image.Image, other: Image.Image, rng: np.random.Generator) -> Image.Image:
        for step in steps:
            image = step(image, other, rng)
        return image

    return apply


def _jpeg(quality: int) -> Edit:
    return lambda i, _o, _r: compression.jpeg(i, quality)


def _webp(quality: int) -> Edit:
    return lambda i, _o, _r: compression.webp(i, quality)


def _crop(fraction: float) -> Edit:
    return lambda i, _o, r: geometry.crop(i, fraction, r)


_CHAINS: Final[Mapping[str, Edit]] = {
    "crop+mirror+meme": _chain(
        _crop(0.5), _HEAVY["mirror"], _HEAVY["meme-band"], _jpeg(25)
    ),
    "chat+crop+blur": _chain(
        _HEAVY["screenshot-chat"], _crop(0.8), lambda i, _o, _r: filters.blur(i, 1.5), _jpeg(20)
    ),
    "rotate+hue+crop": _chain(
        lambda i, _o, _r: geometry.rotate_inside(i, -20), _HEAVY["hue-120"], _crop(0.6), _jpeg(25)
    ),
    "mirror+stickers+paste": _chain(
        _HEAVY["mirror"], _HEAVY["stickers"], _HEAVY["paste-75"], _jpeg(30)
    ),
    "meme+squash+noise": _chain(
        _HEAVY["meme-band"], lambda i, _o, _r: geometry.squash(i, 0.65),
        lambda i, _o, r: filters.noise(i, 25, r), _jpeg(25),
    ),
    "grey+crop+watermark": _chain(
        lambda i, _o, _r: colour.greyscale(i), _crop(0.5), _HEAVY["watermark-tiled"], _jpeg(20)
    ),
    "moire+perspective+crop": _chain(
        _HEAVY["screen-photo"], lambda i, _o, r: geometry.perspective(i, 0.2, r), _crop(0.7),
        _jpeg(30),
    ),
    "beside+mirror+pixelate": _chain(
        _beside, _HEAVY["mirror"], lambda i, _o, _r: filters.pixelate(i, 96), _webp(20)
    ),
    "letterbox+blend+small": _chain(
        _HEAVY["letterbox"], lambda i, o, _r: compose.blend(i, o, 0.25),
        lambda i, _o, _r: geometry.resize(i, 0.5), _jpeg(25),
    ),
    "turn+gallery+small": _chain(
        _HEAVY["rotate-90"], _HEAVY["screenshot-gallery"],
        lambda i, _o, _r: geometry.resize(i, 0.4), _webp(20),
    ),
    "invert+crop+border": _chain(
        _HEAVY["invert"], _crop(0.6), lambda i, _o, _r: geometry.border(i, 0.15, WHITE), _jpeg(25)
    ),
    "contrast+stickers+rotate": _chain(
        lambda i, _o, _r: colour.contrast(i, 2.2), _HEAVY["stickers"], _HEAVY["rotate-25"],
        _jpeg(25),
    ),
    "posterise+caption+browser": _chain(
        lambda i, _o, _r: colour.posterise(i, 2), lambda i, _o, r: _caption(i, r, 0.14),
        _HEAVY["screenshot-browser"], _jpeg(30),
    ),
    "hue+noise+watermark": _chain(
        _HEAVY["hue-120"], lambda i, _o, r: filters.noise(i, 25, r), _HEAVY["watermark-tiled"],
        _jpeg(20),
    ),
    "blend+grey+pixelate": _chain(
        lambda i, o, _r: compose.blend(i, o, 0.25), lambda i, _o, _r: colour.greyscale(i),
        lambda i, _o, _r: filters.pixelate(i, 64), _jpeg(20),
    ),
    "posterise+stickers+blur": _chain(
        lambda i, _o, _r: colour.posterise(i, 2), _HEAVY["stickers"],
        lambda i, _o, _r: filters.blur(i, 0.01 * _short(i)), _webp(10),
    ),
    "halftone+squash+border": _chain(
        _HEAVY["halftone"], lambda i, _o, _r: geometry.squash(i, 0.6),
        lambda i, _o, _r: geometry.border(i, 0.1), _jpeg(20),
    ),
    "paste+hue+small": _chain(
        _HEAVY["paste-50"], _HEAVY["hue-120"], lambda i, _o, _r: geometry.down_up(i, 0.5), _jpeg(10)
    ),
}  # fmt: skip


def _table() -> Mapping[str, NamedEdit]:
    families: tuple[tuple[Family, Mapping[str, Edit]], ...] = (
        ("mild", _MILD),
        ("heavy", _HEAVY),
        ("chains", _CHAINS),
    )
    return MappingProxyType(
        {
            name: NamedEdit(name, family, edit)
            for family, edits in families
            for name, edit in edits.items()
        }
    )


EDITS: Final = _table()
"""Name to edit, in the order of the reports."""


def of_family(family: Family) -> tuple[NamedEdit, ...]:
    """The edits of one family, in the table's order."""
    return tuple(edit for edit in EDITS.values() if edit.family == family)


def generator(seed: int, picture: str, edit: str) -> np.random.Generator:
    """The generator for one edit of one picture: the same in any order, with any company."""
    digest = hashlib.sha256(
        f"{seed}\0{edit}\0{picture}".encode("utf-8", "surrogateescape")
    ).digest()
    return np.random.default_rng(np.frombuffer(digest, np.uint32))


def apply(
    edit: NamedEdit, image: Image.Image, other: Image.Image, rng: np.random.Generator
) -> Image.Image:
    """``image`` edited; both pictures are first made smaller where they exceed ``MAX_PIXELS``."""
    return edit.apply(bounded(image, MAX_PIXELS), bounded(other, MAX_PIXELS), rng)
