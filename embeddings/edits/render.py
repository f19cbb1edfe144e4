"""Re-renderings: print, photographs of a screen, and rough stand-ins for redrawing a picture.

The stand-ins are cheap on purpose (edge-preserving smoothing, palettes, extracted lines): they
teach and test a matcher to look past texture. It knows nothing of neural style transfer.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from embeddings.edits.canvas import from_float, pixels

Floats = NDArray[np.float32]


def _wave(height: int, width: int, period: float, degrees: float, phase: float) -> Floats:
    """cos of a plane wave of ``period`` pixels, float (h, w), as a product of small matrices."""
    angle, step = math.radians(degrees), 2 * math.pi / period
    across = np.arange(width) * (step * math.cos(angle)) + phase
    down = np.arange(height) * (step * math.sin(angle))
    left = np.stack([np.cos(down), -np.sin(down)], axis=1).astype(np.float32)
    right = np.stack([np.cos(across), np.sin(across)]).astype(np.float32)
    wave: Floats = left @ right
    return wave


def halftone(
    image: Image.Image, period: float, degrees: float = 45.0, coloured: bool = False
) -> Image.Image:
    """Dots of ink on paper, ``period`` pixels apart; black, or one screen for each channel."""
    shape = (image.height, image.width)
    values = np.asarray(image if coloured else image.convert("L"), np.float32).reshape(*shape, -1)
    out = np.empty((*shape, 3), np.float32)
    for channel in range(values.shape[2]):
        turn = degrees + 30 * channel
        screen = _wave(*shape, period, turn, 0.0) + _wave(*shape, period, turn + 90, 0.0)
        # The screen runs -2..2; a soft edge keeps the dots from flickering as they are resized.
        dots = (values[:, :, channel] - 127.5) * 4 + screen * 255
        if values.shape[2] == 1:
            out[:] = (dots + 127.5)[:, :, None]
        else:
            out[:, :, channel] = dots + 127.5
    return from_float(out)


def moire(image: Image.Image, amount: float, rng: np.random.Generator) -> Image.Image:
    """A photograph of a screen: beating stripes, coloured a little, uneven light, slight blur."""
    height, width = image.height, image.width
    soft = image.filter(ImageFilter.GaussianBlur(0.6))
    values = pixels(soft).astype(np.float32)
    period = max(2.2, min(width, height) / 60) * rng.uniform(0.9, 1.6)
    turn = rng.uniform(0, 180)
    fine = _wave(height, width, period, turn, rng.uniform(0, 6))
    beat = _wave(height, width, period * rng.uniform(6, 14), turn + rng.uniform(-20, 20), 0.0)
    light = _wave(height, width, 3.0 * max(width, height), rng.uniform(0, 180), rng.uniform(0, 6))
    cast = rng.uniform(-0.5, 0.5, 3).astype(np.float32)
    base = 1 + np.float32(0.35 * amount) * (fine * beat + np.float32(0.6) * light)
    values *= base[:, :, None] + (np.float32(0.3 * amount) * beat)[:, :, None] * cast
    return from_float(values + np.float32(12 * amount))


def _box(values: Floats, radius: int) -> Floats:
    """Mean over a square of 2·radius+1 pixels, float (h, w, c); edges repeated."""
    size = 2 * radius + 1
    padded = np.pad(values, ((radius + 1, radius), (radius + 1, radius), (0, 0)), mode="edge")
    total = padded.cumsum(axis=0, dtype=np.float32)
    total = total[size:] - total[:-size]
    total = total.cumsum(axis=1, dtype=np.float32)
    means: Floats = (total[:, size:] - total[:, :-size]) / np.float32(size * size)
    return means


def smooth(image: Image.Image, radius: int, flatness: float) -> Image.Image:
    """Edge-preserving smoothing (a guided filter at half size): texture goes, outlines stay.

    ``radius``: pixels at half size. ``flatness``: grey levels below which a difference is texture.
    """
    half = image.resize((max(1, image.width // 2), max(1, image.height // 2)), Image.Resampling.BOX)
    colours = pixels(half).astype(np.float32) / 255
    guide = np.asarray(half.convert("L"), np.float32)[:, :, None] / 255
    means = _box(np.concatenate([guide, colours, guide * guide, guide * colours], axis=2), radius)
    mean_guide, mean_colour = means[:, :, :1], means[:, :, 1:4]
    variance = means[:, :, 4:5] - mean_guide * mean_guide
    covariance = means[:, :, 5:8] - mean_guide * mean_colour
    slope = covariance / (variance + np.float32((flatness / 255) ** 2))
    offset = mean_colour - slope * mean_guide
    spread = _box(np.concatenate([slope, offset], axis=2), radius)
    full = [
        np.asarray(
            Image.fromarray(np.ascontiguousarray(spread[:, :, plane])).resize(
                image.size, Image.Resampling.BILINEAR
            )
        )
        for plane in range(6)
    ]
    luma = np.asarray(image.convert("L"), np.float32) / 255
    out = np.stack([full[c] * luma + full[c + 3] for c in range(3)], axis=2)
    return from_float(out * 255)


def palette(image: Image.Image, colours: int, dithered: bool = False) -> Image.Image:
    """At most ``colours`` (2..256) colours, chosen from the image; dithered or in patches."""
    # Median cut costs its time per distinct colour: a sample of the pixels has all that matter.
    sample = image.resize(
        (min(48, image.width), min(48, image.height)), Image.Resampling.NEAREST
    ).quantize(max(2, colours), Image.Quantize.MEDIANCUT)
    dither = Image.Dither.FLOYDSTEINBERG if dithered else Image.Dither.NONE
    return image.quantize(palette=sample, dither=dither).convert("RGB")


def sketch(image: Image.Image, radius: float) -> Image.Image:
    """A pencil drawing: the grey picture divided by its own blur, ``radius`` in pixels."""
    grey = image.convert("L")
    light = np.asarray(grey.filter(ImageFilter.GaussianBlur(radius)), np.float32)
    drawn = np.asarray(grey, np.float32) * 255 / np.maximum(light, 1)
    return Image.fromarray(np.minimum(drawn, 255).astype(np.uint8)).convert("RGB")


def line_art(image: Image.Image, radius: float, detail: float = 1.0) -> Image.Image:
    """Ink lines on white: a thresholded difference of two blurs. More ``detail``, more lines."""
    grey = image.convert("L")
    fine = np.asarray(grey.filter(ImageFilter.GaussianBlur(radius)), np.float32)
    coarse = np.asarray(grey.filter(ImageFilter.GaussianBlur(radius * 1.6)), np.float32)
    drawn = 255 + (fine - coarse) * np.float32(30 * detail) + 30
    return Image.fromarray(np.clip(drawn, 0, 255).astype(np.uint8)).convert("RGB")


def cartoon(image: Image.Image, colours: int, radius: float = 1.0) -> Image.Image:
    """Smoothed, few colours, dark lines: a photograph as a comic would print it."""
    flat = pixels(palette(smooth(image, 3, 25.0), colours)).astype(np.float32)
    lines = pixels(line_art(image, radius, 0.7)).astype(np.float32)
    return from_float(flat * (lines / np.float32(255)))


def emboss(image: Image.Image) -> Image.Image:
    """Relief: only edges remain, lit from one corner, half mixed back with the picture."""
    return Image.blend(image, image.filter(ImageFilter.EMBOSS), 0.7)
