"""The table: files of every kind that are read, the picture each shows, and files that are refused.

A new kind of file is one more line in the function of its format. ``right`` is what the file was
made from, worked out here without the product's code; ``BROWSER`` stands where only a browser can
say. Files of formats that browsers show are held against a browser as well.
"""

from __future__ import annotations

import numpy as np

from tests.embeddings.matrix import bmp_files as bmps
from tests.embeddings.matrix import tiff_files as tiffs
from tests.embeddings.matrix.bmp_cells import bmp
from tests.embeddings.matrix.cell import (
    Cell,
)
from tests.embeddings.matrix.other_cells import avif, gif, jpeg, webp
from tests.embeddings.matrix.picture import (
    grey,
)
from tests.embeddings.matrix.png_cells import png, png_colours
from tests.embeddings.matrix.tiff_cells import tiff


def cells() -> dict[str, Cell]:
    """All files that are read, by name."""
    table: dict[str, Cell] = {}
    for part in (png(), png_colours(), jpeg(), webp(), avif(), gif(), bmp(), tiff()):
        for name, cell in part:
            assert name not in table
            table[name] = cell
    return table


def refused() -> dict[str, tuple[bytes, str]]:
    """Files that are not read, and what is said of each."""
    plane = grey()
    floats = (plane / 255).astype(np.float64)
    return {
        "tiff f64": (tiffs.tiff(floats, "minisblack"), "64-bit floats"),
        "tiff u64": (tiffs.tiff(plane.astype(np.uint64), "minisblack"), "64-bit integers"),
        "tiff complex": (tiffs.tiff(plane.astype(np.complex64), "minisblack"), "not read"),
        "tiff float tiles": (
            tiffs.predicted((plane / 255).astype(np.float16), "<", tile=64),
            "a predictor for floats",
        ),
        "tiff white is zero with opacity": (
            tiffs.tiff(
                np.dstack((plane, plane)),
                "miniswhite",
                planarconfig="contig",
                extrasamples=["unassalpha"],
            ),
            "not read",
        ),
        "svg": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG is not read"),
        "heic": (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC is not read"),
        "heic of a general brand": (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", "HEIC is not read"),
        "jpeg xl": (b"\xff\x0a", "JPEG XL is not read"),
        "jpeg xl in boxes": (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL is not read"),
        "pdf": (b"%PDF-1.7", "PDF is not read"),
        "bmp with masks that have holes": (
            bmps.bmp(np.zeros((4, 8), np.uint8), 4, 16, compression=3, masks=(0xA000, 0x7E0, 0x1F)),
            "bit masks",
        ),
    }
