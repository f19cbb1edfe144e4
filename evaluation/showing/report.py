"""The report of an evaluation: tables for a terminal, JSON for programs.

``evaluate_images`` is the whole of ``lookalike evaluate``: from a folder or tar to a report. It
knows nothing of how numbers are computed.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from rich.console import (
    Console,
    ConsoleOptions,
    Group,
    JustifyMethod,
    RenderableType,
    RenderResult,
)
from rich.table import Table
from rich.text import Text

from embeddings.codes import MAX_SCORE
from embeddings.network.encoder import Encoder
from evaluation.base.hashers import EncoderHasher, Hasher, PdqHasher, is_score
from evaluation.base.progress import Progress, silent
from evaluation.base.results import AtRate, Estimate, EvaluationResult, ResultRow
from evaluation.base.terminal import (
    NONE,
    WIDTH,
    check_writable,
    estimate_text,
    json_text,
    printable,
    rate_text,
    share_text,
)
from evaluation.copies.evaluate import SAMPLES, evaluate
from evaluation.corpora.corpus import open_corpus
from evaluation.corpora.related import read_related
from evaluation.statistics.summary import RADII

_FEW: Final = 10
"""Copies of one edit below which no interval is shown."""

_KINDS: Final = {
    "all": "all",
    "photo": "photographs",
    "nonphoto": "non-photographs",
    "unknown": "unlabelled",
}


def evaluate_images(
    path: Path,
    out: Path | None = None,
    json: Path | None = None,
    manifest: Path | None = None,
    encoder: Encoder | None = None,
    progress: Progress = silent,
    *,
    hashers: Sequence[Hasher] = (),
    descriptors: bool = False,
    looks: bool = True,
    seed: int = 0,
    edits_per_family: int = 1,
    samples: int = SAMPLES,
    related: Path | None = None,
    command: str = "",
) -> EvaluationResult:
    """Measure PDQ, and the code of ``encoder``, on the images in ``path``, and write the report.

    ``out``: a folder, made if missing, for ``report.txt`` and ``report.json``. ``json``: a file.
    ``hashers``: peers to measure beside them. ``descriptors``: also the encoder's real-valued
    descriptors. ``looks``: references as they are listed; without, as queries are.
    ``related``: a CSV of images that show one work, see ``read_related``. Raises
    ``CorpusError``, ``RelatedError`` or ``ManifestError``, and ``ReportError`` before anything is
    measured if the report cannot be written.
    """
    check_writable(out, json)
    names = read_related(related) if related else frozenset()
    corpus = open_corpus(path, manifest)
    ours: list[Hasher] = [PdqHasher()]
    if encoder is not None:
        ours.append(EncoderHasher(encoder, descriptors, looks))
    result = evaluate(
        corpus,
        [*ours, *hashers],
        seed=seed,
        edits_per_family=edits_per_family,
        samples=samples,
        related=names,
        command=command,
        progress=progress,
    )
    text = json_text(result.to_json())
    if json is not None:
        json.write_text(text, encoding="utf-8")
    if out is not None:
        (out / "report.json").write_text(text, encoding="utf-8")
        (out / "report.txt").write_text(as_text(result), encoding="utf-8")
    return result


def as_text(result: EvaluationResult) -> str:
    """The report as plain text, ``WIDTH`` columns at most."""
    console = Console(width=WIDTH, color_system=None, force_terminal=False, legacy_windows=False)
    with console.capture() as captured:
        console.print(tables(result))
    return "\n".join(line.rstrip() for line in captured.get().splitlines()) + "\n"


def tables(result: EvaluationResult) -> RenderableType:
    """The report for a terminal; in a narrow one tables go on below themselves."""
    parts = [_heading(result), *_shipped(result), _main(result), _joint(result)]
    if any(row.at_radii for row in result.rows):
        parts.append(_radii(result))
    parts += [_edits(result), _notes(result)]
    return Group(*parts)


def _heading(result: EvaluationResult) -> Text:
    counts, origin = result.counts, result.provenance
    kinds = ", ".join(f"{count} {_KINDS[kind]}" for kind, count in sorted(counts.by_kind.items()))
    lines = [
        f"{printable(origin.data)}: {counts.images} images ({kinds})",
        f"{counts.references} references, {counts.queries} edited copies of them, "
        f"{counts.outside_queries} edited copies of {counts.outsiders} strangers",
    ]
    if counts.skipped:
        skipped = ", ".join(f"{count} {code}" for code, count in sorted(counts.skipped.items()))
        lines.append(f"not decoded: {skipped}")
    return Text("\n".join([*lines, ""]))


class _Rows:
    """A table whose first column names a part only where it changes.

    Where it is wider than the terminal its columns are shown in several tables, the ``left`` ones
    in each: a figure that is cut off is worse than one further down.
    """

    def __init__(self, title: str, columns: Sequence[str], left: int = 2) -> None:
        self._title, self._columns, self._left = title, columns, left
        self._gap = 2 if len(columns) < 8 else 1
        self._rows: list[tuple[str, ...]] = []
        self._last = ""

    def add(self, name: str, *cells: str) -> None:
        self._rows.append(("" if name == self._last else name, *cells))
        self._last = name

    def __rich_console__(self, _: Console, options: ConsoleOptions) -> RenderResult:
        for number, places in enumerate(self._chosen(options.max_width)):
            yield self._table(places, self._title if not number else f"{self._title}, continued")
            yield ""

    def _chosen(self, width: int) -> list[list[int]]:
        """The columns of each table, by their places."""
        widths = [
            self._gap
            + max(
                *map(len, column.split("\n")),
                *(Text.from_markup(row[place]).cell_len for row in self._rows),
            )
            for place, column in enumerate(self._columns)
        ]
        left = list(range(self._left))
        tables = [[*left]]
        for place in range(self._left, len(self._columns)):
            # The last gap may stand outside.
            if (
                len(tables[-1]) > self._left
                and sum(widths[one] for one in (*tables[-1], place)) - self._gap > width
            ):
                tables.append([*left])
            tables[-1].append(place)
        return tables

    def _table(self, places: Sequence[int], title: str) -> Table:
        table = Table(
            title=title,
            title_justify="left",
            title_style="bold",
            box=None,
            padding=(0, self._gap, 0, 0),
            pad_edge=False,
        )
        for place in places:
            justify: JustifyMethod = "left" if place < self._left else "right"
            table.add_column(self._columns[place], justify=justify, no_wrap=True)
        for row in self._rows:
            table.add_row(*(row[place] for place in places))
        return table


def _parts(result: EvaluationResult, every: bool = False) -> list[tuple[str, str]]:
    """(kind, family) of the rows shown; both at once only where ``every`` one is asked for."""
    parts = dict.fromkeys((row.kind, row.family) for row in result.rows)
    return [part for part in parts if every or "all" in part]


def _named(kind: str, family: str) -> str:
    return (_KINDS[kind] if kind != "all" else "all queries") if family == "all" else f"  {family}"


def _shipped(result: EvaluationResult) -> list[RenderableType]:
    """A table for each choice of signals: of ours there is one."""
    tables: list[RenderableType] = []
    for spaces in dict.fromkeys(row.spaces for row in result.shipped):
        chosen = [row for row in result.shipped if row.spaces == spaces]
        radii = zip(spaces, chosen[0].radii, strict=True)
        rule = " or ".join(f"{printable(space)} {_within(space, far)}" for space, far in radii)
        rows = _Rows(
            f"As shipped: flagged if {rule}",
            ("", "copies", "recall", "strangers' copies", "strangers flagged"),
            left=1,
        )
        for part in _parts(result, every=True):
            for row in chosen:
                if (row.kind, row.family) == part:
                    rows.add(
                        _named(*part),
                        str(row.queries),
                        estimate_text(row.recall),
                        str(row.outside),
                        estimate_text(row.false_queries),
                    )
        tables.append(rows)
    return tables


def _within(space: str, radius: int) -> str:
    return f"≥ {MAX_SCORE - radius}" if is_score(space) else f"≤ {radius} bits"


def _main(result: EvaluationResult) -> RenderableType:
    rows = _Rows(
        "Each signal alone",
        ("", "signal", "copies", "µAP", "recall where\n1% outside", "radius\nor score",
         "recall\nat 1", "recall\n≤ 1e-5", "a pair\n≤ 1e-6"),
    )  # fmt: skip
    for part in _parts(result, every=True):
        for row in result.rows:
            if (row.kind, row.family) == part:
                rows.add(
                    _named(*part),
                    printable(row.space),
                    str(row.queries),
                    estimate_text(row.average_precision),
                    _marked(row.at_query_rate, estimate_text(row.at_query_rate.recall)),
                    NONE
                    if row.signal == "descriptor"
                    else _radius(row.at_query_rate.radius, row.space),
                    share_text(row.first.value),
                    _at_pairs(row, 1e-5),
                    _at_pairs(row, 1e-6),
                )
    return rows


def _radius(radius: int, space: str) -> str:
    if radius < 0:
        return NONE
    return str(MAX_SCORE - radius if is_score(space) else radius)


def _marked(at_rate: AtRate, text: str) -> str:
    # Below one false match the rate cannot be told from none at all.
    return text if at_rate.allowed else f"*{text}"


def _at_pairs(row: ResultRow, rate: float) -> str:
    found = next(one for one in row.at_pair_rates if one.rate == rate)
    return _marked(found, share_text(found.recall.value))


def _joint(result: EvaluationResult) -> RenderableType:
    rows = _Rows(
        "Together: radii chosen on one half of the images, measured on the other, both ways",
        ("", "flagged if within", "recall", "strangers flagged", "radii"),
    )
    for part in _parts(result):
        for row in result.joint:
            if (row.kind, row.family) == part:
                halves = ["+".join(map(_radius, half, row.spaces)) for half in row.radii]
                rows.add(
                    _named(*part),
                    printable(" or ".join(row.spaces)),
                    estimate_text(row.recall),
                    estimate_text(row.false_queries),
                    ", ".join(halves),
                )
    return rows


def _radii(result: EvaluationResult) -> RenderableType:
    recall = [f"≤ {radius}" for radius in RADII]
    rows = _Rows(
        "Recall, and false rate a pair, at fixed radii in bits",
        ("", "signal", *recall, *(f"{column}\nfalse" for column in recall)),
    )
    for part in _parts(result):
        for row in result.rows:
            if (row.kind, row.family) == part and row.at_radii:
                rows.add(
                    _named(*part),
                    printable(row.space),
                    *(share_text(one.recall.value) for one in row.at_radii),
                    *(rate_text(one.false_pairs) for one in row.at_radii),
                )
    return rows


def _edits(result: EvaluationResult) -> RenderableType:
    spaces = result.provenance.spaces
    rows = _Rows(
        "Recall of each edit, at the radius where 1% of all strangers match",
        ("", "edit", "copies", *(printable(space) for space in spaces)),
    )
    whole = [row for row in result.edits if row.kind == "all" and row.queries]
    for edit in dict.fromkeys(row.edit for row in whole):
        found = {row.space: row for row in whole if row.edit == edit}
        one = found[spaces[0]]
        # So few say nothing of how far their share may be off, least of all where all agree.
        text = estimate_text if one.queries >= _FEW else _share
        rows.add(one.family, edit, str(one.queries), *(text(found[name].recall) for name in spaces))
    return rows


def _share(estimate: Estimate) -> str:
    return share_text(estimate.value)


def _notes(result: EvaluationResult) -> Text:
    origin = result.provenance
    lines = [
        f"Small figures: 95% intervals over source images, of edits only from {_FEW} copies on.",
        "Ties count for the worst.",
        "As shipped: a code at its model's radius, or from its score on where queries",
        "  bring descriptors, for any imagery; banks may set their own.",
        "radii: as chosen on the first half, and on the second; + joins the two signals',",
        f"  {NONE} leaves that signal out: it would add nothing, or flag too many strangers.",
        "1% outside: of the strangers' copies falsely matched.",
        "a pair: of all untrue pairs.",
        "* the rate is below one false match here: recall without any.",
        f"{origin.date}, {origin.seconds:.0f} s, {origin.machine}",
        f"{origin.software}; seed {origin.seed}, {origin.edits_per_family} "
        f"edit{'' if origin.edits_per_family == 1 else 's'} of each family an image, "
        f"{origin.bootstrap_samples} bootstrap samples",
    ]
    if origin.command:
        lines.append(f"command: {printable(origin.command)}")
    return Text("\n".join(lines))
