"""Train the backbone and the head by self-supervised copy detection.

``python -m embeddings.training.train --corpus DIR --locator FILE --out DIR [--recipe FILE]`` reads
the TRAIN shards and a trained locator (``locator``, or a checkpoint that has one) and writes to
``--out``: ``origin.json`` (what the run is made of), ``metrics.jsonl`` (a line every 20 steps),
``state.safetensors`` (to resume from: run the same command again; another recipe, locator, corpus
or start is refused) and ``weights.safetensors``: the averaged weights so far, and at the end those
that ``publish`` turns into a checkpoint. A new run begins from ImageNet's weights, or from those of
the checkpoint ``--start``. ``--workers`` processes draw copies, one trains: on a GPU in
bfloat16 (``--device cuda``), on a CPU as ``frozen`` says.

It knows files and the terminal; what a step is, ``trainer`` does.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from embeddings.network import checkpoint
from embeddings.network.runtimes.torch_network import TorchLocator
from embeddings.training.batches.data import drawn_ahead, read_shards
from embeddings.training.imagenet import MEAN, SCALE
from embeddings.training.locator import read_locator
from embeddings.training.origin import keep, origin
from embeddings.training.recipe import RECIPE, read
from embeddings.training.terminal import ended
from embeddings.training.trainer import Trainer

_LOG_EVERY = 20
_SAVE_EVERY = 100


@dataclass(frozen=True)
class Arguments:
    """The command line."""

    corpus: Path
    locator: Path
    out: Path
    recipe: Path
    threads: int
    device: str
    workers: int
    start: Path | None


def parse(arguments: list[str] | None = None) -> Arguments:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--corpus", type=Path, required=True, help="folder of train-*.tar")
    parser.add_argument("--locator", type=Path, required=True, help="file with a locator's tensors")
    parser.add_argument("--out", type=Path, required=True, help="folder of this run")
    parser.add_argument("--recipe", type=Path, default=RECIPE)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu", help="cpu, or a device of torch's: cuda")
    parser.add_argument("--workers", type=int, default=1, help="processes that draw copies")
    parser.add_argument("--start", type=Path, help="checkpoint whose weights a new run starts from")
    return Arguments(**vars(parser.parse_args(arguments)))


def main(arguments: list[str] | None = None) -> None:
    """Run, or resume, a training run."""
    asked = parse(arguments)
    torch.set_num_threads(asked.threads)
    torch.backends.cudnn.benchmark = True  # steps have the same shapes: a search pays once
    recipe = read(asked.recipe)
    torch.manual_seed(recipe.seed)
    asked.out.mkdir(parents=True, exist_ok=True)
    images = read_shards(asked.corpus)
    locator = read_locator(asked.locator)
    start = checkpoint.load(asked.start).tensors if asked.start else None
    begun = (asked.out / "state.safetensors").exists()
    if not begun:
        # Of a run that came to nothing; they would pass for this one's.
        for name in ("metrics.jsonl", "weights.safetensors"):
            (asked.out / name).unlink(missing_ok=True)
    keep(origin(recipe, images, locator, start), asked.out, begun)
    locate = TorchLocator(MEAN, SCALE, locator)
    trainer = Trainer(
        recipe, images, locate, asked.out, asked.threads, asked.device, asked.workers, start
    )
    if begun:
        trainer.resume()
    if trainer.step >= recipe.optimiser.steps:
        return  # it has ended
    drawn = drawn_ahead(trainer.data(), asked.workers)
    trainer.begin(drawn)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns) as progress, (asked.out / "metrics.jsonl").open("a") as log:
        task = progress.add_task("training", total=recipe.optimiser.steps, completed=trainer.step)
        began = time.monotonic()
        while trainer.step < recipe.optimiser.steps:
            trainer.pool.put(next(drawn))
            seen = trainer.train_step()
            if trainer.step % _LOG_EVERY == 0:
                line = {
                    "step": trainer.step,
                    **{name: value.item() for name, value in seen.items()},
                }
                if trainer.step % (10 * _LOG_EVERY) == 0:
                    line |= trainer.measured()
                line["seconds"] = round(time.monotonic() - began, 1)
                log.write(json.dumps(line) + "\n")
                log.flush()
                progress.update(task, completed=trainer.step)
            if trainer.step % _SAVE_EVERY == 0:
                trainer.save()
    trainer.save()


if __name__ == "__main__":
    sys.exit(ended(main))
