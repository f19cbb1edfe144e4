"""What training asks of the codes of a batch of copies.

A descriptor is bent into *soft signs*. Two views of one image are a copy pair; every other image
of the batch is a stranger. There is no queue of past codes: tried, it let the network lower the
loss by drifting away from what it had said before, and all codes collapsed to one side
(docs/training-log.md).

It knows tensors; nothing of images, networks or schedules.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def soft_signs(descriptors: Tensor, sharpness: float) -> Tensor:
    """Descriptors, float (n, d), as soft signs of unit length: float (n, d).

    ``tanh`` bends each dimension towards -1 and 1, so that cosine similarity nears what the Hamming
    distance of the signs will be; the gradient still reaches dimensions near zero.
    """
    scale = descriptors.detach().abs().mean(1, keepdim=True).clamp(min=1e-6)
    return functional.normalize(torch.tanh(sharpness * descriptors / scale))


def info_nce(left: Tensor, right: Tensor, temperature: float) -> Tensor:
    """Cross-entropy of finding each copy among strangers, both ways; a scalar.

    ``left``, ``right``: float (n, d), rows paired, of unit length.
    """
    targets = torch.arange(len(left), device=left.device)
    same_left = _without_diagonal(left @ left.T)
    same_right = _without_diagonal(right @ right.T)
    across = left @ right.T
    forth = torch.cat((across, same_left), 1) / temperature
    back = torch.cat((across.T, same_right), 1) / temperature
    return (functional.cross_entropy(forth, targets) + functional.cross_entropy(back, targets)) / 2


def _without_diagonal(similarities: Tensor) -> Tensor:
    mask = torch.eye(len(similarities), dtype=torch.bool, device=similarities.device)
    return similarities.masked_fill(mask, float("-inf"))


def against_memory(signs: Tensor, memory: Tensor, own: Tensor, temperature: float) -> Tensor:
    """Cross-entropy of finding each view's image among all that are remembered; a scalar.

    ``signs``: float (n, d); ``memory``: float (images, d), both of unit length; ``own``: int64
    (n,), the rows of ``memory`` that are to be found. Source: Wu et al., Unsupervised Feature
    Learning via Non-Parametric Instance Discrimination, CVPR 2018.
    """
    return functional.cross_entropy(signs @ memory.T / temperature, own)


def by_one_radius(left: Tensor, right: Tensor, threshold: float, temperature: float) -> Tensor:
    """Logistic loss of telling copies from strangers by one similarity for all images; a scalar.

    ``left``, ``right``: float (n, d), rows paired, of unit length. Finding a copy among strangers
    compares similarities of one query only; what decides in use is one radius for every query, and
    a stranger within it is a false match however near the copy. A false match weighs three times
    as much as a miss. Strangers are the batch's alone: from what is remembered of thousands the
    network drifts away under this loss.
    """
    across = (left @ right.T - threshold) / temperature
    same = torch.cat((_without_diagonal(left @ left.T), _without_diagonal(right @ right.T)))
    copies = across.diagonal()
    strangers = functional.softplus(_without_diagonal(across)).sum()
    strangers = strangers + functional.softplus((same - threshold) / temperature).sum() / 2
    return functional.softplus(-copies).mean() + 3 * strangers / len(left)


def koleo(descriptors: Tensor) -> Tensor:
    """Kozachenko-Leonenko entropy, negated: mean of -log distance to the nearest stranger; a
    scalar.

    ``descriptors``: float (n, d), one view of each of n different images, of unit length.
    """
    nearest = _without_diagonal(descriptors @ descriptors.T).max(1).values
    squared = (2 - 2 * nearest).clamp(min=1e-4)
    return -0.5 * squared.log().mean()


def decorrelation(signs: Tensor) -> Tensor:
    """Mean square of each bit's mean and of the correlations between bits; a scalar.

    ``signs``: float (n, d), soft signs in -1..1. Balanced, independent bits spread strangers
    around half the code's length and keep the index's buckets even.
    """
    balance = signs.mean(0).square().mean()
    correlation = (signs.T @ signs) / len(signs)
    correlation = correlation - torch.diag(torch.diag(correlation))
    return balance + correlation.square().mean()
