"""Images side by side with the bits of their hashes, and sheets of thumbnails.

Only ever called with pictures that may be shown. It knows pixels and bits; not what they mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from numpy.typing import NDArray
from PIL import Image

from embeddings.codes import CODE_BITS
from evaluation.showing.plots.chart import BLACK, GREY, VERMILION, Chart, new, shown

_SIDE = 16
_THUMBNAIL = 220


@dataclass(frozen=True)
class Bits:
    """A hash of two images, and how near they must be to match."""

    name: str
    left: bytes
    """32 bytes."""
    right: bytes
    """32 bytes."""
    radius: int
    """Bits, inclusive."""

    @property
    def distance(self) -> int:
        """Bits."""
        return int(np.unpackbits(self._differing()).sum())

    @property
    def grid(self) -> NDArray[np.uint8]:
        """uint8 (16, 16): 0 and 1 where both agree on that value, 2 where they differ."""
        left = np.unpackbits(np.frombuffer(self.left, np.uint8))
        differing = np.unpackbits(self._differing())
        return np.where(differing == 1, 2, left).reshape(_SIDE, _SIDE).astype(np.uint8)

    def _differing(self) -> NDArray[np.uint8]:
        return np.frombuffer(self.left, np.uint8) ^ np.frombuffer(self.right, np.uint8)


@dataclass(frozen=True)
class Compared:
    """Two images and the bits of their hashes."""

    left: Image.Image
    right: Image.Image
    left_name: str
    right_name: str
    bits: Sequence[Bits]


def bit_difference(rows: Sequence[Compared]) -> Chart:
    """Each row: two images, then a 16 × 16 grid for each hash: equal bits grey, others orange."""
    columns = 2 + max(len(row.bits) for row in rows)
    figure = new(2.5 * columns, 2.62 * len(rows) + 0.35)
    axes = figure.subplots(len(rows), columns, squeeze=False)
    for row, line in zip(rows, axes, strict=True):
        for panel, picture, name in (
            (line[0], row.left, row.left_name),
            (line[1], row.right, row.right_name),
        ):
            _picture(panel, picture, name)
        for panel, bits in zip(line[2:], row.bits, strict=False):
            _grid(panel, bits)
        for panel in line[2 + len(row.bits) :]:
            panel.set_visible(False)
    figure.supxlabel(
        "a square is a bit of the hash: grey, light or dark, where both agree, orange where not",
        fontsize=9,
        color=GREY,
    )
    says = "; ".join(
        f"{row.left_name} and {row.right_name}: "
        + ", ".join(f"{bits.name} {bits.distance} of {CODE_BITS} bits apart" for bits in row.bits)
        for row in rows
    )
    return Chart(figure, f"Images side by side with the bits of their hashes. {says}.")


def _grid(panel: Axes, bits: Bits) -> None:
    panel.imshow(
        bits.grid, cmap=ListedColormap(["#d9d9d9", "#a6a6a6", VERMILION]), vmin=0, vmax=2,
        interpolation="nearest",
    )  # fmt: skip
    match = bits.distance <= bits.radius
    panel.set_title(
        f"{shown(bits.name)}: {bits.distance} bits\n"
        f"{'match' if match else 'no match'}, radius {bits.radius}",
        fontsize=9,
        fontweight="bold" if match else "normal",
    )
    _bare(panel)


def contact_sheet(
    pictures: Sequence[tuple[Image.Image, str]], columns: int = 6, width: float = 10.5
) -> Chart:
    """Thumbnails, each with its name (and whatever else) below."""
    rows = -(-len(pictures) // columns)
    lines = max(text.count("\n") + 1 for _, text in pictures)
    figure = new(width, (width / columns * 0.86 + 0.17 * lines) * rows)
    axes = figure.subplots(rows, columns, squeeze=False)
    for panel in axes.ravel()[len(pictures) :]:
        panel.set_visible(False)
    for panel, (picture, text) in zip(axes.ravel(), pictures, strict=False):
        panel.imshow(_thumbnail(picture))
        panel.set_xlabel(text, fontsize=8, color=BLACK)
        _bare(panel)
    names = ", ".join(text.replace("\n", " ") for _, text in pictures)
    return Chart(figure, f"Thumbnails: {names}.")


def pairs_sheet(pairs: Sequence[tuple[Image.Image, Image.Image, str]], columns: int = 3) -> Chart:
    """Pairs of thumbnails, each pair with a text below."""
    rows = -(-len(pairs) // columns)
    figure = new(10.5, 2.15 * rows)
    axes = figure.subplots(rows, columns, squeeze=False)
    for panel in axes.ravel()[len(pairs) :]:
        panel.set_visible(False)
    for panel, (left, right, text) in zip(axes.ravel(), pairs, strict=False):
        panel.imshow(_beside(left, right))
        panel.set_xlabel(text, fontsize=8, color=BLACK)
        _bare(panel)
    said = "; ".join(text.replace("\n", " ") for _, _, text in pairs)
    return Chart(figure, f"Pairs of images: {said}.")


def _beside(left: Image.Image, right: Image.Image) -> NDArray[np.uint8]:
    """Both within a square each, a little apart, on white."""
    sheet = Image.new("RGB", (2 * _THUMBNAIL + 12, _THUMBNAIL), (255, 255, 255))
    for place, picture in enumerate((left, right)):
        small = picture.convert("RGB")
        small.thumbnail((_THUMBNAIL, _THUMBNAIL))
        across = place * (_THUMBNAIL + 12) + (_THUMBNAIL - small.width) // 2
        sheet.paste(small, (across, (_THUMBNAIL - small.height) // 2))
    return np.asarray(sheet)


def _picture(panel: Axes, picture: Image.Image, name: str) -> None:
    panel.imshow(_thumbnail(picture))
    panel.set_title(name, fontsize=9)
    _bare(panel)


def _thumbnail(picture: Image.Image) -> NDArray[np.uint8]:
    small = picture.convert("RGB")
    small.thumbnail((_THUMBNAIL, _THUMBNAIL))
    return np.asarray(small)


def _bare(panel: Axes) -> None:
    panel.set_xticks([])
    panel.set_yticks([])
    for spine in panel.spines.values():
        spine.set_color("#cccccc")
