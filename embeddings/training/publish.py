"""Turn a training run into a checkpoint, and write what was measured into one.

``python -m embeddings.training.publish weights --run DIR --locator FILE --out FILE`` takes the
averaged weights of a run and of a locator and writes a checkpoint with provisional radii. With
``--start FILE --share S`` the network's weights are those ``S`` of the way from that checkpoint's
to the run's: half the way to a run finds more copies than either end (docs/training-log.md).
Source: Wortsman et al., Robust Fine-Tuning of Zero-Shot Models, CVPR 2022. Another locator, start
or detail than the run's is refused.

``python -m embeddings.training.publish figures --checkpoint FILE --radii JSON --metrics JSON``
replaces a checkpoint's radii and metrics by measured ones.

It knows runs and checkpoints; not how figures are measured (``evaluation``).
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file

from embeddings.network import checkpoint
from embeddings.network.checkpoint import DEFAULT_CHECKPOINT, Checkpoint, ModelInfo
from embeddings.network.runtimes.torch_module import Lite0
from embeddings.network.runtimes.torch_network import tensors_of
from embeddings.network.tensors import Tensors
from embeddings.training.imagenet import MEAN, SCALE
from embeddings.training.locator import read_locator
from embeddings.training.origin import OriginError, differing, digest
from embeddings.training.recipe import RECIPE, Recipe, read
from embeddings.training.terminal import ended

_PROVISIONAL = {"photographic": 48, "non_photographic": 48, "any": 48}


def averaged(run: Path) -> Lite0:
    """The network of a run's averaged weights, as they were last saved."""
    network = Lite0()
    network.load_state_dict(load_file(run / "weights.safetensors"))
    return network.eval()


def check_origin(run: Path, recipe: Recipe, locator: Tensors, start: Tensors | None) -> None:
    """Raise ``OriginError`` unless the ``run`` was trained behind ``locator``, at the detail of
    ``recipe`` and, if a ``start`` is given, from there. How it is used may differ.
    """
    claimed = {"recipe.data.detail": recipe.data.detail, "locator": digest(locator)}
    if start is not None:
        claimed["start"] = digest(start)
    if other := differing(claimed, run):
        raise OriginError(f"{run}: this run was trained with another {', '.join(other)}")


def on_the_way(start: Tensors, end: Tensors, share: float) -> Tensors:
    """Tensors named as ``end``'s, ``share`` of the way to them from ``start``'s; float32."""
    return {
        name: ((1 - share) * start[name] + share * tensor).astype(np.float32)
        for name, tensor in end.items()
    }


def publish_weights(
    network: Tensors, locator: Tensors, out: Path, recipe: Recipe, data: str
) -> None:
    """Write a checkpoint of a ``network``'s tensors and the locator it was trained behind."""
    info = ModelInfo(
        space=recipe.space,
        detail=recipe.data.detail,
        input_size=recipe.network.input_size,
        mean=MEAN,
        scale=SCALE,
        radii=_PROVISIONAL,
        metrics={},
        data=data,
        looks=recipe.network.looks,
    )
    checkpoint.save(Checkpoint(info, {**network, **locator}), out)


def publish_figures(path: Path, radii: dict[str, int], metrics: dict[str, object]) -> None:
    """Replace the radii and the metrics of the checkpoint at ``path``."""
    before = checkpoint.load(path)
    info = replace(before.info, radii=radii, metrics={**before.info.metrics, **metrics})
    checkpoint.save(Checkpoint(info, before.tensors), path)


def _share(text: str) -> float:
    share = float(text)  # argparse names the argument if it is no number
    if not 0 <= share <= 1:
        raise argparse.ArgumentTypeError(f"a share lies between 0 and 1, not {text}")
    return share


def main(arguments: list[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    commands = parser.add_subparsers(dest="command", required=True)
    weights = commands.add_parser("weights", help="a checkpoint from a run")
    weights.add_argument("--run", type=Path, required=True)
    weights.add_argument("--locator", type=Path, required=True)
    weights.add_argument("--out", type=Path, required=True)
    weights.add_argument("--start", type=Path, help="checkpoint the run went on from")
    weights.add_argument("--share", type=_share, help="how far from there to the run's weights")
    weights.add_argument("--recipe", type=Path, default=RECIPE)
    weights.add_argument("--data", required=True, help="what it was trained on, on which terms")
    figures = commands.add_parser("figures", help="measured radii and metrics into a checkpoint")
    figures.add_argument("--checkpoint", type=Path, default=DEFAULT_CHECKPOINT)
    figures.add_argument("--radii", type=json.loads, required=True)
    figures.add_argument("--metrics", type=json.loads, required=True)
    asked = parser.parse_args(arguments)
    torch.set_num_threads(1)
    if asked.command == "weights":
        if (asked.start is None) != (asked.share is None):
            parser.error("--start and --share go together")
        recipe, locator = read(asked.recipe), read_locator(asked.locator)
        start = checkpoint.load(asked.start).tensors if asked.start else None
        check_origin(asked.run, recipe, locator, start)
        network: Tensors = tensors_of(averaged(asked.run))
        if start is not None:
            network = on_the_way(start, network, asked.share)
        publish_weights(network, locator, asked.out, recipe, asked.data)
    else:
        publish_figures(asked.checkpoint, asked.radii, asked.metrics)


if __name__ == "__main__":
    sys.exit(ended(main))
