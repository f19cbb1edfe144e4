"""Measurements as tidy frames, one number a row, and as Parquet files that name their origin.

A file holds the frame and, in the metadata of its schema under ``lookalike``, the provenance as
JSON, so that neither travels without the other. pandas and pyarrow are needed here and by nobody
who serves. It knows nothing of how numbers are computed.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pandas as pd
import pyarrow as pa
from pyarrow import parquet

from evaluation.base.errors import ReportError
from evaluation.base.hashers import Hasher
from evaluation.base.progress import Progress, silent
from evaluation.base.results import AtRate, Estimate, EvaluationResult, ResultRow, plain
from evaluation.copies import evaluate as measuring
from evaluation.corpora.corpus import Corpus

COLUMNS: Final = (
    "flagged_by",
    "kind",
    "family",
    "edit",
    "metric",
    "at",
    "radius",
    "value",
    "low",
    "high",
    "count",
)
"""Of a tidy frame.

``flagged_by``: a space, or two joined by ``or``. ``kind``, ``family``, ``edit``: of the copies;
``all`` where they are not told apart. ``metric``: what was measured. ``at``: the rate or the radius
it was measured at, else nan. ``radius``: bits, inclusive, as text; two joined by ``+``. ``value``
with its 95% interval ``low``, ``high`` (nan where none was made). ``count``: of what the value is a
share: copies, strangers' copies or pairs.
"""

_KEY: Final = b"lookalike"


def evaluate(
    corpus: Corpus,
    hashers: Sequence[Hasher],
    *,
    seed: int = 0,
    edits_per_family: int = 1,
    samples: int = measuring.SAMPLES,
    command: str = "",
    progress: Progress = silent,
) -> pd.DataFrame:
    """``evaluation.copies.evaluate.evaluate`` as a tidy frame; its ``attrs`` hold the provenance.

    Raises ``CorpusError`` if there are too few images.
    """
    return tidy(
        measuring.evaluate(
            corpus,
            hashers,
            seed=seed,
            edits_per_family=edits_per_family,
            samples=samples,
            command=command,
            progress=progress,
        )
    )


def tidy(result: EvaluationResult) -> pd.DataFrame:
    """Every number of ``result``, with ``COLUMNS``; ``attrs`` hold its provenance and counts."""
    rows = [*_alone(result), *_edits(result), *_together(result)]
    frame = pd.DataFrame.from_records(rows, columns=list(COLUMNS))
    frame.attrs = plain(
        {
            **dataclasses.asdict(result.provenance),
            "counts": dataclasses.asdict(result.counts),
        }
    )
    return frame


def _record(
    part: tuple[str, str, str, str],
    metric: str,
    count: int,
    estimate: Estimate,
    at: float = float("nan"),
    radius: str = "",
) -> tuple[Any, ...]:
    return (*part, metric, at, radius, estimate.value, estimate.low, estimate.high, count)


def _alone(result: EvaluationResult) -> Iterator[tuple[Any, ...]]:
    for row in result.rows:
        part = (row.space, row.kind, row.family, "all")
        yield _record(part, "average precision", row.queries, row.average_precision)
        yield _record(part, "recall at 1", row.queries, row.first)
        yield _record(part, "too little structure", row.queries, _bare(row.unmatchable))
        yield _at_rate(row, "recall at rate per query", row.at_query_rate)
        for rate in row.at_pair_rates:
            yield _at_rate(row, "recall at rate per pair", rate)
        for at in row.at_radii:
            radius, bits = str(at.radius), float(at.radius)
            yield _record(part, "recall", row.queries, at.recall, bits, radius)
            false = (
                ("false rate per query", row.outside, at.false_queries),
                ("false rate per pair", row.pairs, at.false_pairs),
            )
            for metric, count, share in false:
                yield _record(part, metric, count, _bare(share), bits, radius)


def _at_rate(row: ResultRow, metric: str, at: AtRate) -> tuple[Any, ...]:
    part = (row.space, row.kind, row.family, "all")
    return _record(part, metric, row.queries, at.recall, at.rate, str(at.radius))


def _edits(result: EvaluationResult) -> Iterator[tuple[Any, ...]]:
    for row in result.edits:
        part = (row.space, row.kind, row.family, row.edit)
        yield _record(part, "recall of edit", row.queries, row.recall)


def _together(result: EvaluationResult) -> Iterator[tuple[Any, ...]]:
    for row in result.joint:
        part = (" or ".join(row.spaces), row.kind, row.family, "all")
        radii = ", ".join("+".join(map(str, half)) for half in row.radii)
        yield _record(part, "recall, radii chosen", 0, row.recall, row.rate, radii)
        yield _record(
            part, "false rate per query, radii chosen", -1, row.false_queries, row.rate, radii
        )
    for one in result.shipped:
        part = (" or ".join(one.spaces), one.kind, one.family, "all")
        radii = "+".join(map(str, one.radii))
        yield _record(part, "recall as shipped", one.queries, one.recall, radius=radii)
        yield _record(
            part, "false rate per query as shipped", one.outside, one.false_queries, radius=radii
        )


def _bare(value: float) -> Estimate:
    return Estimate(value, float("nan"), float("nan"))


def save(frame: pd.DataFrame, path: Path) -> None:
    """Write ``frame`` as Parquet, with what its ``attrs`` say of its origin.

    Raises ``ReportError`` if it cannot be written.
    """
    table = pa.Table.from_pandas(frame, preserve_index=False)
    # Without pandas' own metadata, which repeats the attrs: one place says where numbers are from.
    table = table.replace_schema_metadata({_KEY: json.dumps(plain(frame.attrs)).encode()})
    try:
        parquet.write_table(table, path, compression="zstd")
    except OSError as error:
        raise ReportError(f"{path}: cannot be written ({error})") from error


def load(path: Path) -> pd.DataFrame:
    """What ``save`` wrote, provenance in ``attrs``. Raises ``ReportError`` for anything else."""
    try:
        table = parquet.read_table(path)
        origin = json.loads((table.schema.metadata or {})[_KEY])
    except (OSError, pa.ArrowException, ValueError) as error:
        raise ReportError(f"{path}: not a readable Parquet file ({error})") from error
    except KeyError:
        raise ReportError(f"{path}: does not say where its numbers come from") from None
    frame: pd.DataFrame = table.to_pandas()
    frame.attrs = origin
    return frame


def origin(frame: pd.DataFrame, names: Iterable[str] = ()) -> pd.Series:
    """Where the numbers of ``frame`` come from, one line each; ``names``: only these."""
    known: Mapping[str, Any] = {str(name): value for name, value in frame.attrs.items()}
    chosen = list(names) or [name for name in known if name != "counts"]
    return pd.Series({name: str(known[name]) for name in chosen}, dtype=str)
