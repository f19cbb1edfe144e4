"""What each step beyond one Hamming distance finds, each in its own row.

``lookalike-eval extras`` measures, on the benchmark of ``lookalike evaluate``:

- *with looks*: references listed as the product lists them
  (``embeddings.network.reference_looks``); the other rows have them as a query is.
- *score*: the query's descriptor, 256 signed bytes, against listed bits (``embeddings.codes``).
- *query views*: the whole query, and the pictures within it
  (``embeddings.network.preparing.views``).
- *PDQ, eight variants*: the query's hash also mirrored and in quarter turns, beside PDQ as it is.

Where a query has several codes, the nearest counts. Every further code is a further chance of
a false match, which is why each row has its own radius at 1% of strangers. It knows the
benchmark and the metrics; not the service.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from embeddings import codes
from embeddings.hashes.pdq import MIN_QUALITY, dihedral
from embeddings.network.encoder import Encoder
from embeddings.network.preparing.views import views
from evaluation.base import terminal
from evaluation.base.progress import Progress
from evaluation.base.provenance import Clock
from evaluation.base.results import ResultProvenance, plain
from evaluation.copies.benchmark import EditedQuery, plan
from evaluation.copies.edits import FAMILIES
from evaluation.copies.hashing import edited_queries
from evaluation.corpora.corpus import Corpus
from evaluation.corpora.related import Names, Pairs, pairs
from evaluation.statistics import metrics

LEVELS: Final = codes.MAX_SCORE + 1
"""Of distances: bits, or what a score falls short of the most."""

Floats = NDArray[np.float32]
Matrix = NDArray[np.int32]


@dataclass(frozen=True)
class ExtraRow:
    """One way of comparing."""

    name: str
    µap: float
    µap_of: Mapping[str, float]
    """By family of edits, each among its own queries."""
    recall: float
    """When 1% of strangers are falsely matched."""
    recall_of: Mapping[str, float]
    """The same by family of edits, at the same radius."""
    limit: int
    """The radius, bits, or the threshold of the score."""
    query_codes: float
    """The network's passes a query takes, on average."""


@dataclass(frozen=True)
class ExtrasResult:
    """Every row, and how it was made."""

    provenance: ResultProvenance
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


def hamming(queries: Floats, references: Floats) -> Matrix:
    """Hamming distances of the signs, bits: int32 (q, r)."""
    return codes.distances(codes.from_descriptors(queries), codes.from_descriptors(references))


def scored(queries: Floats, references: Floats) -> Matrix:
    """What the scores fall short of the most there is: int32 (q, r)."""
    given = codes.scores(codes.quantised(queries), codes.from_descriptors(references))
    return np.clip(codes.MAX_SCORE - given, 0, codes.MAX_SCORE).astype(np.int32)


def nearest(
    compare: Callable[[Floats, Floats], Matrix], queries: _Views, references: _Views
) -> Matrix:
    """The nearest view of each query to each reference: int32 (q, r)."""
    away = compare(queries.descriptors, references.descriptors)
    return np.minimum.reduceat(away, queries.starts, axis=0)


def measure(
    corpus: Corpus,
    encoder: Encoder,
    *,
    seed: int = 0,
    related: Names = frozenset(),
    command: str = "",
    progress: Progress = lambda *_: None,
) -> ExtrasResult:
    """Every row on ``corpus``; ``related``: pairs of images, by name, that show one work and count
    for nothing. Raises ``CorpusError``."""
    clock = Clock()
    benchmark = plan(corpus.items, seed)
    references, looks, queries = _Gatherer(encoder), _Gatherer(encoder), _Gatherer(encoder)
    listed, turned = _Gatherer(encoder), _Gatherer(encoder)
    rng = np.random.default_rng(seed)
    place: dict[int, int] = {}
    truth: list[int] = []
    families: list[str] = []
    of_item: dict[int, list[EditedQuery]] = {item: [] for item in benchmark.references}
    for query in benchmark.queries:
        of_item.setdefault(query.item, []).append(query)
    known = frozenset(benchmark.references)
    for done, item in enumerate(sorted(of_item)):
        progress("editing and hashing", done, len(of_item))
        image = corpus.image(item)
        if item in known:
            place[item] = len(place)
            references.add([np.asarray(image)])
            looks.add_rows(encoder.encode_references([np.asarray(image)]).descriptors)
            listed.add_rows(_pdqs(np.asarray(image), rng)[:1])
        for query, edited in edited_queries(corpus, benchmark, item, image, of_item[item]):
            queries.add(_with_views(edited))
            turned.add_rows(_pdqs(np.asarray(edited), rng))
            truth.append(item)
            families.append(query.family)
    names = [corpus.items[item].name for item in place], [corpus.items[i].name for i in truth]
    rows = _rows(
        (references.all(), looks.all(), queries.all()),
        (listed.all(), turned.all()),
        _Truth(
            np.array([place.get(item, -1) for item in truth]),
            np.array(families),
            pairs(related, names[1], names[0]),
        ),
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
        # Its PDQ hash may not be matched: bits at random match nothing.
        return rng.choice(np.array([-1, 1], np.float32), (8, codes.CODE_BITS))
    hashes = [getattr(found, field.name) for field in fields(found) if field.name != "quality"]
    return codes.unpack(codes.stack(hashes)).astype(np.float32) * 2 - 1


@dataclass(frozen=True)
class _Truth:
    """What is known of n queries."""

    references: NDArray[np.int64]
    """int64 (n,): the place of each query's reference, -1 for a stranger."""
    families: NDArray[np.str_]
    """(n,)."""
    related: Pairs
    """Queries and references that show one work, by place."""


def _rows(
    coded: tuple[_Views, _Views, _Views], pdq: tuple[_Views, _Views], truth: _Truth
) -> tuple[ExtraRow, ...]:
    """``coded``: of references without looks, with them, and of queries; ``pdq``: of references and
    of queries."""
    (plain, looks, queries), (listed, turned) = coded, pdq
    ways: tuple[tuple[str, Callable[[Floats, Floats], Matrix], _Views, _Views], ...] = (
        ("Hamming distance", hamming, queries.wholes, plain),
        ("score", scored, queries.wholes, plain),
        ("query views", hamming, queries, plain),
        ("query views, score", scored, queries, plain),
        ("with looks", hamming, queries.wholes, looks),
        ("with looks, score", scored, queries.wholes, looks),
        ("with looks, query views", hamming, queries, looks),
        ("with looks, query views, score", scored, queries, looks),
        ("PDQ", hamming, turned.wholes, listed),
        ("PDQ, eight variants", hamming, turned, listed),
    )
    return tuple(
        _row(name, nearest(compare, asked, held), truth, asked, compare is scored)
        for name, compare, asked, held in ways
    )


def _row(name: str, away: Matrix, truth: _Truth, queries: _Views, is_score: bool) -> ExtraRow:
    inside = np.flatnonzero(truth.references >= 0)
    outside = truth.references < 0
    own = away[inside, truth.references[inside]]
    others = away.copy()
    others[inside, truth.references[inside]] = LEVELS
    others[truth.related[:, 0], truth.related[:, 1]] = LEVELS
    false = metrics.histogram(others.ravel(), LEVELS)
    flagged = metrics.histogram(others[outside].min(1), LEVELS)
    radius = metrics.radius_at_rate(flagged, float(outside.sum()), 0.01)
    found, families = own <= radius, truth.families[inside]

    def of(family: str) -> float:
        mine = metrics.histogram(own[families == family], LEVELS)
        strangers = metrics.histogram(others[truth.families == family].ravel(), LEVELS)
        return float(metrics.average_precision(mine, strangers, float((families == family).sum())))

    true = metrics.histogram(own, LEVELS)
    named = [str(family) for family in np.unique(families)]
    return ExtraRow(
        name,
        float(metrics.average_precision(true, false, float(len(own)))),
        {family: of(family) for family in named},
        float(found.mean()),
        {family: float(found[families == family].mean()) for family in named},
        int(codes.MAX_SCORE - radius if is_score else radius),
        len(queries.descriptors) / len(queries.starts),
    )


def table(result: ExtrasResult) -> RenderableType:
    """The rows for a terminal."""
    rows = Table(
        *("", "µAP", *(f"µAP\n{family}" for family in FAMILIES), "R1%"),
        *(*(f"R1%\n{family}" for family in FAMILIES), "limit", "codes"),
        title="Beyond one Hamming distance",
        title_justify="left",
        padding=(0, 0),
    )
    rows.columns[0].no_wrap = True
    for row in result.rows:
        shares = (row.µap, *(row.µap_of[family] for family in FAMILIES))
        shares += (row.recall, *(row.recall_of[family] for family in FAMILIES))
        costs = (str(row.limit), f"{row.query_codes:.1f}")
        rows.add_row(row.name, *map(terminal.share_text, shares), *costs)
    origin = result.provenance
    notes = Text(
        "\nR1%: recall when 1% of strangers are falsely matched; the limit: bits, or a least "
        f"score.\nCodes: of a query.\n{origin.machine}; {origin.software}; {origin.date}\n"
        f"command: {terminal.printable(origin.command)}"
    )
    return Group(rows, notes)
