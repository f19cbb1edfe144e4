"""What was listed is found: signals of the same pixels never change, whoever computes beside."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import numpy as np
import pytest
from numpy.typing import NDArray

from embeddings.hashes.pdq import pdq
from embeddings.hashes.structure import structure
from embeddings.network.encoder import NetworkEncoder, load_encoder
from tests.embeddings.make_signals_golden import GOLDEN, pictures, said

ROUNDS = 2


@pytest.fixture(scope="module")
def encoder() -> NetworkEncoder:
    return load_encoder("cpu")


@pytest.fixture(scope="module")
def images() -> list[NDArray[np.uint8]]:
    return list(pictures())


def test_signals_are_those_of_the_build_that_wrote_them_down() -> None:
    """Every bit, but for those whose descriptor was within rounding of zero."""
    golden, now = json.loads(GOLDEN.read_text(encoding="utf-8")), said()
    assert now["space"] == golden["space"], "a new checkpoint: write the file anew, and say so"
    ours = now["images"]
    assert isinstance(ours, list)
    for number, (was, one) in enumerate(zip(golden["images"], ours, strict=True)):
        differing = np.flatnonzero(_bits(was["code"]) != _bits(one["code"]))
        assert set(differing.tolist()) <= set(was["near"]), f"the code of picture {number}"
        for key in ("pdq", "pdq_quality"):
            assert one[key] == was[key], f"{key} of picture {number}"
        assert one["structure"] == pytest.approx(was["structure"], abs=2e-6)


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_signals_are_the_same_from_threads_side_by_side(
    threads: int, encoder: NetworkEncoder, images: list[NDArray[np.uint8]]
) -> None:
    """Each thread computes all pictures, all at once, and finds what one alone does."""
    expected = [_signals(encoder, image) for image in images]
    together = Barrier(threads)

    def run(start: int) -> list[tuple[bytes, bytes, bytes, float]]:
        together.wait(timeout=60)
        order = [(start + step) % len(images) for step in range(len(images))]
        found = {place: _signals(encoder, images[place]) for _ in range(ROUNDS) for place in order}
        return [found[place] for place in range(len(images))]

    with ThreadPoolExecutor(threads) as pool:
        for answers in pool.map(run, range(threads)):
            assert answers == expected


def _signals(
    encoder: NetworkEncoder, image: NDArray[np.uint8]
) -> tuple[bytes, bytes, bytes, float]:
    encoded, hashed = encoder.encode([image]), pdq(image)
    descriptor = encoded.descriptors[0].tobytes()
    return encoded.codes[0].tobytes(), descriptor, hashed.hash, structure(image)


def _bits(code: str) -> NDArray[np.uint8]:
    return np.unpackbits(np.frombuffer(bytes.fromhex(code), np.uint8))
