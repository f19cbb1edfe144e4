"""Files prepared by the device's path are what the reference makes of them, or are left to it.

The device is a CPU here, whose decoder torchvision has too: everything but the decoder itself.
"""

from __future__ import annotations

import io
from unittest import mock

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from embeddings.edits import screens
from embeddings.errors import FileTooLargeError, TooManyPixelsError, UnreadableImageError
from embeddings.files.images import ImageLimits, decode
from embeddings.network.checkpoint import load
from embeddings.network.encoder import prepare, squashed
from embeddings.network.preparing.locating import Locate
from embeddings.network.preparing.trimming import trimmed
from embeddings.network.runtimes import cuda_images
from embeddings.network.runtimes.cuda_images import JpegPreparer, shrunk
from embeddings.network.runtimes.torch_network import TorchLocator
from evaluation.corpora.samples import drawings, photographs

pytestmark = pytest.mark.slow

SIDE = 112


def jpeg(image: Image.Image, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=88, **options)
    return file.getvalue()


def reference(data: bytes, locate: Locate) -> NDArray[np.uint8]:
    return prepare([decode(data).rgb], SIDE, locate).reshape(SIDE, SIDE, 3)


@pytest.fixture(scope="module")
def locate() -> Locate:
    """The shipped locator."""
    model = load()
    return TorchLocator(model.info.mean, model.info.scale, model.tensors)


@pytest.fixture(scope="module")
def preparer(locate: Locate) -> JpegPreparer:
    return JpegPreparer(SIDE, locate, device="cpu")


def test_samples_and_pages_come_out_as_the_reference_prepares_them(
    preparer: JpegPreparer, locate: Locate
) -> None:
    rng = np.random.default_rng(4)
    samples = [sample.image.convert("RGB") for sample in (*photographs(), *drawings())]
    pages = [screens.gallery(image, rng, samples[0]) for image in samples[:8]]
    files = [jpeg(image) for image in (*samples, *pages)]
    prepared = preparer(files)
    assert (preparer.trouble, prepared.failures, prepared.on_device) == ("", {}, len(files))
    expected = np.stack([reference(data, locate) for data in files])
    apart = np.abs(prepared.pixels.numpy().astype(int) - expected)
    # A level's difference may move a cut by a line of pixels.
    assert np.mean(apart.max((1, 2, 3)) <= 4) > 0.9
    assert apart.mean() < 0.3
    cut = [
        not np.array_equal(square, squashed(trimmed(np.asarray(page)), SIDE))
        for square, page in zip(expected[len(samples) :], pages, strict=True)
    ]
    assert sum(cut) >= 6


@pytest.mark.parametrize("size", [(192, 192), (300, 200), (97, 401), (640, 480), (1, 700)])
def test_any_size_is_shrunk_as_pillow_shrinks_it(size: tuple[int, int]) -> None:
    """To a level or two, even where every pixel is noise."""
    pixels = np.random.default_rng(1).integers(0, 256, (*size, 3), np.uint8)
    ours = shrunk(torch.from_numpy(pixels).permute(2, 0, 1), SIDE).numpy()
    apart = np.abs(ours.astype(int) - squashed(pixels, SIDE))
    assert apart.max() <= 2
    assert apart.mean() < 0.4


def test_what_the_device_would_see_otherwise_is_left_to_the_reference(
    preparer: JpegPreparer, locate: Locate
) -> None:
    """Turned, grey, CMYK, large enough to be reduced while decoding, or no JPEG at all."""
    picture = next(photographs()).image
    turned = picture.getexif()
    turned[0x0112] = 6
    png = io.BytesIO()
    picture.save(png, "PNG")
    files = [
        jpeg(picture, exif=turned),
        jpeg(picture.convert("L")),
        jpeg(picture.convert("CMYK")),
        jpeg(picture.resize((1100, 1050))),
        png.getvalue(),
    ]
    prepared = preparer(files)
    assert (prepared.on_device, prepared.failures) == (0, {})
    for ours, data in zip(prepared.pixels.numpy(), files, strict=True):
        np.testing.assert_array_equal(ours, reference(data, locate))


def test_limits_come_first_and_a_faulty_file_fails_alone(locate: Locate) -> None:
    good = jpeg(next(photographs()).image)
    small = Image.new("RGB", (64, 64), "red")
    limits = ImageLimits(max_bytes=len(good), max_pixels=64 * 64)
    seen: list[int] = []
    real = cuda_images._decode_jpegs

    def watched(files: list[bytes], device: torch.device) -> list[torch.Tensor]:
        seen.extend(map(len, files))
        return real(files, device)

    preparer = JpegPreparer(SIDE, locate, limits, "cpu")
    with mock.patch.object(cuda_images, "_decode_jpegs", watched):
        fine = jpeg(small)
        prepared = preparer([good, good + b"x" * 9, fine, fine[: len(fine) // 2], fine])
    assert {place: type(error) for place, error in prepared.failures.items()} == {
        0: TooManyPixelsError,
        1: FileTooLargeError,
        3: UnreadableImageError,
    }
    assert prepared.pixels.shape == (2, SIDE, SIDE, 3)
    assert len(good) not in seen


def test_a_decoder_that_differs_or_is_missing_is_not_used(locate: Locate) -> None:
    data = jpeg(next(photographs()).image)

    def inverted(files: list[bytes], device: torch.device) -> list[torch.Tensor]:
        return [255 - image for image in real(files, device)]

    def missing(_files: list[bytes], _device: torch.device) -> list[torch.Tensor]:
        raise RuntimeError("nvJPEG is not here")

    real = cuda_images._decode_jpegs
    for stand_in, reason in ((inverted, "levels"), (missing, "nvJPEG")):
        with mock.patch.object(cuda_images, "_decode_jpegs", stand_in):
            preparer = JpegPreparer(SIDE, locate, device="cpu")
            assert reason in preparer.trouble
            prepared = preparer([data])
        assert prepared.on_device == 0
        np.testing.assert_array_equal(prepared.pixels.numpy()[0], reference(data, locate))
