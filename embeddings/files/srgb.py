"""A decoded image of any mode, as 8-bit sRGB on a ground of one colour.

It knows colour: profiles, palettes, transparency, printing inks, 16-bit samples. It knows no files.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from PIL import Image, ImageCms

from embeddings.files import colour_spaces
from embeddings.files.colour_spaces import ColourSpace

_INK_MODES: Final = {"RGB": "RGB ", "RGBA": "RGB ", "L": "GRAY", "CMYK": "CMYK"}
_BAND_PIXELS: Final = 2**22
_NEAR: Final = 2
_STEEP: Final = 20


@dataclass(frozen=True)
class Colours:
    """What the numbers of a decoded image stand for."""

    profile: bytes = b""
    """ICC, or nothing; one that is damaged or made for other inks is ignored."""
    space: ColourSpace | None = None
    """Where there is no profile that could be one."""
    sample_range: int = 65535
    """What white is where samples have 16 bits."""
    key: tuple[int, ...] = ()
    """The transparent colour, three numbers of 16 bits."""


def to_srgb(
    image: Image.Image,
    colours: Colours,
    *,
    factor: int = 1,
    lower: Image.Image | None = None,
    ground: str = "white",
) -> Image.Image:
    """``image`` in mode RGB, on ``ground``, reduced ``factor`` times in width and height.

    ``lower``: where ``image`` has the upper halves of samples of 16 bits, an image of the lower.
    """
    low, high = _range(image, colours.sample_range)
    width, height = image.size
    # A large image goes band by band, so that what it is on its way never takes its full size.
    pixels = _BAND_PIXELS if lower is None else _BAND_PIXELS // 8
    rows = max(1, pixels // (width * factor)) * factor
    if rows >= height:
        if lower is not None:
            image, colours = _joined(image, lower, colours)
        return _band(image, colours, factor, (low, high), ground)
    page = Image.new("RGB", (-(-width // factor), -(-height // factor)))
    for top in range(0, height, rows):
        box = (0, top, width, min(top + rows, height))
        band, known = image.crop(box), colours
        if lower is not None:
            band, known = _joined(band, lower.crop(box), colours)
        page.paste(_band(band, known, factor, (low, high), ground), (0, top // factor))
    return page


def is_transparent(image: Image.Image, colours: Colours) -> bool:
    """Whether what it shows depends on the ground it is shown on."""
    if colours.key:
        return True
    if image.mode[-1:] in {"A", "a"}:
        lowest = image.getchannel(len(image.getbands()) - 1).getextrema()[0]
        return isinstance(lowest, int | float) and lowest < 255
    return image.has_transparency_data


def is_managed(image: Image.Image, colours: Colours) -> bool:
    """Whether programs that ignore what a file says of its colours show it otherwise."""
    if colours.space is not None or not colours.profile:
        return colours.space is not None
    modes = {"L", "RGB"} if image.mode in {"L", "LA", "La", "I;16", "1"} else {image.mode, "RGB"}
    return any(_transform(colours.profile, mode) is not None for mode in modes & _INK_MODES.keys())


def is_steep(profile: bytes) -> bool:
    """Whether a profile makes so much of so little that 8 bits of 16 do not show the picture."""
    transform = _transform(profile, "RGB") if profile else None
    if transform is None:
        return False
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
    shown = np.asarray(transform.apply(Image.fromarray(ramp)), np.int16)
    return int(np.abs(np.diff(shown, axis=1)).max()) >= _STEEP


def _joined(
    image: Image.Image, lower: Image.Image, colours: Colours
) -> tuple[Image.Image, Colours]:
    """Three or four channels of 16 bits as an image of 8 in sRGB, and what is left to be done."""
    samples = np.asarray(image).astype(np.uint16) << 8
    samples |= np.asarray(lower)
    rgb = np.ascontiguousarray(samples[..., :3])
    space = None if _is_profile(colours.profile) else colours.space
    shown = np.asarray(image)[..., :3] if space is None else colour_spaces.to_srgb(rgb, space)
    result = Image.fromarray(np.ascontiguousarray(shown))
    if samples.shape[2] == 4:
        result.putalpha(image.getchannel("A"))
    elif colours.key:
        hidden = (rgb == np.asarray(colours.key, np.uint16)).all(axis=2)
        result.putalpha(Image.fromarray(np.where(hidden, np.uint8(0), np.uint8(255))))
    return result, Colours(colours.profile)


def _band(
    image: Image.Image,
    colours: Colours,
    factor: int,
    extent: tuple[float, float],
    ground: str,
) -> Image.Image:
    profile, space = colours.profile, colours.space
    if space is not None and _is_profile(profile):
        space = None
    if _is_deep(image):
        image = _eight_bits(image, extent, space)
        space = None
    if image.mode == "La":
        image = image.convert("LA")  # from here there is a way to RGBA that keeps transparency
    if image.mode == "LA" and profile:
        image, profile = _grey_with_alpha(image, profile)
    if image.has_transparency_data:
        image = image.convert("RGBA")
    elif image.mode == "L" and profile and _inks(profile) == "RGB ":
        image = image.convert("RGB")
    elif image.mode not in _INK_MODES:
        image = image.convert("L" if image.mode == "1" else "RGB")
    if space is not None:
        # Before it is reduced: averages of numbers that stand for so much would be coarse.
        image = _of_space(image, space)
    if factor > 1:
        image = image.reduce(factor)
    transform = _transform(profile, image.mode) if profile else None
    if transform is not None:
        image = transform.apply(image)
    if image.mode == "RGBA":
        page = Image.new("RGB", image.size, ground)
        page.paste(image, mask=image)
        return page
    return image if image.mode == "RGB" else image.convert("RGB")


def _grey_with_alpha(image: Image.Image, profile: bytes) -> tuple[Image.Image, bytes]:
    """Grey with transparency: its grey through a profile for grey, and what is left to apply."""
    transform = _transform(profile, "L")
    if transform is None:
        return image, profile
    shown = transform.apply(image.getchannel("L"))
    shown.putalpha(image.getchannel("A"))
    return shown, b""


def _of_space(image: Image.Image, space: ColourSpace) -> Image.Image:
    """``image``, RGB, RGBA or grey, of another colour space."""
    if image.mode == "CMYK":
        return image
    samples = np.asarray(image)
    if image.mode == "RGBA":
        shown = colour_spaces.to_srgb(np.ascontiguousarray(samples[..., :3]), space)
        result = Image.fromarray(shown)
        result.putalpha(image.getchannel("A"))
        return result
    return Image.fromarray(colour_spaces.to_srgb(samples, space))


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


def _eight_bits(
    image: Image.Image, extent: tuple[float, float], space: ColourSpace | None
) -> Image.Image:
    """A grey image of 16 or 32 bits with 8, in sRGB; ``extent``: what is black, what is white."""
    samples = np.asarray(image)
    low, high = extent
    if space is not None and samples.dtype.kind == "u" and samples.dtype.itemsize == 2:
        result = Image.fromarray(colour_spaces.to_srgb(samples.astype(np.uint16), space))
    else:
        scale = 255 / (high - low) if high > low else 0.0
        levels = np.nan_to_num((samples.astype(np.float64) - low) * scale)
        result = Image.fromarray(np.clip(levels + 0.5, 0, 255).astype(np.uint8))
    key = image.info.get("transparency")
    if isinstance(key, int):
        result.putalpha(Image.fromarray(np.where(samples == key, np.uint8(0), np.uint8(255))))
    return result


def _is_profile(profile: bytes) -> bool:
    """Whether it is one at all, if perhaps for other inks."""
    return bool(profile) and bool(_inks(profile))


@lru_cache(maxsize=8)
def _inks(profile: bytes) -> str:
    """What a profile is made for, in the four letters of ICC; nothing if it is damaged."""
    try:
        return str(ImageCms.ImageCmsProfile(io.BytesIO(profile)).profile.xcolor_space)
    except Exception:  # noqa: BLE001 whatever a hostile profile provokes
        return ""


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
