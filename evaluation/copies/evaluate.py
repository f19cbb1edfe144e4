"""One measurement from images to rows: split, edit, hash, compare, summarise.

The parts reported: all queries; each kind of imagery and each family of edits, and their
combinations, each with radii of its own (as banks have a radius per kind); each edit, at the radius
of all queries, since one edit alone has too few strangers to set one. It knows nothing of files or
of how a report looks.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.base.hashers import Hasher, Space
from evaluation.base.progress import Progress, silent
from evaluation.base.provenance import Clock
from evaluation.base.results import (
    Counts,
    EditRow,
    Estimate,
    EvaluationResult,
    FamilyPart,
    JointRow,
    Part,
    ResultRow,
    ShippedRow,
)
from evaluation.copies.benchmark import Benchmark, EditedQuery, plan
from evaluation.copies.edits import EDITS, FAMILIES
from evaluation.copies.hashing import Hashed, run
from evaluation.corpora.corpus import KINDS, Corpus
from evaluation.corpora.related import Names, Pairs, pairs
from evaluation.statistics import joint, summary
from evaluation.statistics.scores import Ints, Scores, score
from evaluation.statistics.summary import QUERY_RATE, Sources

Flags = NDArray[np.bool_]

SAMPLES = 1000


@dataclass(frozen=True)
class _Traits:
    """What is known of one side's queries, each (n,)."""

    items: Ints
    kinds: NDArray[np.str_]
    families: NDArray[np.str_]
    edits: NDArray[np.str_]

    def of(self, kind: Part, family: FamilyPart) -> Flags:
        """Which queries are of this kind and family, bool (n,)."""
        flags = np.ones(len(self.items), bool)
        if kind != "all":
            flags &= self.kinds == kind
        if family != "all":
            flags &= self.families == family
        return flags


def _traits(corpus: Corpus, queries: Sequence[EditedQuery]) -> _Traits:
    return _Traits(
        np.array([query.item for query in queries], np.int64),
        np.array([corpus.items[query.item].kind for query in queries], np.str_),
        np.array([query.family for query in queries], np.str_),
        np.array([query.edit for query in queries], np.str_),
    )


@dataclass(frozen=True)
class _Measured:
    """Scores by space, and what is known of the queries behind them."""

    spaces: tuple[Space, ...]
    scores: Mapping[str, Scores]
    inside: _Traits
    outside: _Traits
    seed: int
    samples: int

    def rng(self, *what: str) -> np.random.Generator:
        """A generator of its own for each row, whichever other rows are asked for."""
        return np.random.default_rng([self.seed, *("\0".join(what)).encode()])


def evaluate(
    corpus: Corpus,
    hashers: Sequence[Hasher],
    *,
    seed: int = 0,
    edits_per_family: int = 1,
    samples: int = SAMPLES,
    related: Names = frozenset(),
    command: str = "",
    progress: Progress = silent,
) -> EvaluationResult:
    """Measure every space of ``hashers`` on ``corpus``; each PDQ with each code also together.

    ``samples``: of the bootstrap. ``related``: pairs of images, by name, that show one work, and so
    are not counted as false matches. ``command``: what the report names as its origin.
    Deterministic given ``seed``, up to its date and duration. Raises ``CorpusError`` if there are
    too few images.
    """
    clock = Clock()
    benchmark = plan(corpus.items, seed, edits_per_family)
    hashed = run(corpus, benchmark, hashers, progress)
    spaces = tuple(space for hasher in hashers for space in hasher.spaces)
    left_out = _left_out(corpus, hashed, related)
    measured = _Measured(
        spaces,
        {space.name: _scored(space, hashed, left_out, progress) for space in spaces},
        _traits(corpus, hashed.inside_queries),
        _traits(corpus, hashed.outside_queries),
        seed,
        samples,
    )
    kinds = _kinds(corpus)
    families: tuple[FamilyPart, ...] = ("all", *FAMILIES)
    parts = list(itertools.product(kinds, families))
    rows = []
    for done, (space, (kind, family)) in enumerate(itertools.product(spaces, parts)):
        progress("summarising", done, len(spaces) * len(parts))
        rows.append(_row(measured, space, kind, family))
    progress("summarising", len(rows), len(rows))
    return EvaluationResult(
        clock.provenance(
            command,
            corpus.name,
            tuple(space.name for space in spaces),
            seed=seed,
            edits_per_family=edits_per_family,
            bootstrap_samples=samples,
        ),
        _counts(corpus, benchmark, hashed),
        tuple(rows),
        _edit_rows(measured, kinds, rows),
        _joint_rows(measured, parts),
        _shipped_rows(measured, parts),
    )


def _kinds(corpus: Corpus) -> tuple[Part, ...]:
    """The parts by kind: none but ``all`` where the corpus tells of only one."""
    present = [kind for kind in KINDS if any(item.kind == kind for item in corpus.items)]
    return ("all", *present) if len(present) > 1 else ("all",)


def _left_out(corpus: Corpus, hashed: Hashed, related: Names) -> tuple[Pairs, Pairs]:
    """Of queries with a reference, and of strangers, those that show another reference's work."""
    references = [corpus.items[item].name for item in hashed.reference_items]
    inside, outside = (
        pairs(related, [corpus.items[query.item].name for query in queries], references)
        for queries in (hashed.inside_queries, hashed.outside_queries)
    )
    return inside, outside


def _scored(
    space: Space, hashed: Hashed, left_out: tuple[Pairs, Pairs], progress: Progress
) -> Scores:
    total, done = len(hashed.inside_queries) + len(hashed.outside_queries), 0

    def step(rows: int) -> None:
        nonlocal done
        done += rows
        progress(f"comparing {space.name}", done, total)

    name = space.name
    return score(
        space,
        hashed.references[name],
        hashed.inside[name],
        hashed.truth,
        hashed.outside[name],
        step,
        left_out,
    )


def _row(measured: _Measured, space: Space, kind: Part, family: FamilyPart) -> ResultRow:
    inside, outside = measured.inside.of(kind, family), measured.outside.of(kind, family)
    return summary.summarise(
        space,
        kind,
        family,
        measured.scores[space.name].select(inside, outside),
        Sources(measured.inside.items[inside], measured.outside.items[outside]),
        measured.samples,
        measured.rng(kind, family),
    )


def _edit_rows(
    measured: _Measured, kinds: Sequence[Part], rows: Sequence[ResultRow]
) -> tuple[EditRow, ...]:
    radii = {
        row.space: row.at_query_rate.radius
        for row in rows
        if row.kind == "all" and row.family == "all"
    }
    out = []
    for space, kind, edit in itertools.product(measured.spaces, kinds, EDITS.values()):
        flags = measured.inside.of(kind, edit.family) & (measured.inside.edits == edit.name)
        hits = measured.scores[space.name].true[flags] <= radii[space.name]
        recall = _share(measured, hits, measured.inside.items[flags], kind, edit.name)
        out.append(EditRow(space.name, kind, edit.family, edit.name, len(hits), recall))
    return tuple(out)


def _share(measured: _Measured, hits: Flags, items: Ints, *what: str) -> Estimate:
    _, sources = np.unique(items, return_inverse=True)
    rng = measured.rng(*what)
    return Estimate(*joint.bootstrap(hits, sources, measured.samples, rng))


def _joint_rows(
    measured: _Measured, parts: Sequence[tuple[Part, FamilyPart]]
) -> tuple[JointRow, ...]:
    pdqs = [space for space in measured.spaces if space.signal == "pdq"]
    others = [space for space in measured.spaces if space.signal != "pdq"]
    choices: list[tuple[Space, ...]] = [(space,) for space in measured.spaces]
    choices += [(left, right) for left in pdqs for right in others]
    return tuple(
        _joint_row(measured, spaces, kind, family)
        for spaces, (kind, family) in itertools.product(choices, parts)
    )


def _joint_row(
    measured: _Measured, spaces: tuple[Space, ...], kind: Part, family: FamilyPart
) -> JointRow:
    inside, outside = measured.inside.of(kind, family), measured.outside.of(kind, family)
    items = measured.inside.items[inside], measured.outside.items[outside]
    left = measured.scores[spaces[0].name]
    true, strangers = left.true[inside], left.outside[outside]
    if len(spaces) == 1:
        levels = left.levels, 0
        pairs = joint.alone(true), joint.alone(strangers)
    else:
        right = measured.scores[spaces[1].name]
        levels = left.levels, right.levels
        pairs = (
            joint.Pair(true, right.true[inside]),
            joint.Pair(strangers, right.outside[outside]),
        )
    halves = _first_half(measured, items[0]), _first_half(measured, items[1])
    result = joint.halved(pairs[0], pairs[1], halves, levels, QUERY_RATE)
    radii = [(one.left, one.right)[: len(spaces)] for one in result.radii]
    return JointRow(
        tuple(space.name for space in spaces),
        kind,
        family,
        QUERY_RATE,
        (radii[0], radii[1]),
        _share(measured, result.found, items[0], kind, family, "found"),
        _share(measured, result.flagged, items[1], kind, family, "flagged"),
    )


def _shipped_rows(
    measured: _Measured, parts: Sequence[tuple[Part, FamilyPart]]
) -> tuple[ShippedRow, ...]:
    """What the service does as it comes: PDQ with each code, or what there is of the two."""
    shipped = [space for space in measured.spaces if space.radius is not None]
    pdqs = [space for space in shipped if space.signal == "pdq"]
    others = [space for space in shipped if space.signal != "pdq"]
    choices: list[tuple[Space, ...]] = [(left, right) for left in pdqs for right in others]
    choices = choices or [(space,) for space in shipped]
    return tuple(
        _shipped_row(measured, spaces, kind, family)
        for spaces, (kind, family) in itertools.product(choices, parts)
    )


def _shipped_row(
    measured: _Measured, spaces: tuple[Space, ...], kind: Part, family: FamilyPart
) -> ShippedRow:
    inside, outside = measured.inside.of(kind, family), measured.outside.of(kind, family)
    found, flagged = np.zeros(inside.sum(), bool), np.zeros(outside.sum(), bool)
    radii = tuple(space.radius for space in spaces if space.radius is not None)
    for space, radius in zip(spaces, radii, strict=True):
        scores = measured.scores[space.name]
        found |= scores.true[inside] <= radius
        flagged |= scores.outside[outside] <= radius
    return ShippedRow(
        tuple(space.name for space in spaces),
        radii,
        kind,
        family,
        len(found),
        len(flagged),
        _share(measured, found, measured.inside.items[inside], kind, family, "found"),
        _share(measured, flagged, measured.outside.items[outside], kind, family, "flagged"),
    )


def _first_half(measured: _Measured, items: Ints) -> Flags:
    """Which queries' images are in the first half: the same for every space and part."""
    everyone = np.unique(np.concatenate([measured.inside.items, measured.outside.items]))
    shuffled = measured.rng("halves").permutation(everyone)
    return np.isin(items, shuffled[: len(shuffled) // 2])


def _counts(corpus: Corpus, benchmark: Benchmark, hashed: Hashed) -> Counts:
    lost = {one.name for one in hashed.skipped}
    return Counts(
        len(corpus),
        len(hashed.reference_items),
        sum(corpus.items[index].name not in lost for index in benchmark.strangers),
        len(hashed.inside_queries),
        len(hashed.outside_queries),
        dict(Counter(item.kind for item in corpus.items if item.name not in lost)),
        dict(Counter(one.code for one in hashed.skipped)),
    )
