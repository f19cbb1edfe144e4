"""BMP: every version, depth, mask and palette."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tests.embeddings.matrix import bmp_files as bmps
from tests.embeddings.matrix import profiles
from tests.embeddings.matrix.cell import (
    SWAPPED,
    Cell,
    quantized,
    through,
)
from tests.embeddings.matrix.picture import (
    Rgb,
    cover,
    grey,
    levels,
    on_white,
    pictured,
)


def bmp() -> Iterator[tuple[str, Cell]]:
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
                # A browser shows nothing at all of what has no opacity anywhere; of version 3
                # without fields one release of Chromium heeds it (150), another does not (156).
                disputed = header == 56 and not compression and name == "some"
                yield (
                    f"bmp 32 header {header} compression {compression} {name} opacity",
                    Cell(
                        "bmp",
                        file,
                        right if heeded else pictured(),
                        browser=(name == "some" or not heeded) and not disputed,
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
        places, colours = quantized(2**bits)
        file = bmps.bmp(bmps.packed(places, bits), width, bits, palette=_bgrx(colours))
        yield f"bmp palette {bits}", Cell("bmp", file, colours[places])
    greys = np.repeat(np.arange(16, dtype=np.uint8)[:, None], 3, axis=1)
    places = levels(grey() / 255, 15)
    file = bmps.bmp(bmps.packed(places, 4), width, 4, palette=_bgrx(greys * 4))
    yield "bmp palette of dark greys", Cell("bmp", file, greys[places] * 4)
    places, colours = quantized(200)
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
    profile = profiles.icc(SWAPPED, 2.2)
    colour = b"DEBM" + bytes(48) + np.array([4, 124 + flat.size, len(profile), 0], "<u4").tobytes()
    file = bmps.bmp(flat, width, 24, header=124, masks=(0, 0, 0, 0), colour=colour) + profile
    yield "bmp profile", Cell("bmp", file, through(SWAPPED, 2.2))


def _bgrx(colours: Rgb) -> bytes:
    return np.pad(colours[:, ::-1], ((0, 0), (0, 1))).tobytes()


def _top(mask: int) -> int:
    return mask // (mask & -mask)
