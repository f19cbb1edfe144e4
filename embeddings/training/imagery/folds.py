"""Which sources are held out together when the imagery network is cross-validated.

A picture is scored by a network that saw nothing of its source, nor of another source of the same
family: pictures of one collection, repository or package look alike. Families are dealt out into a
few folds, such that the families of a style lie in different ones: what is held out of a style must
not be all there is of it.

It knows the names of sources and styles; no pictures.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from embeddings.errors import EmbeddingError
from embeddings.training.batches.data import TrainingImage


class SourcesError(EmbeddingError):
    """Too few sources to hold some out."""


def family(source: str) -> str:
    """What sources are held out together: a repository's owner, a package, or the first word."""
    named = re.search(r"\((?:github|npm) ([^)\s:/]+)/", source)
    return (named.group(1) if named else re.split(r"[\s,]", source)[0]).lower()


def dealt(images: Sequence[TrainingImage], folds: int) -> NDArray[np.int64]:
    """The fold of each image, int64 (n,), 0..folds-1; the images of a family share one.

    Raises ``SourcesError`` where a fold leaves no image of one kind to be fitted to.
    """
    styles: dict[str, Counter[str]] = defaultdict(Counter)
    for image in images:
        styles[family(image.source)][image.style] += 1
    total: Counter[str] = Counter()
    for counts in styles.values():
        total.update(counts)
    held: list[Counter[str]] = [Counter() for _ in range(folds)]
    fold_of: dict[str, int] = {}
    for name, counts in sorted(styles.items(), key=lambda item: (-item[1].total(), item[0])):
        loads = [_load(fold, counts, total) for fold in held]
        fold_of[name] = loads.index(min(loads))
        held[fold_of[name]].update(counts)
    dealt_out = np.array([fold_of[family(image.source)] for image in images], np.int64)
    for kind in ("photo", "nonphoto"):
        if len({fold_of[family(image.source)] for image in images if image.kind == kind}) < 2:
            raise SourcesError(f"more sources are needed: all of kind {kind} lie in one fold")
    return dealt_out


def _load(fold: Counter[str], counts: Counter[str], total: Counter[str]) -> float:
    """How full a fold would be of the styles in ``counts``, and a little of everything."""
    shares = sum((fold[style] + count) / total[style] * count for style, count in counts.items())
    return shares / counts.total() + fold.total() / total.total() / 10
