"""The sample images: ordinary, distinct, and the same every time."""

from __future__ import annotations

import numpy as np
import PIL.Image
import pytest

from evaluation import samples

_NAMED = [
    *(("photo", name) for name in samples.photograph_names()),
    *(("nonphoto", name) for name in samples.drawing_names()),
]


def _load(kind: str, name: str) -> samples.Sample:
    return samples.photograph(name) if kind == "photo" else samples.drawing(name)


@pytest.mark.parametrize(("kind", "name"), _NAMED)
def test_every_sample_is_an_rgb_image_of_usable_size(kind: str, name: str) -> None:
    sample = _load(kind, name)
    assert (sample.kind, sample.name, sample.image.mode) == (kind, name, "RGB")
    assert min(sample.image.size) >= 300
    assert max(sample.image.size) <= 1000


def test_there_are_enough_of_each_kind_and_no_name_stands_twice() -> None:
    names = [name for _, name in _NAMED]
    assert len(samples.photograph_names()) >= 8
    assert len(samples.drawing_names()) >= 20
    assert len(set(names)) == len(names)


def test_drawings_are_the_same_pixels_every_time() -> None:
    for first, second in zip(samples.drawings(), samples.drawings(), strict=True):
        assert first.image.tobytes() == second.image.tobytes(), first.name


def test_no_two_samples_look_alike() -> None:
    """Each pair differs by more than a copy would: they serve as strangers to one another."""
    small = {
        sample.name: np.asarray(
            sample.image.convert("L").resize((16, 16), PIL.Image.Resampling.BOX), float
        )
        for sample in (*samples.photographs(), *samples.drawings())
    }
    standard = {name: (grey - grey.mean()) / grey.std() for name, grey in small.items()}
    names = sorted(standard)
    closest = max(
        (float((standard[a] * standard[b]).mean()), a, b)
        for i, a in enumerate(names)
        for b in names[i + 1 :]
    )
    assert closest[0] < 0.8, closest
