"""``lookalike hash``: what an analyst on an isolated machine sees."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from embeddings.codes import belongs, from_hex

Command = Callable[..., Any]
Script = Callable[..., subprocess.Popen[bytes]]

FIELDS = [
    "path", "md5", "sha1", "sha256", "pdq", "pdq_quality",
    "codes", "code_role", "quality", "photographic", "width", "height",
]  # fmt: skip


def test_json_lines_have_the_contract_s_fields_in_sorted_order(
    lookalike: Command, pictures: Path
) -> None:
    said = lookalike("hash", "pictures", "--jsonl")
    assert (said.code, said.err) == (0, "")
    lines = [json.loads(line) for line in said.out.splitlines()]
    assert [line["path"] for line in lines] == [
        "pictures/cat.webp",
        "pictures/coffee.jpg",
        "pictures/drawings/owl.png",
    ]
    for line in lines:
        assert list(line) == FIELDS
        data = (pictures.parent / line["path"]).read_bytes()
        assert line["sha256"] == hashlib.sha256(data).hexdigest()
        assert len(from_hex(line["pdq"])) == 32
        assert {len(from_hex(code)) for code in line["codes"].values()} == {32}
    assert (lines[1]["width"], lines[1]["height"]) == (600, 400)


def test_the_table_is_readable_and_fits(lookalike: Command, pictures: Path) -> None:
    del pictures
    said = lookalike("hash", "pictures")
    assert said.code == 0
    assert max(map(len, said.out.splitlines())) <= 100
    assert "600x400" in said.out


def test_files_that_fail_are_named_with_their_code_and_the_rest_is_done(
    lookalike: Command, pictures: Path
) -> None:
    (pictures / "empty.jpg").touch()
    (pictures / "notes.txt").write_text("no image")
    (pictures / "torn.jpg").write_bytes((pictures / "coffee.jpg").read_bytes()[:2000])
    said = lookalike("hash", "pictures", "nowhere.png", "--jsonl")
    assert said.code == 1
    assert said.err == "4 of 7 files failed: their lines hold an error instead of hashes\n"
    lines = [json.loads(line) for line in said.out.splitlines()]
    errors = {line["path"]: line["error"] for line in lines if "error" in line}
    assert {path: error["code"] for path, error in errors.items()} == {
        "pictures/empty.jpg": "empty_file",
        "pictures/notes.txt": "unsupported_image",
        "pictures/torn.jpg": "unreadable_image",
        "nowhere.png": "file_not_found",
    }
    assert all(set(error) == {"code", "message"} for error in errors.values())
    shown = lookalike("hash", "pictures", "nowhere.png")
    assert "error (file_not_found): nowhere.png: there is no such file" in shown.err
    assert "coffee.jpg" in shown.out
    assert "empty.jpg" in shown.out


def test_limits_come_from_the_environment(
    lookalike: Command, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del pictures
    monkeypatch.setenv("LOOKALIKE_MAX_PIXELS", "200000")
    said = lookalike("hash", "pictures", "--jsonl")
    codes = [json.loads(line).get("error", {}).get("code") for line in said.out.splitlines()]
    assert codes == [None, "too_many_pixels", "too_many_pixels"]
    monkeypatch.setenv("LOOKALIKE_MAX_PIXELS", "many")
    said = lookalike("hash", "pictures")
    assert (said.code, said.out) == (1, "")
    assert said.err.startswith("error (bad_setting): LOOKALIKE_MAX_PIXELS")


def test_any_file_name_can_be_reported(lookalike: Command, pictures: Path) -> None:
    """Not UTF-8, with a line break, or with what a terminal would act on."""
    names = [b"\xff.png", b"line\nbreak.png", b"\x1b[31mred.png"]
    for name in names:
        (pictures / os.fsdecode(name)).symlink_to(pictures / "drawings" / "owl.png")
    said = lookalike("hash", "pictures", "--jsonl")
    assert said.code == 0
    found = {os.fsencode(json.loads(line)["path"]) for line in said.out.splitlines()}
    assert {b"pictures/" + name for name in names} <= found
    assert "\x1b[31m" not in lookalike("hash", "pictures").out


def test_an_empty_folder_is_said_to_be_empty(lookalike: Command, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    said = lookalike("hash", "empty", "--jsonl")
    assert (said.code, said.out, said.err) == (0, "", "no files found\n")


def test_ctrl_c_ends_it_without_a_traceback(script: Script, pictures: Path) -> None:
    for number in range(200):
        (pictures / f"copy-{number}.png").symlink_to(pictures / "drawings" / "owl.png")
    process = script("hash", pictures, "--jsonl")
    assert process.stdout is not None
    json.loads(process.stdout.readline())
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (130, b"")
    for line in out.splitlines():
        json.loads(line)


def test_a_reader_that_leaves_is_no_reason_for_a_traceback(script: Script, pictures: Path) -> None:
    for number in range(50):
        (pictures / f"copy-{number}.png").symlink_to(pictures / "drawings" / "owl.png")
    process = script("hash", pictures, "--jsonl")
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait(60) == 1


def test_a_list_s_codes_say_that_they_are_and_have_no_descriptors(
    lookalike: Command, pictures: Path
) -> None:
    """Another code of the same space; everything else is as it is of a query."""
    asked, listed = (
        json.loads(lookalike("hash", "pictures/coffee.jpg", "--jsonl", *role).out)
        for role in (("--descriptors",), ("--role", "reference"))
    )
    (space,) = asked["codes"]
    descriptor = bytes.fromhex(asked["descriptors"][space])
    assert len(descriptor) == 256
    assert belongs(descriptor, from_hex(asked["codes"][space]))
    assert (asked["code_role"], listed["code_role"]) == ("query", "reference")
    assert set(listed["codes"]) == {space}
    assert listed["codes"] != asked["codes"]
    same = set(FIELDS) - {"codes", "code_role"}
    assert {name: listed[name] for name in same} == pytest.approx(
        {name: asked[name] for name in same}
    )
    for refused in (("--descriptors",), ("--jsonl", "--descriptors", "--role", "reference")):
        said = lookalike("hash", str(pictures), *refused)
        assert said.code == 2
        assert "--descriptors" in said.err


def test_a_list_is_listed_again_where_its_images_are_at_hand(
    lookalike: Command, pictures: Path
) -> None:
    """Codes are made anew, in place; ids, labels and what has no image stay."""
    lines = [json.loads(line) for line in lookalike("hash", "pictures", "--jsonl").out.splitlines()]
    old = [
        {"provider_id": "A-1", "labels": ["A"], **{k: lines[0][k] for k in ("sha1", "codes")}},
        {k: lines[1][k] for k in ("md5", "codes", "pdq")},
        {"provider_id": "gone", "md5": "0f" * 16, "codes": {"other-1": "5f" * 32}},
    ]
    file = pictures.parent / "list.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in old))
    assert lookalike("init").code == 0
    assert lookalike("import", str(file), "--bank", "b").code == 0
    said = lookalike("relist", str(file), "pictures")
    assert (said.code, said.err.splitlines()[-1]) == (0, "2 of 3 entries listed again")
    again = pictures.parent / "again.jsonl"
    again.write_text(said.out)
    made = [json.loads(line) for line in said.out.splitlines() if "entries" not in line]
    assert [(one["provider_id"][:3], one.get("labels")) for one in made] == [
        ("A-1", ["A"]),
        ("h_" + made[1]["provider_id"][2], None),
        ("gon", None),
    ]
    assert [one.get("code_role") for one in made] == ["reference", "reference", None]
    assert made[1]["pdq"] == old[1]["pdq"]
    assert made[2] == old[2]
    assert lookalike("import", str(again), "--bank", "b").code == 0
    held = lookalike("export", "--bank", "b", "--format", "jsonl").out.splitlines()
    assert [json.loads(line) for line in held if "entries" not in line] == made
