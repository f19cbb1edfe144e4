"""TIFF: every kind of sample, both photometrics, planes, compression, opacity, orientation."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tests.embeddings.matrix import bmp_files as bmps
from tests.embeddings.matrix import profiles
from tests.embeddings.matrix import tiff_files as tiffs
from tests.embeddings.matrix.cell import (
    SWAPPED,
    Cell,
    quantized,
    saved,
    through,
)
from tests.embeddings.matrix.picture import (
    as_rgb,
    cover,
    grey,
    levels,
    on_white,
    pictured,
    turned,
)


def tiff() -> Iterator[tuple[str, Cell]]:
    rgb, plane, opacity = pictured(), grey(), cover()
    width, height = rgb.shape[1], rgb.shape[0]

    def cell(file: bytes, right: NDArray[np.generic]) -> Cell:
        return Cell("tif", file, as_rgb(right) if right.ndim == 2 else np.asarray(right, np.uint8))

    kinds: dict[str, Callable[[NDArray[np.uint8]], NDArray[np.generic]]] = {
        "u8": lambda levels_: levels_,
        "u16": lambda levels_: levels_.astype(np.uint16) * 257,
        "u32": lambda levels_: levels_.astype(np.uint32) * 16843009,
        "i8": lambda levels_: (levels_.astype(np.int16) - 128).astype(np.int8),
        "i16": lambda levels_: (levels_.astype(np.int32) * 257 - 32768).astype(np.int16),
        "i32": lambda levels_: (levels_.astype(np.int64) * 16843009 - 2**31).astype(np.int32),
        "f16": lambda levels_: (levels_ / 255).astype(np.float16),
        "f32": lambda levels_: (levels_ / 255).astype(np.float32),
    }
    for name, made in kinds.items():
        low, high = (
            (0, 255) if name in {"u8", "u16", "u32", "i8"} else (int(plane.min()), int(plane.max()))
        )
        right = np.rint((plane.astype(float) - low) * 255 / (high - low))
        for order in "<>":
            file = tiffs.tiff(made(plane), "minisblack", byteorder=order)
            yield f"tiff grey {name} {order}", cell(file, right)
            file = tiffs.tiff(made(plane), "minisblack", byteorder=order, compression="zlib")
            yield f"tiff grey {name} {order} squeezed", cell(file, right)
            file = tiffs.tiff(made(255 - plane), "miniswhite", byteorder=order)
            low2, high2 = (
                (0, 255) if name in {"u8", "u16", "u32", "i8"} else (255 - high, 255 - low)
            )
            white = 255 - np.rint((255.0 - plane - low2) * 255 / (high2 - low2))
            yield f"tiff grey {name} {order} white is zero", cell(file, white)
        low, high = (
            (0, 255) if name in {"u8", "u16", "u32", "i8"} else (int(rgb.min()), int(rgb.max()))
        )
        right = np.rint((rgb.astype(float) - low) * 255 / (high - low))
        for order in "<>":
            file = tiffs.tiff(made(rgb), "rgb", planarconfig="contig", byteorder=order)
            yield f"tiff rgb {name} {order}", cell(file, right)
            file = tiffs.tiff(
                made(rgb.transpose(2, 0, 1)),
                "rgb",
                planarconfig="separate",
                byteorder=order,
                rowsperstrip=50,
            )
            yield f"tiff rgb {name} {order} planes", cell(file, right)
        for tile in (None, (64, 64)):
            for predictor in (False, True) if name[0] != "f" else (False,):
                file = tiffs.tiff(
                    made(rgb),
                    "rgb",
                    planarconfig="contig",
                    compression="zlib",
                    predictor=predictor,
                    tile=tile,
                )
                yield f"tiff rgb {name} squeezed {predictor=} {tile=}", cell(file, right)
    least, most = float(plane.min()), float(plane.max())
    right = np.rint((plane - least) * 255 / (most - least))
    for name, dtype in (("f16", np.float16), ("f32", np.float32)):
        for order in "<>":
            file = tiffs.predicted((plane / 255).astype(dtype), order)
            yield f"tiff grey {name} {order} predictor for floats", cell(file, right)
    for name in ("u8", "u16"):
        made = kinds[name]
        opaque = levels(opacity).astype(np.uint8)
        for extra, share in (("unassalpha", 1.0), ("assocalpha", opacity)):
            scaled = np.rint(rgb * (share[..., None] if isinstance(share, np.ndarray) else share))
            four = np.dstack((scaled.astype(np.uint8), opaque))
            for planes in (False, True):
                samples = made(four.transpose(2, 0, 1) if planes else four)
                way = "separate" if planes else "contig"
                file = tiffs.tiff(samples, "rgb", planarconfig=way, extrasamples=[extra])
                yield f"tiff {extra} {name} {planes=}", cell(file, on_white(rgb, opacity))
            two = np.dstack((np.rint(plane * share).astype(np.uint8), opaque))
            file = tiffs.tiff(made(two), "minisblack", planarconfig="contig", extrasamples=[extra])
            yield f"tiff grey {extra} {name}", cell(file, on_white(as_rgb(plane), opacity))
        ink = made(255 - rgb)
        four = np.concatenate((ink, np.zeros_like(ink[..., :1])), axis=2)
        yield f"tiff inks {name}", cell(tiffs.tiff(four, "separated", planarconfig="contig"), rgb)
        yield (
            f"tiff inks {name} planes",
            cell(
                tiffs.tiff(four.transpose(2, 0, 1).copy(), "separated", planarconfig="separate"),
                rgb,
            ),
        )
    for bits in (1, 2, 4, 8):
        places = levels(plane / 255, 2**bits - 1)
        shown = np.rint(places / (2**bits - 1) * 255)
        rows = bmps.packed(places, bits)
        for order in "<>":
            for squeezed in (1, 8):
                more = {"t258": bits, "t259": squeezed}
                name = f"tiff grey {bits} {order} compression {squeezed}"
                yield name, cell(tiffs.by_hand(rows.tobytes(), width, height, order, **more), shown)
                file = tiffs.by_hand((~rows).tobytes(), width, height, order, **more, t262=0)
                yield f"{name} white is zero", cell(file, shown)
                backwards = (
                    np.packbits(np.unpackbits(rows, bitorder="little")) if squeezed == 1 else None
                )
                if backwards is not None:
                    file = tiffs.by_hand(backwards.tobytes(), width, height, order, **more, t266=2)
                    yield f"{name} bits backwards", cell(file, shown)
    places, colours = quantized(200)
    table = np.zeros((3, 256), np.uint16)
    table[:, : len(colours)] = colours.T.astype(np.uint16) * 257
    file = tiffs.tiff(places.astype(np.uint8), "palette", colormap=table)
    yield "tiff palette", cell(file, colours[places])
    for orientation in range(1, 9):
        exif = [(274, 3, 1, orientation, True)]
        file = tiffs.tiff(turned(rgb, orientation), "rgb", extratags=exif)
        yield f"tiff turned {orientation}", cell(file, rgb)
        deep = kinds["u16"](turned(255 - plane[..., None].repeat(3, 2), orientation)[..., 0])
        file = tiffs.tiff(deep, "miniswhite", extratags=exif)
        yield f"tiff white is zero turned {orientation}", cell(file, plane)
    image = Image.fromarray(rgb)
    yield "tiff jpeg", cell(saved(image, "TIFF", compression="jpeg", quality=95), rgb)
    yield "tiff lzw", cell(saved(image, "TIFF", compression="tiff_lzw"), rgb)
    yield "tiff ycbcr", cell(saved(image.convert("YCbCr"), "TIFF"), rgb)
    file = tiffs.tiff(rgb, "rgb", iccprofile=profiles.icc(SWAPPED, 2.2))
    yield "tiff profile", cell(file, through(SWAPPED, 2.2))
    big = tiffs.tiff(
        kinds["u16"](rgb.transpose(2, 0, 1)), "rgb", planarconfig="separate", bigtiff=True
    )
    yield "tiff big planes", cell(big, rgb)
