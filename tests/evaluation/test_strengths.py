"""Ladders of edits: each rung is applied, measured against its own image, and summed up."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from embeddings.codes import MAX_SCORE
from evaluation.base.hashers import DescriptorHasher, Hashes, Images, PdqHasher, Space
from evaluation.copies import strengths
from evaluation.copies.strengths import ALL_OR_NOTHING, LADDERS, Ladder
from evaluation.corpora.sample_corpus import sample_corpus
from evaluation.notebooks.workbench import some

FEW = some(sample_corpus(small=True), 2)


@pytest.mark.parametrize("ladder", [*LADDERS, ALL_OR_NOTHING], ids=lambda ladder: ladder.name)
def test_every_rung_changes_the_picture(ladder: Ladder) -> None:
    """By more the higher it is, where the outcome has the same size."""
    image, other = FEW.image(0), FEW.image(1)
    apart = []
    for _, edit in ladder.rungs:
        edited = edit(image, other, np.random.default_rng(0))
        assert edited.mode == "RGB"
        back = np.asarray(edited.resize(image.size, Image.Resampling.BILINEAR), np.float64)
        apart.append(np.abs(back - np.asarray(image, np.float64)).mean())
    assert min(apart) > 0.01
    labels = [label for label, _ in ladder.rungs]
    assert len(set(labels)) == len(labels)
    if ladder is not ALL_OR_NOTHING and ladder.name not in {"hue", "crop", "pasted onto another"}:
        assert apart[-1] > apart[0]


@pytest.fixture(scope="module")
def distances() -> pd.DataFrame:
    thumbnails = DescriptorHasher("floats", lambda images: np.ones((len(images), 4), np.float32))
    chosen = [ladder for ladder in LADDERS if ladder.name in ("JPEG", "crop")]
    return strengths.climb(FEW, [PdqHasher(), thumbnails], chosen)


def test_a_climb_has_a_row_for_each_copy_and_space(distances: pd.DataFrame) -> None:
    assert list(distances.columns) == list(strengths.COLUMNS)
    assert len(distances) == 2 * 10
    assert set(distances["space"]) == {"pdq"}
    jpeg = distances[distances["ladder"] == "JPEG"]
    assert list(jpeg["strength"][:5]) == ["70", "40", "20", "10", "5"]
    assert (jpeg.loc[jpeg["rung"] <= 3, "distance"] < 32).all()
    assert distances[distances["ladder"] == "crop"]["distance"].max() > 40


def test_recall_counts_what_lies_within_the_radius_and_may_be_matched() -> None:
    rows = [
        ("a", "photo", "crop", 1, "90", "pdq", 31, True),
        ("a", "photo", "crop", 1, "90", "code", 60, True),
        ("b", "nonphoto", "crop", 1, "90", "pdq", 32, True),
        ("b", "nonphoto", "crop", 1, "90", "code", 40, True),
        ("c", "photo", "crop", 1, "90", "pdq", 0, False),
        ("c", "photo", "crop", 1, "90", "code", 41, True),
    ]
    frame = pd.DataFrame.from_records(rows, columns=list(strengths.COLUMNS))
    found = strengths.recall(frame, {"pdq": 31, "code": 40}, samples=50)
    shares = dict(zip(found["flagged_by"], found["value"], strict=True))
    assert shares == {"pdq": 1 / 3, "code": 1 / 3, "pdq or code": 2 / 3}
    assert (found["count"] == 3).all()
    assert ((found["low"] <= found["value"]) & (found["value"] <= found["high"])).all()
    alone = strengths.recall(frame, {"code": 41}, by=["kind"], samples=50)
    kinds = dict(zip(alone["kind"], alone["value"], strict=True))
    assert kinds == {"photo": 0.5, "nonphoto": 1.0}
    assert set(alone["flagged_by"]) == {"code"}


class _Signs:
    """A score by hand: what is listed of any image is all ones, and what is asked says how sure."""

    spaces = (Space("s score", "score", MAX_SCORE - 5000),)

    def __call__(self, images: Images) -> dict[str, Hashes]:
        values = np.full((len(images), 256), 32, np.int8)
        values[:, : 2 * len(images)] = -32
        return {"s score": Hashes(values, np.ones(len(images), bool))}

    def listed(self, images: Images) -> dict[str, Hashes]:
        values = np.full((len(images), 32), 255, np.uint8)
        return {"s score": Hashes(values, np.ones(len(images), bool))}


def test_a_climb_asks_what_was_listed_and_scores_are_distances() -> None:
    """Each copy is a query, the image itself is listed; they differ even where nothing was done."""
    nothing = Ladder("none", "", tuple((str(n), lambda i, _o, _r: i) for n in range(3)))
    climbed = strengths.climb(FEW, [_Signs()], [nothing])
    assert set(climbed["distance"]) == {MAX_SCORE - 32 * (256 - 2 * 2 * 3)}
    found = strengths.recall(climbed, {"s score": MAX_SCORE - 5000}, samples=5)
    assert set(found["value"]) == {1.0}
