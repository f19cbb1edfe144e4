"""The sample images: ordinary, distinct, and the same every time."""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib import resources
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from evaluation.corpora import samples

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def everything() -> list[samples.Sample]:
    return [*samples.photographs(), *samples.drawings()]


def test_every_sample_is_an_rgb_image_of_usable_size(everything: list[samples.Sample]) -> None:
    for sample in everything:
        assert sample.image.mode == "RGB", sample.name
        assert not sample.image.info, sample.name
        assert min(sample.image.size) >= 300, sample.name
        assert max(sample.image.size) <= 1000, sample.name


def test_there_are_enough_of_each_kind_and_no_name_stands_twice(
    everything: list[samples.Sample],
) -> None:
    names = [sample.name for sample in everything]
    assert names == [*samples.photograph_names(), *samples.drawing_names()]
    assert len(samples.photograph_names()) >= 8
    assert len(samples.drawing_names()) >= 20
    assert len(set(names)) == len(names)


def test_every_file_is_a_sample() -> None:
    for folder, names in {
        "photographs": samples.photograph_names(),
        "drawings": samples.drawing_names(),
    }.items():
        files = sorted(Path(str(resources.files(samples) / folder)).iterdir())
        assert [file.stem for file in files] == sorted(names)


def test_the_origin_and_terms_of_every_photograph_are_stated() -> None:
    notice = (ROOT / "NOTICE").read_text()
    stated = notice[notice.index("Sample images") : notice.index("PDQ\n---")]
    for name in samples.photograph_names():
        assert re.search(rf"^  {name}: .*(CC0|public domain|No known)", stated, re.MULTILINE), name


@pytest.mark.parametrize("ask", [samples.photograph, samples.drawing])
def test_a_name_that_no_sample_has_is_refused(ask: Callable[[str], samples.Sample]) -> None:
    with pytest.raises(KeyError):
        ask("../photographs/cat")


def test_no_two_samples_look_alike(everything: list[samples.Sample]) -> None:
    """Each pair differs by more than a copy would: they serve as strangers to one another."""
    small = {
        sample.name: np.asarray(
            sample.image.convert("L").resize((16, 16), PIL.Image.Resampling.BOX), float
        )
        for sample in everything
    }
    standard = {name: (grey - grey.mean()) / grey.std() for name, grey in small.items()}
    names = sorted(standard)
    closest = max(
        (float((standard[a] * standard[b]).mean()), a, b)
        for i, a in enumerate(names)
        for b in names[i + 1 :]
    )
    assert closest[0] < 0.8, closest
