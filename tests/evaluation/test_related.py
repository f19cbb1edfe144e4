"""Pairs of one work are read, found wherever they lie, and left out of the false matches."""

from __future__ import annotations

from pathlib import Path

import pytest

from evaluation.base.errors import RelatedError
from evaluation.corpora.related import pairs, read_related


def test_pairs_are_read_whatever_else_a_row_says(tmp_path: Path) -> None:
    path = tmp_path / "related.csv"
    path.write_text(
        "\ufeffwhy,image,same_as\none logo,a.png,b.png\n,c.png,a.png\n", encoding="utf-8"
    )
    assert read_related(path) == {("a.png", "b.png"), ("c.png", "a.png")}


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("image,other\na,b\n", r"lacks the columns \['same_as'\]"),
        ("", "lacks the columns"),
        ("image,same_as\na,b\na,a\n", "line 3"),
        ("image,same_as\na\n", "line 2"),
        ("image,same_as\n,b\n", "line 2"),
        ("image,same_as\n" + "a" * 2_000_000 + ",b\n", "not a CSV file"),
    ],
)
def test_a_list_that_is_none_is_refused(tmp_path: Path, text: str, named: str) -> None:
    path = tmp_path / "related.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(RelatedError, match=named):
        read_related(path)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "related.csv"
    path.write_bytes(b"image,same_as\n\xff,b\n")
    with pytest.raises(RelatedError, match="not a CSV file"):
        read_related(path)


def test_a_pair_is_met_either_way_round_and_in_every_edit() -> None:
    queries, references = ["a", "b", "a", "d"], ["b", "c", "a", "b"]
    found = pairs(frozenset({("a", "b"), ("x", "y")}), queries, references)
    assert sorted(found.tolist()) == [[0, 0], [0, 3], [1, 2], [2, 0], [2, 3]]
    both = pairs(frozenset({("a", "b"), ("b", "a")}), queries, references)
    assert sorted(both.tolist()) == sorted(found.tolist())
