"""The photographic head: logistic regression on what the trained network pools, and on texture.

Both kinds are brought to the same random size and JPEG quality first, or the head would learn the
compressor (corpora save their kinds at different qualities). Painterly re-renderings of
photographs join the non-photographs: the corpus knows few painters. A fifth of the images is kept
from the fit; on it the probability is calibrated (Platt's scale and shift) and the two bounds are
set.

It knows features and labels; not copies or codes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn import functional

from embeddings.architecture import POOLED
from embeddings.edits import compression, geometry, render
from embeddings.encoder import prepare
from embeddings.locating import Locate
from embeddings.training.data import TrainingImage

_PAINTED: Final = 0.15  # share of photographs that are re-rendered
_WRONG: Final = 0.02  # share of either kind that may stand beyond the far bound
_PENALTY: Final = 0.05  # chosen on DEV: docs/training-log.md


Seen = Callable[[NDArray[np.uint8]], NDArray[np.float32]]
"""Prepared images, uint8 (n, s, s, 3), to what the head sees: pooled and texture, (n, 1680)."""


@dataclass(frozen=True)
class ImageryHead:
    """A calibrated linear head."""

    weight: NDArray[np.float32]
    """float32 (1, 1392): of what is pooled."""
    texture: NDArray[np.float32]
    """float32 (1, 288): of the texture."""
    bias: NDArray[np.float32]
    """float32 (1,)."""
    bounds: tuple[float, float]
    """Up to the first ``non_photographic``, from the second ``photographic``."""


def fit(
    seen: Seen, locate: Locate, images: list[TrainingImage], detail: int, count: int, seed: int
) -> ImageryHead:
    """The head for ``count`` of ``images``, squashed to ``detail`` pixels, on what it sees."""
    rng = np.random.default_rng((seed, 4))
    chosen = [images[place] for place in rng.permutation(len(images))[:count]]
    views = [_view(image, rng) for image in chosen]
    photographic = np.array([label for _, label in views])
    rows = []
    for start in range(0, len(views), 32):
        some = [np.asarray(view) for view, _ in views[start : start + 32]]
        rows.append(seen(prepare(some, detail, locate)))
    features = torch.from_numpy(np.concatenate(rows)).double()
    weights = _style_weights(chosen)
    kept = _every_fifth(photographic)
    target = torch.from_numpy(photographic).double()
    mean = features[~kept].mean(0)
    # A feature that hardly varies must not be blown up.
    deviation = features[~kept].std(0).clamp(min=0.02)
    scaled = (features - mean) / deviation
    weight, bias = _logistic(scaled[~kept], target[~kept], weights[~kept], _PENALTY)
    scale, shift = _logistic((scaled[kept] @ weight + bias)[:, None], target[kept], None, 1e-4)
    weight, bias = weight * scale, bias * scale + shift
    probability = torch.sigmoid(scaled[kept] @ weight + bias).numpy()
    is_photo = photographic[kept]
    low = float(np.quantile(probability[is_photo], _WRONG))
    high = float(np.quantile(probability[~is_photo], 1 - _WRONG))
    raw = weight / deviation
    return ImageryHead(
        raw[:POOLED].float().numpy()[None],
        raw[POOLED:].float().numpy()[None],
        (bias - raw @ mean).float().numpy().reshape(1),
        (min(low, high, 0.5), max(low, high, 0.5)),
    )


def _every_fifth(photographic: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which images are kept from the fit: every fifth of either kind, at least one."""
    kept = np.zeros(len(photographic), np.bool_)
    for kind in (True, False):
        kept[np.flatnonzero(photographic == kind)[::5]] = True
    return kept


def _view(image: TrainingImage, rng: np.random.Generator) -> tuple[Image.Image, bool]:
    view = geometry.resize(image.open(), float(rng.uniform(0.6, 1.0)))
    photographic = image.kind == "photo"
    if photographic and rng.random() < _PAINTED:
        view, photographic = _painted(view, rng), False
    return compression.jpeg(view, int(rng.integers(40, 95))), photographic


def _painted(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    draw = rng.random()
    if draw < 0.5:
        return render.smooth(image, int(rng.integers(4, 8)), float(rng.uniform(30, 60)))
    if draw < 0.75:
        return render.cartoon(image, int(rng.integers(6, 14)), float(rng.uniform(0.7, 1.5)))
    return render.palette(image, int(rng.integers(5, 16)), False)


def _style_weights(images: list[TrainingImage]) -> Tensor:
    """Rare styles count more (by the root of their share), both kinds count alike: mean 1."""
    styles = [image.style for image in images]
    weight = {style: styles.count(style) ** -0.5 for style in set(styles)}
    each = np.array([weight[style] for style in styles])
    for kind in ("photo", "nonphoto"):
        rows = np.array([image.kind == kind for image in images])
        each[rows] /= max(each[rows].sum(), 1e-9)
    return torch.from_numpy(each * len(each) / each.sum())


def _logistic(
    rows: Tensor, target: Tensor, weights: Tensor | None, penalty: float
) -> tuple[Tensor, Tensor]:
    """Weights (d,) and bias () of a logistic regression, by L-BFGS."""
    weight = torch.zeros(rows.shape[1], dtype=torch.float64, requires_grad=True)
    bias = torch.zeros((), dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS([weight, bias], max_iter=200, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimiser.zero_grad()
        loss = functional.binary_cross_entropy_with_logits(rows @ weight + bias, target, weights)
        loss = loss + penalty * weight.square().sum()
        loss.backward()  # type: ignore[no-untyped-call]  # torch ships it untyped
        return loss

    optimiser.step(closure)  # type: ignore[no-untyped-call]  # torch ships it untyped
    return weight.detach(), bias.detach()
