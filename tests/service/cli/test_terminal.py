"""What every command does alike: one line for a user's mistake, a traceback for our own."""

from __future__ import annotations

import pytest
import typer

from embeddings.errors import CheckpointError, EmptyFileError
from service.cli.terminal import code_of, counted, printable, reporting
from service.domain.errors import BankNotFoundError


def _run(error: Exception, capsys: pytest.CaptureFixture[str]) -> str:
    @reporting
    def command() -> None:
        raise error

    with pytest.raises(typer.Exit) as ended:
        command()
    assert ended.value.exit_code == 1
    return capsys.readouterr().err


def test_what_a_user_can_cause_is_one_line_with_a_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(BankNotFoundError("no bank"), capsys) == "error (bank_not_found): no bank\n"
    assert _run(CheckpointError("m: torn"), capsys) == "error (checkpoint): m: torn\n"
    missing = FileNotFoundError(2, "No such file or directory", "a.csv")
    assert _run(missing, capsys) == "error (os_error): a.csv: No such file or directory\n"
    absent = ModuleNotFoundError("No module named 'usearch'", name="usearch")
    assert "usearch is not installed" in _run(absent, capsys)


@pytest.mark.parametrize(
    "error", [KeyError("x"), ModuleNotFoundError("gone", name="service.gone"), KeyboardInterrupt()]
)
def test_what_is_our_own_fault_keeps_its_traceback(error: BaseException) -> None:
    @reporting
    def command() -> None:
        raise error

    with pytest.raises(type(error)):
        command()


def test_codes_are_stable_words() -> None:
    assert code_of(EmptyFileError()) == "empty_file"
    assert code_of(BankNotFoundError()) == "bank_not_found"
    assert code_of(CheckpointError()) == "checkpoint"


def test_a_terminal_is_sent_nothing_it_would_act_on() -> None:
    assert printable("caf\u00e9 \u2713\nnext") == "caf\u00e9 \u2713\nnext"
    assert printable("a\x1b[31mb\x9b\x07\udcff") == "a\\x1b[31mb\\x9b\\x07\\udcff"


def test_counts_agree_in_number() -> None:
    assert [counted(n, "entry", "entries") for n in (0, 1, 2)] == [
        "0 entries",
        "1 entry",
        "2 entries",
    ]
