"""What is listed of a reference: the mean over several looks, the same on every machine."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from embeddings import codes
from embeddings.network import reference_looks
from embeddings.network.encoder import NetworkEncoder, load_encoder
from evaluation.corpora.samples import drawings, photographs

Pixels = NDArray[np.uint8]


@pytest.fixture(scope="module")
def encoder() -> NetworkEncoder:
    return load_encoder("cpu")


@pytest.fixture(scope="module")
def images() -> list[Pixels]:
    chosen = (*islice(photographs(), 6), *islice(drawings(), 6))
    return [np.asarray(sample.image) for sample in chosen]


def test_the_looks_are_of_one_size_and_the_first_is_the_picture_itself(
    encoder: NetworkEncoder, images: list[Pixels]
) -> None:
    square = encoder.prepare(images[:1])[0]
    made = reference_looks.looks(square)
    assert made.dtype == np.uint8
    assert made.shape == (reference_looks.COUNT, *square.shape)
    np.testing.assert_array_equal(made[0], square)
    assert len({one.tobytes() for one in made}) == reference_looks.COUNT


def test_noise_is_the_same_for_every_picture_and_no_pattern() -> None:
    grey = np.full((112, 112, 3), 128, np.uint8)
    noisy = reference_looks.looks(grey)[4].astype(np.int64)
    np.testing.assert_array_equal(noisy, reference_looks.looks(grey)[4])
    assert abs(noisy.mean() - 128) < 1
    assert 28 < noisy.std() < 32
    flat = noisy.ravel() - noisy.mean()
    for step in (1, 3, 336):
        assert abs((flat[step:] * flat[:-step]).mean()) < 0.02 * flat.var()


def test_a_reference_is_listed_as_the_weighted_mean_of_its_looks(
    encoder: NetworkEncoder, images: list[Pixels]
) -> None:
    square = encoder.prepare(images[:1])[0]
    made = encoder.encode_references(images[:1])
    network = encoder._network(reference_looks.looks(square))
    weights = np.array([10, 5, 5, 5, 5, 5, 1, 1, 1, 1, 1]) / 40
    np.testing.assert_allclose(made.descriptors[0], weights @ network, atol=1e-4)
    np.testing.assert_array_equal(made.codes, codes.from_descriptors(made.descriptors))
    asked = encoder.encode(images[:1])
    np.testing.assert_allclose(network[0], asked.descriptors[0], atol=1e-3)


@pytest.mark.parametrize(
    "edit",
    [
        lambda image: image.filter(ImageFilter.GaussianBlur(0.025 * min(image.size))),
        lambda image: image.resize((40, 40)).resize(image.size, Image.Resampling.NEAREST),
    ],
)
def test_copies_that_were_edited_much_come_nearer_to_what_is_listed(
    encoder: NetworkEncoder,
    images: list[Pixels],
    edit: Callable[[Image.Image], Image.Image],
) -> None:
    """Nearer on average than to the code of the image as it is; in score, as in bits."""
    asked = encoder.encode([np.asarray(edit(Image.fromarray(image))) for image in images])
    plain, listed = encoder.encode(images).codes, encoder.encode_references(images).codes
    bits = [codes.distances(asked.codes, one).diagonal().mean() for one in (plain, listed)]
    descriptors = codes.quantised(asked.descriptors)
    scores = [codes.scores(descriptors, one).diagonal().mean() for one in (plain, listed)]
    assert bits[1] < bits[0]
    assert scores[1] > scores[0]


def test_an_image_itself_is_found_well_within_the_radius(
    encoder: NetworkEncoder, images: list[Pixels]
) -> None:
    """An exact copy loses some of its nearness, and is far from being lost."""
    away = codes.distances(
        encoder.encode(images).codes, encoder.encode_references(images).codes
    ).diagonal()
    assert away.max() <= min(encoder.info.radii.values()) - 10
