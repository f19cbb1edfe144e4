"""Train the backbone and the head by self-supervised copy detection.

``python -m embeddings.training.train --corpus DIR --locator FILE --out DIR [--recipe FILE]`` reads
the TRAIN shards and a trained locator (``locator``, or a checkpoint that has one) and writes to
``--out``: ``metrics.jsonl`` (a line every 20 steps), ``state.safetensors`` (to resume from: run the
same command again) and, at the end, ``weights.safetensors``: the averaged weights, which
``publish`` turns into a checkpoint. A new run begins from ImageNet's weights, or from those of the
checkpoint ``--start``. ``--workers`` processes draw copies, one trains: on a GPU in
bfloat16 (``--device cuda``), on a CPU as ``frozen`` says.

It knows the recipe and the corpus; not how codes are evaluated against other signals
(``evaluation``).
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, Subset

from embeddings import checkpoint
from embeddings.checkpoint import Tensors
from embeddings.codes import CODE_BITS
from embeddings.encoder import prepare
from embeddings.locating import Locate
from embeddings.network import Lite0, Outputs, enlarged
from embeddings.torch_network import TorchLocator, fill
from embeddings.training import inputs, loss, whitening
from embeddings.training.data import Curriculum, PairBatch, PairBatches, TrainingImage, read_shards
from embeddings.training.frozen import FrozenEntries, quicken
from embeddings.training.imagenet import MEAN, SCALE, imagenet_tensors
from embeddings.training.locator import read_locator
from embeddings.training.monitor import Monitor
from embeddings.training.recipe import RECIPE, Recipe, read

_LOG_EVERY = 20
_SAVE_EVERY = 100


def batches(dataset: PairBatches | Subset[PairBatch], workers: int = 1) -> Iterator[PairBatch]:
    """The data set's batches in order, drawn ahead in other processes."""
    loader = DataLoader(
        dataset, batch_size=None, num_workers=workers, collate_fn=_as_it_is, prefetch_factor=8
    )
    return iter(loader)


def _as_it_is(batch: Any) -> Any:  # noqa: ANN401  # torch's type for a collate function
    return batch


def learnt(network: Lite0) -> Iterator[tuple[str, nn.Parameter]]:
    """The parameters a run has to do with: the texture's are fitted afterwards (``imagery``)."""
    named = network.named_parameters()
    return ((name, parameter) for name, parameter in named if not name.startswith("texture"))


class Trainer:
    """One run: network, optimiser, and where it stands."""

    def __init__(
        self,
        recipe: Recipe,
        images: list[TrainingImage],
        locate: Locate,
        out: Path,
        threads: int = 1,
        device: str = "cpu",
        workers: int = 1,
        start: Tensors | None = None,
    ) -> None:
        """``start``: a checkpoint's tensors to begin from, instead of ImageNet's and a fitted
        head.
        """
        self.recipe, self.locate, self.out, self.step = recipe, locate, out, 0
        self.memory = torch.zeros(0)
        """Soft signs of unit length, float (images, 256): what was last said of each image."""
        self.device, self.workers = torch.device(device), workers
        order = np.random.default_rng((recipe.seed, 2)).permutation(len(images))
        held_out = order[: recipe.data.held_out]
        self.images = [images[place] for place in order[recipe.data.held_out :]]
        self.monitor = Monitor(
            [images[place] for place in held_out],
            locate,
            recipe.data.detail,
            recipe.network.training_size,
            recipe.seed,
        )
        tensors = imagenet_tensors() if start is None else start
        frozen = recipe.network.frozen
        self.network = fill(Lite0(), tensors).to(self.device).to(memory_format=torch.channels_last)
        self.frozen: FrozenEntries | None = None
        if self.device.type == "cpu":
            self.frozen = FrozenEntries(
                tensors,
                frozen,
                recipe.data.detail,
                recipe.network.training_size,
                MEAN,
                SCALE,
                threads,
            )
            quicken(self.network)
        for entry in self.network.entries[:frozen]:
            entry.requires_grad_(False)
        rates = recipe.optimiser
        backbone = [p for p in self.network.entries.parameters() if p.requires_grad]
        heads = [*self.network.head.parameters(), *self.network.photographic.parameters()]
        powers = [self.network.middle_power, self.network.last_power]
        self.optimiser = torch.optim.AdamW(
            [
                {"params": backbone, "rate": rates.backbone_rate},
                {"params": heads, "rate": rates.head_rate},
                {"params": powers, "rate": rates.head_rate, "weight_decay": 0.0},
            ],
            lr=rates.head_rate,
            weight_decay=rates.weight_decay,
            betas=(0.9, 0.98),
        )
        self.average = {name: p.detach().clone() for name, p in learnt(self.network)}

    def data(self, first: int) -> PairBatches:
        """The run's batches from step ``first`` on, up to where strangers are chosen anew."""
        alike = self.memory.cpu().numpy() if self.recipe.data.refresh else None
        data, steps = self.recipe.data, self.recipe.optimiser.steps
        until = min(steps, (first // data.refresh + 1) * data.refresh) if data.refresh else steps
        curriculum = Curriculum(data.weak, data.strong, data.ramp)
        return PairBatches(
            self.images,
            self.locate,
            data.detail,
            data.batch,
            steps,
            curriculum,
            self.recipe.seed,
            first,
            data.run,
            until,
            alike,
        )

    def remembered(self) -> Tensor:
        """What the network says of every image as it is."""
        network, detail = self.averaged(), self.recipe.data.detail
        entries = self.recipe.network.frozen
        if self.frozen is not None:
            quicken(network)
        rows = []
        for start in range(0, len(self.images), 64):
            some = self.images[start : start + 64]
            pixels = prepare([np.asarray(image.open()) for image in some], detail, self.locate)
            with torch.no_grad():
                if self.frozen is not None:
                    said = network.late(self.frozen(pixels), entries).descriptors
                else:
                    said = network(self.as_input(pixels)).descriptors
                rows.append(loss.soft_signs(said, self.sharpness))
        return torch.cat(rows)

    @property
    def sharpness(self) -> float:
        """Of the soft signs at this step."""
        ends, progress = self.recipe.loss, self.step / self.recipe.optimiser.steps
        return ends.sharpness + (ends.sharpest - ends.sharpness) * progress

    def start_head(self) -> None:
        """Give the network the closed-form head of its untrained features."""
        steps = -(-self.recipe.head.pairs // self.recipe.data.batch)
        strong = Curriculum(self.recipe.data.strong, self.recipe.data.strong, 1.0)
        data = self.recipe.data
        dataset = PairBatches(
            self.images, self.locate, data.detail, data.batch, steps, strong, seed=1
        )
        left, right, photographs = [], [], []
        with torch.no_grad():
            for batch in batches(dataset, self.workers):
                left.append(self.forward(batch.left).pooled.cpu().numpy())
                right.append(self.forward(batch.right).pooled.cpu().numpy())
                photographs.append(batch.photographs)
        head = whitening.fit(
            np.concatenate(left),
            np.concatenate(right),
            self.network.head.out_features,
            self.recipe.seed,
            self.recipe.head.shrinkage,
        )
        with torch.no_grad():
            self.network.head.weight.copy_(torch.from_numpy(head.weight))
            self.network.head.bias.copy_(torch.from_numpy(head.bias))
            nn.init.zeros_(self.network.photographic.weight)
        self.average = {name: p.detach().clone() for name, p in learnt(self.network)}
        self.memory = self.remembered()

    def forward(self, images: NDArray[np.uint8]) -> Outputs:
        """The network's outputs."""
        entries = self.recipe.network.frozen
        if self.frozen is not None:
            return self.network.late(self.frozen(images), entries)
        pixels = self.as_input(images)
        with torch.autocast(self.device.type, torch.bfloat16):
            with torch.no_grad():
                features = self.network.early(pixels, entries)
            outputs = self.network.late(features, entries)
        return Outputs(*(tensor.float() for tensor in outputs))

    def as_input(self, images: NDArray[np.uint8]) -> Tensor:
        """Prepared images, uint8 (n, s, s, 3), on the device and enlarged: float (n, 3, h, w)."""
        pixels = inputs.as_input(images).to(self.device, non_blocking=True)
        return enlarged(pixels, self.recipe.network.training_size)

    def remaining(self) -> Iterator[PairBatch]:
        """What is left of the run; strangers are chosen anew every ``refresh`` steps."""
        while self.step < self.recipe.optimiser.steps:
            yield from batches(self.data(self.step), self.workers)

    def train_step(self, batch: PairBatch) -> dict[str, float]:
        """One step of the optimiser; what was seen on the way."""
        recipe, rows = self.recipe.loss, len(batch.left)
        outputs = self.forward(np.concatenate((batch.left, batch.right)))
        signs = loss.soft_signs(outputs.descriptors, self.sharpness)
        own = torch.from_numpy(np.tile(batch.images, 2)).to(self.device)
        remembered = loss.against_memory(signs, self.memory, own, recipe.temperature)
        together = loss.by_one_radius(
            signs[:rows], signs[rows:], 1 - 2 * recipe.threshold / CODE_BITS, recipe.temperature
        )
        nce = loss.info_nce(signs[:rows], signs[rows:], recipe.temperature)
        koleo = (loss.koleo(signs[:rows]) + loss.koleo(signs[rows:])) / 2
        root = math.sqrt(signs.shape[1])
        decorrelation = loss.decorrelation(signs * root)
        target = torch.from_numpy(np.tile(batch.photographs, 2)).float().to(self.device)
        photographic = functional.binary_cross_entropy_with_logits(outputs.photographic, target)
        total = (
            nce
            + recipe.memory * remembered
            + recipe.together * together
            + recipe.koleo * koleo
            + recipe.decorrelation * decorrelation
            + recipe.photographic * photographic
        )
        self._set_rates()
        self.optimiser.zero_grad(set_to_none=True)
        total.backward()  # type: ignore[no-untyped-call]  # torch ships it untyped
        nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        self.optimiser.step()
        self._follow()
        self._remember(own[:rows], signs.detach())
        self.step += 1
        bits = torch.where(outputs.descriptors.detach() > 0, 1.0, -1.0)
        hamming = (1 - bits[:rows] @ bits[rows:].T / bits.shape[1]) * bits.shape[1] / 2
        strangers = (
            hamming.masked_fill(torch.eye(rows, dtype=torch.bool, device=self.device), 256)
            .min(1)
            .values
        )
        return {
            "nce": nce.item(),
            "remembered": remembered.item(),
            "together": together.item(),
            "koleo": koleo.item(),
            "decorrelation": decorrelation.item(),
            "photographic": photographic.item(),
            "copy_bits": hamming.diagonal().mean().item(),
            "nearest_stranger_bits": strangers.mean().item(),
        }

    def _set_rates(self) -> None:
        rates = self.recipe.optimiser
        progress = self.step / rates.steps
        warm = min(1.0, (self.step + 1) / rates.warm_up)
        factor = warm * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * progress)))
        for group in self.optimiser.param_groups:
            group["lr"] = group["rate"] * factor

    def _follow(self) -> None:
        # A running average of the weights stands in for the decay that a short run cuts off.
        keep = min(self.recipe.optimiser.average, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for name, parameter in learnt(self.network):
                self.average[name].lerp_(parameter, 1 - keep)

    def _remember(self, images: Tensor, signs: Tensor) -> None:
        # The mean of an image's two views, so that what is remembered is what its copies share.
        new = (signs[: len(images)] + signs[len(images) :]) / 2
        mixed = torch.lerp(self.memory[images], new, self.recipe.loss.forgetting)
        self.memory[images] = functional.normalize(mixed)

    def save(self) -> None:
        """Write everything a resumed run needs."""
        tensors = {f"network.{name}": p.detach() for name, p in learnt(self.network)}
        tensors |= {f"average.{name}": tensor for name, tensor in self.average.items()}
        for number, state in self.optimiser.state_dict()["state"].items():
            tensors |= {f"adam.{number}.{name}": tensor for name, tensor in state.items()}
        tensors |= {"memory": self.memory, "step": torch.tensor(self.step)}
        partial = self.out / "state.partial"
        save_file({name: tensor.cpu().contiguous() for name, tensor in tensors.items()}, partial)
        partial.replace(self.out / "state.safetensors")

    def resume(self) -> None:
        """Take up the run where ``save`` left it."""
        tensors = load_file(self.out / "state.safetensors")
        self.step = int(tensors["step"])
        with torch.no_grad():
            for name, parameter in learnt(self.network):
                parameter.copy_(tensors[f"network.{name}"])
                self.average[name] = tensors[f"average.{name}"].to(self.device, copy=True)
        document = self.optimiser.state_dict()
        for name, tensor in tensors.items():
            if name.startswith("adam."):
                _, number, key = name.split(".")
                document["state"].setdefault(int(number), {})[key] = tensor
        self.optimiser.load_state_dict(document)
        # A state of a run that had none yet: the network is asked.
        self.memory = (
            tensors["memory"].to(self.device) if "memory" in tensors else self.remembered()
        )

    def averaged(self) -> Lite0:
        """A network with the averaged weights."""
        network = Lite0().to(self.device).to(memory_format=torch.channels_last)
        network.load_state_dict(self.average | {"texture.weight": network.texture.weight})
        return network


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
    recipe = read(asked.recipe)
    torch.manual_seed(recipe.seed)
    asked.out.mkdir(parents=True, exist_ok=True)
    images = read_shards(asked.corpus)
    locate = TorchLocator(MEAN, SCALE, read_locator(asked.locator))
    start = checkpoint.load(asked.start).tensors if asked.start else None
    trainer = Trainer(
        recipe, images, locate, asked.out, asked.threads, asked.device, asked.workers, start
    )
    if (asked.out / "state.safetensors").exists():
        trainer.resume()
    elif start is not None:
        trainer.memory = trainer.remembered()
    else:
        trainer.start_head()
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns) as progress, (asked.out / "metrics.jsonl").open("a") as log:
        task = progress.add_task("training", total=recipe.optimiser.steps, completed=trainer.step)
        began = time.monotonic()
        for batch in trainer.remaining():
            seen: dict[str, float] = trainer.train_step(batch)
            if trainer.step % _LOG_EVERY == 0:
                seconds = time.monotonic() - began
                line = {"step": trainer.step, "seconds": round(seconds, 1), **seen}
                if trainer.step % (10 * _LOG_EVERY) == 0:
                    line |= trainer.monitor.measure(trainer.averaged())
                log.write(json.dumps(line) + "\n")
                log.flush()
                progress.update(task, completed=trainer.step)
            if trainer.step % _SAVE_EVERY == 0:
                trainer.save()
    trainer.save()
    save_file(
        {name: tensor.cpu().contiguous() for name, tensor in trainer.average.items()},
        asked.out / "weights.safetensors",
    )


if __name__ == "__main__":
    main()
