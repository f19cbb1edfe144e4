"""JPEG files to the network's input on a CUDA device, where that gives what the CPU gives.

Limits come first, as everywhere: ``images.announced`` holds each file against them before a decoder
sees it, and the decoder gets the stripped file it makes. Only plain files go to the device's
decoder: three components, upright, without a colour profile, and below the size from which images
are reduced while they are decoded. Everything else, and everything where
the device's decoder fails or is not there, is decoded by ``images.decode``, the reference. Before
its first use the device's decoder is held against the reference on a picture made here; should it
differ by more than rounding, it is not used at all, and ``trouble`` says so.

It knows files and prepared images; nothing of networks and codes.
"""

from __future__ import annotations

import functools
import io
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn import functional

from embeddings.errors import ImageError
from embeddings.files.formats import FileContents
from embeddings.files.images import ImageLimits, announced, decode, reduction
from embeddings.network.encoder import prepare
from embeddings.network.preparing import locating, trimming
from embeddings.network.preparing.locating import Locate

MOST_DIFFERENCE: Final = 2.0
"""Levels of 255, on average over a picture, by which the two decoders may differ."""

_COMPONENTS: Final = 3


@dataclass(frozen=True, eq=False)
class Prepared:
    """What became of a batch of files."""

    pixels: Tensor
    """uint8 (m, side, side, 3), on the device: the files that could be decoded, in their order."""
    failures: dict[int, ImageError]
    """Place of a file in the batch to what is wrong with it."""
    on_device: int
    """How many of them the device decoded."""


class JpegPreparer:
    """Decodes and shrinks batches of files. Safe to call from several threads."""

    def __init__(
        self, detail: int, locate: Locate, limits: ImageLimits | None = None, device: str = "cuda"
    ) -> None:
        """``detail``, ``locate``: the model's, as ``encoder.prepare`` has them."""
        self._detail, self._locate, self._limits = detail, locate, limits or ImageLimits()
        self._device = torch.device(device)
        self.trouble = self._difference()
        """Why files are decoded on the CPU; empty when they are not."""

    def __call__(self, files: Sequence[bytes]) -> Prepared:
        """``files`` as the network wants them; one that is faulty fails alone."""
        failures: dict[int, ImageError] = {}
        plain: dict[int, FileContents] = {}
        pixels: dict[int, Tensor] = {}
        for place, data in enumerate(files):
            try:
                contents = announced(data, self._limits)
                if not self.trouble and _is_plain(contents):
                    plain[place] = contents
            except ImageError as error:
                failures[place] = error
        images = self._decoded(plain)
        pixels |= zip(images, self._prepared(list(images.values())), strict=True)
        others: dict[int, NDArray[np.uint8]] = {}
        for place in set(range(len(files))) - set(pixels) - set(failures):
            try:
                others[place] = decode(files[place], self._limits).rgb
            except ImageError as error:
                failures[place] = error
        prepared = prepare(list(others.values()), self._detail, self._locate)
        pixels |= zip(others, torch.from_numpy(prepared).to(self._device), strict=True)
        rows = [pixels[place] for place in sorted(pixels)]
        empty = torch.empty(
            (0, self._detail, self._detail, 3), dtype=torch.uint8, device=self._device
        )
        decoded = sum(place in pixels for place in plain) if rows else 0
        return Prepared(torch.stack(rows) if rows else empty, failures, decoded)

    def _prepared(self, images: list[Tensor]) -> list[Tensor]:
        """``images``, each uint8 (3, h, w), as ``encoder.prepare`` does it: uint8 (s, s, 3)."""
        if not images:
            return []
        parts = [trimmed(image) for image in images]
        squares = [shrunk(part, self._detail) for part in parts]
        seen = torch.stack(squares).cpu().numpy()
        sizes = [(part.shape[1], part.shape[2]) for part in parts]
        for found in locating.pictures(seen, sizes, self._locate):
            box, part = found.box, parts[found.row]
            inner = part[:, box.top : box.bottom, box.left : box.right]
            picture = shrunk(trimmed(inner), self._detail)
            if not locating.is_empty(picture.contiguous().cpu().numpy(), found.part):
                squares[found.row] = picture
        return squares

    def _decoded(self, plain: dict[int, FileContents]) -> dict[int, Tensor]:
        """Those files the device's decoder can decode: uint8 (3, h, w) each, in full size."""
        if not plain:
            return {}
        try:
            images = _decode_jpegs([contents.data for contents in plain.values()], self._device)
        except RuntimeError:
            images = []
            for contents in plain.values():
                try:
                    images += _decode_jpegs([contents.data], self._device)
                except RuntimeError:
                    images.append(torch.empty(0))
        return {
            place: image
            for (place, contents), image in zip(plain.items(), images, strict=True)
            if tuple(image.shape) == (_COMPONENTS, contents.height, contents.width)
        }

    def _difference(self) -> str:
        """Compare the decoders on a picture with smooth and sharp parts."""
        rows, columns = np.mgrid[0:96, 0:144]
        tiles = ((rows // 12 + columns // 12) % 2 * 90).astype(np.uint8)
        picture = np.stack([rows.astype(np.uint8) * 2, columns.astype(np.uint8), tiles], axis=2)
        file = io.BytesIO()
        Image.fromarray(picture).save(file, "JPEG", quality=92)
        reference = decode(file.getvalue()).rgb.astype(np.float32)
        try:
            (image,) = _decode_jpegs([announced(file.getvalue()).data], self._device)
        except (RuntimeError, ImportError, AttributeError) as error:
            return f"no JPEG decoder on {self._device}: {error}"
        found = image.permute(1, 2, 0).cpu().numpy().astype(np.float32)
        apart = float(np.abs(found - reference).mean())
        if apart > MOST_DIFFERENCE:
            return f"the JPEG decoder on {self._device} is {apart:.1f} levels from the reference"
        return ""


def trimmed(image: Tensor) -> Tensor:
    """``image``, uint8 (3, h, w), without its margins, as ``trimming`` finds them."""
    height, width = image.shape[1:]
    if min(height, width) < trimming.CELLS:
        return image
    rows, columns = (
        torch.from_numpy(trimming.sampled(length)).to(image.device) for length in (height, width)
    )
    samples = image[:, rows][:, :, columns].permute(1, 2, 0).cpu().numpy()
    part = trimming.within(samples, height, width)
    return image[:, part.top : part.bottom, part.left : part.right]


def shrunk(image: Tensor, side: int) -> Tensor:
    """``image``, uint8 (3, h, w), as ``encoder.squashed`` does it: uint8 (side, side, 3).

    For images that are not reduced while they are decoded. Every step of Pillow's is linear along
    rows and along columns and rounds to whole levels: so is and does each of these. Blocks of whole
    pixels are averaged, then a triangle covers what is left over, across and down.
    """
    pixels = image.float()
    height, width = pixels.shape[1:]
    if (height, width) != (side, side):
        down, across = max(height // side, 1), max(width // side, 1)
        pixels = _averaged(pixels, down, across)
        pixels = (pixels @ _triangles(width, across, side).to(pixels.device).t() + 0.5001).floor()
        pixels = (_triangles(height, down, side).to(pixels.device) @ pixels + 0.5001).floor()
    return pixels.clamp(0, 255).byte().permute(1, 2, 0)


def _averaged(pixels: Tensor, down: int, across: int) -> Tensor:
    """Averages of blocks of float (3, h, w), rounded; those at the far ends of what is left."""
    if (down, across) == (1, 1):
        return pixels
    means = functional.avg_pool2d(pixels, (down, across), ceil_mode=True, count_include_pad=False)
    # Pillow multiplies by the inverse of a block's size, cut short unless that is a power of two:
    # so halves go up for those, and down for others.
    size = down * across
    return (means + (0.501 if size & (size - 1) == 0 else 0.499)).floor()


@functools.lru_cache(maxsize=256)
def _triangles(length: int, block: int, side: int) -> Tensor:
    """Weights of a triangle filter from ``length`` / ``block`` pixels: float32 (side, pixels)."""
    extent = length / block
    scale = extent / side
    reach = max(scale, 1.0)
    places, centres = np.arange(-(-length // block)), (np.arange(side) + 0.5) * scale
    weights = np.clip(1 - np.abs(places + 0.5 - centres[:, None]) / reach, 0, None)
    # Pillow leaves out what lies beyond whole pixels of its reach.
    low, high = np.floor(centres - reach + 0.5), np.floor(centres + reach + 0.5)
    weights *= (places >= low[:, None]) & (places < high[:, None])
    return torch.from_numpy((weights / weights.sum(axis=1, keepdims=True)).astype(np.float32))


def _is_plain(contents: FileContents) -> bool:
    """Whether the device's decoder is known to see in this file what the reference sees."""
    if contents.format != "jpeg" or contents.orientation != 1 or contents.profile:
        return False
    if contents.cut_off:  # how much of it is there is found by the reference's decoder alone
        return False
    # Reducing while decoding is an art of the reference's decoder alone.
    whole = reduction(contents.width, contents.height) == 1
    return whole and _components(contents.data) == _COMPONENTS


def _components(data: bytes) -> int:
    """Colour components of a JPEG that ``formats.jpeg`` has walked; 0 where colours are unusual."""
    position = 2
    while position + 9 < len(data) and data[position] == 0xFF:
        code = data[position + 1]
        if code == 0xEE:  # Adobe's segment: colours may be stored as they are, or as CMYK
            return 0
        if 0xC0 <= code <= 0xCF and code not in {0xC4, 0xC8, 0xCC}:
            return data[position + 9]
        position += 2 + int.from_bytes(data[position + 2 : position + 4], "big")
    return 0


def _decode_jpegs(files: list[bytes], device: torch.device) -> list[Tensor]:
    """Pixels, uint8 (3, h, w) on ``device``, by torchvision's decoder: nvJPEG on CUDA."""
    from torchvision.io import ImageReadMode, decode_jpeg

    # A copy each: torch has no tensors that may only be read.
    raw = [torch.frombuffer(bytearray(data), dtype=torch.uint8) for data in files]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # newer releases deprecate it in favour of TorchCodec
        images: list[Tensor] = decode_jpeg(raw, ImageReadMode.RGB, device=device)
    return images
