"""Every figure of the photographic probability, from a corpus of known kinds and a model.

AUROC per style sets the pictures of one non-photographic style against all photographs; per source,
the pictures of one source against all pictures of the other kind. Intervals hold 95% of a bootstrap
over images. It knows nothing of how a report looks.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from embeddings.network.imagery import ImageryModel
from embeddings.network.imagery_checkpoint import ImageryInfo
from evaluation.base.errors import CorpusError
from evaluation.base.progress import Progress, silent
from evaluation.base.provenance import Clock
from evaluation.base.results import Estimate, ResultProvenance, plain
from evaluation.corpora.corpus import Corpus, Item, Kind
from evaluation.imagery import held_out
from evaluation.imagery.metrics import Flags, Scores, auroc, calibration_error, labelled
from evaluation.imagery.scoring import score
from evaluation.statistics.metrics import Floats, interval, resampled

MIN_GROUP: Final = 10
"""Styles and sources of fewer images are shown but can be neither worst style nor worst source."""

_CHUNK: Final = 100  # bootstrap samples weighed at a time: bounds memory on large corpora

Metric = Callable[[Scores, Flags, Floats], Floats]


@dataclass(frozen=True)
class Group:
    """AUROC of one style or source against all images of the other kind."""

    name: str
    kind: Kind
    images: int
    auroc: Estimate


@dataclass(frozen=True)
class LabelRow:
    """Shares of one kind of image by the label the two bounds give it."""

    kind: Kind
    images: int
    photographic: Estimate
    uncertain: Estimate
    non_photographic: Estimate


@dataclass(frozen=True)
class ImageryResult:
    """How good the probability is. Higher AUROC, lower calibration error = better."""

    provenance: ResultProvenance
    images: int
    skipped: Mapping[str, int]
    """Images that could not be decoded, by error code."""
    auroc: Estimate
    calibration_error: Estimate
    bounds: tuple[float, float]
    """Up to the first an image is non-photographic, from the second on photographic."""
    labels: tuple[LabelRow, ...]
    styles: tuple[Group, ...]
    """Of non-photographs, worst first."""
    sources: tuple[Group, ...]
    """Of both kinds, worst first."""

    @property
    def worst_style(self) -> Group | None:
        """The style least told from photographs; none where the manifest names none."""
        return _worst(self.styles)

    @property
    def worst_source(self) -> Group | None:
        """The source least told from the other kind; none where the manifest names none."""
        return _worst(self.sources)

    def to_json(self) -> dict[str, Any]:
        """As plain values for a JSON file; nan becomes null."""
        worst = {"worst_style": self.worst_style, "worst_source": self.worst_source}
        named = {key: asdict(group) if group else None for key, group in worst.items()}
        values: dict[str, Any] = plain(asdict(self) | named)
        return values


def _worst(groups: tuple[Group, ...]) -> Group | None:
    return next((group for group in groups if group.images >= MIN_GROUP), None)


def measure(
    corpus: Corpus,
    imagery: ImageryModel,
    *,
    seed: int = 0,
    samples: int = 1000,
    command: str = "",
    progress: Progress = silent,
) -> ImageryResult:
    """Score ``corpus`` and compute every figure; ``samples`` are the bootstrap's.

    Raises ``CorpusError`` if the corpus does not hold images of both kinds.
    """
    clock = Clock()
    _check(corpus.items, corpus.name)
    scored = score(corpus, imagery, seed, progress)
    items = tuple(corpus.items[place] for place in scored.items)
    data = _Data(items, scored.photographic, seed, samples)
    progress("summarising", 0, 1)
    result = _result(
        data,
        imagery.info.bounds,
        clock.provenance(
            command, corpus.name, (imagery.info.name,), seed=seed, bootstrap_samples=samples
        ),
        scored.skipped,
    )
    progress("summarising", 1, 1)
    return result


def measure_held_out(
    path: Path,
    info: ImageryInfo,
    wear: str = "usual",
    *,
    seed: int = 0,
    samples: int = 1000,
    command: str = "",
) -> ImageryResult:
    """Every figure of the scores in ``path`` (``held_out``), read by the bounds in ``info``.

    Raises ``CorpusError`` if there are none, or of one kind alone.
    """
    clock = Clock()
    items, scores = held_out.read(path, wear)
    _check(items, f"{path.name}, {wear}")
    data = _Data(items, scores, seed, samples)
    name = f"{path.name}: {wear} views of held-out sources"
    provenance = clock.provenance(command, name, (info.name,), seed=seed, bootstrap_samples=samples)
    return _result(data, info.bounds, provenance, {})


def _check(items: Sequence[Item], name: str) -> None:
    if {"photo", "nonphoto"} - {item.kind for item in items}:
        raise CorpusError(
            f"{name}: needs photographs and others, told apart by a manifest or by folders"
        )


def _result(
    data: _Data,
    bounds: tuple[float, float],
    provenance: ResultProvenance,
    skipped: Mapping[str, int],
) -> ImageryResult:
    return ImageryResult(
        provenance,
        len(data.items),
        skipped,
        data.estimate(auroc, np.ones(len(data.items), bool)),
        data.estimate(calibration_error, np.ones(len(data.items), bool)),
        bounds,
        tuple(_labels(data, kind, bounds) for kind in ("photo", "nonphoto")),
        _groups(data, lambda item: item.style if item.kind == "nonphoto" else ""),
        _groups(data, lambda item: item.source),
    )


class _Data:
    """Scored images, and a bootstrap over them."""

    def __init__(self, items: tuple[Item, ...], scores: Scores, seed: int, samples: int) -> None:
        self.items, self.scores = items, scores
        self.positive = np.array([item.kind == "photo" for item in items], bool)
        self._seed, self._samples = seed, samples

    def estimate(self, metric: Metric, keep: Flags) -> Estimate:
        """``metric`` of the images in ``keep``, bool (n,), with its interval."""
        scores, positive = self.scores[keep], self.positive[keep]
        count, left = len(scores), self._samples
        rng = np.random.default_rng([self._seed, count])
        value = float(metric(scores, positive, np.ones(count)))
        parts = [np.zeros(0)]
        while left > 0:
            weights = resampled(count, min(left, _CHUNK), rng)
            parts.append(metric(scores, positive, weights))
            left -= _CHUNK
        return Estimate(value, *interval(np.concatenate(parts)))


def _groups(data: _Data, name_of: Callable[[Item], str]) -> tuple[Group, ...]:
    """AUROC of each named group against the other kind, worst first."""
    members = defaultdict(list)
    for place, item in enumerate(data.items):
        if name_of(item):
            members[name_of(item), item.kind].append(place)
    groups = []
    for (name, kind), places in members.items():
        keep = data.positive != (kind == "photo")
        keep[places] = True
        groups.append(Group(name, kind, len(places), data.estimate(auroc, keep)))
    return tuple(sorted(groups, key=lambda group: (group.auroc.value, group.name, group.kind)))


def _labels(data: _Data, kind: Kind, bounds: tuple[float, float]) -> LabelRow:
    keep = np.array([item.kind == kind for item in data.items], bool)

    def share(place: int) -> Estimate:
        return data.estimate(
            lambda scores, _positive, weights: labelled(scores, bounds, weights)[place], keep
        )

    return LabelRow(kind, int(keep.sum()), share(0), share(1), share(2))
