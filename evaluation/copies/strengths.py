"""The same edit at rising strength: where each signal stops finding a copy.

A *ladder* is one edit with a few strengths, weak to strong. Each image takes every rung and is
compared with itself alone, so the numbers are distances of true pairs; what strangers do is
measured elsewhere. Unlike the benchmark's table (``edits``), ladders may change: no published
number rests on them. It knows nothing of figures.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from embeddings.edits import colour, compose, compression, filters, geometry, screens, stickers
from embeddings.edits import text as words
from embeddings.edits.canvas import bounded
from embeddings.errors import ImageError
from evaluation.base.hashers import Hasher, Hashes, Space, paired
from evaluation.base.progress import Progress, silent
from evaluation.copies.edits import Edit, generator
from evaluation.copies.hashing import BATCH
from evaluation.corpora.corpus import Corpus
from evaluation.statistics import joint

MAX_PIXELS: Final = 512 * 512
"""Pictures are brought to this before they are edited: edits cost by the pixel, and below it PDQ
loses detail of its own."""

COLUMNS: Final = (
    "image",
    "kind",
    "ladder",
    "rung",
    "strength",
    "space",
    "distance",
    "matchable",
)
"""Of a frame of distances: one row a copy and space.

``rung``: 1 is the weakest. ``strength``: as the ladder names it. ``distance``: as the space counts
it, such as bits. ``matchable``: whether both the image and its copy have structure enough.
"""


@dataclass(frozen=True)
class Ladder:
    """One edit and its strengths."""

    name: str
    unit: str
    """What the numbers on the rungs are."""
    rungs: tuple[tuple[str, Edit], ...]
    """What each is called, weak to strong."""


def _ladder(
    name: str, unit: str, values: Sequence[float], edit: Callable[[float], Edit], show: str = "{:g}"
) -> Ladder:
    return Ladder(name, unit, tuple((show.format(value), edit(value)) for value in values))


def _short(image: Image.Image) -> int:
    return min(image.size)


LADDERS: Final = (
    _ladder(
        "JPEG", "quality", (70, 40, 20, 10, 5),
        lambda q: lambda i, _o, _r: compression.jpeg(i, int(q)),
    ),
    _ladder(
        "smaller", "% of the sides", (70, 50, 30, 15, 8),
        lambda p: lambda i, _o, _r: geometry.resize(i, p / 100),
    ),
    _ladder(
        "blur", "spread, % of the shorter side", (0.3, 0.6, 1.2, 2, 3.5),
        lambda p: lambda i, _o, _r: filters.blur(i, p / 100 * _short(i)),
    ),
    _ladder(
        "noise", "spread, levels of 255", (5, 10, 20, 35, 55),
        lambda s: lambda i, _o, r: filters.noise(i, s, r),
    ),
    _ladder(
        "pixelate", "cells along the longer side", (96, 64, 48, 32, 20),
        lambda n: lambda i, _o, _r: filters.pixelate(i, int(n)),
    ),
    _ladder(
        "brighter", "times", (1.15, 1.35, 1.6, 2, 2.5),
        lambda f: lambda i, _o, _r: colour.brightness(i, f),
    ),
    _ladder(
        "contrast", "times", (1.2, 1.5, 2, 2.6, 3.5),
        lambda f: lambda i, _o, _r: colour.contrast(i, f),
    ),
    _ladder(
        "hue", "degrees", (10, 20, 45, 90, 180),
        lambda d: lambda i, _o, _r: colour.hue(i, d),
    ),
    _ladder(
        "posterise", "bits a channel", (5, 4, 3, 2, 1),
        lambda b: lambda i, _o, _r: colour.posterise(i, int(b)),
    ),
    _ladder(
        "crop", "% of the area kept", (90, 80, 65, 50, 30),
        lambda p: lambda i, _o, r: geometry.crop(i, p / 100, r),
    ),
    _ladder(
        "turn", "degrees", (2, 5, 10, 25, 45),
        lambda d: lambda i, _o, _r: geometry.rotate_inside(i, d),
    ),
    _ladder(
        "squash", "% of the width", (90, 80, 65, 50, 35),
        lambda p: lambda i, _o, _r: geometry.squash(i, p / 100),
    ),
    _ladder(
        "perspective", "% of the sides", (5, 10, 20, 30, 45),
        lambda p: lambda i, _o, r: geometry.perspective(i, p / 100, r),
    ),
    _ladder(
        "border", "% of the shorter side", (3, 6, 12, 25, 40),
        lambda p: lambda i, _o, _r: geometry.border(i, p / 100),
    ),
    _ladder(
        "text band", "% of the height", (9, 15, 25, 35, 50),
        lambda p: lambda i, _o, r: words.band(i, words.phrase(r, 7), p / 100),
    ),
    _ladder(
        "stickers", "how many", (1, 2, 4, 7, 10),
        lambda n: lambda i, _o, r: stickers.stickers(i, int(n), 0.28, r),
    ),
    _ladder(
        "watermark", "% opaque", (15, 30, 45, 60, 80),
        lambda p: lambda i, _o, r: words.watermark_tiled(i, words.phrase(r, 2), p / 100),
    ),
    _ladder(
        "pasted onto another", "% of its sides", (95, 85, 75, 60, 50),
        lambda p: lambda i, o, r: compose.paste_onto(i, o, p / 100, r),
    ),
    _ladder(
        "another blended in", "%", (10, 20, 30, 40, 50),
        lambda p: lambda i, o, _r: compose.blend(i, o, p / 100),
    ),
)  # fmt: skip

ALL_OR_NOTHING: Final = Ladder(
    "all or nothing",
    "",
    (
        ("greyscale", lambda i, _o, _r: colour.greyscale(i)),
        ("mirrored", lambda i, _o, _r: geometry.mirror(i)),
        ("quarter turn", lambda i, _o, _r: geometry.rotate(i, 90)),
        ("inverted", lambda i, _o, _r: colour.invert(i)),
        ("chat screenshot", lambda i, o, r: screens.chat(i, r, o)),
        ("feed screenshot", lambda i, o, r: screens.feed(i, r, o)),
        ("beside another", lambda i, o, _r: compose.side_by_side(i, o)),
    ),
)
"""Edits without a strength; their rungs are in no order."""


def climb(
    corpus: Corpus,
    hashers: Sequence[Hasher],
    ladders: Sequence[Ladder] = (*LADDERS, ALL_OR_NOTHING),
    seed: int = 0,
    progress: Progress = silent,
) -> pd.DataFrame:
    """Every image of ``corpus`` on every rung: a frame with ``COLUMNS``.

    Images that cannot be decoded are left out; one image and its copies are in memory at a time.
    Spaces of descriptors are passed over.
    """
    spaces = [
        space for hasher in hashers for space in hasher.spaces if space.signal != "descriptor"
    ]
    steps = [(ladder, rung) for ladder in ladders for rung in range(len(ladder.rungs))]
    parts = []
    for place, item in enumerate(corpus.items):
        progress("climbing", place, len(corpus))
        try:
            image = bounded(corpus.image(place), MAX_PIXELS)
            other = bounded(corpus.image((place + len(corpus) // 2) % len(corpus)), MAX_PIXELS)
        except ImageError:
            continue
        first = _hashed([image], hashers, listed=True)
        hashed = []
        for start in range(0, len(steps), BATCH):
            batch = steps[start : start + BATCH]
            hashed.append(_hashed(_edited(image, other, batch, seed, item.name), hashers))
        for space in spaces:
            found = [_distances(space, first[space.name], one[space.name]) for one in hashed]
            parts.append(
                pd.DataFrame(
                    {
                        "image": item.name,
                        "kind": item.kind,
                        "ladder": [ladder.name for ladder, _ in steps],
                        "rung": [rung + 1 for _, rung in steps],
                        "strength": [ladder.rungs[rung][0] for ladder, rung in steps],
                        "space": space.name,
                        "distance": np.concatenate([away for away, _ in found]),
                        "matchable": np.concatenate([matchable for _, matchable in found]),
                    }
                )
            )
    progress("climbing", len(corpus), len(corpus))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(COLUMNS))


def _edited(
    image: Image.Image,
    other: Image.Image,
    steps: Sequence[tuple[Ladder, int]],
    seed: int,
    name: str,
) -> list[Image.Image]:
    edited = []
    for ladder, rung in steps:
        label, edit = ladder.rungs[rung]
        edited.append(edit(image, other, generator(seed, name, f"{ladder.name} {label}")))
    return edited


def _hashed(
    pictures: Sequence[Image.Image], hashers: Sequence[Hasher], listed: bool = False
) -> Mapping[str, Hashes]:
    pixels = [np.ascontiguousarray(np.asarray(one, np.uint8)) for one in pictures]
    found: dict[str, Hashes] = {}
    for hasher in hashers:
        found.update(hasher.listed(pixels) if listed else hasher(pixels))
    return found


def _distances(
    space: Space, one: Hashes, others: Hashes
) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    """From n others to one listed: int32 (n,), and whether both may be matched, bool (n,)."""
    every = np.ones(len(others.matchable), bool)
    listed = np.repeat(one.values, len(every), axis=0)
    away = paired(space, Hashes(others.values, every), Hashes(listed, every))
    return away, one.matchable & others.matchable


def recall(
    distances: pd.DataFrame,
    radii: Mapping[str, int],
    by: Sequence[str] = ("ladder", "rung", "strength"),
    samples: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """The share of copies found, each space alone and all together, with 95% intervals over images.

    ``distances``: of ``climb``. ``radii``: the greatest distance, inclusive, of each space to use,
    as the space counts it. Columns:
    ``flagged_by``, those of ``by``, ``value``, ``low``, ``high``, ``count``.
    """
    known = distances[distances["space"].isin(list(radii))].copy()
    known["found"] = known["matchable"] & (known["distance"] <= known["space"].map(dict(radii)))
    copy = ["image", "kind", "ladder", "rung", "strength"]
    either = known.groupby(copy, sort=False, observed=True)["found"].any().reset_index()
    either["space"] = " or ".join(radii)
    parts = [known, either] if len(radii) > 1 else [known]
    rows = []
    for (flagged, *part), group in pd.concat(parts).groupby(["space", *by], sort=False):
        sources = pd.factorize(group["image"])[0].astype(np.int64)
        hits = group["found"].to_numpy(bool)
        estimate = joint.bootstrap(hits, sources, samples, np.random.default_rng(seed))
        rows.append((flagged, *part, *estimate, len(group)))
    columns = ["flagged_by", *by, "value", "low", "high", "count"]
    return pd.DataFrame.from_records(rows, columns=columns)
