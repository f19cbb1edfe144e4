"""What could be asked of the code beyond one Hamming distance, each in its own row.

``python -m evaluation.extras --images TAR [--manifest CSV] [--checkpoint FILE] [--json OUT]``
measures, on the benchmark of ``lookalike evaluate``:

- *asymmetric*: the query's real-valued descriptor against stored bits. A bit that differs counts by
  how sure the query was of it, so its distance orders and re-checks candidates.
- *query views*: the code of the whole query, and of the pictures within it (``embeddings.views``).
- *several codes a reference*: the whole, and five overlapping crops.
- *PDQ, eight variants*: the query's hash also mirrored and in quarter turns, beside PDQ as it is.

Where there are several codes, the nearest pair counts. Every further code is a further chance of
a false match, which is why each row has its own radius at 1% of outside queries. It knows the
benchmark and the metrics; not the service.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from embeddings import codes
from embeddings.checkpoint import DEFAULT_CHECKPOINT
from embeddings.encoder import Encoder, load_encoder
from embeddings.pdq import MIN_QUALITY, dihedral
from embeddings.views import views
from evaluation import metrics, terminal
from evaluation.benchmark import Query, plan
from evaluation.corpus import Corpus, open_corpus
from evaluation.edits import FAMILIES
from evaluation.hashing import Progress, edited_queries
from evaluation.provenance import Clock
from evaluation.results import Provenance, plain

STEPS: Final = 4
"""Asymmetric distances are counted in quarters of a bit."""
_CROP: Final = 0.6  # of either side: each of the five
_MOST_SURE: Final = 2.0  # times the mean: no single bit may count for more

Floats = NDArray[np.float32]
Matrix = NDArray[np.int32]


@dataclass(frozen=True)
class ExtraRow:
    """One way of comparing."""

    name: str
    µap: float
    recall: float
    """When 1% of outside queries are falsely matched."""
    recall_of: Mapping[str, float]
    """The same by family of edits, at the same radius."""
    radius: float
    """Bits."""
    query_codes: float
    """The network's passes a query takes, on average."""
    reference_codes: float
    """Codes a reference takes."""


@dataclass(frozen=True)
class ExtrasResult:
    """Every row, and how it was made."""

    provenance: Provenance
    rows: tuple[ExtraRow, ...]

    def to_json(self) -> dict[str, Any]:
        """As plain values for a JSON file."""
        values: dict[str, Any] = plain(asdict(self))
        return values


@dataclass(frozen=True)
class _Views:
    """Descriptors of several views of each of n images."""

    descriptors: Floats
    """float32 (m, 256), the views of one image in a row, the whole first."""
    starts: NDArray[np.int64]
    """int64 (n,)."""

    @property
    def wholes(self) -> _Views:
        """The whole images alone."""
        return _Views(self.descriptors[self.starts], np.arange(len(self.starts)))


class _Gatherer:
    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._rows: list[Floats] = []
        self._starts: list[int] = []
        self._count = 0

    def add(self, parts: Sequence[NDArray[np.uint8]]) -> None:
        self.add_rows(self._encoder.encode(parts).descriptors)

    def add_rows(self, rows: Floats) -> None:
        self._starts.append(self._count)
        self._count += len(rows)
        self._rows.append(rows)

    def all(self) -> _Views:
        return _Views(np.concatenate(self._rows), np.array(self._starts, np.int64))


def crops(rgb: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
    """The whole of ``rgb``, uint8 (h, w, 3), its four overlapping corners and its middle."""
    height, width = rgb.shape[:2]
    tall, wide = max(1, round(height * _CROP)), max(1, round(width * _CROP))
    places = [(0, 0), (0, width - wide), (height - tall, 0), (height - tall, width - wide)]
    places.append(((height - tall) // 2, (width - wide) // 2))
    return [rgb, *(rgb[top : top + tall, left : left + wide] for top, left in places)]


def hamming(queries: Floats, references: Floats) -> Matrix:
    """Hamming distances of the signs in ``STEPS`` of a bit: int32 (q, r)."""
    return STEPS * codes.distances(
        codes.from_descriptors(queries), codes.from_descriptors(references)
    )


def asymmetric(queries: Floats, references: Floats) -> Matrix:
    """What differs, weighed by how sure the query is of each bit, in ``STEPS`` of a bit."""
    weight = np.abs(queries) / np.abs(queries).mean(1, keepdims=True)
    weight = np.minimum(weight, _MOST_SURE)
    weight *= codes.CODE_BITS / weight.sum(1, keepdims=True)
    signs = np.where(references > 0, np.float32(1), np.float32(-1))
    agreement = (np.where(queries > 0, weight, -weight) @ signs.T).astype(np.float32)
    steps: Matrix = np.rint((codes.CODE_BITS - agreement) / 2 * STEPS).astype(np.int32)
    return np.clip(steps, 0, codes.CODE_BITS * STEPS)


def nearest(
    compare: Callable[[Floats, Floats], Matrix], queries: _Views, references: _Views
) -> Matrix:
    """The nearest pair of views of each query and reference: int32 (q, r)."""
    away = compare(queries.descriptors, references.descriptors)
    away = np.minimum.reduceat(away, references.starts, axis=1)
    return np.minimum.reduceat(away, queries.starts, axis=0)


def measure(
    corpus: Corpus,
    encoder: Encoder,
    *,
    seed: int = 0,
    command: str = "",
    progress: Progress = lambda *_: None,
) -> ExtrasResult:
    """Every row on ``corpus``. Raises ``CorpusError``."""
    clock = Clock()
    benchmark = plan(corpus.items, seed)
    references, queries = _Gatherer(encoder), _Gatherer(encoder)
    listed, turned = _Gatherer(encoder), _Gatherer(encoder)
    rng = np.random.default_rng(seed)
    place: dict[int, int] = {}
    truth: list[int] = []
    families: list[str] = []
    of_item: dict[int, list[Query]] = {item: [] for item in benchmark.references}
    for query in benchmark.queries:
        of_item.setdefault(query.item, []).append(query)
    known = frozenset(benchmark.references)
    for done, item in enumerate(sorted(of_item)):
        progress("editing and hashing", done, len(of_item))
        image = corpus.image(item)
        if item in known:
            place[item] = len(place)
            references.add(crops(np.asarray(image)))
            listed.add_rows(_pdqs(np.asarray(image), rng)[:1])
        for query, edited in edited_queries(corpus, benchmark, item, image, of_item[item]):
            queries.add(_with_views(edited))
            turned.add_rows(_pdqs(np.asarray(edited), rng))
            truth.append(-1 if query.outside else item)
            families.append(query.family)
    rows = _rows(
        (references.all(), queries.all()),
        (listed.all(), turned.all()),
        np.array([place.get(item, -1) for item in truth]),
        np.array(families),
    )
    origin = clock.provenance(
        command,
        corpus.name,
        (encoder.info.space,),
        seed=seed,
        edits_per_family=benchmark.edits_per_family,
    )
    return ExtrasResult(origin, rows)


def _with_views(image: Image.Image) -> list[NDArray[np.uint8]]:
    rgb = np.asarray(image)
    return [rgb, *(np.ascontiguousarray(view) for view in views(rgb))]


def _pdqs(rgb: NDArray[np.uint8], rng: np.random.Generator) -> Floats:
    """The bits of PDQ's eight variants as -1 and 1, the image as it is first: float32 (8, 256)."""
    found = dihedral(rgb)
    if found.quality < MIN_QUALITY:
        # May not be matched, and by chance is not.
        return rng.choice(np.array([-1, 1], np.float32), (8, codes.CODE_BITS))
    hashes = [getattr(found, field.name) for field in fields(found) if field.name != "quality"]
    return codes.unpack(codes.stack(hashes)).astype(np.float32) * 2 - 1


def _rows(
    coded: tuple[_Views, _Views],
    pdq: tuple[_Views, _Views],
    truth: NDArray[np.int64],
    families: NDArray[np.str_],
) -> tuple[ExtraRow, ...]:
    """``coded``, ``pdq``: of references and of queries. ``truth``: int64 (n,), the place of each
    query's reference, -1 for an outside query.
    """
    (references, queries), (listed, turned) = coded, pdq
    ways: tuple[tuple[str, Callable[[Floats, Floats], Matrix], _Views, _Views], ...] = (
        ("Hamming distance, one view", hamming, queries.wholes, references.wholes),
        ("asymmetric distance", asymmetric, queries.wholes, references.wholes),
        ("query views", hamming, queries, references.wholes),
        ("several codes a reference", hamming, queries.wholes, references),
        ("query views, several codes", hamming, queries, references),
        ("query views, asymmetric", asymmetric, queries, references.wholes),
        ("PDQ", hamming, turned.wholes, listed),
        ("PDQ, eight variants", hamming, turned, listed),
    )
    return tuple(
        _row(name, nearest(compare, asked, held), truth, families, asked, held)
        for name, compare, asked, held in ways
    )


def _row(
    name: str,
    away: Matrix,
    truth: NDArray[np.int64],
    families: NDArray[np.str_],
    queries: _Views,
    references: _Views,
) -> ExtraRow:
    levels = codes.CODE_BITS * STEPS + 1
    inside = np.flatnonzero(truth >= 0)
    true = away[inside, truth[inside]]
    every = metrics.histogram(away.ravel(), levels)
    right = metrics.histogram(true, levels)
    outside = metrics.histogram(away[truth < 0].min(1), levels)
    radius = metrics.radius_at_rate(outside, float(outside.sum()), 0.01)
    found = true <= radius
    of_family = {
        str(family): float(found[families[inside] == family].mean())
        for family in np.unique(families)
    }
    return ExtraRow(
        name,
        float(metrics.average_precision(right, every - right, float(len(true)))),
        float(found.mean()),
        of_family,
        float(radius) / STEPS,
        len(queries.descriptors) / len(queries.starts),
        len(references.descriptors) / len(references.starts),
    )


def table(result: ExtrasResult) -> RenderableType:
    """The rows for a terminal."""
    rows = Table(
        "",
        "µAP",
        "R1%",
        *FAMILIES,
        "bits",
        "a query",
        "a reference",
        title="Beyond one Hamming distance",
        title_justify="left",
        padding=(0, 0),
    )
    rows.columns[0].no_wrap = True
    for row in result.rows:
        shares = (row.µap, row.recall, *(row.recall_of[family] for family in FAMILIES))
        costs = (f"{row.query_codes:.1f}", f"{row.reference_codes:.1f}")
        rows.add_row(row.name, *map(terminal.share_text, shares), f"{row.radius:g}", *costs)
    origin = result.provenance
    notes = Text(
        "\nR1%: recall when 1% of outside queries are falsely matched, and by family. A query, a "
        f"reference: codes it takes.\n{origin.machine}; {origin.software}; {origin.date}\n"
        f"command: {terminal.printable(origin.command)}"
    )
    return Group(rows, notes)


def main(arguments: Sequence[str]) -> int:
    """Run the command; 0, or 1 with the reason on stderr."""
    parser = argparse.ArgumentParser(
        prog="python -m evaluation.extras", description=(__doc__ or "").split("\n", 1)[0]
    )
    parser.add_argument("--images", type=Path, required=True, help="folder or tar")
    parser.add_argument("--manifest", type=Path, help="CSV with name, kind, style, source")
    parser.add_argument("--checkpoint", type=Path, default=DEFAULT_CHECKPOINT)
    parser.add_argument("--json", type=Path, help="write every figure to this file")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(arguments)

    def work(progress: Progress) -> tuple[RenderableType, Mapping[str, Any]]:
        result = measure(
            open_corpus(given.images, given.manifest),
            load_encoder("auto", given.checkpoint),
            seed=given.seed,
            command=shlex.join(["python", "-m", "evaluation.extras", *arguments]),
            progress=progress,
        )
        return table(result), result.to_json()

    return terminal.run(work, given.json)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
