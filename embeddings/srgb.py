"""A decoded image of any mode, as 8-bit sRGB on white.

It knows colour: profiles, palettes, transparency, printing inks, 16-bit samples. It knows no files.
"""

from __future__ import annotations

import io
from functools import lru_cache
from typing import Final

import numpy as np
from PIL import Image, ImageCms

_INK_MODES: Final = {"RGB": "RGB ", "RGBA": "RGB ", "L": "GRAY", "CMYK": "CMYK"}
_BAND_PIXELS: Final = 2**22
_NEAR: Final = 2


def to_srgb(image: Image.Image, *, profile: bytes, factor: int, sample_range: int) -> Image.Image:
    """``image`` in mode RGB, on white, reduced ``factor`` times in width and height.

    ``profile``: ICC, or nothing; one that is damaged or made for other inks is ignored.
    ``sample_range``: what white is where samples have 16 bits.
    """
    low, high = _range(image, sample_range)
    width, height = image.size
    # A large image goes band by band, so that what it is on its way never takes its full size.
    rows = max(1, _BAND_PIXELS // (width * factor)) * factor
    if rows >= height:
        return _band(image, profile, factor, low, high)
    page = Image.new("RGB", (-(-width // factor), -(-height // factor)))
    for top in range(0, height, rows):
        band = image.crop((0, top, width, min(top + rows, height)))
        page.paste(_band(band, profile, factor, low, high), (0, top // factor))
    return page


def _band(image: Image.Image, profile: bytes, factor: int, low: float, high: float) -> Image.Image:
    if _is_deep(image):
        image = _eight_bits(image, low, high)
    if image.mode == "La":
        image = image.convert("LA")  # from here there is a way to RGBA that keeps transparency
    if image.has_transparency_data:
        image = image.convert("RGBA")
    elif image.mode not in _INK_MODES:
        image = image.convert("L" if image.mode == "1" else "RGB")
    if factor > 1:
        image = image.reduce(factor)
    transform = _transform(profile, image.mode) if profile else None
    if transform is not None:
        image = transform.apply(image)
    if image.mode == "RGBA":
        page = Image.new("RGB", image.size, "white")
        page.paste(image, mask=image)
        return page
    return image if image.mode == "RGB" else image.convert("RGB")


def _is_deep(image: Image.Image) -> bool:
    """Whether its one channel has more than 8 bits: Pillow would cut them off, not scale them."""
    return image.mode.startswith("I") or image.mode == "F"


def _range(image: Image.Image, sample_range: int) -> tuple[float, float]:
    """What is black and what is white where a sample has more than 8 bits.

    With 32 bits there is no telling, so they are the least and the greatest sample there is.
    """
    if not _is_deep(image) or image.mode.startswith("I;16"):
        return 0.0, float(sample_range)
    samples = np.asarray(image, np.float32)
    finite = np.isfinite(samples)
    if not finite.any():
        return 0.0, 1.0
    return (
        float(samples.min(where=finite, initial=np.inf)),
        float(samples.max(where=finite, initial=-np.inf)),
    )


def _eight_bits(image: Image.Image, low: float, high: float) -> Image.Image:
    """A grey image of 16 or 32 bits with 8, from ``low`` = black to ``high`` = white."""
    samples = np.asarray(image)
    scale = 255 / (high - low) if high > low else 0.0
    levels = np.nan_to_num((samples.astype(np.float64) - low) * scale)
    result = Image.fromarray(np.clip(levels + 0.5, 0, 255).astype(np.uint8))
    key = image.info.get("transparency")
    if isinstance(key, int):
        result.putalpha(Image.fromarray(np.where(samples == key, np.uint8(0), np.uint8(255))))
    return result


@lru_cache(maxsize=8)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """The way from ``profile`` to sRGB for images of ``mode``; None if there is nothing to do.

    Nothing is to be done if the profile is damaged, is made for other inks, or is sRGB itself but
    for its name, as most are: then the transform would cost more than the decoding.
    """
    target = "RGBA" if mode == "RGBA" else "RGB"
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if source.profile.xcolor_space != _INK_MODES[mode]:
            return None
        transform = ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, target)
        assert isinstance(transform, ImageCms.ImageCmsTransform)
        if mode in {"RGB", "RGBA"}:
            swatch = _swatch(mode)
            changed = np.asarray(transform.apply(swatch), np.int16) - np.asarray(swatch, np.int16)
            if np.abs(changed).max() <= _NEAR:
                return None
    except Exception:  # noqa: BLE001 whatever a hostile profile provokes
        return None
    return transform


def _swatch(mode: str) -> Image.Image:
    """Colours from all over the RGB cube, in ``mode``."""
    steps = np.linspace(0, 255, 9).astype(np.uint8)
    cube = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(1, -1, 3)
    return Image.fromarray(cube).convert(mode)
