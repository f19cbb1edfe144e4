"""Train the imagery network: what tells photographs from the rest.

``python -m embeddings.training.imagery.train fit --corpus DIR --work DIR --scores CSV --out FILE ``
fits its heads to views of every image of the corpus and writes a checkpoint. EfficientNet-Lite0
keeps ImageNet's weights: what it learnt of a million photographs holds on sources that neither has
seen, and what is learnt from our few sources does so less.

Every figure it steers by is of **held-out sources**: pictures scored by heads that saw none of
their family of sources (``folds``). Those scores fit the certainty, set the bounds and are
written to ``--scores``, of which ``lookalike-eval imagery --scores CSV`` makes a table.

``python -m embeddings.training.imagery.train figures --checkpoint FILE --metrics JSON`` writes into
a checkpoint what was measured of it.

It knows the order of the steps; not how views are drawn or heads fitted.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from embeddings.network import imagery_checkpoint
from embeddings.network.imagery_checkpoint import (
    IMAGERY_CHECKPOINT,
    PLAIN,
    ImageryCheckpoint,
    ImageryInfo,
)
from embeddings.training.batches.data import TrainingImage, read_shards
from embeddings.training.imagenet import MEAN, SCALE, imagenet_tensors
from embeddings.training.imagery import head
from embeddings.training.imagery.features import Views, chosen, views_of
from embeddings.training.imagery.folds import dealt
from embeddings.training.imagery.head import Directions, Linear, Rows, Scale
from embeddings.training.imagery.recipe import IMAGERY_RECIPE, ImageryHeadRecipe, read
from embeddings.training.terminal import ended

_DATA: Final = (
    "Backbone: EfficientNet-Lite0, ImageNet weights (Apache-2.0). Heads: benign pictures of 114 "
    "public sources, licences as their sources state, several for research only."
)


@dataclass(frozen=True)
class Seen:
    """Everything the heads are fitted to: n views of all passes."""

    moments: Rows
    """float32 (n, ``SEEN``)."""
    photographic: NDArray[np.bool_]
    weights: Rows
    """float32 (n,), mean 1: how much each counts for the evidence."""
    folds: NDArray[np.int64]
    usual: NDArray[np.bool_]
    """Whether a view is of the usual pass: what figures and bounds are of."""


@dataclass(frozen=True)
class Heads:
    """Both heads, for moments as they are."""

    evidence: Linear
    certainty: Linear


def gathered(
    images: list[TrainingImage], passes: list[tuple[Views, float]], recipe: ImageryHeadRecipe
) -> Seen:
    """The views of ``passes``, each with its weight; the first is the usual one."""
    of_image = dealt(images, recipe.folds)
    photographic = np.concatenate([views.photographic for views, _ in passes])
    groups = [
        (style, images[place].source)
        for views, _ in passes
        for place, style in zip(views.images, views.styles, strict=True)
    ]
    factor: Rows = np.concatenate(
        [np.full(len(views.images), weight, np.float32) for views, weight in passes]
    )
    weights: Rows = head.balanced(photographic, groups, recipe.even) * factor
    return Seen(
        np.concatenate([views.moments for views, _ in passes]).astype(np.float32),
        photographic,
        np.asarray(weights / weights.mean(), np.float32),
        np.concatenate([of_image[views.images] for views, _ in passes]),
        np.arange(len(photographic)) < len(passes[0][0].images),
    )


def fit(seen: Seen, recipe: ImageryHeadRecipe) -> tuple[Heads, Rows]:
    """The heads, and the probability of every view by heads that saw none of its sources' family:
    float32 (n,).
    """
    scale = Scale.of(seen.moments[seen.usual])
    scaled = scale(seen.moments)
    directions = Directions.of(scaled[seen.usual], recipe.directions)
    rows = directions(scaled)

    def evidence(kept: NDArray[np.bool_]) -> Linear:
        return head.logistic(
            rows[kept], seen.photographic[kept], seen.weights[kept], recipe.penalty
        )

    held_out = np.empty(len(rows), np.float32)
    for fold in range(recipe.folds):
        out = seen.folds == fold
        held_out[out] = evidence(~out)(rows[out])
    plain, even = scaled[:, :PLAIN], np.ones(len(rows), np.float32)

    def certainty(kept: NDArray[np.bool_]) -> tuple[float, float, Linear]:
        return head.certainty(
            plain[kept], held_out[kept], seen.photographic[kept], even[kept], recipe.certainty
        )

    probability = np.empty(len(rows), np.float32)
    for fold in range(recipe.folds):
        out = seen.folds == fold
        gain, shift, worth = certainty(~out)
        logits = (held_out[out] * gain + shift) / (1 + np.exp(-worth(plain[out])))
        probability[out] = 1 / (1 + np.exp(-logits))
    everything = np.ones(len(rows), np.bool_)
    whole, (gain, shift, worth) = evidence(everything), certainty(everything)
    whole = Linear(whole.weight * np.float32(gain), whole.bias * gain + shift)
    early = Scale(scale.mean[:PLAIN], scale.deviation[:PLAIN])
    return Heads(scale.raw(directions.raw(whole)), early.raw(worth)), probability


def write_scores(
    path: Path, images: list[TrainingImage], views: list[Views], probability: Rows
) -> None:
    """A row for each view: source, kind, style, wear, probability. What is not worn in the second
    pass may still be edited: it counts as ``edited``.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    start = 0
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["source", "kind", "style", "wear", "probability"])
        for number, some in enumerate(views):
            for place, kind, style, wear in zip(
                some.images, some.photographic, some.styles, some.wears, strict=True
            ):
                shown = "photo" if kind else "nonphoto"
                score = f"{probability[start]:.5f}"
                worn = "edited" if number and wear == "usual" else wear
                writer.writerow([images[place].source, shown, style, worn, score])
                start += 1


def main(arguments: list[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    commands = parser.add_subparsers(dest="command", required=True)
    fitting = commands.add_parser("fit", help="a checkpoint from a corpus")
    fitting.add_argument("--corpus", type=Path, required=True)
    fitting.add_argument("--work", type=Path, required=True, help="keeps what views look like")
    fitting.add_argument("--out", type=Path, required=True, help="the checkpoint")
    fitting.add_argument("--scores", type=Path, required=True, help="of held-out sources")
    fitting.add_argument("--recipe", type=Path, default=IMAGERY_RECIPE)
    fitting.add_argument("--data", default=_DATA, help="what it is trained on, on which terms")
    figures = commands.add_parser("figures", help="measured figures into a checkpoint")
    figures.add_argument("--checkpoint", type=Path, default=IMAGERY_CHECKPOINT)
    figures.add_argument("--metrics", type=json.loads, required=True)
    asked = parser.parse_args(arguments)
    torch.set_num_threads(1)
    if asked.command == "fit":
        run(asked)
    else:
        before = imagery_checkpoint.load(asked.checkpoint)
        info = replace(before.info, metrics={**before.info.metrics, **asked.metrics})
        imagery_checkpoint.save(ImageryCheckpoint(info, before.tensors), asked.checkpoint)


def run(asked: argparse.Namespace) -> None:
    """Fit and write a checkpoint, as the command line says."""
    recipe, images = read(asked.recipe), read_shards(asked.corpus)
    tensors = imagenet_tensors()
    prepared = recipe.input
    info = ImageryInfo(
        recipe.name, prepared.detail, prepared.quality, prepared.side, MEAN, SCALE,
        (0.0, 1.0), {}, asked.data,
    )  # fmt: skip
    passes = [
        views_of(
            images,
            chosen(images, some.most, recipe.seed),
            some,
            info,
            tensors,
            asked.work / name,
            _said,
        )
        for name, some in (("usual", recipe.usual), ("worn", recipe.worn))
    ]
    weighted = list(zip(passes, (recipe.usual.weight, recipe.worn.weight), strict=True))
    seen = gathered(images, weighted, recipe.head)
    heads, probability = fit(seen, recipe.head)
    bounds = head.bounds(probability[seen.usual], seen.photographic[seen.usual], recipe.head.wrong)
    tensors |= {
        "evidence.weight": heads.evidence.weight[None],
        "evidence.bias": np.array([heads.evidence.bias], np.float32),
        "certainty.weight": heads.certainty.weight[None],
        "certainty.bias": np.array([heads.certainty.bias], np.float32),
    }
    write_scores(asked.scores, images, passes, probability)
    info = replace(info, bounds=bounds)
    imagery_checkpoint.save(ImageryCheckpoint(info, tensors), asked.out)


def _said(what: str, done: int, total: int) -> None:
    if done % 1000 == 0:
        sys.stderr.write(f"{what} {done}/{total}\n")


if __name__ == "__main__":
    sys.exit(ended(main))
