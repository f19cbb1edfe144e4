"""Commands on a real terminal of 80 and of 100 columns: what people see of them."""

from __future__ import annotations

import fcntl
import hashlib
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from evaluation.corpora import samples
from evaluation.showing.report import _Rows
from service.cli.demo.cases import DemoQuery
from service.cli.demo.command import Outcome, table
from service.cli.progress import list_progress

Command = Callable[..., Any]

_PROGRAM = Path(sys.executable).parent / "lookalike"
_CONTROL = re.compile(rb"\x1b\[[0-9;?]*[a-zA-Z]")
_WIDTHS = (80, 100)

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("made")]


@dataclass(frozen=True)
class Seen:
    """What a command sent to its terminal."""

    code: int
    raw: str
    """With what a terminal acts on."""

    @property
    def lines(self) -> list[str]:
        """As text, each state that a line of progress went through a line of its own."""
        return re.split(r"\r?\n|\r", _CONTROL.sub(b"", self.raw.encode()).decode())


def on_terminal(width: int, *arguments: str | Path, colour: bool = True) -> Seen:
    """Run the console script in a terminal of ``width`` columns that is both stdout and stderr."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, width, 0, 0))
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": str(width)}
    if not colour:
        environment["NO_COLOR"] = "1"
    process = subprocess.Popen(
        [_PROGRAM, *arguments], stdin=theirs, stdout=theirs, stderr=theirs, env=environment
    )
    os.close(theirs)
    said = bytearray()
    try:
        while True:
            ready, _, _ = select.select([ours], [], [], 240)
            assert ready, "the command says nothing"
            chunk = os.read(ours, 65536)
            if not chunk:
                break
            said += chunk
    except OSError:  # a terminal whose other end was closed
        pass
    finally:
        os.close(ours)
    return Seen(process.wait(60), said.decode())


def _fit(seen: Seen, width: int) -> None:
    assert max(map(len, seen.lines)) <= width
    assert "…" not in seen.raw.replace(" …", "")  # nothing of a table is cut off


@pytest.fixture
def listed(lookalike: Command, made: None, pictures: Path) -> Path:
    """A store that lists the pictures; beside them a copy, a stranger, and what is no image."""
    del made
    hashed = lookalike("hash", "pictures", "--jsonl")
    assert lookalike("import", "-", "--bank", "known", stdin=hashed.out).code == 0
    samples.drawing("owl").image.save(
        pictures / "another owl, with a rather long name.jpg", quality=60
    )
    samples.photograph("gravel").image.save(pictures / "stranger.png")
    (pictures / "notes.txt").write_text("no image")
    return pictures


@pytest.mark.parametrize("width", _WIDTHS)
def test_match_shows_verdicts_distances_and_failures(listed: Path, width: int) -> None:
    seen = on_terminal(width, "match", listed.name)
    _fit(seen, width)
    assert seen.code == 1
    text = "\n".join(seen.lines)
    for words in ("verdict", "block", "review", "none", "failed", "unsupported_image"):
        assert words in text
    assert re.search(r"pdq \d+ of 31 bits", text)
    assert re.search(r"code score \d+, from \d+", text)
    for style in ("\x1b[1;31mblock", "\x1b[33mreview", "\x1b[32mnone", "\x1b[1;31mfailed"):
        assert style in seen.raw
    # An error stands on lines of its own, not behind the bar.
    assert [line for line in seen.lines if "error (" in line] == [
        line for line in seen.lines if line.startswith("error (")
    ]


@pytest.mark.parametrize("width", _WIDTHS)
def test_hash_shows_every_column_and_the_files_that_failed(listed: Path, width: int) -> None:
    seen = on_terminal(width, "hash", listed.name)
    _fit(seen, width)
    (heading,) = [line for line in seen.lines if line.startswith("file")]
    assert heading.split() == ["file", "pixels", "sha256", "pdq", "code", "quality", "photo"]
    digest = hashlib.sha256((listed / "cat.webp").read_bytes()).hexdigest()
    (row,) = [line for line in seen.lines if digest[:8] in line]
    assert re.search(r" 451x300 +[0-9a-f]{8} +[0-9a-f]{8} 100 +[0-9a-f]{8} +0\.\d\d +0\.\d\d", row)
    text = "\n".join(seen.lines)
    assert "failed" in text
    assert "unsupported_image" in text


@pytest.mark.parametrize("arguments", [(), ("bench",), ("keys",)])
def test_help_says_what_each_command_does_without_cutting_it_off(arguments: tuple[str]) -> None:
    seen = on_terminal(80, *arguments, "--help")
    _fit(seen, 80)
    assert seen.code == 0
    _, _, commands = "\n".join(seen.lines).partition("Commands:")
    assert commands.strip()
    assert "..." not in commands


def test_without_colour_nothing_is_coloured(listed: Path) -> None:
    seen = on_terminal(80, "match", listed / "cat.webp", colour=False)
    assert "block" in seen.raw
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]m", seen.raw)


@pytest.mark.parametrize("width", _WIDTHS)
def test_the_demo_s_table_names_every_distance(width: int) -> None:
    rows = [
        {"bank": "photographs", "provenance": {"provider_id": "stained_glass"}, "verdict": "review",
         "signal": signal, "distance": distance, "radius": radius}
        for signal, distance, radius in (("pdq", 10, 31), ("code", 114, 120))
    ]  # fmt: skip
    query = DemoQuery("stained_glass", "screenshotted", b"", "review", "photographs")
    console = Console(width=width, force_terminal=True)
    with console.capture() as captured:
        console.print(table([Outcome(query, "review", "full", tuple(rows))]), markup=False)
    text = _CONTROL.sub(b"", captured.get().encode()).decode()
    assert max(map(len, text.splitlines())) <= width
    assert re.search(r"stained glass +screenshotted +review +photographs", text)
    assert "pdq 10/31" in text
    assert "code" in text
    assert "114/120" in text
    assert "…" not in text


@pytest.mark.usefixtures("made")
@pytest.mark.parametrize("width", _WIDTHS)
def test_an_import_says_how_far_it_is(lookalike: Command, tmp_path: Path, width: int) -> None:
    """Bytes and rows while it reads, then that the rows are applied; and the counts at the end."""
    del lookalike
    lines = "".join(
        f"{hashlib.md5(bytes([n % 256, n // 256])).hexdigest()}\n" for n in range(20000)
    )
    (tmp_path / "list.csv").write_text("md5\n" + lines)
    seen = on_terminal(width, "import", "list.csv", "--bank", "known")
    _fit(seen, width)
    assert seen.code == 0
    text = "\n".join(seen.lines)
    assert re.search(r"Reading .*kB.* rows", text)
    assert re.search(r"Applying .*20,000 rows", text)
    assert seen.lines[-2].split() == ["20000", "0", "0", "0", "0", "0"]


def test_where_nobody_watches_a_list_passes_through_unseen(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with list_progress(None) as bar:
        assert list(bar.rows(bar.reading([b"a", b"b"]))) == [b"a", b"b"]
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("width", _WIDTHS)
def test_tables_of_the_other_commands_fit(listed: Path, width: int) -> None:
    del listed
    made = on_terminal(width, "keys", "create", "uploads", "--role", "matcher", "--role", "curator")
    assert made.code == 0
    banks = ("banks", "list"), ("banks", "show", "known")
    for arguments in (("keys", "list"), ("doctor",), *banks):
        _fit(on_terminal(width, *arguments), width)


@pytest.mark.parametrize("width", _WIDTHS)
def test_a_benchmark_shows_all_its_figures(lookalike: Command, width: int) -> None:
    del lookalike
    size = ("--entries", "2000", "--radius", "20", "--queries", "64")
    seen = on_terminal(width, "bench", "index", *size)
    _fit(seen, width)
    rows = [line.split() for line in seen.lines if "lookalike " in line and "building" not in line]
    assert {len(row) for row in rows} == {10}
    assert all(re.fullmatch(r"\d+\.\d{3}", row[4]) for row in rows)


@pytest.mark.parametrize("width", _WIDTHS)
def test_a_report_in_a_narrow_terminal_goes_on_below(width: int) -> None:
    """Every column stands in a table that fits, with the names of its rows."""
    rows = _Rows("title", ("", "signal", *(f"figure {n}" for n in range(9))))
    rows.add("all", "pdq", *(f".{n}00 .10-.20" for n in range(9)))
    console = Console(width=width)
    with console.capture() as captured:
        console.print(rows)
    lines = captured.get().splitlines()
    assert max(map(len, lines)) <= width
    assert "…" not in captured.get()
    tables = [line for line in lines if "signal" in line]
    assert len(tables) == len([line for line in lines if "pdq" in line]) > 1
    for n in range(9):
        assert sum(f"figure {n}" in line for line in tables) == 1
        assert sum(f".{n}00 .10-.20" in line for line in lines) == 1
