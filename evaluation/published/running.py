"""From a published set and an encoder to the figures of its protocol.

The encoder's codes and its descriptors are both measured. An image that cannot be decoded matches
nothing and is counted: its true pairs are missed. DISC21's two million images take hours on a CPU;
one pass encodes them all. It knows nothing of how a report looks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from embeddings.codes import CODE_BITS, CODE_BYTES
from embeddings.errors import ImageError
from embeddings.network.encoder import Encoder
from evaluation.base.hashers import unit
from evaluation.base.progress import Progress, silent
from evaluation.base.provenance import Clock
from evaluation.base.results import ResultProvenance, plain
from evaluation.corpora.corpus import Corpus
from evaluation.published.layouts import Copydays, CopydaysBlock, Disc21
from evaluation.published.protocol import (
    BACKGROUND,
    NEIGHBOURS,
    Micro,
    mean_average_precision,
    micro,
    normalisation,
)
from evaluation.published.search import Vectors, from_codes, nearest, search

Signal = Literal["code", "descriptor"]
SIGNALS: Final[tuple[Signal, ...]] = ("code", "descriptor")

_BATCH: Final = 32


@dataclass(frozen=True)
class DiscRow:
    """One signal under DISC21's protocol."""

    signal: Signal
    raw: Micro
    normalised: Micro | None
    """With score normalisation; none where there are no training images."""


@dataclass(frozen=True)
class CopydaysRow:
    """One kind of copy under Copydays' protocol: mAP by signal."""

    block: str
    queries: int
    average_precision: Mapping[Signal, float]


@dataclass(frozen=True)
class PublishedResult:
    """What one run found; rows of one of the two sets."""

    provenance: ResultProvenance
    references: int
    queries: int
    skipped: Mapping[str, int]
    """Images that could not be decoded, by error code."""
    disc21: tuple[DiscRow, ...] = ()
    copydays: tuple[CopydaysRow, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As plain values for a JSON file; nan becomes null."""
        values: dict[str, Any] = plain(asdict(self))
        return values


@dataclass(frozen=True)
class _Encoded:
    codes: NDArray[np.uint8]
    descriptors: Vectors
    decoded: NDArray[np.bool_]
    skipped: Mapping[str, int]

    def vectors(self, signal: Signal) -> Vectors:
        """Of length 1; zero where nothing was decoded."""
        if signal == "descriptor":
            return self.descriptors
        return from_codes(self.codes) * self.decoded[:, None].astype(np.float32)


def _encoded(corpus: Corpus, encoder: Encoder, progress: Progress) -> _Encoded:
    count, skipped = len(corpus), Counter[str]()
    found = np.zeros((count, CODE_BYTES), np.uint8)
    descriptors = np.zeros((count, CODE_BITS), np.float32)
    decoded = np.zeros(count, bool)
    for start in range(0, count, _BATCH):
        progress(f"encoding {corpus.name}", start, count)
        images, places = [], []
        for place in range(start, min(count, start + _BATCH)):
            try:
                images.append(np.asarray(corpus.image(place), np.uint8))
                places.append(place)
            except ImageError as error:
                skipped[error.code] += 1
        if images:
            batch = encoder.encode(images)
            found[places], decoded[places] = batch.codes, True
            descriptors[places] = unit(batch.descriptors)
    progress(f"encoding {corpus.name}", count, count)
    return _Encoded(found, descriptors, decoded, skipped)


def run_disc21(
    data: Disc21, encoder: Encoder, *, command: str = "", progress: Progress = silent
) -> PublishedResult:
    """µAP without and, where there are training images, with score normalisation."""
    clock = Clock()
    references = _encoded(data.references, encoder, progress)
    queries = _encoded(data.queries, encoder, progress)
    sides = [references, queries]
    training = None
    if data.training is not None:
        training = _encoded(data.training, encoder, progress)
        sides.append(training)
    rows = []
    for done, signal in enumerate(SIGNALS):
        progress("comparing", done, len(SIGNALS))
        asked = queries.vectors(signal)
        found = search(asked, references.vectors(signal), data.truth, NEIGHBOURS)
        normalised = None
        if training is not None:
            background = nearest(asked, training.vectors(signal), BACKGROUND)
            normalised = micro(found, normalisation(background))
        rows.append(DiscRow(signal, micro(found), normalised))
    progress("comparing", len(SIGNALS), len(SIGNALS))
    return PublishedResult(
        clock.provenance(command, "DISC21", (encoder.info.space,)),
        len(data.references),
        len(data.queries),
        dict(sum((Counter(side.skipped) for side in sides), Counter())),
        disc21=tuple(rows),
    )


def run_copydays(
    data: Copydays,
    encoder: Encoder,
    strangers: Corpus | None = None,
    *,
    command: str = "",
    progress: Progress = silent,
) -> PublishedResult:
    """mAP of every kind of copy, sought among the originals and, if given, ``strangers``."""
    clock = Clock()
    sides = [_encoded(data.originals, encoder, progress)]
    if strangers is not None:
        sides.append(_encoded(strangers, encoder, progress))
    references = {
        signal: np.concatenate([side.vectors(signal) for side in sides]) for signal in SIGNALS
    }
    rows, skipped = [], sum((Counter(side.skipped) for side in sides), Counter[str]())
    for block, encoded in _blocks(data, encoder, progress):
        truth = {query: frozenset([one]) for query, one in enumerate(block.truth)}
        skipped += Counter(encoded.skipped)
        precision = {
            signal: mean_average_precision(
                search(encoded.vectors(signal), vectors, truth, len(vectors))
            )
            for signal, vectors in references.items()
        }
        rows.append(CopydaysRow(block.name, len(block.truth), precision))
    return PublishedResult(
        clock.provenance(command, "Copydays", (encoder.info.space,)),
        len(references["code"]),
        sum(row.queries for row in rows),
        dict(skipped),
        copydays=tuple(rows),
    )


def _blocks(
    data: Copydays, encoder: Encoder, progress: Progress
) -> Iterator[tuple[CopydaysBlock, _Encoded]]:
    for done, block in enumerate(data.blocks):
        progress("kinds of copies", done, len(data.blocks))
        yield block, _encoded(block.queries, encoder, silent)
    progress("kinds of copies", len(data.blocks), len(data.blocks))
