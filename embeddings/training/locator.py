"""Train the locator: where the picture is on a page.

``python -m embeddings.training.locator --corpus DIR --out FILE [--recipe FILE]`` draws pages from
the TRAIN shards (``pages``), in several processes, and trains the network from nothing; it writes
its weights, which ``publish`` puts into a checkpoint, and prints how well pages of images it never
saw are found.

It knows pages and the network; not the codes that are made of what it finds.
"""

from __future__ import annotations

import argparse
import math
import sys
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import Progress
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torchvision.ops import Conv2dNormActivation

from embeddings.errors import CheckpointError
from embeddings.network.architecture import LOCATOR
from embeddings.network.checkpoint import SHAPES
from embeddings.network.preparing.locating import CELLS, SIDE, WHOLE, ImageShare, picture
from embeddings.network.runtimes.torch_module import Locator
from embeddings.network.runtimes.torch_network import locator_tensors
from embeddings.network.tensors import Tensors
from embeddings.training.batches import pages
from embeddings.training.batches.data import TrainingImage, read_shards
from embeddings.training.batches.inputs import as_input
from embeddings.training.recipe import RECIPE, LocatorRecipe, Recipe, read
from embeddings.training.terminal import ended

_CHUNK: Final = 100  # samples drawn from one seed
_FINE: Final = 10_000  # pixels a side at which parts are compared: they are rounded to that
_NEAR: Final = 0.8  # overlap from which a picture counts as found

Samples = tuple[NDArray[np.uint8], NDArray[np.uint8]]
"""Pages, uint8 (n, 96, 96, 3), and how much of each cell is the picture's, uint8 (n, 24, 24)."""


def draw(images: list[TrainingImage], detail: int, seed: tuple[int, ...], count: int) -> Samples:
    """``count`` pages of images squashed to ``detail`` pixels; the same for the same seed."""
    rng = np.random.default_rng(seed)
    seen = np.empty((count, SIDE, SIDE, 3), np.uint8)
    answers = np.empty((count, CELLS, CELLS), np.uint8)
    for row in range(count):
        image, other = (images[int(place)] for place in rng.integers(0, len(images), 2))
        pair = image.open(), other.open()
        seen[row], answers[row] = pages.sample(*pair, rng, image.kind, detail)
    return seen, answers


class _Drawer:
    """What a process that draws pages keeps: the images shown to the network and those not."""

    shown: tuple[list[TrainingImage], list[TrainingImage]]
    recipe: Recipe


def _begin(corpus: Path, recipe: Recipe) -> None:
    images = read_shards(corpus)
    order = np.random.default_rng((recipe.seed, 6)).permutation(len(images))
    kept = max(1, int(len(images) * recipe.locator.held_out))
    _Drawer.shown = [images[k] for k in order[kept:]], [images[k] for k in order[:kept]]
    _Drawer.recipe = recipe


def _chunk(place: tuple[int, int]) -> Samples:
    """``place``: 0 for images the network is shown, 1 for others; and which chunk of theirs."""
    images, recipe = _Drawer.shown[place[0]], _Drawer.recipe
    return draw(images, recipe.data.detail, (recipe.seed, 7, *place), _CHUNK)


def fit(
    samples: Samples, recipe: LocatorRecipe, seed: int, progress: Progress | None = None
) -> Locator:
    """A locator trained on ``samples``, at least a batch of them."""
    torch.manual_seed(seed)
    network = Locator()
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            assert module.bias is not None
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            nn.init.zeros_(module.bias)
    network = normalised(network).to(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(network.parameters(), lr=recipe.rate, weight_decay=0.02)
    seen, answers = samples
    rng = np.random.default_rng(seed)
    an_epoch = len(seen) // recipe.batch
    steps = recipe.epochs * an_epoch
    warm_up = min(100, 1 + steps // 10)
    task = progress.add_task("training", total=steps) if progress else None
    for step in range(steps):
        place = step % an_epoch
        if place == 0:
            order = rng.permutation(len(seen))
        rows = np.sort(order[place * recipe.batch : (place + 1) * recipe.batch])
        rate = recipe.rate * min(1.0, (step + 1) / warm_up)
        rate *= 0.5 * (1 + math.cos(math.pi * step / steps))
        for group in optimiser.param_groups:
            group["lr"] = rate
        loss = functional.binary_cross_entropy_with_logits(
            network(as_input(seen[rows])), torch.from_numpy(answers[rows]).float() / 255
        )
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]  # torch ships it untyped
        nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimiser.step()
        if progress and task is not None:
            progress.update(task, completed=step + 1, description=f"training {loss.item():.3f}")
    return folded(network.eval())


def normalised(network: Locator) -> Locator:
    """``network`` with a batch norm behind every convolution but the last, in place."""
    for block in _blocks(network):
        convolution = block[0]
        assert isinstance(convolution, nn.Conv2d)
        if len(block) == 2:
            block.insert(1, nn.BatchNorm2d(convolution.out_channels))
    return network


def folded(network: Locator) -> Locator:
    """``network``, in evaluation, with batch norms folded into the convolutions, in place."""
    for block in _blocks(network):
        convolution, norm = block[0], block[1] if len(block) > 1 else None
        if isinstance(convolution, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
            block[0] = fuse_conv_bn_eval(convolution, norm)
            del block[1]
    return network


def _blocks(network: Locator) -> list[Conv2dNormActivation]:
    return [part for part in network.modules() if isinstance(part, Conv2dNormActivation)]


def read_locator(path: Path) -> Tensors:
    """The locator's tensors in ``path``: what this program wrote, or a whole checkpoint.

    Raises ``CheckpointError`` if one is not there.
    """
    try:
        found = load_file(path)
    except SafetensorError as error:
        raise CheckpointError(f"{path}: not a readable locator: {error}") from error
    names = [f"{layer.name}.{part}" for layer in LOCATOR for part in ("weight", "bias")]
    for name in names:
        if name not in found or found[name].shape != SHAPES[name]:
            raise CheckpointError(f"{path}: {name} is not there, or not {SHAPES[name]}")
    return {name: np.asarray(found[name], np.float32) for name in names}


@dataclass(frozen=True)
class Measured:
    """How well pages are found."""

    pages: float
    """Share of pages whose picture is cut out with an overlap of ``_NEAR`` or more."""
    wrong: float
    """Share of pages of which something else is cut out."""
    wholes: float
    """Share of pictures without a page that are left whole."""


def measure(network: Locator, samples: Samples) -> Measured:
    """What ``network`` finds in ``samples`` it was not trained on."""
    seen, answers = samples
    with torch.inference_mode():
        said: list[Tensor] = [
            network(as_input(seen[start : start + _CHUNK])).sigmoid()
            for start in range(0, len(seen), _CHUNK)
        ]
    found = [picture(answer) for answer in torch.cat(said).numpy()]
    true = [picture(answer.astype(np.float32) / 255) for answer in answers]
    on_page = [(f, t) for f, t in zip(found, true, strict=True) if t != WHOLE]
    near = [overlap(f, t) >= _NEAR for f, t in on_page]
    wrong = [f != WHOLE and not right for (f, _), right in zip(on_page, near, strict=True)]
    alone = [f == WHOLE for f, t in zip(found, true, strict=True) if t == WHOLE]
    return Measured(_share(near), _share(wrong), _share(alone))


def _share(said: list[bool]) -> float:
    """How many are true, 0..1; 0 of none."""
    return sum(said) / max(1, len(said))


def overlap(one: ImageShare, other: ImageShare) -> float:
    """Shared area over joint area, 0..1."""
    first, second = (part.within(_FINE, _FINE) for part in (one, other))
    return first.overlap(second)


def main(arguments: list[str] | None = None) -> None:
    """Draw, train, measure, write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--corpus", type=Path, required=True, help="folder of train-*.tar")
    parser.add_argument("--out", type=Path, required=True, help="safetensors file to write")
    parser.add_argument("--recipe", type=Path, default=RECIPE)
    parser.add_argument("--threads", type=int, default=2)
    asked = parser.parse_args(arguments)
    torch.set_num_threads(asked.threads)
    recipe = read(asked.recipe)
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    chunks = -(-max(recipe.locator.samples, recipe.locator.batch) // _CHUNK)
    unseen = max(1, int(chunks * recipe.locator.held_out))
    places = [(1, chunk) for chunk in range(unseen)] + [(0, chunk) for chunk in range(chunks)]
    seen = np.empty((len(places) * _CHUNK, SIDE, SIDE, 3), np.uint8)
    answers = np.empty((len(seen), CELLS, CELLS), np.uint8)
    with Progress() as progress:
        task = progress.add_task("drawing pages", total=len(places))
        with get_context("spawn").Pool(asked.threads, _begin, (asked.corpus, recipe)) as pool:
            for chunk, drawn in enumerate(pool.imap(_chunk, places)):
                rows = slice(chunk * _CHUNK, (chunk + 1) * _CHUNK)
                seen[rows], answers[rows] = drawn
                progress.advance(task)
        kept = unseen * _CHUNK
        shown = seen[kept:], answers[kept:]
        network = fit(shown, recipe.locator, recipe.seed, progress)
    save_file(locator_tensors(network), asked.out)
    print(measure(network, (seen[:kept], answers[:kept])))  # noqa: T201  # its result


if __name__ == "__main__":
    sys.exit(ended(main))
