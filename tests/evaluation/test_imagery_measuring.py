"""The whole measurement on the project's own pictures, with models whose answer is known."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from embeddings.network.imagery_checkpoint import ImageryInfo
from evaluation.base import terminal
from evaluation.base.errors import CorpusError
from evaluation.corpora import samples
from evaluation.corpora.corpus import Corpus, open_corpus
from evaluation.imagery.measuring import measure
from evaluation.imagery.scoring import QUALITIES, SHORTER_SIDES, reencoded, score
from evaluation.imagery.table import tables
from tests.evaluation.commands import run


class _Imagery:
    """Any function of one image as its probability."""

    info = ImageryInfo("test-0", 176, 85, 160, 0.0, 1.0, (0.3, 0.7), {}, "")

    def __init__(self, function: Callable[[NDArray[np.uint8]], float]) -> None:
        self._function = function

    def photographic(self, images: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """The function of each image."""
        return np.array([self._function(image) for image in images], np.float32)


def _colours(image: NDArray[np.uint8]) -> float:
    """How many colours there are."""
    coarse = (image >> 4).reshape(-1, 3).astype(np.int64) @ np.array([256, 16, 1])
    return min(1.0, len(np.unique(coarse)) / 600)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eleven photographs as JPEG, 13 drawings as PNG, one of neither, one damaged; a manifest."""
    root = tmp_path_factory.mktemp("imagery")
    rows = ["name,kind,style,source"]
    for place, sample in enumerate([*samples.photographs(), *islice(samples.drawings(), 14)]):
        small = sample.image.copy()
        small.thumbnail((200, 200))
        name = f"{sample.name}.{'jpg' if sample.kind == 'photo' else 'png'}"
        small.save(root / name)
        style = "photo" if sample.kind == "photo" else ("small" if place > 21 else "drawn")
        rows.append(f"{name},{sample.kind},{style},{sample.kind} source {place % 2}")
    Image.new("RGB", (300, 200), (9, 200, 9)).save(root / "unknown.png")
    (root / "damaged.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(12))
    rows.append("damaged.png,nonphoto,drawn,nonphoto source 0")
    (root / "manifest.csv").write_text("\n".join(rows) + "\n")
    return root


@pytest.fixture(scope="module")
def corpus(folder: Path) -> Corpus:
    return open_corpus(folder, folder / "manifest.csv")


def test_styles_sources_and_labels_are_measured_against_the_other_kind(corpus: Corpus) -> None:
    imagery = _Imagery(_colours)
    result = measure(corpus, imagery, samples=60)
    assert result.images == 24
    assert result.skipped == {"unreadable_image": 1}
    assert {(group.name, group.images) for group in result.styles} == {("drawn", 12), ("small", 2)}
    assert {(group.name, group.kind) for group in result.sources} == {
        (f"{kind} source {number}", kind) for kind in ("photo", "nonphoto") for number in (0, 1)
    }
    # By hand: the style's pictures and all photographs, pair by pair.
    scored = score(corpus, imagery)
    items = [corpus.items[place] for place in scored.items]
    pairs = [
        (photo > drawn) + (photo == drawn) / 2
        for photo, one in zip(scored.photographic, items, strict=True)
        for drawn, other in zip(scored.photographic, items, strict=True)
        if one.kind == "photo" and other.style == "drawn"
    ]
    drawn = next(group for group in result.styles if group.name == "drawn")
    assert drawn.auroc.value == pytest.approx(np.mean(pairs))
    # Greyscale photographs beside coloured drawings: this model is mostly wrong.
    assert 0 < result.auroc.value < 0.5
    assert result.auroc.low <= result.auroc.value <= result.auroc.high
    for row in result.labels:
        shares = (row.photographic, row.uncertain, row.non_photographic)
        assert sum(share.value for share in shares) == pytest.approx(1)
    # Two images of a style say nothing: it cannot be the worst.
    assert result.worst_style == drawn


def test_a_model_that_knows_the_answer_scores_one_and_one_that_guesses_a_half(
    corpus: Corpus,
) -> None:
    kinds = iter([item.kind for item in corpus.items if item.name != "damaged.png"
                  and item.kind != "unknown"])  # fmt: skip
    knowing = measure(corpus, _Imagery(lambda _: next(kinds) == "photo"), samples=20)
    assert knowing.auroc.value == 1
    assert knowing.calibration_error.value == 0
    photos, others = knowing.labels
    assert (photos.photographic.value, others.non_photographic.value) == (1, 1)
    constant = measure(corpus, _Imagery(lambda _: 0.5), samples=20)
    assert constant.auroc.value == 0.5
    assert constant.calibration_error.value == pytest.approx(abs(10 / 24 - 0.5))
    assert all(row.uncertain.value == 1 for row in constant.labels)


def test_both_kinds_are_reencoded_alike_and_reproducibly(corpus: Corpus) -> None:
    sides, tables_seen = set(), set()
    for seed in range(12):
        rng = np.random.default_rng(seed)
        out = reencoded(Image.new("RGB", (90, 400), (200, 10, 10)), rng)
        sides.add(min(out.size))
        buffer = io.BytesIO()
        out.save(buffer, "JPEG")
        tables_seen.add(buffer.getvalue())
    assert all(SHORTER_SIDES[0] <= side <= SHORTER_SIDES[1] for side in sides)
    assert len(sides) > 5
    assert QUALITIES[0] < QUALITIES[1]
    seen: list[bytes] = []

    def keep(image: NDArray[np.uint8]) -> float:
        seen.append(image.tobytes())
        return 0.5

    for seed in (3, 3, 4):
        score(corpus, _Imagery(keep), seed)
    third = len(seen) // 3
    assert seen[:third] == seen[third : 2 * third]
    assert seen[:third] != seen[2 * third :]


def test_a_strip_does_not_grow_without_bound() -> None:
    out = reencoded(Image.new("RGB", (1, 5000)), np.random.default_rng(0))
    assert max(out.size) <= 16 * SHORTER_SIDES[1]


def test_a_corpus_of_one_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "photo").mkdir()
    Image.new("RGB", (30, 30)).save(tmp_path / "photo" / "a.png")
    with pytest.raises(CorpusError, match="needs photographs and others"):
        measure(open_corpus(tmp_path), _Imagery(_colours))


def test_the_report_fits_a_terminal_and_names_the_worst(
    corpus: Corpus, capsys: pytest.CaptureFixture[str]
) -> None:
    result = measure(corpus, _Imagery(_colours), samples=20, command="as typed")
    status = terminal.run(lambda _: (tables(result), result.to_json()), None)
    text = capsys.readouterr().out
    assert status == 0
    assert max(len(line.rstrip()) for line in text.splitlines()) <= terminal.WIDTH
    for words in ("AUROC by style", "drawn", "nonphoto source 1", "command: as typed"):
        assert words in text
    figures = json.loads(json.dumps(result.to_json(), allow_nan=False))
    assert figures["worst_style"]["name"] == "drawn"
    assert figures["provenance"]["seed"] == 0


def test_the_command_measures_the_shipped_model(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "made" / "imagery.json"
    arguments = ["--images", str(folder), "--manifest", str(folder / "manifest.csv")]
    assert run(["imagery", *arguments, "--json", str(file), "--samples", "20"]) == 0
    assert "Labels at the two bounds" in capsys.readouterr().out
    assert json.loads(file.read_text())["images"] == 24
    assert run(["imagery", "--images", str(tmp_path / "absent")]) == 1
    assert "no such file or folder" in capsys.readouterr().err
