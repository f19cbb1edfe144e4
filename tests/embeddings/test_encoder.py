"""Codes are the same on every runtime, near for copies and far for strangers."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from embeddings import codes
from embeddings.edits import screens
from embeddings.errors import DeviceError
from embeddings.network.checkpoint import Checkpoint, load
from embeddings.network.encoder import NetworkEncoder, load_encoder, prepare, squashed
from embeddings.network.looks import LOOKS, Look, middle_part
from embeddings.network.preparing.locating import CELLS, SIDE, glance
from embeddings.network.preparing.trimming import trimmed
from embeddings.network.runtimes.openvino_graph import OpenVinoNetwork
from embeddings.network.runtimes.torch_network import TorchNetwork
from evaluation.corpora.samples import drawings, photographs

pytestmark = pytest.mark.slow

Screen = Callable[[Image.Image, np.random.Generator, Image.Image | None], Image.Image]


@pytest.fixture(scope="module")
def encoder() -> NetworkEncoder:
    return load_encoder("cpu")


@pytest.fixture(scope="module")
def images() -> list[NDArray[np.uint8]]:
    """Every sample photograph and drawing."""
    return [np.asarray(sample.image) for sample in (*photographs(), *drawings())]


def test_torch_and_openvino_give_the_same_codes(
    encoder: NetworkEncoder, images: list[NDArray[np.uint8]]
) -> None:
    """In float32: 99% of images within 1 bit of each other, none beyond 3."""
    checkpoint = load()
    other = NetworkEncoder(checkpoint.info, TorchNetwork(checkpoint, "cpu"), "torch")
    mirrored = [np.ascontiguousarray(image[:, ::-1]) for image in images]
    ours, theirs = encoder.encode(images + mirrored), other.encode(images + mirrored)
    apart = np.diag(codes.distances(ours.codes, theirs.codes))
    assert np.mean(apart <= 1) >= 0.99
    assert apart.max() <= 3


def looking(*looks: Look) -> Checkpoint:
    """The shipped checkpoint with other looks."""
    shipped = load()
    return replace(shipped, info=replace(shipped.info, looks=looks))


def test_each_look_is_what_it_says(images: list[NDArray[np.uint8]]) -> None:
    """One look's descriptor is that of the whole of an image so prepared, on both runtimes."""
    side = load().info.detail
    prepared = np.stack([squashed(image, side) for image in images[::6]])
    shown: dict[Look, NDArray[np.uint8]] = {
        "mirrored": prepared[:, :, ::-1],
        "turned": np.rot90(prepared, 1, (1, 2)),
    }
    for runtime in (lambda one: OpenVinoNetwork(one, 1), lambda one: TorchNetwork(one, "cpu")):
        for look, pixels in shown.items():
            seen = runtime(looking(look))(prepared)
            expected = runtime(looking("whole"))(np.ascontiguousarray(pixels))
            np.testing.assert_allclose(seen, expected, atol=1e-3)


def test_only_the_middle_is_seen_of_the_middle(images: list[NDArray[np.uint8]]) -> None:
    side = load().info.detail
    prepared = np.stack([squashed(image, side) for image in images[::6]])
    cut = prepared.copy()
    part = middle_part(side)
    assert part.start > 0
    cut[:, part, part] = 0
    framed = prepared - cut  # nothing but the middle is left
    network = OpenVinoNetwork(looking("middle"), 1)
    np.testing.assert_allclose(network(framed), network(prepared), atol=1e-4)
    assert np.ptp(network(cut), axis=0).max() < 1e-4


def test_a_turned_look_brings_quarter_turns_nearer(images: list[NDArray[np.uint8]]) -> None:
    """Either way round; half a turn it hardly knows."""
    side = load().info.detail
    prepared = np.stack([squashed(image, side) for image in images[::2]])

    def apart(quarters: int, *looks: Look) -> float:
        network = OpenVinoNetwork(looking(*looks), 1)
        turned = np.ascontiguousarray(np.rot90(prepared, quarters, (1, 2)))
        one, other = (codes.from_descriptors(network(each)) for each in (prepared, turned))
        return float(np.median(np.diag(codes.distances(one, other))))

    for quarters in (1, 3):
        assert apart(quarters, "whole", "turned") < apart(quarters, "whole") - 15
    assert apart(2, "whole", "turned") > apart(1, "whole", "turned")


@pytest.mark.parametrize("looks", [("whole", "mirrored"), LOOKS])
def test_what_is_pooled_of_all_looks_is_averaged(
    looks: tuple[Look, ...], images: list[NDArray[np.uint8]]
) -> None:
    """So an image and its mirror image have one code if both are looked at; runtimes agree."""
    side = load().info.detail
    prepared = np.stack([squashed(image, side) for image in images])
    runtimes = OpenVinoNetwork(looking(*looks), 1), TorchNetwork(looking(*looks), "cpu")
    ours, theirs = (network(prepared) for network in runtimes)
    away = np.diag(codes.distances(*(codes.from_descriptors(said) for said in (ours, theirs))))
    assert np.mean(away <= 1) >= 0.99
    alone = [OpenVinoNetwork(looking(look), 1)(prepared) for look in looks]
    np.testing.assert_allclose(ours, np.mean(alone, 0), atol=1e-3)
    if looks == ("whole", "mirrored"):
        mirrored = runtimes[0](np.ascontiguousarray(prepared[:, :, ::-1]))
        one, other = (codes.from_descriptors(said) for said in (ours, mirrored))
        assert np.diag(codes.distances(one, other)).max() <= 1


def test_a_code_does_not_depend_on_the_batch_it_came_in(
    encoder: NetworkEncoder, images: list[NDArray[np.uint8]]
) -> None:
    together = encoder.encode(images)
    alone = np.concatenate([encoder.encode([image]).codes for image in images])
    apart = np.diag(codes.distances(together.codes, alone))
    assert apart.max() <= 1


def test_threads_share_one_encoder(
    encoder: NetworkEncoder, images: list[NDArray[np.uint8]]
) -> None:
    expected = [encoder.encode([image]).codes.tobytes() for image in images[:8]]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(3):
            got = pool.map(lambda image: encoder.encode([image]).codes.tobytes(), images[:8])
            assert list(got) == expected


def test_the_code_is_the_sign_of_the_descriptor(
    encoder: NetworkEncoder, images: list[NDArray[np.uint8]]
) -> None:
    encoded = encoder.encode(images[:3])
    np.testing.assert_array_equal(encoded.codes, codes.from_descriptors(encoded.descriptors))


def test_strangers_stand_further_apart_than_copies(
    encoder: NetworkEncoder, images: list[NDArray[np.uint8]]
) -> None:
    """Half-size copies stay near; nothing else comes as near as the farthest of them."""
    halves = [image[::2, ::2] for image in images]
    away = codes.distances(encoder.encode(halves).codes, encoder.encode(images).codes)
    strangers = away + 256 * np.eye(len(images), dtype=np.int32)
    assert (np.diag(away) < strangers.min(1)).mean() > 0.95
    assert np.median(strangers) > 100


def test_no_images_give_no_codes(encoder: NetworkEncoder) -> None:
    encoded = encoder.encode([])
    assert encoded.codes.shape == (0, 32)


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 900, 3), (500, 2, 3)])
def test_any_size_can_be_encoded(encoder: NetworkEncoder, shape: tuple[int, int, int]) -> None:
    assert encoder.encode([np.zeros(shape, np.uint8)]).codes.shape == (1, 32)


def test_preparing_keeps_an_image_of_the_right_size_as_it_is() -> None:
    image = np.arange(64 * 64 * 3, dtype=np.uint8).reshape(64, 64, 3)
    np.testing.assert_array_equal(squashed(image, 64), image)


def test_a_picture_on_a_page_is_cut_out(encoder: NetworkEncoder) -> None:
    """Screenshots of most samples come as near as if they had been cropped by hand."""
    samples = [sample.image.convert("RGB") for sample in (*photographs(), *drawings())]
    rng = np.random.default_rng(7)
    shown = [np.asarray(screens.gallery(image, rng, samples[0])) for image in samples[1:]]
    plain = encoder.encode([np.asarray(image) for image in samples[1:]])
    away = np.diag(codes.distances(encoder.encode(shown).codes, plain.codes))
    assert np.mean(away <= 48) > 0.8


@pytest.mark.parametrize("screen", screens.SCREENS)
def test_an_empty_picture_on_a_page_is_not_cut_out(encoder: NetworkEncoder, screen: Screen) -> None:
    """Its code would be that of every other empty picture."""
    rng = np.random.default_rng(3)
    empty = Image.new("RGB", (240, 180), (120, 160, 200))
    page = np.asarray(screen(empty, rng, None))
    (prepared,) = encoder.prepare([page])
    np.testing.assert_array_equal(prepared, squashed(trimmed(page), encoder.info.detail))


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 900, 3), (500, 2, 3), (30, 30, 3), (50, 50, 3)])
def test_what_would_be_an_icon_is_not_cut_out(shape: tuple[int, int, int]) -> None:
    """Whatever the locator says, and whatever memory the image lies in."""
    answer = np.zeros((1, CELLS, CELLS), np.float32)
    answer[:, 2:12, 3:21] = 1
    image = np.random.default_rng(1).integers(0, 255, shape, np.uint8)[::-1, ::-1]
    image.setflags(write=False)
    (prepared,) = prepare([image], 64, lambda _: answer)
    np.testing.assert_array_equal(prepared, squashed(image, 64))


def test_a_picture_without_a_page_stays_whole(
    encoder: NetworkEncoder, images: list[NDArray[np.uint8]]
) -> None:
    side = encoder.info.detail
    kept = [squashed(trimmed(image), side) for image in images]
    same = [np.array_equal(*pair) for pair in zip(encoder.prepare(images), kept, strict=True)]
    assert all(same)


def test_torch_and_openvino_find_the_same_pages(images: list[NDArray[np.uint8]]) -> None:
    checkpoint = load()
    glances = np.stack([glance(squashed(image, 2 * SIDE)) for image in images])
    ours = OpenVinoNetwork(checkpoint, 1).locate(glances)
    theirs = TorchNetwork(checkpoint, "cpu").locate(glances)
    assert ours.shape == (len(images), CELLS, CELLS)
    np.testing.assert_allclose(ours, theirs, atol=1e-4)


def test_an_unknown_device_is_named() -> None:
    with pytest.raises(DeviceError, match="tpu"):
        load_encoder("tpu")


def test_the_cpu_runtime_does_not_load_torch() -> None:
    script = (
        "import sys, numpy as np; from embeddings.network.encoder import load_encoder;"
        "load_encoder('cpu').encode([np.zeros((9, 9, 3), np.uint8)]);"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
