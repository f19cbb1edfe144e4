"""Edits of whole batches on the trainer's device.

Processors draw a few thousand copies a second with the edits people make (``edits``); a GPU trains
on many more. What it sees besides is edited here, all views of a batch at once: turned, cropped,
framed, laid onto or blended with another picture, covered, recoloured, blurred, pixelated. Cruder
than the real ones, and never twice the same.

It knows tensors; nothing of images, files or schedules. Views are float (n, 3, s, s), 0..255.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

_LUMA: Final = (0.299, 0.587, 0.114)
_BLUR_REACH: Final = 6  # pixels either side
_ORDERS: Final = ((0, 1, 2), (1, 2, 0), (2, 0, 1), (0, 2, 1), (2, 1, 0), (1, 0, 2))


@dataclass(frozen=True)
class Draw:
    """Random numbers for n views, on one device."""

    strength: Tensor
    """float (n,): how often a view is edited and, where an edit knows more and less, how much. At 1
    the heaviest still recognisable; at 0 a fifth as often, and nine views in ten stay near what
    they were."""
    generator: torch.Generator

    def uniform(self, low: float, high: float) -> Tensor:
        """float (n,)."""
        values = torch.empty_like(self.strength)
        return values.uniform_(low, high, generator=self.generator)

    def often(self, share: float) -> Tensor:
        """bool (n,): true for ``share`` of the views at strength 1, for a fifth of it at 0."""
        return self.uniform(0, 1) < share * (0.2 + 0.8 * self.strength)

    def within(self, reach: float) -> Tensor:
        """float (n,), either side of 0, up to ``reach`` at strength 1, a fifth of it at 0."""
        return self.uniform(-reach, reach) * (0.2 + 0.8 * self.strength)

    def colour(self) -> Tensor:
        """float (n, 3, 1, 1): often white, black or grey, as grounds are."""
        free = torch.stack([self.uniform(0, 255) for _ in range(3)], 1)
        plain = torch.where(self.uniform(0, 1) < 0.5, 255.0, self.uniform(0, 255)).round()
        plain = torch.where(self.uniform(0, 1) < 0.3, 0.0, plain)
        chosen = torch.where((self.uniform(0, 1) < 0.5)[:, None], plain[:, None], free)
        return chosen[:, :, None, None]


def edited(images: Tensor, others: Tensor, strength: Tensor, generator: torch.Generator) -> Tensor:
    """``images`` edited at random, channels last in memory.

    ``others``: as many unrelated ones; ``strength``: float (n,), 0..1, of each. ``generator`` must
    be on the same device.
    """
    draw = Draw(strength, generator)
    pixels = _recoloured(images, draw)
    pixels = _placed(pixels, others, draw)
    pixels = _blended(pixels, others, draw)
    pixels = _covered(pixels, others, draw)
    pixels = _coarsened(pixels, draw)
    pixels = _toned(pixels, draw)
    return pixels.clamp(0, 255).contiguous(memory_format=torch.channels_last)


def _column(values: Tensor) -> Tensor:
    """(n,) as (n, 1, 1, 1)."""
    return values.view(-1, 1, 1, 1)


def _chosen(where: Tensor, there: Tensor, elsewhere: Tensor) -> Tensor:
    """``there`` for the views ``where``, bool (n,), is true."""
    return torch.where(_column(where), there, elsewhere)


def _grey(pixels: Tensor) -> Tensor:
    """float (n, 1, s, s)."""
    return (pixels * pixels.new_tensor(_LUMA).view(1, 3, 1, 1)).sum(1, keepdim=True)


def _placed(pixels: Tensor, others: Tensor, draw: Draw) -> Tensor:
    """Cropped, turned, mirrored, tilted; or smaller, on a ground of one colour or on another."""
    one = torch.ones_like(draw.strength)
    # The logarithm of how much of the view is seen, along each side.
    cropped, framed = draw.often(0.45), draw.often(0.3)
    seen = torch.where(cropped, draw.strength * draw.uniform(-0.75, 0), 0 * one)
    seen = torch.where(framed, draw.strength * draw.uniform(0.05, 0.65), seen)
    aside = torch.where(draw.often(0.4), draw.within(0.25), 0 * one)
    beside = framed & draw.often(0.25)  # half as wide or half as high: another picture beside it
    half = torch.where(beside, math.log(2) * one, 0 * one)
    along = draw.uniform(0, 1) < 0.6
    wide = torch.exp(torch.where(beside, half * along, seen) + aside)
    high = torch.exp(torch.where(beside, half * ~along, seen) - aside)
    # As far as what is seen may move without leaving the view, or the view the ground.
    right, down = ((side - 1).abs() * draw.uniform(-1, 1) for side in (wide, high))
    tilt = torch.where(draw.often(0.2), draw.within(0.12), draw.within(0.02))
    degrees = torch.where(draw.often(0.25), draw.within(30), draw.within(3))
    degrees = torch.where(draw.often(0.06), draw.uniform(-180, 180), degrees)
    quarters = torch.where(draw.often(0.15), draw.uniform(1, 4).floor(), 0 * one)
    angle = degrees * (math.pi / 180) + quarters * (math.pi / 2)
    mirrored = torch.where(draw.often(0.25), -one, one)
    cosine, sine = angle.cos(), angle.sin()
    zero = 0 * one
    turn = torch.stack(
        (
            torch.stack((mirrored * wide * cosine, -mirrored * wide * sine, right), 1),
            torch.stack((high * sine, high * cosine, down), 1),
            torch.stack((tilt, draw.within(0.05), one + zero), 1),
        ),
        1,
    )
    line = (torch.arange(pixels.shape[-1], device=pixels.device) + 0.5) * 2 / pixels.shape[-1] - 1
    y, x = torch.meshgrid(line, line, indexing="ij")
    places = torch.stack((x, y, torch.ones_like(x)), 2).view(1, -1, 3) @ turn.transpose(1, 2)
    grid = (places[..., :2] / places[..., 2:]).view(len(pixels), *x.shape, 2)
    inside = torch.ones_like(pixels[:, :1])
    sampled = functional.grid_sample(
        torch.cat((pixels, inside), 1), grid, padding_mode="zeros", align_corners=False
    )
    mask = sampled[:, 3:]
    ground = torch.where(_column(draw.uniform(0, 1) < 0.5), others, draw.colour().expand_as(pixels))
    # A turned picture's corners are filled with what lies at its edge as often as with a ground.
    kept = functional.grid_sample(pixels, grid, padding_mode="border", align_corners=False)
    on_ground = sampled[:, :3] + (1 - mask) * ground
    return _chosen(framed | (draw.uniform(0, 1) < 0.5), on_ground, kept)


def _blended(pixels: Tensor, others: Tensor, draw: Draw) -> Tensor:
    share = draw.strength * draw.uniform(0.1, 0.5) * draw.often(0.15)
    return torch.lerp(pixels, others, _column(share))


def _covered(pixels: Tensor, others: Tensor, draw: Draw) -> Tensor:
    """Up to three patches, a band along an edge, and rows of something like words."""
    side = pixels.shape[-1]
    line = torch.arange(side, device=pixels.device, dtype=torch.float32) / side
    across, upright = line.view(1, 1, 1, -1), line.view(1, 1, -1, 1)

    def box(left: Tensor, top: Tensor, width: Tensor, height: Tensor) -> Tensor:
        left, top, right, bottom = map(_column, (left, top, left + width, top + height))
        return (across >= left) & (across < right) & (upright >= top) & (upright < bottom)

    some = draw.often(0.35)
    for _ in range(3):
        width, height = (draw.uniform(0.06, 0.36) for _ in range(2))
        patch = box(draw.uniform(-0.1, 0.95), draw.uniform(-0.1, 0.95), width, height)
        fill = _chosen(draw.uniform(0, 1) < 0.3, others, draw.colour().expand_as(pixels))
        there = some & (draw.uniform(0, 1) < 0.6)
        pixels = torch.where(patch & _column(there), fill, pixels)
    # Letters at the size of words: blocks of two by three pixels, on or off.
    blocks = torch.rand(
        (len(pixels), 1, -(-side // 3), side // 2), device=pixels.device, generator=draw.generator
    )
    words = functional.interpolate((blocks < 0.5).float(), (side, side), mode="nearest")
    words = words * ((upright * draw.uniform(8, 20).view(-1, 1, 1, 1)) % 1 < 0.5)
    height = draw.uniform(0.08, 0.33)
    top = torch.where(draw.uniform(0, 1) < 0.5, 0 * height, 1 - height)
    top = torch.where(draw.uniform(0, 1) < 0.3, draw.uniform(0, 0.7), top)
    zero, one = torch.zeros_like(top), torch.ones_like(top)
    band = box(zero, top, one, height) & _column(draw.often(0.2))
    opacity = torch.where(draw.uniform(0, 1) < 0.7, one, draw.uniform(0.4, 1))
    lettered = torch.lerp(draw.colour().expand_as(pixels), draw.colour().expand_as(pixels), words)
    pixels = torch.where(band, torch.lerp(pixels, lettered, _column(opacity)), pixels)
    marked = words * _column(draw.often(0.1) * draw.uniform(0.15, 0.6))
    return torch.lerp(pixels, draw.colour().expand_as(pixels), marked)


def _coarsened(pixels: Tensor, draw: Draw) -> Tensor:
    """One of: blurred, pixelated, sharpened, noisy, in a few tones, in lines; or none of them."""
    side, which = pixels.shape[-1], draw.uniform(0, 1) / (0.2 + 0.8 * draw.strength)
    cells = torch.exp(draw.uniform(math.log(18), math.log(80)))
    pixelated = (which >= 0.18) & (which < 0.32)
    width = torch.where(pixelated, 0.35 * side / cells, draw.uniform(0.3, 2.6))
    soft = _blurred(pixels, width)
    out = _chosen(which < 0.18, soft, pixels)
    line = torch.arange(side, device=pixels.device) + 0.5
    steps = cells.round()[:, None]
    centres = ((line * steps / side).floor() + 0.5) * 2 / steps - 1
    grid = torch.stack(
        (centres[:, None, :].expand(-1, side, -1), centres[:, :, None].expand(-1, -1, side)), 3
    )
    blocks = functional.grid_sample(soft, grid, padding_mode="border", align_corners=False)
    out = _chosen(pixelated, blocks, out)
    sharp = pixels + (pixels - soft) * _column(draw.uniform(0.5, 3))
    out = _chosen((which >= 0.32) & (which < 0.37), sharp, out)
    noise = torch.empty_like(pixels).normal_(generator=draw.generator)
    noise = _chosen(draw.uniform(0, 1) < 0.3, noise[:, :1].expand_as(pixels), noise)
    out = _chosen(
        (which >= 0.37) & (which < 0.49), pixels + noise * _column(draw.uniform(4, 45)), out
    )
    tones = _column(draw.uniform(2, 7).floor() - 1)
    out = _chosen(
        (which >= 0.49) & (which < 0.55), (pixels / 255 * tones).round() / tones * 255, out
    )
    shade = _grey(pixels)
    slope = (shade - shade.roll(1, 2)).abs() + (shade - shade.roll(1, 3)).abs()
    lines = (255 - slope * _column(draw.uniform(1, 4))).expand_as(pixels)
    lines = _chosen(draw.uniform(0, 1) < 0.3, 255 - lines, lines)
    return _chosen((which >= 0.55) & (which < 0.59), lines, out).clamp(0, 255)


def _blurred(pixels: Tensor, width: Tensor) -> Tensor:
    """Blurred by Gaussians of ``width`` pixels, float (n,)."""
    reach = torch.arange(-_BLUR_REACH, _BLUR_REACH + 1, device=pixels.device, dtype=torch.float32)
    kernels = torch.exp(-0.5 * (reach / width[:, None]).square())
    kernels = kernels / kernels.sum(1, keepdim=True)
    count, channels, height, across = pixels.shape
    kernels = kernels.repeat_interleave(channels, 0)[:, None]
    rows = pixels.contiguous().view(1, count * channels, height, across)
    rows = functional.pad(rows, (_BLUR_REACH,) * 4, mode="replicate")
    rows = functional.conv2d(rows, kernels[:, :, None], groups=count * channels)
    rows = functional.conv2d(rows, kernels[:, :, :, None], groups=count * channels)
    return rows.view(pixels.shape)


def _recoloured(pixels: Tensor, draw: Draw) -> Tensor:
    """Other hues, channels swapped, grey, two colours, inverted, with less or more colour."""
    shade = _grey(pixels)
    orders = pixels.new_tensor(_ORDERS).long()
    order = orders[(draw.uniform(0, 1) * len(_ORDERS)).long().clamp(max=len(_ORDERS) - 1)]
    swapped = pixels.gather(1, order[:, :, None, None].expand_as(pixels))
    out = _chosen(draw.often(0.08), swapped, pixels)
    # A turn of the hue: around the grey diagonal.
    angle = torch.where(draw.often(0.3), draw.within(math.pi), draw.within(0.1))
    cosine, third = angle.cos(), (1 - angle.cos()) / 3
    root = angle.sin() / math.sqrt(3)
    rows = [cosine + third, third - root, third + root]
    turn = torch.stack([torch.stack(rows[-k:] + rows[:-k], 1) for k in range(3)], 1)
    out = torch.einsum("nij,njhw->nihw", turn, out)
    colourful = torch.exp(torch.where(draw.often(0.3), draw.within(1.2), draw.within(0.1)))
    colourful = torch.where(draw.often(0.2), torch.zeros_like(colourful), colourful)
    out = shade + (out - shade) * _column(colourful)
    two = torch.lerp(draw.colour().expand_as(pixels), draw.colour().expand_as(pixels), shade / 255)
    two = torch.lerp(two, shade.expand_as(pixels), 0.5)
    out = _chosen(draw.often(0.06), two, out).clamp(0, 255)
    out = _chosen(draw.often(0.1), 255 - out, out)
    return _chosen(draw.often(0.03), (out - 128).abs() * 2, out)


def _toned(pixels: Tensor, draw: Draw) -> Tensor:
    """Brighter or darker, with more or less contrast, of another cast."""
    some = draw.often(0.5).float()
    power = torch.exp(some * draw.within(0.7))
    pixels = (pixels.clamp(0, 255) / 255).pow(_column(power)) * 255
    middle = pixels.mean((1, 2, 3), keepdim=True)
    pixels = middle + (pixels - middle) * _column(torch.exp(some * draw.within(0.6)))
    cast = torch.stack([draw.within(0.25) for _ in range(3)], 1) * draw.often(0.3)[:, None]
    pixels = pixels * torch.exp(cast)[:, :, None, None]
    return pixels + _column(some * draw.within(30))
