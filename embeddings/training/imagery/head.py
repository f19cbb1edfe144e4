"""The heads of the imagery score in closed form: evidence, certainty, and the two bounds.

Evidence is a balanced logistic regression with a strong penalty. Certainty is fitted afterwards to
the evidence of pictures whose sources were held out: a factor on the logit, larger where such
evidence proved right and smaller where it did not, as on small or blurred pictures. Fitted
together, the two would agree on pictures that both have seen. It knows rows of numbers and labels;
no pictures.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.linalg import eigh
from torch import Tensor
from torch.nn import functional

Rows = NDArray[np.float32]
Flags = NDArray[np.bool_]

_LEAST: float = 0.01  # deviation: what hardly varies must not be blown up


@dataclass(frozen=True)
class Linear:
    """A linear layer with one output."""

    weight: Rows
    """float32 (d,)."""
    bias: float

    def __call__(self, rows: Rows) -> Rows:
        """float32 (n, d) to (n,)."""
        out: Rows = rows @ self.weight + np.float32(self.bias)
        return out


@dataclass(frozen=True)
class Scale:
    """Mean and deviation of each value, over the rows they were taken from."""

    mean: Rows
    deviation: Rows

    @classmethod
    def of(cls, rows: Rows) -> Scale:
        """Those of ``rows``, float32 (n, d)."""
        return cls(rows.mean(0), rows.std(0) + np.float32(_LEAST))

    def __call__(self, rows: Rows) -> Rows:
        """``rows`` at mean 0 and deviation 1."""
        out: Rows = (rows - self.mean) / self.deviation
        return out

    def raw(self, layer: Linear) -> Linear:
        """``layer`` for rows that were not scaled."""
        weight = layer.weight / self.deviation
        return Linear(weight, layer.bias - float(weight @ self.mean))


@dataclass(frozen=True)
class Directions:
    """The principal directions of scaled rows: along the others there is mostly chance."""

    matrix: Rows
    """float32 (d, k)."""

    @classmethod
    def of(cls, rows: Rows, count: int) -> Directions:
        """The ``count`` largest of ``rows``, float32 (n, d); every second row is enough."""
        some = rows[::2]
        covariance = some.T @ some / np.float32(len(some))
        count, width = min(count, len(covariance)), len(covariance)
        _, vectors = eigh(covariance, subset_by_index=[width - count, width - 1])
        return cls(np.ascontiguousarray(vectors[:, ::-1], np.float32))

    def __call__(self, rows: Rows) -> Rows:
        """float32 (n, d) to (n, k)."""
        out: Rows = rows @ self.matrix
        return out

    def raw(self, layer: Linear) -> Linear:
        """``layer`` for rows before the directions were taken."""
        return Linear(self.matrix @ layer.weight, layer.bias)


def balanced(photographic: Flags, groups: Sequence[object], even: float) -> Rows:
    """A weight for each row, mean 1: both kinds count alike, and the groups of a kind by their size
    (``even`` 0) to all alike (1).
    """
    keys = list(zip(photographic.tolist(), groups, strict=True))
    sizes = Counter(keys)
    each = np.array([sizes[key] ** -even for key in keys])
    for kind in (True, False):
        each[photographic == kind] /= max(each[photographic == kind].sum(), 1e-9)
    weights: Rows = (each * len(each) / each.sum()).astype(np.float32)
    return weights


def logistic(rows: Rows, photographic: Flags, weights: Rows, penalty: float) -> Linear:
    """Logistic regression; ``penalty`` is on the squared weights."""
    x, y, w = _tensors(rows, photographic, weights)
    weight = torch.zeros(rows.shape[1], requires_grad=True)
    bias = torch.zeros((), requires_grad=True)

    def loss() -> Tensor:
        cross = functional.binary_cross_entropy_with_logits(x @ weight + bias, y, w)
        return cross + penalty * weight.square().sum()

    _minimise(loss, [weight, bias], 80)
    return Linear(weight.detach().numpy(), float(bias.detach()))


def certainty(
    rows: Rows, evidence: Rows, photographic: Flags, weights: Rows, penalty: float
) -> tuple[float, float, Linear]:
    """Scale and shift of ``evidence``, and the layer whose sigmoid is what it is worth."""
    x, y, w = _tensors(rows, photographic, weights)
    given = torch.from_numpy(evidence)
    weight = torch.zeros(rows.shape[1], requires_grad=True)
    bias = torch.zeros((), requires_grad=True)
    scale = torch.tensor(2.0, requires_grad=True)
    shift = torch.zeros((), requires_grad=True)

    def loss() -> Tensor:
        logits = (given * scale + shift) * (x @ weight + bias).sigmoid()
        cross = functional.binary_cross_entropy_with_logits(logits, y, w)
        # The scale and the bias say much the same: both small is one answer among many.
        free = 1e-4 * (bias.square() + scale.square())
        return cross + penalty * weight.square().sum() + free

    _minimise(loss, [weight, bias, scale, shift], 80)
    return (
        float(scale.detach()),
        float(shift.detach()),
        Linear(weight.detach().numpy(), float(bias.detach())),
    )


def bounds(probability: Rows, photographic: Flags, wrong: float) -> tuple[float, float]:
    """Up to which probability a picture is non-photographic, and from which photographic: such that
    ``wrong`` of either kind, at most, stand beyond the far one.
    """
    low = float(np.quantile(probability[photographic], wrong, method="lower"))
    high = float(np.quantile(probability[~photographic], 1 - wrong, method="higher"))
    # Where the kinds hardly overlap the two would cross.
    return min(low, high, 0.5), max(low, high, 0.5)


def _tensors(rows: Rows, photographic: Flags, weights: Rows) -> tuple[Tensor, Tensor, Tensor]:
    target = torch.from_numpy(photographic.astype(np.float32))
    return torch.from_numpy(rows), target, torch.from_numpy(weights)


def _minimise(loss: Callable[[], Tensor], parameters: list[Tensor], steps: int) -> None:
    optimiser = torch.optim.LBFGS(parameters, max_iter=steps, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimiser.zero_grad()
        value = loss()
        value.backward()  # type: ignore[no-untyped-call]  # torch ships it untyped
        return value

    optimiser.step(closure)  # type: ignore[no-untyped-call]  # torch ships it untyped
