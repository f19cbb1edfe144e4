"""How long one image takes, part by part: decoding, digests, PDQ, structure, the code's network.

Photographs of about one megapixel as JPEG files, one at a time, on one processor: what a query
costs. Everything is timed in one run, image after image, part after part, so that a busy machine
slows all parts alike and their ratio stays true; the medians are reported. It knows no index and no
server.
"""

from __future__ import annotations

import contextlib
import io
import os
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import Final

import numpy as np
import PIL.Image

from embeddings.files.images import ImageLimits, decode
from embeddings.fingerprint import Fingerprinter
from embeddings.hashes import digests, pdq, structure
from embeddings.network.encoder import NetworkEncoder
from embeddings.network.imagery import load_imagery
from evaluation.corpora import samples

PIXELS: Final = 1_000_000
NAMES: Final = ("cat", "coffee", "launchpad", "tissue", "galaxies", "gravel")


@dataclass(frozen=True)
class EncodeReport:
    """Times of one image, milliseconds, medians over images and repeats."""

    model: str
    device: str
    images: int
    repeats: int
    pixels: int
    """Of an image, on average."""
    jpeg_bytes: int
    """Of an image, on average."""
    parts: Mapping[str, float]
    """Part to its time."""
    network: float
    """The networks' own time, the locator's too, on an image that is at their size already."""
    whole: float
    """From bytes to fingerprint."""
    ratio: float
    """``whole`` divided by ``network``."""

    def to_json(self) -> dict[str, object]:
        """The same as plain values."""
        return asdict(self) | {"parts": dict(self.parts)}


def jpeg_photographs(pixels: int = PIXELS) -> list[bytes]:
    """Sample photographs brought to so many pixels, with a camera's grain, as JPEG of quality
    90."""
    rng = np.random.default_rng(0)
    files = []
    for name in NAMES:
        image = samples.photograph(name).image
        scale = (pixels / (image.width * image.height)) ** 0.5
        size = (round(image.width * scale), round(image.height * scale))
        smooth = np.asarray(image.resize(size, PIL.Image.Resampling.BICUBIC), float)
        # Enlarging leaves no fine detail, and a JPEG's cost grows with it.
        grainy = np.clip(smooth + rng.normal(0, 5, smooth.shape), 0, 255).astype(np.uint8)
        buffer = io.BytesIO()
        PIL.Image.fromarray(grainy).save(buffer, "JPEG", quality=90)
        files.append(buffer.getvalue())
    return files


def run(encoder: NetworkEncoder, repeats: int = 30) -> EncodeReport:
    """Time every part on every photograph ``repeats`` times, after one round for warmth."""
    files = jpeg_photographs()
    limits = ImageLimits()
    imagery = load_imagery()
    fingerprinter = Fingerprinter([encoder], imagery, limits)
    decoded = [decode(data, limits) for data in files]
    prepared = [encoder.prepare([image.rgb])[0] for image in decoded]
    times: dict[str, list[float]] = {}
    with one_processor():
        for round_ in range(repeats + 1):
            for data, image, small in zip(files, decoded, prepared, strict=True):
                work: dict[str, Callable[[], object]] = {
                    "decode": partial(decode, data, limits),
                    "digests": partial(digests.digests, data),
                    "pdq": partial(pdq.pdq, image.rgb),
                    "structure": partial(structure.structure, image.rgb),
                    "prepare": partial(encoder.prepare, [image.rgb]),
                    "network": partial(encoder.encode, [small]),
                    "imagery": partial(imagery.photographic, [image.rgb]),
                    "whole": partial(fingerprinter.fingerprint, data),
                }
                for name, part in work.items():
                    taken = _milliseconds(part)
                    if round_:
                        times.setdefault(name, []).append(taken)
    medians = {name: statistics.median(values) for name, values in times.items()}
    whole = medians.pop("whole")
    return EncodeReport(
        model=encoder.info.space,
        device=encoder.device,
        images=len(files),
        repeats=repeats,
        pixels=round(statistics.mean(image.width * image.height for image in decoded)),
        jpeg_bytes=round(statistics.mean(map(len, files))),
        parts=medians,
        network=medians["network"],
        whole=whole,
        ratio=whole / medians["network"],
    )


@contextlib.contextmanager
def one_processor() -> Iterator[None]:
    """Keep this process on one processor, where the system allows that."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _milliseconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) * 1000
