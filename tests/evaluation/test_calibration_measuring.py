"""The whole calibration on the project's own pictures, with an encoder whose codes are known."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from embeddings import codes
from embeddings.network.checkpoint import ModelInfo
from embeddings.network.encoder import Encoded
from evaluation.base import terminal
from evaluation.base.errors import CalibrationError
from evaluation.base.progress import Progress
from evaluation.corpora import samples
from evaluation.corpora.corpus import Corpus, open_corpus
from evaluation.radii.calibration.gathering import CLASSES, gather, planned
from evaluation.radii.calibration.measuring import CalibrationResult, calibrate
from evaluation.radii.calibration.rates import pairs_needed
from evaluation.radii.calibration.table import tables
from tests.evaluation.commands import run

pytestmark = pytest.mark.slow

TARGET = 0.01


class _Encoder:
    """256 brightness comparisons within a thumbnail: a code that mild edits leave nearly alone."""

    device = "test"
    info = ModelInfo("test-256-0", 32, 32, 0.0, 1.0, {}, {}, "")

    def encode(self, images: Sequence[NDArray[np.uint8]]) -> Encoded:
        rows = []
        for image in images:
            small = Image.fromarray(image).convert("L").resize((17, 16), Image.Resampling.BOX)
            pixels = np.asarray(small, np.float32)
            rows.append((pixels[:, 1:] - pixels[:, :-1]).ravel())
        descriptors = np.stack(rows).astype(np.float32)
        return Encoded(codes.from_descriptors(descriptors), descriptors)

    def encode_references(self, images: Sequence[NDArray[np.uint8]]) -> Encoded:
        return self.encode(images)


def _save(folder: Path, pictures: Sequence[samples.Sample]) -> Path:
    for sample in pictures:
        small = sample.image.copy()
        small.thumbnail((120, 120))
        path = folder / sample.kind / f"{sample.name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        small.save(path)
    return folder


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Eleven photographs, 12 drawings, a flat and a damaged picture; and 14 more drawings."""
    root = tmp_path_factory.mktemp("calibration")
    drawings = list(islice(samples.drawings(), 26))
    first = _save(root / "first", [*samples.photographs(), *drawings[:12]])
    Image.new("RGB", (90, 90), (200, 200, 200)).save(first / "photo" / "flat.png")
    (first / "nonphoto" / "damaged.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(12))
    return first, _save(root / "second", drawings[12:])


@pytest.fixture(scope="module")
def corpora(folders: tuple[Path, Path]) -> list[Corpus]:
    return [open_corpus(folder) for folder in folders]


@pytest.fixture(scope="module")
def result(corpora: list[Corpus]) -> CalibrationResult:
    return calibrate(corpora, _Encoder(), target=TARGET, samples=40, command="as typed")


def test_copies_come_from_the_first_corpus_and_strangers_from_all(corpora: list[Corpus]) -> None:
    plan = planned(corpora, 0, 1)
    gathered = gather(plan, _Encoder())
    assert all(label.startswith("first/") for label in gathered.copies.labels)
    for side in (gathered.references, gathered.unrelated):
        assert {label.split("/")[0] for label in side.labels} == {"first", "second"}
        assert len(side.codes) == len(side.classes) == len(side.matchable) == len(side.labels)
    # A copy's label names the reference it was made from.
    for label, place in zip(gathered.copies.labels, gathered.copied.tolist(), strict=True):
        assert label.rsplit(" (", 1)[0] == gathered.references.labels[place]
    references = set(gathered.references.labels)
    queried = {label.rsplit(" (", 1)[0] for label in gathered.unrelated.labels}
    assert not references & queried
    # Each stranger once as it is and once in each of three families.
    assert len(gathered.unrelated.labels) == 4 * len(queried)
    assert len(gathered.references.codes) * len(gathered.unrelated.codes) <= plan.pairs()
    assert gathered.skipped == {"unreadable_image": 1}
    flat = [not one for one, label in zip(
        gathered.references.matchable.tolist() + gathered.unrelated.matchable.tolist(),
        gathered.references.labels + gathered.unrelated.labels, strict=True
    ) if label == "first/photo/flat.png"]  # fmt: skip
    assert flat == [True]
    assert max(gathered.references.classes) < CLASSES


def test_rates_are_those_of_all_matchable_pairs_by_kind(
    corpora: list[Corpus], result: CalibrationResult
) -> None:
    gathered = gather(planned(corpora, 0, 1), _Encoder())
    away = codes.distances(gathered.unrelated.codes, gathered.references.codes)
    ok = gathered.unrelated.matchable[:, None] & gathered.references.matchable
    left, right = gathered.unrelated.classes[:, None], gathered.references.classes
    strata = {
        "any": ok,
        "photographic": ok & (left // 2 == 0) & (right // 2 == 0),
        "non_photographic": ok & (left // 2 == 1) & (right // 2 == 1),
        "low_structure": ok & ((left % 2 == 1) | (right % 2 == 1)),
    }
    assert set(strata) == set(result.curves)
    for name, chosen in strata.items():
        for point in result.curves[name]:  # type: ignore[index]
            assert point.pairs == chosen.sum()
            assert point.matches == (away[chosen] <= point.radius).sum()
    closest = min(away[ok])
    assert result.closest[0].distance == closest
    assert len({(pair.query.rsplit(" (", 1)[0], pair.reference) for pair in result.closest}) == len(
        result.closest
    )


def test_recall_counts_what_may_not_be_matched_as_missed(
    corpora: list[Corpus], result: CalibrationResult
) -> None:
    gathered = gather(planned(corpora, 0, 1), _Encoder())
    of = gathered.references.codes[gathered.copied]
    hits = 0
    for place in range(len(of)):
        away = codes.distances(gathered.copies.codes[place : place + 1], of[place : place + 1])
        ok = gathered.copies.matchable[place]
        ok = ok and gathered.references.matchable[gathered.copied[place]]
        hits += bool(ok and away[0, 0] <= 48)
    assert result.recall["any"][48].value == pytest.approx(hits / len(of))


def test_recommended_radii_keep_to_the_target(result: CalibrationResult) -> None:
    assert set(result.recommended) | set(result.refused) == {
        "photographic", "non_photographic", "any"
    }  # fmt: skip
    assert "any" in result.recommended
    for imagery, one in result.recommended.items():
        false = result.curves[imagery][one.point.radius]
        assert one.point.high == false.high <= TARGET
        assert one.point.recall_low <= one.point.recall <= one.point.recall_high
        assert one.expected[10_000] == pytest.approx(one.point.high * 1e10)
    largest = [one.point.radius for one in result.recommended.values()]
    assert result.recommended["any"].point.radius <= max(largest)


def test_equal_seeds_calibrate_alike(corpora: list[Corpus], result: CalibrationResult) -> None:
    again = calibrate(corpora, _Encoder(), target=TARGET, samples=40)
    assert repr(again.curves) == repr(result.curves)
    assert repr(again.recommended) == repr(result.recommended)


def test_too_few_images_are_refused_before_any_is_decoded(corpora: list[Corpus]) -> None:
    stages: list[str] = []

    def watch(stage: str, _done: int, _total: int) -> None:
        stages.append(stage)

    with pytest.raises(CalibrationError, match=f"at least {pairs_needed(1e-6)} are needed"):
        calibrate(corpora, _Encoder(), progress=watch)
    with pytest.raises(CalibrationError, match="between 0 and 1"):
        calibrate(corpora, _Encoder(), target=2, progress=watch)
    assert not stages


def test_the_report_fits_a_terminal_and_the_json_holds_numbers(
    result: CalibrationResult, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "made" / "calibration.json"

    def found(_progress: Progress) -> tuple[object, dict[str, object]]:
        return tables(result), result.to_json()

    assert terminal.run(found, file) == 0  # type: ignore[arg-type]
    text = capsys.readouterr().out
    assert max(len(line.rstrip()) for line in text.splitlines()) <= terminal.WIDTH
    assert "…" not in text
    for words in ("non-photographs", "low structure", "Recommended", "command: as typed"):
        assert words in text
    figures = json.loads(file.read_text())
    assert figures["recommended"]["any"]["point"]["radius"] == (
        result.recommended["any"].point.radius
    )
    assert len(figures["curves"]["any"]) == 129
    assert figures["provenance"]["command"] == "as typed"


def test_the_command_says_what_is_missing(
    folders: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = ["--json", str(tmp_path / "x.json")]
    assert run(["calibrate", "--images", str(folders[0]), "--more", str(folders[1]), *out]) == 1
    assert "are needed to show a false rate" in capsys.readouterr().err
    assert run(["calibrate", "--images", str(tmp_path / "absent"), *out]) == 1
    assert "no such file or folder" in capsys.readouterr().err


def test_the_command_calibrates_the_shipped_model(
    folders: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "calibration.json"
    arguments = ["--images", str(folders[0]), "--json", str(file), "--samples", "20"]
    assert run(["calibrate", *arguments, "--target", "0.05"]) == 0
    assert "False matches per pair" in capsys.readouterr().out
    figures = json.loads(file.read_text())
    assert figures["provenance"]["command"].endswith("--target 0.05")
    assert figures["recommended"]["any"]["point"]["high"] <= 0.05


def test_pairs_of_one_work_are_no_false_matches(
    corpora: list[Corpus], result: CalibrationResult
) -> None:
    """All that is left out is what was listed, with its distance; and it is not shown as close."""
    nearest = result.closest[0]
    query, reference = (
        name.rsplit(" (", 1)[0].split("/", 1)[1] for name in (nearest.query, nearest.reference)
    )
    related = frozenset({(reference, query), ("none", "other")})
    fewer = calibrate(
        corpora, _Encoder(), related=related, target=TARGET, samples=40, command="as typed"
    )
    before, after = result.curves["any"], fewer.curves["any"]
    assert (result.related, fewer.related > 0) == (0, True)
    assert before[0].pairs - after[0].pairs == fewer.related
    lost = [one.matches - other.matches for one, other in zip(before, after, strict=True)]
    assert lost[nearest.distance] > 0
    assert lost == sorted(lost)
    assert lost[-1] <= fewer.related
    assert {query, reference} not in [
        {name.rsplit(" (", 1)[0].split("/", 1)[1] for name in (one.query, one.reference)}
        for one in fewer.closest
    ]
    assert len(fewer.closest) >= len(result.closest) - 1
    assert fewer.recall == result.recall
