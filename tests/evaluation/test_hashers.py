"""What is measured is what the product would match: its hashes, and its refusals to match."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from embeddings import codes
from embeddings.codes import MAX_SCORE, scores
from embeddings.hashes.pdq import pdq
from embeddings.network.checkpoint import ModelInfo
from embeddings.network.encoder import Encoded
from evaluation.base import hashers
from evaluation.base.hashers import (
    DescriptorHasher,
    EncoderHasher,
    Hashes,
    Images,
    PdqHasher,
    Signal,
    Space,
    distances,
)
from evaluation.corpora import samples

FLAT = np.full((64, 64, 3), 200, np.uint8)


class _Encoder:
    """Descriptors that count the pictures."""

    device = "test"
    info = ModelInfo(
        space="test-256-0",
        detail=32,
        input_size=32,
        mean=0.0,
        scale=1.0,
        radii={},
        metrics={},
        data="",
    )

    def encode(self, images: Sequence[NDArray[np.uint8]]) -> Encoded:
        """A different row of +-(1 + i) for each picture."""
        signs = np.where(np.arange(256) % 3 == 0, 1, -1)
        descriptors = (signs * (1 + np.arange(len(images)))[:, None]).astype(np.float32)
        return Encoded(codes.from_descriptors(descriptors), descriptors)

    def encode_references(self, images: Sequence[NDArray[np.uint8]]) -> Encoded:
        return self.encode(images)


def _images() -> Images:
    return [np.asarray(samples.photograph("coffee").image), FLAT]


def test_pdq_is_the_products_own_and_flat_pictures_are_not_matched() -> None:
    images = _images()
    hashes = PdqHasher()(images)["pdq"]
    assert hashes.values[0].tobytes() == pdq(images[0]).hash
    assert hashes.matchable.tolist() == [True, False]


def test_an_encoder_fills_two_spaces_or_three() -> None:
    images = _images()
    plain = EncoderHasher(_Encoder())
    assert [space.name for space in plain.spaces] == ["test-256-0", "test-256-0 score"]
    both = EncoderHasher(_Encoder(), descriptors=True)
    hashes = both(images)
    assert [(s.name, s.signal) for s in both.spaces] == [
        ("test-256-0", "code"),
        ("test-256-0 score", "score"),
        ("test-256-0 f32", "descriptor"),
    ]
    assert set(hashes) == {space.name for space in both.spaces}
    assert hashes["test-256-0"].values.shape == (2, 32)
    assert all(found.matchable.tolist() == [True, False] for found in hashes.values())
    lengths = np.linalg.norm(hashes["test-256-0 f32"].values, axis=1)
    assert np.allclose(lengths, 1)


def test_a_score_is_counted_as_what_it_falls_short_of_the_most() -> None:
    """Of queries' bytes with listed codes; below 0 it counts as 0."""
    rng = np.random.default_rng(3)
    hasher, score = EncoderHasher(_Encoder()), Space("s score", "score")
    asked = hasher(_images())["test-256-0 score"]
    assert asked.values.dtype == np.int8
    assert asked.values.shape == (2, 256)
    listed = Hashes(rng.integers(0, 256, (50, 32)).astype(np.uint8), np.ones(50, bool))
    found = distances(score, asked, listed)
    expected = MAX_SCORE - np.maximum(scores(asked.values, listed.values), 0)
    np.testing.assert_array_equal(found[0], expected[0])
    assert set(found[1].tolist()) == {score.levels}  # too little structure


@pytest.mark.parametrize("signal", ["pdq", "code", "score", "descriptor"])
def test_pairs_in_rows_have_the_distances_of_all_pairs(signal: Signal) -> None:
    rng = np.random.default_rng(5)
    values = rng.integers(0, 256, (12, 32)).astype(np.uint8)
    asked: dict[str, NDArray[Any]] = {
        "score": rng.integers(-127, 128, (12, 256)).astype(np.int8),
        "descriptor": hashers.unit(rng.normal(size=(12, 8))),
    }
    matchable = rng.random(12) < 0.8
    left = Hashes(asked.get(signal, values[::-1]), matchable)
    right = Hashes(asked[signal] if signal == "descriptor" else values, matchable[::-1])
    space = Space("s", signal)
    rows = hashers.paired(space, left, right)
    np.testing.assert_array_equal(rows, np.diagonal(distances(space, left, right)))
    assert (rows == space.levels).any()


def test_an_image_is_judged_by_score_where_there_is_one() -> None:
    pdq, code = Space("pdq", "pdq", 31), Space("s", "code", 52)
    score, peer = Space("s score", "score", MAX_SCORE - 5000), Space("peer", "descriptor")
    assert hashers.as_shipped([pdq, code, score, peer]) == (pdq, score)
    unscored = Space("s score", "score")
    assert hashers.as_shipped([pdq, code, unscored]) == (pdq, code)
    assert (code.within(52), score.within(MAX_SCORE - 5000)) == ("≤ 52 bits", "≥ 5000")
    assert (code.said(60), score.said(MAX_SCORE - 4321)) == ("s 60 bits", "s score 4321")
    assert score.said(score.levels) == "s score not matched"


def test_a_peers_descriptors_are_brought_to_length_one_and_zero_stays_zero() -> None:
    peer = DescriptorHasher("peer", lambda images: np.eye(len(images), 4, dtype=np.float32) * 7)
    assert np.array_equal(peer(_images())["peer"].values, np.eye(2, 4, dtype=np.float32))
    assert not hashers.unit(np.zeros((2, 3), np.float32)).any()
