"""Write ``signals_golden.json``: what this build says of fixed pixels, for later builds to repeat.

Run as ``python -m tests.embeddings.make_signals_golden`` when a new checkpoint is shipped, and
never to make a test pass: a listed code that changes is an image that is missed. The pixels are
made here, of numbers alone, so that neither a decoder nor a sample picture can change them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from embeddings.hashes.pdq import pdq
from embeddings.hashes.structure import structure
from embeddings.network.encoder import load_encoder

GOLDEN = Path(__file__).with_name("signals_golden.json")
SIZES: Final = [
    (64, 64), (200, 200), (256, 256), (333, 500), (481, 640), (1000, 1000), (1024, 77), (1500, 900),
]  # fmt: skip
"""Height and width, pixels."""
NEAR: Final = 1e-3
"""Descriptors nearer to zero than this may be bits of either kind on another processor."""


def pictures() -> Iterator[NDArray[np.uint8]]:
    """Four pictures at each size, uint8 (h, w, 3): waves, shapes, shapes in a margin, a page."""
    for number, (height, width) in enumerate(SIZES):
        rng = np.random.default_rng(number)
        y, x = np.mgrid[0:height, 0:width] / max(height, width)
        waves = np.stack(
            [np.sin(x * a + y * b + 9 * x * y * c) for a, b, c in rng.uniform(5, 60, (3, 3))], 2
        )
        waves = 127 + 90 * waves + rng.normal(0, 8, waves.shape)
        shapes = np.empty((height, width, 3))
        shapes[:] = rng.integers(0, 256, 3)
        for _ in range(12):
            top, left, tall, wide = rng.uniform(0, 0.8, 4)
            inside = (abs(y - top) < tall / 3) & (abs(x - left) < wide / 3)
            shapes[inside] = rng.integers(0, 256, 3)
        framed = np.full((height, width, 3), 250.0)
        framed[height // 6 : -height // 6, width // 5 : -width // 5] = shapes[::-1][
            height // 6 : -height // 6, width // 5 : -width // 5
        ]
        page = np.full((height, width, 3), 255.0)
        page[:: max(2, height // 40), width // 10 : -width // 10] = 60
        page[height // 4 : height // 2, width // 4 : -width // 4] = waves[::-1][
            height // 4 : height // 2, width // 4 : -width // 4
        ]
        for picture in (waves, shapes, framed, page):
            yield np.clip(picture, 0, 255).astype(np.uint8)


def said() -> dict[str, object]:
    """The signals of every picture, as the file holds them."""
    encoder = load_encoder("cpu")
    images = []
    for picture in pictures():
        encoded, hashed = encoder.encode([picture]), pdq(picture)
        images.append(
            {
                "code": encoded.codes[0].tobytes().hex(),
                "near": np.flatnonzero(np.abs(encoded.descriptors[0]) < NEAR).tolist(),
                "pdq": hashed.hash.hex(),
                "pdq_quality": hashed.quality,
                "structure": round(structure(picture), 6),
            }
        )
    return {"space": encoder.info.space, "images": images}


if __name__ == "__main__":
    GOLDEN.write_text(json.dumps(said(), indent=1) + "\n", encoding="utf-8")
