"""One training run: the network, its optimiser, and where it stands.

It knows the recipe, images and losses; not the command line, nor how codes are evaluated against
other signals (``evaluation``).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional

from embeddings.codes import CODE_BITS
from embeddings.network.preparing.locating import Locate
from embeddings.network.runtimes.torch_module import Lite0, Outputs, enlarged
from embeddings.network.runtimes.torch_network import fill
from embeddings.network.tensors import Tensors
from embeddings.training import loss, whitening
from embeddings.training.batches.data import (
    Curriculum,
    PairBatch,
    PairBatches,
    TrainingImage,
    batches_an_epoch,
    drawn_ahead,
)
from embeddings.training.batches.device_edits import edited
from embeddings.training.batches.pool import Pool, in_runs
from embeddings.training.imagenet import MEAN, SCALE, imagenet_tensors
from embeddings.training.monitor import Monitor, Watched
from embeddings.training.recipe import Recipe

_EARLY: Final = 7
"""The first entries are trained at a rate of their own: ImageNet's millions of images taught
them edges and textures better than a corpus of thousands can."""


def _as_floats(views: Tensor) -> Tensor:
    """uint8 (n, s, s, 3) as float (n, 3, s, s), 0..255."""
    return views.permute(0, 3, 1, 2).float()


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
        self._held_out = [images[place] for place in order[: recipe.data.held_out]]
        self.images = [images[place] for place in order[recipe.data.held_out :]]
        self.pool = Pool(len(self.images), recipe.data.kept, recipe.data.detail, self.device)
        self.monitor: Monitor | None = None
        self._headless = start is None
        self._order = np.empty(0, np.int64)
        tensors = imagenet_tensors() if start is None else start
        frozen = recipe.network.frozen
        self.network = fill(Lite0(), tensors).to(self.device).to(memory_format=torch.channels_last)
        self.frozen: Any = None
        """A CPU's quicker way through entries that are not trained; ``None`` elsewhere."""
        if self.device.type == "cpu":
            self._use_frozen(tensors, threads)
        for entry in self.network.entries[:frozen]:
            entry.requires_grad_(False)
        self.optimiser = self._optimiser()
        self.average = {name: p.detach().clone() for name, p in self.network.named_parameters()}

    def _use_frozen(self, tensors: Tensors, threads: int) -> None:
        # Imported here: a machine with a GPU need not have the CPU's graph runtime.
        from embeddings.training.frozen import FrozenEntries, has_bfloat16_units, quicken

        data, network = self.recipe.data, self.recipe.network
        if network.frozen:
            self.frozen = FrozenEntries(
                tensors, network.frozen, data.detail, network.training_size, MEAN, SCALE, threads
            )
        quicken(self.network, has_bfloat16_units())

    def _optimiser(self) -> torch.optim.AdamW:
        rates, network = self.recipe.optimiser, self.network
        early, late = (
            [p for entry in entries for p in entry.parameters() if p.requires_grad]
            for entries in (network.entries[:_EARLY], network.entries[_EARLY:])
        )
        heads = [*network.head.parameters(), *network.photographic.parameters()]
        powers = [network.middle_power, network.last_power]
        return torch.optim.AdamW(
            [
                {"params": early, "rate": rates.early_rate},
                {"params": late, "rate": rates.backbone_rate},
                {"params": heads, "rate": rates.head_rate},
                {"params": powers, "rate": rates.head_rate, "weight_decay": 0.0},
            ],
            lr=rates.head_rate,
            weight_decay=rates.weight_decay,
            betas=(0.9, 0.98),
        )

    def data(self) -> PairBatches:
        """What is drawn for the run, from its step on."""
        data, steps = self.recipe.data, self.recipe.optimiser.steps
        curriculum = Curriculum(data.weak, data.strong, data.ramp)
        seed, drawn = self.recipe.seed, data.drawn
        # An epoch fills the pool before the first step. A resumed run draws from the start of an
        # epoch: two that overlap would fill it late, and leave too little for the last steps.
        epoch = batches_an_epoch(len(self.images), drawn)
        first = self.step - self.step % epoch
        return PairBatches(
            self.images, self.locate, data.detail, drawn, steps + epoch, curriculum, seed, first
        )

    def begin(self, drawn: Iterator[PairBatch]) -> None:
        """Fill the pool, which takes a while, and draw meanwhile what the run is watched by."""
        self.pool.put(next(drawn))  # by now others are being drawn
        detail = self.recipe.data.detail
        watched = Watched(self._held_out, self.locate, detail, self.recipe.seed)
        self.monitor = Monitor(drawn_ahead(watched, self.workers))
        while not self.pool.full:
            self.pool.put(next(drawn))
        if self._headless:
            self.start_head()
        if not len(self.memory):
            self.memory = self.remembered()

    def measured(self) -> dict[str, float]:
        """What the run is watched by, of the averaged weights."""
        assert self.monitor is not None
        return self.monitor.measure(self.averaged())

    def remembered(self) -> Tensor:
        """What the network says of a left view of each image."""
        rng = np.random.default_rng((self.recipe.seed, 5))
        rows = []
        for start in range(0, len(self.images), 64):
            places = np.arange(start, min(start + 64, len(self.images)))
            left, _ = self.pool.take(places, rng)
            with torch.no_grad():
                said = self.forward(_as_floats(left)).descriptors
            rows.append(loss.soft_signs(said, self.sharpness))
        return torch.cat(rows)

    @property
    def sharpness(self) -> float:
        """Of the soft signs at this step."""
        ends, progress = self.recipe.loss, self.step / self.recipe.optimiser.steps
        return ends.sharpness + (ends.sharpest - ends.sharpness) * progress

    def start_head(self) -> None:
        """Give the network the closed-form head of its untrained features; the pool is full."""
        rng = np.random.default_rng((self.recipe.seed, 9))
        chosen = rng.permutation(len(self.images))[: self.recipe.head.pairs]
        pooled: tuple[list[NDArray[np.float32]], ...] = ([], [])
        with torch.no_grad():
            for start in range(0, len(chosen), 64):
                for rows, views in zip(
                    pooled, self.pool.take(chosen[start : start + 64], rng), strict=True
                ):
                    rows.append(self.forward(_as_floats(views)).pooled.cpu().numpy())
        left, right = pooled
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
        self.average = {name: p.detach().clone() for name, p in self.network.named_parameters()}

    def forward(self, pixels: Tensor) -> Outputs:
        """The network's outputs of views, float (n, 3, s, s), 0..255, ``detail`` pixels a side."""
        entries = self.recipe.network.frozen
        if self.frozen is not None:
            images = pixels.round().clamp(0, 255).byte().permute(0, 2, 3, 1).contiguous()
            return self.network.late(self.frozen(images.numpy()), entries)
        pixels = enlarged((pixels - MEAN) / SCALE, self.recipe.network.training_size)
        pixels = pixels.contiguous(memory_format=torch.channels_last)
        # A CPU has its own way to bfloat16 (``frozen``), where it pays.
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type != "cpu"):
            with torch.no_grad():
                features = self.network.early(pixels, entries)
            outputs = self.network.late(features, entries)
        return Outputs(*(tensor.float() for tensor in outputs))

    def take(self) -> tuple[Tensor, Tensor, Tensor]:
        """This step's images, int64 (n,), and their views, float (n, 3, s, s), left and right."""
        batch, run = self.recipe.data.batch, self.recipe.data.run
        rng = np.random.default_rng((self.recipe.seed, 8, self.step))
        if len(self._order) < min(batch, len(self.images)):
            self._order = in_runs(self.memory, run, rng)
        images, self._order = self._order[:batch], self._order[batch:]
        left, right = self.pool.take(images, rng)
        rows = torch.from_numpy(images).to(self.device)
        # Left views stay as they are: references are listed unedited.
        return rows, _as_floats(left), self._copies(images, right, rng)

    def _copies(self, images: NDArray[np.int64], right: Tensor, rng: np.random.Generator) -> Tensor:
        """Right views for a step: a share of them made of left views here, others as drawn and
        edited a little, so that none is seen twice. ``right``: uint8 (n, s, s, 3); float (n, 3, s,
        s).
        """
        data, count = self.recipe.data, len(images)
        plain, _ = self.pool.take(images, rng)
        others, _ = self.pool.take(rng.integers(0, len(self.images), count), rng)
        generator = torch.Generator(self.device).manual_seed(int(rng.integers(0, 2**62)))
        here, strength = (
            torch.rand(count, generator=generator, device=self.device) for _ in range(2)
        )
        ours = here < data.on_device
        progress = self.step / self.recipe.optimiser.steps
        most = Curriculum(data.weak, data.strong, data.ramp).at(progress)
        strength = torch.where(ours, most * (0.2 + 0.8 * strength), 0.3 * strength)
        base = torch.where(ours.view(-1, 1, 1, 1), plain, right)
        return edited(_as_floats(base), _as_floats(others), strength, generator)

    def train_step(self) -> dict[str, Tensor]:
        """One step of the optimiser; what was seen on the way, scalars on the device."""
        images, left, right = self.take()
        recipe, rows = self.recipe.loss, len(images)
        outputs = self.forward(torch.cat((left, right)))
        signs = loss.soft_signs(outputs.descriptors, self.sharpness)
        own = images.tile(2)
        remembered = loss.against_memory(signs, self.memory, own, recipe.temperature)
        together = loss.by_one_radius(
            signs[:rows], signs[rows:], 1 - 2 * recipe.threshold / CODE_BITS, recipe.temperature
        )
        nce = loss.info_nce(signs[:rows], signs[rows:], recipe.temperature)
        koleo = (loss.koleo(signs[:rows]) + loss.koleo(signs[rows:])) / 2
        root = math.sqrt(signs.shape[1])
        decorrelation = loss.decorrelation(signs * root)
        target = self.pool.photographs[own].float()
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
        self._remember(images, signs.detach())
        self.step += 1
        bits = torch.where(outputs.descriptors.detach() > 0, 1.0, -1.0)
        hamming = (1 - bits[:rows] @ bits[rows:].T / bits.shape[1]) * bits.shape[1] / 2
        strangers = hamming.detach().clone().fill_diagonal_(CODE_BITS).min(1).values
        seen = {
            "nce": nce,
            "remembered": remembered,
            "together": together,
            "koleo": koleo,
            "decorrelation": decorrelation,
            "photographic": photographic,
            "copy_bits": hamming.diagonal().mean(),
            "nearest_stranger_bits": strangers.mean(),
        }
        return {name: value.detach() for name, value in seen.items()}

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
            for name, parameter in self.network.named_parameters():
                self.average[name].lerp_(parameter, 1 - keep)

    def _remember(self, images: Tensor, signs: Tensor) -> None:
        # The mean of an image's two views, so that what is remembered is what its copies share.
        new = (signs[: len(images)] + signs[len(images) :]) / 2
        mixed = torch.lerp(self.memory[images], new, self.recipe.loss.forgetting)
        self.memory[images] = functional.normalize(mixed)

    def save(self) -> None:
        """Write everything a resumed run needs, and the averaged weights by themselves."""
        tensors = {f"network.{name}": p.detach() for name, p in self.network.named_parameters()}
        tensors |= {f"average.{name}": tensor for name, tensor in self.average.items()}
        for number, state in self.optimiser.state_dict()["state"].items():
            tensors |= {f"adam.{number}.{name}": tensor for name, tensor in state.items()}
        tensors |= {"memory": self.memory, "step": torch.tensor(self.step)}
        # Weights first: where there is a state to resume from, there are weights to publish.
        self._write(self.average, "weights")
        self._write(tensors, "state")

    def _write(self, tensors: dict[str, Tensor], name: str) -> None:
        partial = self.out / f"{name}.partial"
        save_file({key: tensor.cpu().contiguous() for key, tensor in tensors.items()}, partial)
        partial.replace(self.out / f"{name}.safetensors")

    def resume(self) -> None:
        """Take up the run where ``save`` left it."""
        tensors = load_file(self.out / "state.safetensors")
        self.step = int(tensors["step"])
        with torch.no_grad():
            for name, parameter in self.network.named_parameters():
                parameter.copy_(tensors[f"network.{name}"])
                self.average[name] = tensors[f"average.{name}"].to(self.device, copy=True)
        document = self.optimiser.state_dict()
        for name, tensor in tensors.items():
            if name.startswith("adam."):
                _, number, key = name.split(".")
                document["state"].setdefault(int(number), {})[key] = tensor
        self.optimiser.load_state_dict(document)
        self.memory = tensors["memory"].to(self.device)
        self._headless = False

    def averaged(self) -> Lite0:
        """A network with the averaged weights."""
        use = self.recipe.network
        network = Lite0(use.looks, use.training_size).to(self.device)
        network = network.to(memory_format=torch.channels_last)
        network.load_state_dict(self.average)
        return network
