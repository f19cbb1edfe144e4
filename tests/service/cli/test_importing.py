"""``lookalike import`` and ``export``, as a list operator uses them."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from service.store import DEFAULT_LIST, LOCAL_PROVIDER, Entry, Store, open_store

Command = Callable[..., Any]

pytestmark = pytest.mark.usefixtures("made")


def _hash(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()


def _list(path: Path, *numbers: int, extra: str = "") -> Path:
    lines = ["provider_id,sha256,pdq,pdq_quality,labels"]
    lines += [f"n-{n},{_hash(n)},{_hash(-n)},90,A" for n in numbers]
    path.write_text("\n".join(lines) + "\n" + extra)
    return path


def held(store: Store, bank: str) -> list[Entry]:
    with store.entries.export(bank) as export:
        return list(export.entries)


def _ids(data: Path, bank: str = "known") -> list[str]:
    store = open_store(data, create=False)
    try:
        return sorted(entry.provider_id for entry in held(store, bank))
    finally:
        store.close()


def test_a_list_is_imported_and_its_next_version_replaces_it(
    lookalike: Command, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    first = lookalike("import", _list(tmp_path / "1.csv", 1, 2, 3), "--bank", "known")
    assert (first.code, _ids(data)) == (0, ["n-1", "n-2", "n-3"])
    assert "bank 'known' is new" in first.err
    second = lookalike("import", _list(tmp_path / "2.csv", 2, 3, 4), "--bank", "known")
    assert (second.code, _ids(data)) == (0, ["n-2", "n-3", "n-4"])
    # added, updated, removed, unchanged, repeated, rejected
    assert second.out.splitlines()[-1].split() == ["1", "0", "1", "2", "0", "0"]
    assert "new" not in second.err


def test_a_dry_run_says_the_same_and_changes_nothing(lookalike: Command, tmp_path: Path) -> None:
    list_file = _list(tmp_path / "1.csv", 1, 2)
    nowhere = lookalike("import", list_file, "--bank", "known", "--dry-run", "--data", "nowhere")
    assert nowhere.code == 0
    assert "no store yet" in nowhere.err
    assert not (tmp_path / "nowhere").exists()
    lookalike("import", list_file, "--bank", "known")
    store_file = tmp_path / "data" / "lookalike.db"
    before = store_file.read_bytes()
    dry = lookalike(
        "import",
        _list(tmp_path / "2.csv", 2, 3),
        "--bank",
        "known",
        "--dry-run",
        "--list-version",
        "7",
    )
    assert dry.code == 0
    assert "dry run: nothing changed" in dry.out
    assert _ids(tmp_path / "data") == ["n-1", "n-2"]
    assert store_file.read_bytes() == before


def test_bad_lines_are_named_and_too_many_of_them_stop_everything(
    lookalike: Command, tmp_path: Path
) -> None:
    bad = _list(tmp_path / "bad.csv", 1, 2, extra="x,zz,,,\n\nn-1," + _hash(9) + ",,,\n")
    refused = lookalike("import", bad, "--bank", "known")
    assert refused.code == 1
    assert "line 4: sha256 must be 64 hex digits, not 2 characters like this" in refused.err
    assert "line 6: line 2 has the same id with other content" in refused.err
    assert "error (too_many_rejected): 2 bad lines" in refused.err
    with pytest.raises(Exception, match="no bank is named"):
        _ids(tmp_path / "data")
    dry = lookalike("import", bad, "--bank", "known", "--dry-run")
    assert (dry.code, "nothing would be imported" in dry.err) == (1, True)
    taken = lookalike("import", bad, "--bank", "known", "--max-rejected", "2")
    assert (taken.code, _ids(tmp_path / "data")) == (0, ["n-1", "n-2"])
    assert "line 4:" in taken.err


def test_only_the_first_bad_lines_are_shown(lookalike: Command, tmp_path: Path) -> None:
    bad = _list(tmp_path / "bad.csv", 1, extra="x,zz,,,\n" * 50)
    refused = lookalike("import", bad, "--bank", "known")
    assert refused.err.count("\nline ") + refused.err.startswith("line ") == 20
    assert "… and 30 more" in refused.err


def test_what_is_not_read_and_what_is_digest_only_is_said(
    lookalike: Command, tmp_path: Path
) -> None:
    path = tmp_path / "list.jsonl"
    path.write_text(
        json.dumps({"sha256": _hash(1), "pdq": _hash(2), "pdq_quality": 3, "vision": "AAAA"})
    )
    said = lookalike("import", path, "--bank", "known")
    assert said.code == 0
    assert "not read: vision" in said.err
    assert "1 entry with too little structure" in said.err


def test_stdin_provider_list_and_version_are_kept(lookalike: Command, tmp_path: Path) -> None:
    text = f"pdq {_hash(1)}\n"
    lookalike("init", "--data", tmp_path / "elsewhere")
    said = lookalike(
        "import", "-", "--bank", "known", "--provider", "hotline", "--list", "npi",
        "--list-version", "2026-11-22", "--data", tmp_path / "elsewhere", stdin=text,
    )  # fmt: skip
    assert said.code == 0
    store = open_store(tmp_path / "elsewhere", create=False)
    (entry,) = held(store, "known")
    assert (entry.provider, entry.list, entry.list_version) == ("hotline", "npi", "2026-11-22")
    store.close()


def test_the_defaults_named_in_the_help_are_the_store_s(lookalike: Command) -> None:
    said = lookalike("import", "--help")
    assert f"[default: {LOCAL_PROVIDER}]" in " ".join(said.out.split())
    assert f"[default: {DEFAULT_LIST}]" in " ".join(said.out.split())


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("import", "nothing.csv", "--bank", "b"), "error (os_error): nothing.csv: No such file"),
        (("import", ".", "--bank", "b"), "error (not_a_file): . is a folder, not a list"),
        (("import", "list.csv", "--bank", "b", "--format", "xml"), "error (unknown_format)"),
        (("import", "list.csv", "--bank", "a/b"), "error (bad_name)"),
        (("import", "hashes", "--bank", "b"), "error (unreadable_list): the first line is a bare"),
        (("export", "--bank", "b", "--data", "x"), "error (store_missing): there is no store in"),
        (("import", "list.csv", "--bank", "b", "--data", "x"), "error (store_missing)"),
    ],
)
def test_mistakes_get_one_line_and_no_traceback(
    lookalike: Command, tmp_path: Path, arguments: tuple[str, ...], error: str
) -> None:
    _list(tmp_path / "list.csv", 1)
    (tmp_path / "hashes").write_text(_hash(1) + "\n")
    said = lookalike(*arguments)
    assert (said.code, said.out) == (1, "")
    assert said.err.startswith(error)
    assert len(said.err.splitlines()) == 1


@pytest.mark.parametrize("name", ["csv", "jsonl"])
def test_an_export_imports_as_the_same_entries(
    lookalike: Command, tmp_path: Path, name: str
) -> None:
    lookalike("import", _list(tmp_path / "1.csv", 1, 2, 3), "--bank", "known")
    exported = lookalike("export", "--bank", "known", "--format", name)
    assert (exported.code, exported.err) == (0, "3 entries of 'known'\n")
    back = lookalike("import", "-", "--bank", "copy", stdin=exported.out)
    assert back.code == 0
    store = open_store(tmp_path / "data", create=False)
    assert [(e.provider_id, e.signals, e.labels) for e in held(store, "known")] == [
        (e.provider_id, e.signals, e.labels) for e in held(store, "copy")
    ]
    store.close()


def test_entries_of_several_lists_keep_apart_when_they_are_exported(
    lookalike: Command, tmp_path: Path
) -> None:
    """Two providers may use the same id; one list may not."""
    list_file = _list(tmp_path / "1.csv", 1)
    lookalike("import", list_file, "--bank", "known", "--provider", "a")
    lookalike("import", list_file, "--bank", "known", "--provider", "b")
    exported = lookalike("export", "--bank", "known")
    assert lookalike("import", "-", "--bank", "copy", stdin=exported.out).code == 0
    assert _ids(tmp_path / "data", "copy") == ["a/default/n-1", "b/default/n-1"]


def test_long_ids_of_several_lists_are_shortened_and_stay_apart(
    lookalike: Command, tmp_path: Path
) -> None:
    """An exported list can be imported whatever its providers are called, and twice the same."""
    lines = "".join(f"{'x' * 255}{n},{_hash(n)}\n" for n in range(3))
    (tmp_path / "1.csv").write_text(f"provider_id,sha256\n{lines}")
    lookalike("import", tmp_path / "1.csv", "--bank", "known", "--provider", "a" * 128)
    lookalike("import", tmp_path / "1.csv", "--bank", "known", "--provider", "b")
    exported = lookalike("export", "--bank", "known")
    assert lookalike("import", "-", "--bank", "copy", stdin=exported.out).code == 0
    ids = _ids(tmp_path / "data", "copy")
    assert (len(set(ids)), {len(id_) for id_ in ids}) == (6, {256})
    assert lookalike("export", "--bank", "known").out == exported.out


def test_text_is_what_threatexchange_reads(lookalike: Command, tmp_path: Path) -> None:
    lookalike("import", _list(tmp_path / "1.csv", 1), "--bank", "known")
    exported = lookalike("export", "--bank", "known", "--format", "text")
    # Of what begins with "#" its reader makes a signal type that it does not know, and passes over.
    assert exported.out == f"# entries: 2\nsha256 {_hash(1)}\npdq {_hash(-1)}\n"


def test_a_folder_is_no_list_and_the_way_to_make_one_is_said(
    lookalike: Command, tmp_path: Path
) -> None:
    (tmp_path / "my pictures").mkdir()
    said = lookalike("import", "my pictures", "--bank", "known")
    assert (said.code, said.out) == (1, "")
    assert said.err.startswith("error (not_a_file): my pictures is a folder")
    assert "lookalike hash --jsonl 'my pictures'" in said.err


def test_a_list_that_lost_its_end_changes_nothing_until_told(
    lookalike: Command, tmp_path: Path
) -> None:
    whole, cut = _list(tmp_path / "1.csv", *range(20)), _list(tmp_path / "2.csv", *range(15))
    lookalike("import", whole, "--bank", "known")
    refused = lookalike("import", cut, "--bank", "known")
    assert (refused.code, refused.out, len(_ids(tmp_path / "data"))) == (1, "", 20)
    assert "error (list_shrinks): 5 of the list's 20 entries" in refused.err
    assert "nothing was imported" in refused.err
    assert "--allow-shrink" in refused.err
    dry = lookalike("import", cut, "--bank", "known", "--dry-run")
    assert (dry.code, "nothing would be imported" in dry.err, "20" in dry.out) == (1, True, False)
    allowed = lookalike("import", cut, "--bank", "known", "--allow-shrink")
    assert (allowed.code, len(_ids(tmp_path / "data"))) == (0, 15)


def test_an_export_that_was_cut_off_is_refused(lookalike: Command, tmp_path: Path) -> None:
    lookalike("import", _list(tmp_path / "1.csv", *range(9)), "--bank", "known")
    for name in ("csv", "jsonl", "text"):
        lines = lookalike("export", "--bank", "known", "--format", name).out.splitlines()
        said = lookalike("import", "-", "--bank", "copy", stdin="\n".join(lines[:-1]))
        assert said.code == 1
        assert said.err.startswith("error (incomplete_list): the list says that it has")


def test_a_list_of_bad_lines_alone_is_a_failure(lookalike: Command, tmp_path: Path) -> None:
    """However many are tolerated: neither a bank nor a version comes of it."""
    (tmp_path / "bad.csv").write_text("md5,sha1\nzz,\n,yy\n")
    for more in ((), ("--dry-run",)):
        said = lookalike("import", "bad.csv", "--bank", "known", "--max-rejected", "9", *more)
        assert (said.code, said.out) == (1, "")
        assert "line 2: md5 must be 32 hex digits" in said.err
        assert "error (empty_list): every line was rejected, 2 in all" in said.err
    with pytest.raises(Exception, match="no bank is named"):
        _ids(tmp_path / "data")


def test_every_bad_line_is_written_with_its_number_field_and_reason(
    lookalike: Command, tmp_path: Path
) -> None:
    """Those that cannot be read, and those that contradict another line."""
    lines = ["provider_id,md5"] + [f"{n},zz" for n in range(1500)]
    (tmp_path / "bad.csv").write_text("\n".join([*lines, "a," + "0" * 32, "a," + "1" * 32]) + "\n")
    said = lookalike("import", "bad.csv", "--bank", "known", "--rejected", "why.csv")
    assert said.code == 1
    rows = (tmp_path / "why.csv").read_text().splitlines()
    assert rows[0] == "line,field,reason"
    assert rows[1] == '2,md5,"md5 must be 32 hex digits, not 2 characters like this"'
    assert len(rows) == 1 + 1500 + 1
    assert rows[-1] == ",provider_id,1 more lines repeat an id with other content"
    assert (tmp_path / "why.csv").stat().st_mode & 0o077 == 0


def test_a_list_is_read_by_a_map_and_out_of_an_archive(lookalike: Command, tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text(f"Image ID,SHA-256,Category\n7,{_hash(1)},2\n")
    (tmp_path / "list.csv.gz").write_bytes(gzip.compress((tmp_path / "list.csv").read_bytes()))
    said = lookalike("import", "list.csv.gz", "--bank", "known", "--map", "iwf")
    assert said.code == 0, said.err
    store = open_store(tmp_path / "data", create=False)
    try:
        assert [(one.provider_id, one.labels) for one in held(store, "known")] == [("7", ("B",))]
    finally:
        store.close()
    wrong = lookalike("import", "list.csv", "--bank", "known", "--map", "nothing")
    assert (wrong.code, wrong.err[:15]) == (1, "error (bad_map)")


def test_what_a_list_says_and_nobody_lists_is_said(lookalike: Command, tmp_path: Path) -> None:
    media = [{"Category": 0, "MD5": "0" * 32}, {"Category": 1, "MD5": "1" * 32}]
    (tmp_path / "set.json").write_text(json.dumps({"@odata.context": "x#Media", "value": media}))
    said = lookalike("import", "set.json", "--bank", "known")
    assert said.code == 0, said.err
    assert "not listed: media not pertinent, once" in said.err
