"""The sampler: reproducible, bounded, and harder as its strength rises."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from embeddings.edits.choices import CHOICES
from embeddings.edits.sampling import MAX_PIXELS, Kind, drawn, sample
from evaluation.corpora import samples


@pytest.fixture(scope="module")
def pictures() -> list[Image.Image]:
    found = [samples.photograph("coffee").image, samples.photograph("cat").image]
    for image in found:
        image.thumbnail((160, 160))
    return found


@pytest.mark.parametrize("kind", ["photo", "nonphoto"])
@pytest.mark.parametrize("strength", [0.0, 0.5, 1.0])
def test_equal_generators_give_equal_views_and_different_ones_differ(
    pictures: list[Image.Image], strength: float, kind: Kind
) -> None:
    def view(seed: int) -> tuple[tuple[int, int], bytes]:
        image = sample(pictures[0], pictures[1], np.random.default_rng(seed), strength, kind)
        assert image.mode == "RGB"
        return image.size, image.tobytes()

    views = [view(seed) for seed in range(12)]
    assert views == [view(seed) for seed in range(12)]
    assert len(set(views)) > 9


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 10**6),
    strength=st.floats(0, 1),
    kind=st.sampled_from(["photo", "nonphoto"]),
    width=st.sampled_from([1, 2, 17, 160, 900]),
    height=st.sampled_from([1, 3, 40, 200, 700]),
)
def test_any_picture_gives_a_view_within_the_limit(
    seed: int, strength: float, kind: Kind, width: int, height: int
) -> None:
    rng = np.random.default_rng(seed)
    image = Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8))
    view = sample(image, Image.new("RGB", (30, 20), (4, 5, 6)), rng, strength, kind)
    assert view.mode == "RGB"
    assert 1 <= view.width * view.height <= MAX_PIXELS


@pytest.mark.parametrize("choice", CHOICES, ids=lambda choice: choice.name)
@pytest.mark.parametrize("strength", [0.0, 1.0])
def test_every_choice_works_at_both_ends_of_its_range(
    pictures: list[Image.Image], choice: object, strength: float
) -> None:
    rng = np.random.default_rng(5)
    changed = 0
    for _ in range(12):
        view = choice.draw(pictures[0], pictures[1], rng, strength)  # type: ignore[attr-defined]
        assert view.mode == "RGB"
        changed += (view.size, view.tobytes()) != (pictures[0].size, pictures[0].tobytes())
    assert changed >= 11


def test_chains_grow_with_strength_and_never_draw_two_of_a_group() -> None:
    lengths = []
    for strength in (0.0, 0.5, 1.0):
        rng = np.random.default_rng(0)
        chains = [drawn(rng, strength, "photo") for _ in range(300)]
        assert all(1 <= len(chain) <= 4 for chain in chains)
        for chain in chains:
            groups = [choice.group for choice in chain]
            assert len(set(groups)) == len(groups)
            assert "codec" not in groups[:-1]
        lengths.append(np.mean([len(chain) for chain in chains]))
    assert lengths[0] + 0.5 < lengths[1] < lengths[2] - 0.5


def test_heavy_edits_become_commoner_with_strength_and_drawings_get_their_own() -> None:
    def share(name: str, strength: float, kind: Kind) -> float:
        rng = np.random.default_rng(1)
        return float(
            np.mean([name in [one.name for one in drawn(rng, strength, kind)] for _ in range(1000)])
        )

    assert share("screen", 1.0, "photo") > 2 * share("screen", 0.0, "photo")
    assert share("redraw", 0.5, "nonphoto") > 3 * share("redraw", 0.5, "photo")
    assert share("ground", 0.5, "nonphoto") > 2 * share("ground", 0.5, "photo")


def test_views_move_away_from_the_picture_as_strength_rises(pictures: list[Image.Image]) -> None:
    def far(strength: float) -> float:
        rng = np.random.default_rng(2)
        own = np.asarray(pictures[0].resize((16, 16)), np.float64)
        views = (sample(pictures[0], pictures[1], rng, strength) for _ in range(150))
        return float(np.mean([np.abs(np.asarray(v.resize((16, 16))) - own).mean() for v in views]))

    weak, middle, strong = far(0.0), far(0.5), far(1.0)
    assert weak < 0.8 * middle < middle < strong
