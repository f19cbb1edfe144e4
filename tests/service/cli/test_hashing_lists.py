"""``lookalike hash`` as lists that ``import`` takes: ids, labels, what is passed over, resuming."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Command = Callable[..., Any]

FILES = ["cat.webp", "coffee.jpg", "drawings/owl.png"]


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def named(form: str, out: str) -> list[tuple[str, str]]:
    """Id and labels of each line."""
    if form == "csv":
        return [(row["provider_id"], row["labels"]) for row in csv.DictReader(io.StringIO(out))]
    lines = [json.loads(line) for line in out.splitlines()]
    return [(line["provider_id"], ";".join(line.get("labels", []))) for line in lines]


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_a_list_is_imported_as_it_is(lookalike: Command, pictures: Path, form: str) -> None:
    """Ids of paths, labels of folders, and no path where none was asked for."""
    command = ("hash", "pictures", "--role", "reference", "--format", form)
    said = lookalike(*command, "--id", "path", "--label", "folder")
    assert (said.code, said.err) == (0, "")
    assert named(form, said.out) == [(FILES[0], ""), (FILES[1], ""), (FILES[2], "drawings")]
    plain = lookalike(*command)
    assert named(form, plain.out) == [(sha256(pictures / name), "") for name in FILES]
    assert "pictures" not in plain.out
    assert "coffee" not in plain.out
    lookalike("init")
    done = lookalike("import", "-", "--bank", "known", stdin=said.out)
    assert done.code == 0, done.err
    match = lookalike("match", pictures / FILES[2], "--jsonl")
    (source,) = {row["provenance"]["provider_id"] for row in json.loads(match.out)["matches"]}
    assert source == FILES[2]


def test_json_lines_take_ids_too(lookalike: Command, pictures: Path) -> None:
    del pictures
    said = lookalike("hash", "pictures", "--jsonl", "--id", "name")
    lines = [json.loads(line) for line in said.out.splitlines()]
    assert [line["provider_id"] for line in lines] == ["cat.webp", "coffee.jpg", "owl.png"]
    assert lines[0]["path"] == "pictures/cat.webp"


def test_two_files_of_one_id_are_an_error_and_copies_are_not(
    lookalike: Command, pictures: Path
) -> None:
    """What is left out of a list would be missed."""
    shutil.copy(pictures / "cat.webp", pictures / "drawings" / "coffee.jpg")
    said = lookalike("hash", "pictures", "--format", "csv", "--id", "name")
    assert said.code == 1
    assert "error (repeated_id): pictures/drawings/coffee.jpg" in said.err
    assert [name for name, _ in named("csv", said.out)] == ["cat.webp", "coffee.jpg", "owl.png"]
    copies = lookalike("hash", "pictures", "--format", "csv")
    assert (copies.code, len(named("csv", copies.out))) == (0, 3)
    assert "1 file left out: copies of others under the same id" in copies.err


def test_files_that_are_no_images_are_passed_over_where_that_is_meant(
    lookalike: Command, pictures: Path
) -> None:
    """Counted; and what is damaged fails all the same."""
    (pictures / "notes.txt").write_text("no image")
    said = lookalike("hash", "pictures", "--format", "jsonl")
    assert (said.code, "notes.txt" in said.err, len(said.out.splitlines())) == (1, True, 3)
    for form in (("--format", "jsonl"), ("--jsonl",), ()):
        said = lookalike("hash", "pictures", "--skip-unsupported", *form)
        assert said.code == 0
        assert "1 file passed over" in said.err
        assert "notes.txt" not in said.out + said.err
    (pictures / "torn.jpg").write_bytes((pictures / "coffee.jpg").read_bytes()[:2000])
    torn = lookalike("hash", "pictures", "--skip-unsupported", "--format", "jsonl")
    assert (torn.code, "error (unreadable_image)" in torn.err) == (1, True)


@pytest.mark.slow
@pytest.mark.parametrize(
    "options", [("--jsonl",), ("--format", "csv"), ("--format", "jsonl", "--id", "path")]
)
def test_an_interrupted_run_goes_on(
    lookalike: Command, pictures: Path, options: tuple[str, ...]
) -> None:
    """Wherever it was cut: the file comes to what one run would have written."""
    del pictures
    command = ("hash", "pictures", *options, "--resume", "list")
    assert lookalike(*command).code == 0
    whole = Path("list").read_bytes()
    assert Path("list").stat().st_mode & 0o077 == 0
    once = lookalike("hash", "pictures", *options)
    assert once.out.encode() == whole
    again = lookalike(*command)
    assert (again.code, "3 files done before" in again.err) == (0, True)
    assert Path("list").read_bytes() == whole
    lines = whole.splitlines(keepends=True)
    for cut in (5, len(lines[0]), len(whole) - 1):
        Path("list").write_bytes(whole[:cut])
        assert lookalike(*command).code == 0
        assert Path("list").read_bytes() == whole


def test_a_file_that_no_such_run_wrote_stays(lookalike: Command, pictures: Path) -> None:
    del pictures
    for text in ("something of mine\n", "[1]\n", '{"path": 7}\n', "\xff\n"):
        Path("mine").write_bytes(text.encode("latin-1"))
        for options in (("--jsonl",), ("--format", "csv")):
            said = lookalike("hash", "pictures", *options, "--resume", "mine")
            assert (said.code, "cannot_resume" in said.err) == (1, True)
            assert Path("mine").read_bytes() == text.encode("latin-1")


@pytest.mark.parametrize(
    "options",
    [
        ("--id", "path"),
        ("--label", "folder"),
        ("--resume", "list"),
        ("--jsonl", "--format", "csv"),
        ("--format", "csv", "--id", "name", "--resume", "list"),
        ("pictures", "--format", "csv", "--id", "path", "--resume", "list"),
    ],
)
def test_options_that_do_not_fit_are_refused(
    lookalike: Command, pictures: Path, options: tuple[str, ...]
) -> None:
    """Among them those under which one of two files would look as if it had been done."""
    del pictures
    assert lookalike("hash", "pictures", *options).code == 2
    assert not Path("list").exists()


def test_any_name_becomes_an_id(lookalike: Command, pictures: Path) -> None:
    """However long or strange; and a folder whose name is no label is named, not dropped."""
    owl = pictures / "drawings" / "owl.png"
    for name in ("line\nbreak.png", " spaces .png", "x" * 200 + "/" + "y" * 200 + ".png"):
        place = pictures / "odd" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(owl, place)
    said = lookalike("hash", "pictures/odd", "--format", "jsonl", "--id", "path")
    assert said.code == 0, said.err
    ids = [name for name, _ in named("jsonl", said.out)]
    assert len(ids) == len(set(ids)) == 3
    lookalike("init")
    assert lookalike("import", "-", "--bank", "known", stdin=said.out).code == 0
    labelled = lookalike(
        "hash", "pictures/odd", "--format", "jsonl", "--id", "path", "--label", "folder"
    )
    assert (labelled.code, "error (bad_name)" in labelled.err) == (1, True)
