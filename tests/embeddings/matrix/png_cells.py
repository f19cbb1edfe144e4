"""PNG: every colour type and depth, keys, orientation, and what is said of colours."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from tests.embeddings.matrix import png_files as pngs
from tests.embeddings.matrix import profiles
from tests.embeddings.matrix.cell import (
    BROWSER,
    SWAPPED,
    Cell,
    quantized,
    through,
)
from tests.embeddings.matrix.picture import (
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


def png() -> Iterator[tuple[str, Cell]]:
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
        places, colours = quantized(2**depth)
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


def png_colours() -> Iterator[tuple[str, Cell]]:
    share = pictured() / 255
    light = linear(share)
    swapped = pngs.iccp(profiles.icc(SWAPPED, 2.2))
    of_light = pngs.iccp(profiles.icc(profiles.SRGB_XY, 1.0))
    exchanged = through(SWAPPED, 2.2)

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
        "primaries alone": (pngs.chrm(SWAPPED, profiles.D65_XY),),
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
