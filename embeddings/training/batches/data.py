"""Training images and the copies drawn from them.

A corpus is a folder of plain tar shards (``train-*.tar``, one JPEG an entry) with
``manifest.csv``: shard, name, source, kind (``photo`` or ``nonphoto``), style. Images stay
compressed in memory; a view is decoded, edited and squashed when it is asked for, in worker
processes, from a seed that depends only on (run's seed, step): a run can be made again. A resumed
one draws from the start of an epoch, so its views are others than an unbroken run's.

It knows nothing of networks or losses.
"""

from __future__ import annotations

import csv
import io
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch.utils.data import DataLoader, Dataset

from embeddings.edits import sampling
from embeddings.network.encoder import prepare
from embeddings.network.preparing.locating import Locate

Drawn = TypeVar("Drawn")


@dataclass(frozen=True)
class TrainingImage:
    """One image of the corpus, still compressed."""

    data: bytes
    kind: Literal["photo", "nonphoto"]
    style: str
    source: str

    def open(self) -> Image.Image:
        """Decode it: RGB."""
        return Image.open(io.BytesIO(self.data)).convert("RGB")


def read_shards(corpus: Path, pattern: str = "train-*.tar") -> list[TrainingImage]:
    """Every image of the corpus, in the order of shard and name."""
    with (corpus / "manifest.csv").open(newline="", encoding="utf-8") as file:
        rows = {(row["shard"], row["name"]): row for row in csv.DictReader(file)}
    return [
        TrainingImage(
            data,
            "photo" if rows[shard, name]["kind"] == "photo" else "nonphoto",
            rows[shard, name]["style"],
            rows[shard, name]["source"],
        )
        for path in sorted(corpus.glob(pattern))
        for shard, name, data in _members(path)
    ]


def _members(path: Path) -> Iterator[tuple[str, str, bytes]]:
    with tarfile.open(path) as archive:
        for member in archive:
            file = archive.extractfile(member)
            if file is not None:
                yield path.name, member.name, file.read()


@dataclass(frozen=True)
class Curriculum:
    """How hard the copies are as training goes on."""

    weak: float
    """Strength at the first step, 0..1."""
    strong: float
    """Strength from ``ramp`` on."""
    ramp: float
    """Share of the run over which it rises."""

    def at(self, progress: float) -> float:
        """Strength at ``progress``, the share of the run that is done."""
        return self.weak + (self.strong - self.weak) * min(1.0, progress / self.ramp)


@dataclass(frozen=True)
class PairBatch:
    """Two views of each of n different images."""

    left: NDArray[np.uint8]
    """uint8 (n, s, s, 3): near the reference, edited gently or not at all."""
    right: NDArray[np.uint8]
    """uint8 (n, s, s, 3): copies."""
    photographs: NDArray[np.bool_]
    """bool (n,)."""
    images: NDArray[np.int64]
    """int64 (n,): places in the corpus."""


def batches_an_epoch(images: int, batch: int) -> int:
    """How many batches of ``batch`` draw each of ``images`` once; the last may be smaller."""
    return -(-images // batch)


class PairBatches(Dataset[PairBatch]):
    """Batch number ``step`` of a run; deterministic."""

    def __init__(
        self,
        images: list[TrainingImage],
        locate: Locate,
        detail: int,
        batch: int,
        steps: int,
        curriculum: Curriculum,
        seed: int,
        first: int = 0,
    ) -> None:
        """Steps ``first`` to ``steps``; views are squashed to ``detail`` pixels a side."""
        self.images, self.locate = images, locate
        self.detail, self.batch, self.steps = detail, batch, steps
        self.curriculum, self.seed, self.first = curriculum, seed, first
        self._order: tuple[int, NDArray[np.int64]] = (-1, np.empty(0, np.int64))

    def __len__(self) -> int:
        return self.steps - self.first

    def __getitem__(self, place: int) -> PairBatch:
        step = self.first + place
        chosen = self._chosen(step)
        rng = np.random.default_rng((self.seed, 1, step))
        # The first epoch is drawn before anything is trained.
        trained = max(0, step - self.an_epoch) / max(1, self.steps - self.an_epoch)
        strength = self.curriculum.at(trained)
        pairs = [self._pair(int(image), rng, strength) for image in chosen]
        views = [np.asarray(view) for pair in zip(*pairs, strict=True) for view in pair]
        prepared = prepare(views, self.detail, self.locate)
        return PairBatch(
            prepared[: len(pairs)],
            prepared[len(pairs) :],
            np.array([self.images[image].kind == "photo" for image in chosen]),
            chosen,
        )

    def _chosen(self, step: int) -> NDArray[np.int64]:
        # A new shuffle each epoch, whose last batch is what is left.
        epoch, place = divmod(step, self.an_epoch)
        if self._order[0] != epoch:
            rng = np.random.default_rng((self.seed, 0, epoch))
            self._order = (epoch, rng.permutation(len(self.images)))
        return self._order[1][place * self.batch : (place + 1) * self.batch]

    @property
    def an_epoch(self) -> int:
        """Batches until every image has been drawn."""
        return batches_an_epoch(len(self.images), self.batch)

    def _pair(
        self, image: int, rng: np.random.Generator, strength: float
    ) -> tuple[Image.Image, Image.Image]:
        whole, kind = self.images[image].open(), self.images[image].kind
        # Half of the references are as listed; the others teach two copies to find each other.
        left = whole
        if rng.random() < 0.5:
            left = sampling.sample(whole, self._other(image, rng), rng, 0.4 * strength, kind)
        right = sampling.sample(
            whole, self._other(image, rng), rng, strength * float(rng.uniform(0.5, 1)), kind
        )
        return left, right

    def _other(self, image: int, rng: np.random.Generator) -> Image.Image:
        step = int(rng.integers(1, len(self.images)))
        return self.images[(image + step) % len(self.images)].open()


def drawn_ahead(dataset: Dataset[Drawn], workers: int = 1) -> Iterator[Drawn]:
    """The data set's batches in order, drawn ahead in other processes; in this one with none."""
    ahead = 8 if workers else None
    return iter(
        DataLoader(
            dataset,
            batch_size=None,
            num_workers=workers,
            collate_fn=_as_it_is,
            prefetch_factor=ahead,
        )
    )


def _as_it_is(batch: Any) -> Any:  # noqa: ANN401  # torch's type for a collate function
    return batch
