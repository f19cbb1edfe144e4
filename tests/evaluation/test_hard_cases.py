"""Hard cases: the same images every time, and collisions counted as the service would match."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from embeddings.figures import MIN_STRUCTURE
from evaluation.base.hashers import PdqHasher
from evaluation.copies import hard_cases
from evaluation.copies.hard_cases import FAMILIES, PAIR_COLUMNS


@pytest.fixture(scope="module")
def cases() -> list[hard_cases.Case]:
    return list(hard_cases.cases(8))


def test_there_are_as_many_of_each_family_as_asked(cases: list[hard_cases.Case]) -> None:
    assert [one.family for one in cases] == [family for family in FAMILIES for _ in range(8)]
    assert len({one.label for one in cases}) == len(cases)
    again = list(hard_cases.cases(2))
    kept = [one for one in cases if one.label in {other.label for other in again}]
    for one, other in zip(kept, again, strict=True):
        assert (np.asarray(one.image) == np.asarray(other.image)).all()


def test_quality_takes_out_what_is_empty_and_leaves_what_is_simple(
    cases: list[hard_cases.Case],
) -> None:
    facts = hard_cases.qualities(cases, [PdqHasher()]).set_index("label")
    assert facts.loc["low structure/blank", "quality"] == 0
    assert not facts.loc["low structure/blank", "pdq"]
    for family in ("text pages", "logos", "meme template", "burst"):
        assert (facts.loc[facts["family"] == family, "quality"] > MIN_STRUCTURE).all()


def test_a_pair_collides_if_it_is_near_and_both_may_be_matched() -> None:
    blank = hard_cases.Case("low structure", "blank", next(hard_cases.cases(1)).image)
    page = list(hard_cases.cases(1))[1]
    twice = [blank, blank.__class__("low structure", "blank too", blank.image), page,
             page.__class__("text pages", "the same", page.image)]  # fmt: skip
    found = hard_cases.pairs(twice, [PdqHasher()], PdqHasher.spaces)
    assert list(found.columns) == list(PAIR_COLUMNS)
    assert len(found) == 6
    hits = found[found["collides"]]
    assert list(hits["left"]) == ["text pages/page 1"]
    assert list(hits["distance"]) == [0]
    assert list(hits["apart"]) == ["pdq 0 bits"]
    assert list(hits["beyond"]) == [-31 / 257]
    blanks = found[(found["left"] == "low structure/blank")].iloc[0]
    assert (blanks["distance"], blanks["matchable"], blanks["collides"]) == (0, False, False)
    grid = hard_cases.matrix(found, [one.label for one in twice], "pdq")
    assert grid[2, 3] == grid[3, 2] == 0
    assert math.isnan(grid[1, 1])


def test_clusters_join_what_collides_by_way_of_others() -> None:
    rows = [
        ("a", "b", True), ("b", "c", True), ("a", "c", False), ("x", "y", True), ("a", "x", False),
        ("c", "d", True), ("e", "f", False),
    ]  # fmt: skip
    found = pd.DataFrame(
        [(a, b, "", "", "pdq", 9, "pdq 9 bits", 0.1, True, hit) for a, b, hit in rows],
        columns=list(PAIR_COLUMNS),
    )
    grouped = hard_cases.clusters(found)
    members = grouped.groupby("cluster")["label"].agg(list)
    assert list(members) == [["a", "b", "c", "d"], ["x", "y"]]
    assert hard_cases.clusters(found[~found["collides"]]).empty
