"""Tiny sets laid out as the published ones are, made of the project's own drawings."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import pytest
from PIL import Image

from evaluation.base.errors import PublishedSetError
from evaluation.corpora import samples
from evaluation.published.layouts import open_copydays, open_disc21
from tests.evaluation.commands import run


def _drawings(count: int) -> list[Image.Image]:
    pictures = [sample.image.copy() for sample in islice(samples.drawings(), count)]
    for picture in pictures:
        picture.thumbnail((160, 160))
    return pictures


def _save(image: Image.Image, path: Path, quality: int = 90) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, "JPEG", quality=quality)


def _cut(image: Image.Image, share: float) -> Image.Image:
    width, height = image.size
    return image.crop((0, 0, round(width * (1 - share)), round(height * (1 - share))))


@pytest.fixture
def disc21(tmp_path: Path) -> Path:
    """Four references, three queries (two are copies of the first two), four training images."""
    pictures = _drawings(9)
    for place, picture in enumerate(pictures[:4]):
        _save(picture, tmp_path / "references" / "0" / f"R{place:06d}.jpg")
    _save(pictures[0], tmp_path / "dev_queries" / "Q00000.jpg", 30)
    _save(_cut(pictures[1], 0.1), tmp_path / "dev_queries" / "Q00001.jpg")
    _save(pictures[8], tmp_path / "dev_queries" / "Q00002.jpg")
    for place, picture in enumerate(pictures[4:8]):
        _save(picture, tmp_path / "train" / f"T{place:06d}.jpg")
    (tmp_path / "dev_ground_truth.csv").write_text(
        "query_id,reference_id\nQ00000,R000000\nQ00001,R000001\nQ00002,\n"
    )
    return tmp_path


@pytest.fixture
def copydays(tmp_path: Path) -> Path:
    """Three originals and copies of them: JPEG, crops, strong."""
    for place, picture in enumerate(_drawings(3)):
        _save(picture, tmp_path / "original" / f"20{place:02d}00.jpg")
        for quality in (8, 75):
            name = f"20{place:02d}00.jpg"
            _save(picture, tmp_path / "jpegqual" / str(quality) / name, quality)
        _save(_cut(picture, 0.1), tmp_path / "crops" / "10" / f"20{place:02d}00.jpg")
        _save(picture.convert("L").convert("RGB"), tmp_path / "strong" / f"20{place:02d}01.jpg")
    (tmp_path / "crops" / "readme").mkdir()
    return tmp_path


def test_disc21_is_read_as_released(disc21: Path) -> None:
    data = open_disc21(disc21)
    names = [item.name for item in data.references.items]
    assert names == [f"0/R{place:06d}.jpg" for place in range(4)]
    assert data.truth == {0: frozenset([0]), 1: frozenset([1])}
    assert data.training is not None
    assert len(data.training) == 4


def test_disc21_is_read_as_other_tools_unpack_it(disc21: Path) -> None:
    """No header, other names, no training images; one query with two references."""
    (disc21 / "references").rename(disc21 / "reference_images")
    (disc21 / "dev_queries").rename(disc21 / "query_images_phase2")
    for path in (disc21 / "train").iterdir():
        path.unlink()
    (disc21 / "train").rmdir()
    truth = disc21 / "elsewhere.csv"
    truth.write_text("Q00001,R000001\r\nQ00001,R000003\r\n\r\n")
    data = open_disc21(disc21, "final", truth=truth)
    assert data.truth == {1: frozenset([1, 3])}
    assert data.training is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("query_id,reference_id\nQ99999,R000000\n", "line 2: there is no query 'Q99999'"),
        ("Q00000,R999999\n", "line 1: there is no reference 'R999999'"),
        ("Q00000\n", "line 1: not query_id,reference_id"),
        ("query_id,reference_id\nQ00000,\n", "names no copy"),
        ("", "names no copy"),
        ('"Q00000,R000000\n', "not a readable CSV"),
    ],
)
def test_a_bad_ground_truth_is_refused_with_line_and_reason(
    disc21: Path, text: str, message: str
) -> None:
    (disc21 / "dev_ground_truth.csv").write_text(text)
    with pytest.raises(PublishedSetError, match=message):
        open_disc21(disc21)


def test_what_disc21_lacks_is_named(disc21: Path) -> None:
    with pytest.raises(PublishedSetError, match="holds none of final_queries"):
        open_disc21(disc21, "final")
    _save(Image.new("RGB", (40, 40)), disc21 / "references" / "1" / "R000002.jpg")
    with pytest.raises(PublishedSetError, match="'R000002' comes twice"):
        open_disc21(disc21)


def test_copydays_pairs_files_by_their_first_four_digits(copydays: Path) -> None:
    data = open_copydays(copydays)
    assert [block.name for block in data.blocks] == [
        "original", "strong", "jpegqual/8", "jpegqual/75", "crops/10"
    ]  # fmt: skip
    assert all(block.truth == (0, 1, 2) for block in data.blocks)
    _save(Image.new("RGB", (40, 40)), copydays / "strong" / "200002.jpg")
    assert open_copydays(copydays).blocks[1].truth == (0, 0, 1, 2)


def _stranger(folder: Path) -> None:
    _save(Image.new("RGB", (40, 40)), folder / "strong" / "999900.jpg")


def _nameless(folder: Path) -> None:
    _save(Image.new("RGB", (40, 40)), folder / "strong" / "cat.jpg")


def _twin(folder: Path) -> None:
    _save(Image.new("RGB", (40, 40)), folder / "original" / "200007.jpg")


def _no_originals(folder: Path) -> None:
    (folder / "original").rename(folder / "orig")


def _no_copies(folder: Path) -> None:
    for name in ("strong", "jpegqual", "crops"):
        (folder / name).rename(folder / f"not-{name}")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_stranger, "'999900.jpg' has no original"),
        (_nameless, "'cat.jpg' does not begin with four digits"),
        (_twin, "two originals are numbered 2000"),
        (_no_originals, "holds none of original"),
        (_no_copies, "holds none of strong"),
    ],
)
def test_what_is_not_copydays_is_refused(
    copydays: Path, spoil: Callable[[Path], None], message: str
) -> None:
    spoil(copydays)
    with pytest.raises(PublishedSetError, match=message):
        open_copydays(copydays)


def test_the_command_runs_disc21s_protocol(
    disc21: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Near copies of clean drawings are found by any model, first and above every stranger."""
    (disc21 / "references" / "damaged.jpg").write_bytes(b"\xff\xd8\xff" + bytes(20))
    file = disc21 / "out" / "figures.json"
    assert run(["published", "--disc21", str(disc21), "--json", str(file)]) == 0
    text = capsys.readouterr().out
    assert "µAP" in text
    assert "Not decoded, and so not found: 1 " in text
    rows = json.loads(file.read_text())["disc21"]
    assert [row["signal"] for row in rows] == ["code", "descriptor"]
    for row in rows:
        assert row["raw"]["first"] == 1
        assert row["raw"]["average_precision"] == 1
        assert row["normalised"]["average_precision"] > 0.5


def test_the_command_runs_copydays_protocol(
    copydays: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for place, picture in enumerate(_drawings(6)[3:]):
        _save(picture, tmp_path / "more" / f"{place}.jpg")
    arguments = ["--copydays", str(copydays), "--strangers", str(tmp_path / "more")]
    assert run(["published", *arguments, "--json", str(tmp_path / "figures.json")]) == 0
    assert "jpegqual/75" in capsys.readouterr().out
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert figures["references"] == 6
    precision = {row["block"]: row["average_precision"] for row in figures["copydays"]}
    assert precision["original"] == {"code": 1, "descriptor": 1}
    assert precision["jpegqual/75"] == {"code": 1, "descriptor": 1}
    assert all(0 < value <= 1 for block in precision.values() for value in block.values())


def test_the_command_says_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["published", "--disc21", str(tmp_path)]) == 1
    assert "holds none of references" in capsys.readouterr().err
