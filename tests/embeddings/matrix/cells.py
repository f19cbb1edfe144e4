"""The table: files of every kind that are read, the picture each shows, and files that are refused.

A new kind of file is one more line in the function of its format. ``right`` is what the file was
made from, worked out here without the product's code; ``BROWSER`` stands where only a browser can
say. Files of formats that browsers show are held against a browser as well.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tests.embeddings.matrix import bmp_files as bmps
from tests.embeddings.matrix import png_files as pngs
from tests.embeddings.matrix import profiles
from tests.embeddings.matrix.picture import (
    Rgb,
    as_rgb,
    cover,
    grey,
    levels,
    linear,
    on_white,
    pictured,
    stored,
    turned,
)

BROWSER: Final = None
_SWAPPED: Final = (profiles.SRGB_XY[1], profiles.SRGB_XY[0], profiles.SRGB_XY[2])
_KEPT: Final = Path(__file__).parents[1] / "cases"


@dataclass(frozen=True, eq=False)
class Cell:
    """One file."""

    ending: str
    file: bytes
    right: Rgb | None
    """uint8 (h, w, 3); ``BROWSER``: the browser says."""
    browser: bool = True
    """Whether a browser shows it as it is meant here."""


def cells() -> dict[str, Cell]:
    """All of them by name."""
    table: dict[str, Cell] = {}
    for part in (_png(), _png_colours(), _jpeg(), _webp(), _avif(), _gif(), _bmp(), _tiff()):
        for name, cell in part:
            assert name not in table
            table[name] = cell
    return table


def _png() -> Iterator[tuple[str, Cell]]:
    samples8, opacity = pictured().astype(np.int64), cover()
    for depth in (1, 2, 4, 8, 16):
        top = 2**depth - 1
        plane = levels(grey() / 255, top)
        right = np.rint(plane / top * 255)
        for interlaced in (False, True):
            file = pngs.png(plane, depth, pngs.GREY, interlaced=interlaced)
            yield f"png grey {depth} {interlaced=}", Cell("png", file, as_rgb(right))
        key = int(plane[90, 20])
        file = pngs.png(plane, depth, pngs.GREY, pngs.key(key))
        if depth > 1:
            yield (
                f"png grey {depth} key",
                Cell("png", file, as_rgb(np.where(plane == key, 255, right))),
            )
    for depth in (8, 16):
        samples = samples8 * 257 if depth == 16 else samples8
        if depth == 16:
            samples[::2] = np.clip(samples[::2] - 120, 0, None)  # alike in their upper halves
        opaque = levels(opacity, 2**depth - 1)[..., None]
        for interlaced in (False, True):
            file = pngs.png(samples, depth, pngs.RGB, interlaced=interlaced)
            yield f"png rgb {depth} {interlaced=}", Cell("png", file, pictured())
        key = samples[1, 1]
        hidden = (samples == key).all(axis=2)
        file = pngs.png(samples, depth, pngs.RGB, pngs.key(*map(int, key)))
        yield f"png rgb {depth} key", Cell("png", file, on_white(pictured(), ~hidden * 1.0))
        file = pngs.png(np.concatenate((samples, opaque), 2), depth, pngs.RGB_ALPHA)
        yield f"png rgba {depth}", Cell("png", file, on_white(pictured(), opacity))
        plane = levels(grey() / 255, 2**depth - 1)[..., None]
        file = pngs.png(np.concatenate((plane, opaque), 2), depth, pngs.GREY_ALPHA)
        yield f"png grey alpha {depth}", Cell("png", file, on_white(as_rgb(grey()), opacity))
    for depth in (1, 2, 4, 8):
        places, colours = _quantized(2**depth)
        file = pngs.png(places, depth, pngs.PALETTE, pngs.palette(colours))
        yield f"png palette {depth}", Cell("png", file, colours[places])
        opaque = np.full(len(colours), 255)
        opaque[int(places[90, 20])] = 60
        file = pngs.png(
            places, depth, pngs.PALETTE, pngs.palette(colours, bytes(opaque.astype(np.uint8)))
        )
        right = on_white(colours[places], opaque[places] / 255)
        yield f"png palette {depth} opacity", Cell("png", file, right)
    for orientation in range(1, 9):
        exif = pngs.chunk(b"eXIf", profiles.exif(orientation))
        samples = turned(pictured(), orientation).astype(np.int64)
        file = pngs.png(samples, 8, pngs.RGB, exif)
        yield f"png exif {orientation}", Cell("png", file, pictured())
    file = pngs.png(samples8, 8, pngs.RGB, after=pngs.chunk(b"eXIf", profiles.exif(6)))
    yield "png exif after the data", Cell("png", file, pictured())


def _png_colours() -> Iterator[tuple[str, Cell]]:
    share = pictured() / 255
    light = linear(share)
    swapped = pngs.iccp(profiles.icc(_SWAPPED, 2.2))
    of_light = pngs.iccp(profiles.icc(profiles.SRGB_XY, 1.0))
    exchanged = _through(_SWAPPED, 2.2)

    def rgb(
        numbers: NDArray[np.float64], *chunks: bytes, depth: int = 8, after: bytes = b""
    ) -> bytes:
        return pngs.png(levels(numbers, 2**depth - 1), depth, pngs.RGB, *chunks, after=after)

    for gamma in (0.05, 0.3, 0.45455, 0.7, 1.0, 1.8):
        for depth in (8, 16):
            file = rgb(light**gamma, pngs.gama(gamma), depth=depth)
            top = 2**depth - 1
            right = levels(stored((levels(light**gamma, top) / top) ** (1 / gamma)))
            # Of so steep a curve a browser shows steps: it looks at 8 bits of 16.
            plain = depth == 8 or gamma < 1.5
            yield f"png gamma {gamma} {depth}", Cell("png", file, right.astype(np.uint8), plain)
    plane = linear(grey() / 255)
    for depth in (8, 16):
        file = pngs.png(levels(plane**0.2, 2**depth - 1), depth, pngs.GREY, pngs.gama(0.2))
        yield f"png grey gamma {depth}", Cell("png", file, as_rgb(grey()))
    for name, primaries in (("p3", profiles.P3_XY), ("2020", profiles.BT2020_XY)):
        numbers = np.clip(light @ np.linalg.inv(profiles.to_srgb(primaries)).T, 0, 1) ** (1 / 2.2)
        file = rgb(numbers, pngs.gama(1 / 2.2), pngs.chrm(primaries, profiles.D65_XY))
        yield f"png gamma and primaries {name}", Cell("png", file, pictured())
    precedence = {
        "primaries alone": (pngs.chrm(_SWAPPED, profiles.D65_XY),),
        "sRGB over gamma": (pngs.gama(0.05), pngs.SRGB),
        "profile over gamma": (pngs.gama(0.05), pngs.iccp(profiles.icc(profiles.SRGB_XY, 2.2))),
        "numbers over profile": (of_light, pngs.cicp(1, 13)),
        "profile of other inks over gamma": (pngs.gama(0.3), pngs.iccp(profiles.icc(None, 1.0))),
        "unknown numbers": (pngs.cicp(2, 2),),
        "numbers of narrow range": (pngs.chunk(b"cICP", bytes([1, 8, 0, 0])),),
    }
    for name, chunks in precedence.items():
        yield f"png {name}", Cell("png", rgb(share, *chunks), pictured())
    yield "png profile", Cell("png", rgb(share, swapped), exchanged)
    yield "png profile over sRGB", Cell("png", rgb(share, pngs.SRGB, swapped), exchanged)
    yield (
        "png profile over unknown numbers",
        Cell("png", rgb(share, swapped, pngs.cicp(2, 2)), exchanged),
    )
    damaged = rgb(light**0.3, pngs.gama(0.3), pngs.iccp(b"junk" * 50))
    yield "png gamma over a damaged profile", Cell("png", damaged, pictured())
    for name, late in (
        ("gamma", pngs.gama(0.2)),
        ("numbers", pngs.cicp(1, 8)),
        ("profile", swapped),
    ):
        yield f"png {name} after the data", Cell("png", rgb(share, after=late), pictured())
    for number in (4, 5, 6, 7, 8, 9, 10, 11, 12, 22):
        yield (
            f"png primaries {number}",
            Cell("png", rgb(share, pngs.cicp(number, 13)), BROWSER),
        )
    for transfer in (*range(1, 16), 17):
        yield f"png transfer {transfer}", Cell("png", rgb(share, pngs.cicp(1, transfer)), BROWSER)
    for transfer in (16, 18):
        yield f"png high range {transfer}", Cell("png", rgb(share, pngs.cicp(9, transfer)), BROWSER)
    grey_profile, opaque = pngs.iccp(profiles.icc(None, 1.0)), levels(cover())
    lit = as_rgb(levels(stored(grey() / 255)))
    yield (
        "png grey profile",
        Cell("png", pngs.png(grey().astype(np.int64), 8, 0, grey_profile), lit),
    )
    deep = pngs.png(grey().astype(np.int64) * 257, 16, 0, grey_profile)
    yield "png grey 16 profile", Cell("png", deep, lit)
    both = pngs.png(np.dstack((grey(), opaque)), 8, 4, grey_profile)
    yield "png grey alpha profile", Cell("png", both, on_white(lit, cover()))
    of_rgb = pngs.png(grey().astype(np.int64), 8, 0, of_light)
    yield "png grey with a profile of colours", Cell("png", of_rgb, lit)


def _jpeg() -> Iterator[tuple[str, Cell]]:
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
        yield f"jpeg {name}", Cell("jpg", _saved(image, "JPEG", quality=92, **options), pictured())
    yield "jpeg grey", Cell("jpg", _saved(plane, "JPEG", quality=92), as_rgb(grey()))
    of_light = as_rgb(levels(stored(grey() / 255)))
    for name, primaries in (("grey", None), ("colours", profiles.SRGB_XY)):
        file = _saved(plane, "JPEG", quality=92, icc_profile=profiles.icc(primaries, 1.0))
        yield f"jpeg grey with a profile of {name}", Cell("jpg", file, of_light)
    swapped = profiles.icc(_SWAPPED, 2.2)
    file = _saved(image, "JPEG", quality=96, subsampling=0, icc_profile=swapped)
    yield "jpeg profile", Cell("jpg", file, _through(_SWAPPED, 2.2))
    file = _saved(image, "JPEG", quality=92, icc_profile=profiles.icc(None, 1.0))
    yield "jpeg profile of other inks", Cell("jpg", file, pictured())
    inks = 255 - pictured().astype(np.int64)
    black = inks.min(axis=2, keepdims=True)
    plates = np.concatenate((inks - black, black), axis=2)
    rest = 255 - plates[..., :3]
    right = np.rint(rest * (255 - plates[..., 3:]) / 255).astype(np.uint8)
    four = Image.frombytes("CMYK", image.size, plates.astype(np.uint8).tobytes())
    yield "jpeg inks", Cell("jpg", _saved(four, "JPEG", quality=92), right)
    for orientation in range(1, 9):
        exif = b"Exif\0\0" + profiles.exif(orientation)
        file = _saved(
            Image.fromarray(turned(pictured(), orientation)), "JPEG", quality=92, exif=exif
        )
        yield f"jpeg exif {orientation}", Cell("jpg", file, pictured())
    for name in ("baseline", "progressive"):
        file = _saved(image, "JPEG", quality=92, progressive=name == "progressive")
        # What a browser leaves out at the bottom the decoder has: so it is not asked.
        yield f"jpeg {name} without its end", Cell("jpg", file[:-2], pictured(), browser=False)


def _webp() -> Iterator[tuple[str, Cell]]:
    image = Image.fromarray(pictured())
    clear = _with_opacity(image)
    yield "webp", Cell("webp", _saved(image, "WEBP", quality=95), pictured())
    yield "webp lossless", Cell("webp", _saved(image, "WEBP", lossless=True), pictured())
    right = on_white(pictured(), cover())
    yield "webp opacity", Cell("webp", _saved(clear, "WEBP", quality=95), right)
    yield (
        "webp lossless opacity",
        Cell("webp", _saved(clear, "WEBP", lossless=True, exact=True), right),
    )
    file = _saved(image, "WEBP", lossless=True, icc_profile=profiles.icc(_SWAPPED, 2.2))
    yield "webp profile", Cell("webp", file, _through(_SWAPPED, 2.2))
    for orientation in (3, 6):
        file = _saved(image, "WEBP", lossless=True, exif=b"Exif\0\0" + profiles.exif(orientation))
        yield f"webp exif {orientation} is not heeded", Cell("webp", file, pictured())
    file = _saved(
        image,
        "WEBP",
        lossless=True,
        save_all=True,
        append_images=[image.rotate(180)],
        duration=10**6,
    )
    yield "webp animation", Cell("webp", file, pictured())


def _avif() -> Iterator[tuple[str, Cell]]:
    image, plane = Image.fromarray(pictured()), Image.fromarray(grey())

    def saved(picture: Image.Image, **options: object) -> bytes:
        return _saved(picture, "AVIF", quality=95, speed=8, **options)

    for sampling in ("4:4:4", "4:2:2", "4:2:0"):
        yield f"avif {sampling}", Cell("avif", saved(image, subsampling=sampling), pictured())
    yield "avif narrow range", Cell("avif", saved(image, range="limited"), pictured())
    yield "avif grey", Cell("avif", saved(plane), as_rgb(grey()))
    right = on_white(pictured(), cover())
    for multiplied in (False, True):
        file = saved(_with_opacity(image), alpha_premultiplied=multiplied)
        yield f"avif opacity {multiplied=}", Cell("avif", file, right)
    file = saved(image, icc_profile=profiles.icc(_SWAPPED, 2.2))
    yield "avif profile", Cell("avif", file, _through(_SWAPPED, 2.2))
    for orientation in range(2, 9):
        exif = b"Exif\0\0" + profiles.exif(orientation)
        file = saved(Image.fromarray(turned(pictured(), orientation)), exif=exif)
        yield f"avif turned {orientation}", Cell("avif", file, pictured())
    plain = saved(image)
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


def _gif() -> Iterator[tuple[str, Cell]]:
    places, colours = _quantized(64)
    image = Image.fromarray(places.astype(np.uint8), "P")
    image.putpalette(colours.tobytes())
    right = colours[places]
    for interlaced in (False, True):
        yield f"gif {interlaced=}", Cell("gif", _saved(image, "GIF", interlace=interlaced), right)
    key = int(places[90, 20])
    clear = on_white(right, (places != key) * 1.0)
    yield "gif key", Cell("gif", _saved(image, "GIF", transparency=key), clear)
    yield "gif grey", Cell("gif", _saved(Image.fromarray(grey()), "GIF"), as_rgb(grey()))
    small = image.crop((0, 0, 100, 80))
    for name, options in (("", {}), (" key", {"transparency": key})):
        file = _saved(small, "GIF", interlace=False, **options)
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
        Cell("gif", _framed(_saved(image, "GIF"), 10, 20, 160, 120), page),
    )


def _bmp() -> Iterator[tuple[str, Cell]]:
    samples, opaque = pictured().astype(np.int64), levels(cover())
    channels = [samples[..., place] for place in range(3)]
    flat = pictured()[..., ::-1].reshape(len(samples), -1)
    width, usual = samples.shape[1], (0xFF0000, 0xFF00, 0xFF)
    clear = on_white(pictured(), cover())
    for top_down in (False, True):
        file = bmps.bmp(flat, width, 24, top_down=top_down)
        yield f"bmp 24 {top_down=}", Cell("bmp", file, pictured())
    for header in (12, 40, 56, 108, 124):
        file = bmps.bmp(flat, width, 24, header=header)
        yield f"bmp 24 header {header}", Cell("bmp", file, pictured())
    nothing = bmps.masked(channels, usual, 32)
    some = bmps.masked([*channels, opaque], (*usual, 0xFF000000), 32)
    for header in (40, 52, 56, 108, 124):
        for compression in (bmps.RAW, bmps.FIELDS):
            heeded = header >= (56 if compression else 108)
            for name, rows, right in (("some", some, clear), ("no", nothing, pictured())):
                masks = (
                    (*usual, 0xFF000000)[: 3 if header < 56 else 4]
                    if header > 40 or compression
                    else ()
                )
                file = bmps.bmp(
                    rows, width, 32, header=header, compression=compression, masks=masks
                )
                # A browser shows nothing at all of what has no opacity anywhere.
                yield (
                    f"bmp 32 header {header} compression {compression} {name} opacity",
                    Cell(
                        "bmp",
                        file,
                        right if heeded else pictured(),
                        browser=name == "some" or not heeded,
                    ),
                )
    layouts: dict[str, tuple[int, tuple[int, ...]]] = {
        "565": (16, (0xF800, 0x7E0, 0x1F)),
        "555": (16, (0x7C00, 0x3E0, 0x1F)),
        "444": (16, (0xF00, 0xF0, 0xF)),
        "565 backwards": (16, (0x1F, 0x7E0, 0xF800)),
        "332": (16, (0xE0, 0x1C, 0x3)),
        "101010": (32, (0x3FF00000, 0xFFC00, 0x3FF)),
        "rgbx": (32, (0xFF000000, 0xFF0000, 0xFF00)),
        "bgrx": (32, (0xFF, 0xFF00, 0xFF0000)),
        "1555": (16, (0x7C00, 0x3E0, 0x1F, 0x8000)),
        "4444": (16, (0xF00, 0xF0, 0xF, 0xF000)),
        "abgr": (32, (0xFF, 0xFF00, 0xFF0000, 0xFF000000)),
        "1010102": (32, (0x3FF00000, 0xFFC00, 0x3FF, 0xC0000000)),
    }
    for name, (bits, masks) in layouts.items():
        planes = [*channels, opaque][: len(masks)]
        share = [
            np.rint(p / 255 * _top(m)) / _top(m) * 255 for p, m in zip(planes, masks, strict=True)
        ]
        right = np.stack(share[:3], axis=2).astype(np.uint8)
        if len(masks) == 4:
            right = on_white(right, share[3] / 255)
        for header in (40, 124) if len(masks) == 3 else (56, 124):
            file = bmps.bmp(
                bmps.masked(planes, masks, bits),
                width,
                bits,
                header=header,
                compression=bmps.FIELDS,
                masks=masks,
            )
            yield f"bmp masks {name} header {header}", Cell("bmp", file, right)
    file = bmps.bmp(some, width, 32, compression=bmps.ALPHA_FIELDS, masks=(*usual, 0xFF000000))
    yield "bmp fields of opacity", Cell("bmp", file, clear)
    file = bmps.bmp(bmps.masked(channels, (0x7C00, 0x3E0, 0x1F), 16), width, 16)
    yield "bmp 16 without fields", Cell("bmp", file, pictured())
    for bits in (1, 2, 4, 8):
        places, colours = _quantized(2**bits)
        file = bmps.bmp(bmps.packed(places, bits), width, bits, palette=_bgrx(colours))
        yield f"bmp palette {bits}", Cell("bmp", file, colours[places])
    greys = np.repeat(np.arange(16, dtype=np.uint8)[:, None], 3, axis=1)
    places = levels(grey() / 255, 15)
    file = bmps.bmp(bmps.packed(places, 4), width, 4, palette=_bgrx(greys * 4))
    yield "bmp palette of dark greys", Cell("bmp", file, greys[places] * 4)
    places, colours = _quantized(200)
    for header, entry in ((12, colours[:, ::-1].tobytes()), (40, _bgrx(colours))):
        short = entry if header == 40 else entry.ljust(768, b"\0")
        file = bmps.bmp(bmps.packed(places, 8), width, 8, header=header, palette=short)
        yield f"bmp short palette header {header}", Cell("bmp", file, colours[places])
    runs = bmps.run_lengths(places)
    file = bmps.bmp(
        runs, width, 8, compression=bmps.RLE8, palette=_bgrx(colours), height=len(places)
    )
    yield "bmp run lengths", Cell("bmp", file, colours[places])
    runs = bmps.run_lengths(places[30:])
    right = colours[places] * (np.arange(len(places)) >= 30)[:, None, None].astype(np.uint8)
    file = bmps.bmp(
        runs, width, 8, compression=bmps.RLE8, palette=_bgrx(colours), height=len(places)
    )
    yield "bmp run lengths of a part", Cell("bmp", file, right)
    profile = profiles.icc(_SWAPPED, 2.2)
    colour = b"DEBM" + bytes(48) + np.array([4, 124 + flat.size, len(profile), 0], "<u4").tobytes()
    file = bmps.bmp(flat, width, 24, header=124, masks=(0, 0, 0, 0), colour=colour) + profile
    yield "bmp profile", Cell("bmp", file, _through(_SWAPPED, 2.2))


def _tiff() -> Iterator[tuple[str, Cell]]:
    yield from ()


def _saved(image: Image.Image, format_: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format_, **options)
    return buffer.getvalue()


def _through(primaries: tuple[tuple[float, float], ...], gamma: float) -> Rgb:
    """The picture, if its numbers stand for light of these primaries."""
    light = (pictured() / 255) ** gamma @ profiles.to_srgb(primaries).T
    return levels(stored(light)).astype(np.uint8)


def _with_opacity(image: Image.Image) -> Image.Image:
    clear = image.copy()
    clear.putalpha(Image.fromarray(levels(cover()).astype(np.uint8)))
    return clear


def _quantized(count: int) -> tuple[NDArray[np.int64], Rgb]:
    """The picture as places in a palette: int (h, w), uint8 (count, 3)."""
    image = Image.fromarray(pictured()).quantize(count)
    palette = (image.getpalette() or [])[: 3 * count]
    colours = np.array(palette + [0] * (3 * count - len(palette)), np.uint8).reshape(count, 3)
    return np.asarray(image).astype(np.int64), colours


def _bgrx(colours: Rgb) -> bytes:
    return np.pad(colours[:, ::-1], ((0, 0), (0, 1))).tobytes()


def _top(mask: int) -> int:
    return mask // (mask & -mask)


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
