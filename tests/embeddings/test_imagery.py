"""The imagery score: one on every runtime, whatever the codec, and unsure of what is small."""

from __future__ import annotations

import io
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from embeddings.files.images import decode
from embeddings.network.imagery import NetworkImagery, load_imagery, prepare
from embeddings.network.imagery_checkpoint import load
from embeddings.training.imagery.network import TwinLogits
from evaluation.corpora.samples import drawings, photographs

pytestmark = pytest.mark.slow

Pictures = list[NDArray[np.uint8]]


@pytest.fixture(scope="module")
def imagery() -> NetworkImagery:
    return load_imagery()


@pytest.fixture(scope="module")
def photos() -> Pictures:
    return [np.asarray(sample.image) for sample in photographs()]


@pytest.fixture(scope="module")
def drawn() -> Pictures:
    return [np.asarray(sample.image) for sample in drawings()]


def test_the_graph_and_its_torch_twin_agree(
    imagery: NetworkImagery, photos: Pictures, drawn: Pictures
) -> None:
    """On every sample picture, within a thousandth."""
    checkpoint = load()
    twin = NetworkImagery(checkpoint.info, TwinLogits(checkpoint))
    pictures = photos + drawn[::4]
    ours, theirs = imagery.photographic(pictures), twin.photographic(pictures)
    np.testing.assert_allclose(ours, theirs, atol=1e-3)


def test_photographs_and_drawings_are_told_apart(
    imagery: NetworkImagery, photos: Pictures, drawn: Pictures
) -> None:
    """Of the sample pictures, by their means and in nineteen of twenty pairs."""
    high, low = imagery.photographic(photos), imagery.photographic(drawn)
    assert np.mean(high[:, None] > low[None, :]) >= 0.95
    assert high.mean() > 0.5 > low.mean()


def test_scores_do_not_depend_on_the_batch_or_the_thread(
    imagery: NetworkImagery, photos: Pictures, drawn: Pictures
) -> None:
    pictures = (photos + drawn)[:20]
    together = imagery.photographic(pictures)
    with ThreadPoolExecutor(4) as pool:
        alone = list(pool.map(lambda one: float(imagery.photographic([one])[0]), pictures))
    np.testing.assert_allclose(together, alone, atol=1e-4)


def test_no_pictures_have_no_scores(imagery: NetworkImagery) -> None:
    assert imagery.photographic([]).shape == (0,)


@pytest.mark.parametrize(
    ("kind", "options"),
    [("JPEG", {"quality": 95}), ("WEBP", {"quality": 90}), ("AVIF", {"quality": 90})],
)
def test_the_codec_hardly_moves_the_score(
    imagery: NetworkImagery,
    photos: Pictures,
    drawn: Pictures,
    kind: str,
    options: dict[str, int],
) -> None:
    """The same picture as PNG and in a lossy format: half of them within .02, all within .15."""
    pictures = photos + drawn[::4]
    kept = imagery.photographic([_through(one, "PNG") for one in pictures])
    lossy = imagery.photographic([_through(one, kind, **options) for one in pictures])
    assert np.median(np.abs(kept - lossy)) <= 0.02
    assert np.abs(kept - lossy).max() <= 0.15


def _through(picture: NDArray[np.uint8], kind: str, **options: int) -> NDArray[np.uint8]:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, kind, **options)
    return decode(buffer.getvalue()).rgb


def test_what_is_small_or_blurred_is_less_sure(
    imagery: NetworkImagery, photos: Pictures, drawn: Pictures
) -> None:
    """Scores of both kinds move towards a half, on average, as pictures lose their detail."""
    pictures = photos + drawn
    sure = [
        np.abs(imagery.photographic([_shrunk(one, side) for one in pictures]) - 0.5).mean()
        for side in (176, 64, 24)
    ]
    assert sure[0] > sure[1] > sure[2]
    blurred = [
        np.asarray(Image.fromarray(_shrunk(one, 176)).filter(ImageFilter.GaussianBlur(5)))
        for one in pictures
    ]
    assert np.abs(imagery.photographic(blurred) - 0.5).mean() < sure[0]


def _shrunk(picture: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    image = Image.fromarray(picture)
    scale = min(1.0, side / min(image.size))
    return np.asarray(image.resize((round(image.width * scale), round(image.height * scale))))


@pytest.mark.parametrize("shape", [(1, 1), (1, 4000), (4000, 1), (3, 900), (176, 176), (2000, 90)])
def test_a_picture_of_any_shape_is_prepared(shape: tuple[int, int]) -> None:
    info = load().info
    picture = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    assert prepare(picture, info).shape == (info.side, info.side, 3)


def test_scoring_never_loads_torch() -> None:
    program = (
        "import sys, numpy as np; from embeddings.network.imagery import load_imagery;"
        "load_imagery().photographic([np.zeros((9, 9, 3), np.uint8)]);"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
