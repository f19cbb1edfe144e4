"""Machine code is kept where it can be, and read only where it can be trusted."""

from __future__ import annotations

from pathlib import Path

import pytest

from index.kernels.build import machine_code


def key() -> str:
    return "key"


class Compiler:
    """Stands for half a minute's work, and counts how often it is asked for."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self) -> bytes:
        self.asked += 1
        return b"machine code"


def test_machine_code_is_made_once_and_kept(tmp_path: Path) -> None:
    compiled = Compiler()
    for _ in range(3):
        assert machine_code.kept(key, compiled, [tmp_path / "new"]) == b"machine code"
    assert compiled.asked == 1
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["kernels-key.bin"]


def test_where_the_first_place_cannot_be_written_the_second_is(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    compiled = Compiler()
    for _ in range(2):
        machine_code.kept(key, compiled, [tmp_path / "file" / "no", tmp_path / "yes"])
    assert compiled.asked == 1
    for _ in range(2):
        assert machine_code.kept(key, compiled, [tmp_path / "file" / "no"]) == b"machine code"
    assert compiled.asked == 3


@pytest.mark.parametrize("place", [0, 20, -1])
def test_a_damaged_file_is_made_anew(tmp_path: Path, place: int) -> None:
    compiled = Compiler()
    machine_code.kept(key, compiled, [tmp_path])
    (path,) = tmp_path.iterdir()
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)
    assert machine_code.kept(key, compiled, [tmp_path]) == b"machine code"
    path.write_bytes(path.read_bytes()[:9])
    assert machine_code.kept(key, compiled, [tmp_path]) == b"machine code"
    assert compiled.asked == 3


def test_code_that_others_could_have_written_is_not_loaded(tmp_path: Path) -> None:
    compiled = Compiler()
    machine_code.kept(key, compiled, [tmp_path])
    (path,) = tmp_path.iterdir()
    path.chmod(0o666)
    machine_code.kept(key, compiled, [tmp_path])
    assert compiled.asked == 2
    assert path.stat().st_mode & 0o777 == 0o644


def test_code_in_a_folder_open_to_all_is_not_loaded(tmp_path: Path) -> None:
    compiled = Compiler()
    machine_code.kept(key, compiled, [tmp_path])
    tmp_path.chmod(0o777)
    machine_code.kept(key, compiled, [tmp_path])
    assert compiled.asked == 2
    tmp_path.chmod(0o1777)
    machine_code.kept(key, compiled, [tmp_path])
    assert compiled.asked == 2


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    compiled = Compiler()
    machine_code.kept(key, compiled, [tmp_path / "there"])
    (path,) = (tmp_path / "there").iterdir()
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / path.name).symlink_to(path)
    machine_code.kept(key, compiled, [tmp_path / "here"])
    assert compiled.asked == 2


def test_code_whose_sources_changed_meanwhile_is_not_kept(tmp_path: Path) -> None:
    """Compiled from one state of the files, it would pass for another's."""
    keys = iter(["before", "after"])
    assert machine_code.kept(lambda: next(keys), Compiler(), [tmp_path]) == b"machine code"
    assert list(tmp_path.iterdir()) == []


def test_a_user_without_a_home_has_one_place_less(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless(_path: Path) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert len(list(machine_code.folders())) == 2
    monkeypatch.setattr(Path, "expanduser", homeless)
    assert len(list(machine_code.folders())) == 1


def test_a_relative_cache_folder_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would load code from wherever the process was started."""
    monkeypatch.setenv("XDG_CACHE_HOME", "cache")
    assert all(place.is_absolute() for place in machine_code.folders())
