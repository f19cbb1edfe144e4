"""Write ``pdq_golden.json``: what the reference implementation of PDQ says of some images.

Run as ``python -m tests.embeddings.make_pdq_golden`` where ``pdqhash`` 0.2.8 is installed: it needs
a C++ compiler, so it is no dependency of this project. The images are sample photographs,
and drawings made here, at sizes from one pixel up.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from evaluation.corpora import samples

GOLDEN = Path(__file__).with_name("pdq_golden.json")
PHOTOGRAPHS = ("cat", "coffee", "grass", "coins", "tissue")
DRAWINGS = ("rings", "steps", "strokes")
# Below, at and above where the filter's window grows, odd and long.
SIZES = [
    (1, 1), (4, 90), (5, 5), (5, 7), (31, 129), (63, 64), (64, 64), (65, 65), (128, 128),
    (129, 255), (257, 256), (333, 500), (511, 511), (512, 512), (640, 481), (1023, 77),
]  # fmt: skip
LARGE = [("cat", 1000, 1000), ("coffee", 2000, 1500), ("rings", 1300, 1001)]
DIHEDRAL_SIZES = [(64, 64), (300, 211), (640, 481)]


def picture(name: str, width: int, height: int) -> NDArray[np.uint8]:
    """The image ``name`` at a size in pixels: uint8 (height, width, 3)."""
    if name in PHOTOGRAPHS:
        image = samples.photograph(name).image
        return np.array(image.resize((width, height), Image.Resampling.BICUBIC))
    y, x = np.mgrid[0:height, 0:width] / np.array([height, width]).reshape(2, 1, 1)
    rings = np.sin(60 * np.hypot(x - 0.3, y - 0.4)) > 0.2
    steps = np.floor(x * 5) * 40 + np.floor(y * y * 7) * 8
    strokes = np.abs(np.sin(9 * x + 4 * y * y)) + np.abs(np.cos(7 * y - 3 * x * x)) < 0.35
    plane = {"rings": rings * 255.0, "steps": steps, "strokes": 255 - strokes * 200.0}[name]
    colour = np.stack([plane, plane * 0.8 + 20 * x, 255 - plane * y], axis=-1)
    return np.asarray(np.clip(colour, 0, 255), np.uint8)


def cases() -> Iterator[tuple[str, int, int]]:
    """Name, width and height of every image that has a golden hash."""
    for name in PHOTOGRAPHS + DRAWINGS:
        for width, height in SIZES:
            yield name, width, height
    yield from LARGE


def main() -> None:
    """Ask the reference and write down what it says."""
    import pdqhash

    def hexed(bits: NDArray[np.int64]) -> str:
        return np.packbits(bits.astype(np.uint8)).tobytes().hex()

    hashes, dihedral = [], []
    for name, width, height in cases():
        bits, quality = pdqhash.compute(picture(name, width, height))
        hashes.append([name, width, height, hexed(bits), int(quality)])
    for name in PHOTOGRAPHS + DRAWINGS:
        for width, height in DIHEDRAL_SIZES:
            eight, _ = pdqhash.compute_dihedral(picture(name, width, height))
            dihedral.append([name, width, height, [hexed(bits) for bits in eight]])
    lines = ",\n".join(json.dumps(row) for row in hashes)
    turned = ",\n".join(json.dumps(row) for row in dihedral)
    GOLDEN.write_text(f'{{"hashes": [\n{lines}\n],\n"dihedral": [\n{turned}\n]}}\n')


if __name__ == "__main__":
    main()
