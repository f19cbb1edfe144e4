"""A decoded image of any mode, as 8-bit sRGB on white.

It knows colour: profiles, palettes, transparency, printing inks, 16-bit samples. It knows no files.
"""

from __future__ import annotations

import io
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

_INK_MODES: Final = {"RGB": "RGB ", "RGBA": "RGB ", "L": "GRAY", "CMYK": "CMYK"}
_ROWS: Final = 256
_NEAR: Final = 2


def to_srgb(image: Image.Image, *, profile: bytes, factor: int, sample_range: int) -> Image.Image:
    """``image`` in mode RGB, on white, reduced ``factor`` times in width and height.

    ``profile``: ICC, or nothing; one that is damaged or made for other inks is ignored.
    ``sample_range``: what white is where samples have 16 bits.
    """
    image = _eight_bits(image, sample_range)
    if image.has_transparency_data:
        image = image.convert("RGBA")
    elif image.mode not in _INK_MODES:
        image = image.convert("L" if image.mode == "1" else "RGB")
    if factor > 1:
        image = image.reduce(factor)
    if profile:
        image = _through(profile, image)
    if image.mode == "RGBA":
        page = Image.new("RGB", image.size, "white")
        page.paste(image, mask=image)
        return page
    return image if image.mode == "RGB" else image.convert("RGB")


def _eight_bits(image: Image.Image, sample_range: int) -> Image.Image:
    """``image`` with 8 bits a sample; floats are stretched from their least to their greatest."""
    mode = image.mode
    if not (mode.startswith("I") or mode == "F"):
        return image
    samples = np.asarray(image)
    low, high = (0.0, float(sample_range)) if mode.startswith("I;16") else _extent(samples)
    scale = 255 / (high - low) if high > low else 0.0
    grey = np.empty(samples.shape, np.uint8)
    # Some rows at a time, so that the floats never take up the room of the whole image.
    for start in range(0, len(samples), _ROWS):
        rows = np.nan_to_num((samples[start : start + _ROWS].astype(np.float64) - low) * scale)
        grey[start : start + _ROWS] = np.clip(rows + 0.5, 0, 255)
    result = Image.fromarray(grey)
    key = image.info.get("transparency")
    if isinstance(key, int):
        result.putalpha(Image.fromarray(np.where(samples == key, np.uint8(0), np.uint8(255))))
    return result


def _extent(samples: NDArray[np.generic]) -> tuple[float, float]:
    """The least and the greatest finite sample."""
    finite = np.isfinite(samples)
    if not finite.any():
        return 0.0, 0.0
    low = samples.min(where=finite, initial=np.inf)
    high = samples.max(where=finite, initial=-np.inf)
    return float(low), float(high)


def _through(profile: bytes, image: Image.Image) -> Image.Image:
    """``image`` from the colours of ``profile`` to sRGB; itself if the profile does not apply."""
    transform = _transform(profile, image.mode)
    if transform is None:
        return image
    return transform.apply(image)


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
