"""Figures: axes are labelled, no text is cut off, no panel is empty, colours are told apart."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from PIL import Image
from scipy import stats

from evaluation.base.hashers import PdqHasher, Space
from evaluation.copies import hard_cases, strengths
from evaluation.corpora.corpus import KINDS
from evaluation.notebooks.execution import FOLDER
from evaluation.radii.calibration.pairs import LEVELS, count_pairs
from evaluation.radii.operating import curves, tails
from evaluation.radii.operating.gathering import Pairs
from evaluation.showing import plots
from evaluation.showing.plots import chart
from evaluation.showing.plots.chart import Chart
from evaluation.showing.plots.pictures import Bits, Compared
from evaluation.speed.index import index_speed
from evaluation.speed.index.code_sets import random_codes

PICTURE = Image.new("RGB", (90, 60), (200, 120, 40))


def _pairs(name: str) -> Pairs:
    rng = np.random.default_rng(len(name))
    groups = np.arange(300) % 10
    left, right = random_codes(300, rng), random_codes(300, rng)
    false = np.zeros((len(KINDS), 10, len(KINDS), 10, LEVELS), np.int64)
    false[0, :, 0] = count_pairs(left, groups, right, groups, 10).histogram
    true = rng.integers(0, 100, 60)
    kinds, sources = np.zeros(60, np.int64), np.arange(60)
    return Pairs(Space(name, "pdq" if name == "pdq" else "code", 31), true, kinds, sources, false)


PAIRS = [_pairs("pdq"), _pairs("lite0-256-9")]
CURVES = [curves.curve(one, samples=20) for one in PAIRS]
RADII = {"pdq": 31, "lite0-256-9": 48}


UNITS = {one.name: one.unit for one in strengths.LADDERS}


def _recall() -> pd.DataFrame:
    rows = [
        (name, kind, family, "all", "recall", 0.5, 0.3, 0.6)
        for name in ("pdq", "lite0-256-9", "pdq or lite0-256-9")
        for kind in ("all", "photo", "nonphoto")
        for family in ("mild", "heavy", "chains", "all")
    ]
    names = ["flagged_by", "kind", "family", "edit", "metric", "value", "low", "high"]
    return pd.DataFrame.from_records(rows, columns=names)


def _by_strength() -> pd.DataFrame:
    rows = [
        (name, ladder.name, rung + 1, label, rung / 5, rung / 6, rung / 4)
        for name in ("pdq", "lite0-256-9", "pdq or lite0-256-9")
        for ladder in (*strengths.LADDERS, strengths.ALL_OR_NOTHING)
        for rung, (label, _) in enumerate(ladder.rungs)
    ]
    names = ["flagged_by", "ladder", "rung", "strength", "value", "low", "high"]
    return pd.DataFrame.from_records(rows, columns=names)


def _bits() -> Chart:
    left, right = random_codes(2, np.random.default_rng(0))
    bits = [Bits(name, left.tobytes(), right.tobytes(), radius) for name, radius in RADII.items()]
    row = Compared(PICTURE, PICTURE, "listed", "cropped to 90%", bits)
    return plots.bit_difference([row, row])


def _collisions() -> Chart:
    cases = list(hard_cases.cases(2))
    spaces = PdqHasher.spaces
    return plots.collision_matrices(
        hard_cases.pairs(cases, [PdqHasher()], spaces), hard_cases.FAMILIES, spaces
    )


def _quality() -> Chart:
    families = [*hard_cases.FAMILIES, "the shipped samples"]
    values = np.linspace(0, 1, 5 * len(families))
    return plots.quality_strip(pd.DataFrame({"family": np.repeat(families, 5), "quality": values}))


def _check() -> Chart:
    counts = PAIRS[0].grouped("any")
    truth = stats.binom.cdf(np.arange(LEVELS), LEVELS - 1, 0.5)
    fit = tails.tail(counts, samples=20)
    return plots.extrapolation_check(fit, counts.sum(axis=(0, 1)), truth, "a tail of known truth")


def _speed(draw: str) -> Chart:
    sweep = index_speed.read(FOLDER / "data" / "index_speed.json")
    rate = sweep.bytes_read_per_second
    if draw == "entries":
        return plots.latency_by_entries(sweep.rows, index_speed.radius_compared(sweep), rate)
    return plots.latency_by_radius(sweep.rows, index_speed.entries_compared(sweep), rate)


CHARTS: dict[str, Callable[[], Chart]] = {
    "bits": _bits,
    "sheet": lambda: plots.contact_sheet([(PICTURE, f"picture {n}\nquality 1.0") for n in "12345"]),
    "pairs": lambda: plots.pairs_sheet([(PICTURE, PICTURE, "crop-50\nPDQ 100 bits")] * 4),
    "parts": lambda: plots.recall_by_part(_recall(), "recall", "Recall at the shipped radii"),
    "heat": lambda: plots.heat_map(_by_strength(), UNITS),
    "one-off": lambda: plots.one_off_edits(
        _by_strength(),
        strengths.ALL_OR_NOTHING.name,
        [label for label, _ in strengths.ALL_OR_NOTHING.rungs],
    ),
    "distances": lambda: plots.distances(PAIRS, RADII),
    "roc": lambda: plots.roc_and_det(CURVES, RADII, 1e-7),
    "alerts": lambda: plots.alerts_a_day(
        {str(one["space"].iloc[0]): curves.alerts(one, 1e5, 1e6) for one in CURVES},
        100,
        "100,000 uploads a day against 1,000,000 entries",
    ),
    "check": _check,
    "quality": _quality,
    "collisions": _collisions,
    "by entries": lambda: _speed("entries"),
    "by radius": lambda: _speed("radius"),
    "memory": lambda: plots.memory_by_entries(
        index_speed.read(FOLDER / "data" / "index_speed.json").rows
    ),
}  # fmt: skip

PICTURES = {"bits", "sheet", "pairs", "collisions"}
"""Whose panels are images: they have no axes to label."""


@dataclass(frozen=True)
class Drawn:
    name: str
    chart: Chart
    png: bytes


@pytest.fixture(scope="module", params=CHARTS)
def drawn(request: pytest.FixtureRequest) -> Drawn:
    made = CHARTS[request.param]()
    return Drawn(request.param, made, made.png())


def _panels(made: Chart) -> list[Axes]:
    return [panel for panel in made.figure.axes if panel.get_visible()]


def test_axes_have_labels_and_data(drawn: Drawn) -> None:
    name, made = drawn.name, drawn.chart
    assert _panels(made)
    for panel in _panels(made):
        assert panel.has_data()
        bar = panel.get_label() == "<colorbar>"
        if name not in PICTURES and not bar:
            assert panel.get_xlabel(), panel.get_title()
        if bar:
            assert panel.get_ylabel()
    if name not in PICTURES:
        assert any(panel.get_ylabel() for panel in _panels(made))


def test_nothing_is_cut_off(drawn: Drawn) -> None:
    """What is cut off at the edge of a figure reaches it: the outermost pixels are bare."""
    with Image.open(io.BytesIO(drawn.png)) as picture:
        pixels = np.asarray(picture.convert("L"))
    for edge in (pixels[:2], pixels[-2:], pixels[:, :2], pixels[:, -2:]):
        assert (edge == 255).all()


def test_a_figure_says_what_it_shows_and_comes_out_the_same(drawn: Drawn, tmp_path: Path) -> None:
    made, png = drawn.chart, drawn.png
    assert repr(made) == made.says
    assert made.says.endswith(".")
    with Image.open(io.BytesIO(png)) as picture:
        assert min(picture.size) > 150
    assert len(png) < 600_000
    if drawn.name == "parts":
        assert made._repr_png_() == png
        made.save(tmp_path / "x.svg")
        assert "recall" in (tmp_path / "x.svg").read_text()


def test_lines_are_in_colours_that_everyone_tells_apart(drawn: Drawn) -> None:
    made = drawn.chart
    known = {colour.lower() for colour in (*chart.OKABE_ITO, chart.GREY, "white")}
    for panel in _panels(made):
        used = [str(line.get_color()).lower() for line in panel.get_lines()]
        assert set(used) <= known


def test_two_signals_never_share_a_colour() -> None:
    names = ["pdq", "lite0-256-1", "lite0-256-7", "pdq or lite0-256-7", "peer"]
    colours = chart.colour_of(names)
    assert len(set(colours.values())) == len(names)
    assert chart.shown("pdq or x") == "PDQ or x"
