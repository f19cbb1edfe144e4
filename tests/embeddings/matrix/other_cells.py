"""JPEG, WebP, AVIF and GIF: samplings, ranges, opacity, profiles, orientation, frames."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image

from tests.embeddings.matrix import profiles
from tests.embeddings.matrix.cell import (
    BROWSER,
    SWAPPED,
    Cell,
    quantized,
    saved,
    through,
    with_opacity,
)
from tests.embeddings.matrix.picture import (
    as_rgb,
    cover,
    grey,
    levels,
    on_white,
    pictured,
    stored,
    turned,
)

_KEPT: Final = Path(__file__).parents[1] / "cases"


def jpeg() -> Iterator[tuple[str, Cell]]:
    image, plane = Image.fromarray(pictured()), Image.fromarray(grey())
    kinds: dict[str, dict[str, object]] = {
        "4:4:4": {"subsampling": 0},
        "4:2:2": {"subsampling": 1},
        "4:2:0": {"subsampling": 2},
        "progressive": {"progressive": True},
        "restarts": {"restart_marker_blocks": 3},
        "rgb": {"keep_rgb": True},
    }
    for name, options in kinds.items():
        yield f"jpeg {name}", Cell("jpg", saved(image, "JPEG", quality=92, **options), pictured())
    yield "jpeg grey", Cell("jpg", saved(plane, "JPEG", quality=92), as_rgb(grey()))
    of_light = as_rgb(levels(stored(grey() / 255)))
    for name, primaries in (("grey", None), ("colours", profiles.SRGB_XY)):
        file = saved(plane, "JPEG", quality=92, icc_profile=profiles.icc(primaries, 1.0))
        yield f"jpeg grey with a profile of {name}", Cell("jpg", file, of_light)
    swapped = profiles.icc(SWAPPED, 2.2)
    file = saved(image, "JPEG", quality=96, subsampling=0, icc_profile=swapped)
    yield "jpeg profile", Cell("jpg", file, through(SWAPPED, 2.2))
    file = saved(image, "JPEG", quality=92, icc_profile=profiles.icc(None, 1.0))
    yield "jpeg profile of other inks", Cell("jpg", file, pictured())
    inks = 255 - pictured().astype(np.int64)
    black = inks.min(axis=2, keepdims=True)
    plates = np.concatenate((inks - black, black), axis=2)
    rest = 255 - plates[..., :3]
    right = np.rint(rest * (255 - plates[..., 3:]) / 255).astype(np.uint8)
    four = Image.frombytes("CMYK", image.size, plates.astype(np.uint8).tobytes())
    yield "jpeg inks", Cell("jpg", saved(four, "JPEG", quality=92), right)
    for orientation in range(1, 9):
        exif = b"Exif\0\0" + profiles.exif(orientation)
        file = saved(
            Image.fromarray(turned(pictured(), orientation)), "JPEG", quality=92, exif=exif
        )
        yield f"jpeg exif {orientation}", Cell("jpg", file, pictured())
    for name in ("baseline", "progressive"):
        file = saved(image, "JPEG", quality=92, progressive=name == "progressive")
        # What a browser leaves out at the bottom the decoder has: so it is not asked.
        yield f"jpeg {name} without its end", Cell("jpg", file[:-2], pictured(), browser=False)


def webp() -> Iterator[tuple[str, Cell]]:
    image = Image.fromarray(pictured())
    clear = with_opacity(image)
    yield "webp", Cell("webp", saved(image, "WEBP", quality=95), pictured())
    yield "webp lossless", Cell("webp", saved(image, "WEBP", lossless=True), pictured())
    right = on_white(pictured(), cover())
    yield "webp opacity", Cell("webp", saved(clear, "WEBP", quality=95), right)
    yield (
        "webp lossless opacity",
        Cell("webp", saved(clear, "WEBP", lossless=True, exact=True), right),
    )
    file = saved(image, "WEBP", lossless=True, icc_profile=profiles.icc(SWAPPED, 2.2))
    yield "webp profile", Cell("webp", file, through(SWAPPED, 2.2))
    for orientation in (3, 6):
        file = saved(image, "WEBP", lossless=True, exif=b"Exif\0\0" + profiles.exif(orientation))
        yield f"webp exif {orientation} is not heeded", Cell("webp", file, pictured())
    file = saved(
        image,
        "WEBP",
        lossless=True,
        save_all=True,
        append_images=[image.rotate(180)],
        duration=10**6,
    )
    yield "webp animation", Cell("webp", file, pictured())


def avif() -> Iterator[tuple[str, Cell]]:
    image, plane = Image.fromarray(pictured()), Image.fromarray(grey())

    def avif_of(picture: Image.Image, **options: object) -> bytes:
        return saved(picture, "AVIF", quality=95, speed=8, **options)

    for sampling in ("4:4:4", "4:2:2", "4:2:0"):
        yield f"avif {sampling}", Cell("avif", avif_of(image, subsampling=sampling), pictured())
    yield "avif narrow range", Cell("avif", avif_of(image, range="limited"), pictured())
    yield "avif grey", Cell("avif", avif_of(plane), as_rgb(grey()))
    right = on_white(pictured(), cover())
    for multiplied in (False, True):
        file = avif_of(with_opacity(image), alpha_premultiplied=multiplied)
        yield f"avif opacity {multiplied=}", Cell("avif", file, right)
    file = avif_of(image, icc_profile=profiles.icc(SWAPPED, 2.2))
    yield "avif profile", Cell("avif", file, through(SWAPPED, 2.2))
    for orientation in range(2, 9):
        exif = b"Exif\0\0" + profiles.exif(orientation)
        file = avif_of(Image.fromarray(turned(pictured(), orientation)), exif=exif)
        yield f"avif turned {orientation}", Cell("avif", file, pictured())
    plain = avif_of(image)
    at = plain.index(b"nclx") + 4
    for primaries, transfer in (
        (1, 1), (1, 4), (1, 5), (1, 6), (1, 7), (1, 8), (1, 14), (1, 17), (2, 2), (2, 8), (9, 2),
        (5, 13), (9, 13), (12, 13), (9, 16), (9, 18), (200, 8), (9, 200),
    ):  # fmt: skip
        numbers = primaries.to_bytes(2, "big") + transfer.to_bytes(2, "big")
        file = plain[:at] + numbers + plain[at + 4 :]
        yield f"avif numbers {primaries} {transfer}", Cell("avif", file, BROWSER)
    for path in sorted(_KEPT.glob("*.avif")):
        yield f"avif {path.stem}", Cell("avif", path.read_bytes(), BROWSER)


def gif() -> Iterator[tuple[str, Cell]]:
    places, colours = quantized(64)
    image = Image.fromarray(places.astype(np.uint8), "P")
    image.putpalette(colours.tobytes())
    right = colours[places]
    for interlaced in (False, True):
        yield f"gif {interlaced=}", Cell("gif", saved(image, "GIF", interlace=interlaced), right)
    key = int(places[90, 20])
    clear = on_white(right, (places != key) * 1.0)
    yield "gif key", Cell("gif", saved(image, "GIF", transparency=key), clear)
    yield "gif grey", Cell("gif", saved(Image.fromarray(grey()), "GIF"), as_rgb(grey()))
    small = image.crop((0, 0, 100, 80))
    for name, options in (("", {}), (" key", {"transparency": key})):
        file = saved(small, "GIF", interlace=False, **options)
        page = np.full_like(right, 255)
        page[30:110, 50:150] = (clear if options else right)[:80, :100]
        yield (
            f"gif frame within its canvas{name}",
            Cell("gif", _framed(file, 50, 30, 160, 120), page),
        )
    page = np.full((140, 170, 3), 255, np.uint8)
    page[20:, 10:] = right
    yield (
        "gif frame beyond its canvas",
        Cell("gif", _framed(saved(image, "GIF"), 10, 20, 160, 120), page),
    )


def _framed(file: bytes, left: int, top: int, width: int, height: int) -> bytes:
    """A GIF whose canvas has another size, and whose frame stands elsewhere on it."""
    changed = bytearray(file)
    changed[6:10] = np.array([width, height], "<u2").tobytes()
    at = 13 + (3 << (changed[10] & 7) + 1 if changed[10] & 0x80 else 0)
    while changed[at] != 0x2C:
        at += 2
        while changed[at]:
            at += changed[at] + 1
        at += 1
    changed[at + 1 : at + 5] = np.array([left, top], "<u2").tobytes()
    return bytes(changed)
