"""``lookalike serve`` as a process: its keys, its end, what others write to its store."""

from __future__ import annotations

import os
import pty
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from service.cli.demo.server_process import running_server

pytestmark = pytest.mark.slow

Command = Callable[..., Any]
Script = Callable[..., subprocess.Popen[bytes]]


def test_without_a_key_and_without_a_terminal_it_does_not_start(script: Script) -> None:
    process = script("serve", "--port", "0")
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (1, b"")
    assert err.startswith(b"error (no_admin_key)")
    assert b"LOOKALIKE_ADMIN_KEY" in err
    assert b"--data" not in err


def test_the_hint_names_the_store_that_was_named(script: Script) -> None:
    """Followed as it stands, it makes a key in that store and in no other."""
    process = script("serve", "--port", "0", "--data", "my store")
    _, err = process.communicate(timeout=60)
    assert b"--role admin --data 'my store'`" in err


def _serve_on_a_terminal(until: bytes) -> tuple[int, bytes]:
    """Start it with a terminal for stdout, interrupt it at the words ``until``."""
    ours, theirs = pty.openpty()
    program = Path(sys.executable).parent / "lookalike"
    with subprocess.Popen(
        [program, "serve", "--port", "0"],
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=subprocess.PIPE,
    ) as process:
        os.close(theirs)
        assert process.stderr is not None
        said = b""
        while until not in said:
            line = process.stderr.readline()
            assert line, said
            said += line
        process.send_signal(signal.SIGINT)
        said += process.stderr.read()
        code = process.wait(60)
    shown = b""
    try:
        while part := os.read(ours, 65536):
            shown += part
    except OSError:  # the other end of a terminal is closed
        pass
    os.close(ours)
    assert b"Traceback" not in said
    return code, shown


def test_on_a_terminal_the_first_run_shows_a_key_once_and_ctrl_c_ends_it(
    lookalike: Command,
) -> None:
    code, shown = _serve_on_a_terminal(b"Application startup complete")
    assert code == 0
    assert re.fullmatch(rb"lk_[0-9a-f]{8}_[0-9a-f]{64}", shown.strip())
    code, shown = _serve_on_a_terminal(b"Application startup complete")
    assert (code, shown) == (0, b"")
    listed = lookalike("keys", "list", "--jsonl")
    assert listed.out.count("\n") == 1


def test_what_another_process_writes_is_in_force_on_a_running_server(
    lookalike: Command, tmp_path: Path
) -> None:
    """The commands that write to a store count as another replica."""
    (tmp_path / "list.txt").write_text(f"sha256 {'ab' * 32}\n")
    signals = {"signals": {"sha256": "ab" * 32}}
    with running_server() as server, server.client() as client:
        assert client.post("/v1/match", json=signals).json()["verdict"] == "none"
        imported = lookalike("import", "list.txt", "--bank", "known", "--data", server.data)
        assert imported.code == 0
        deadline = time.monotonic() + 30
        verdict = "none"
        while verdict == "none" and time.monotonic() < deadline:
            verdict = client.post("/v1/match", json=signals).json()["verdict"]
        assert verdict == "block"
        made = lookalike("keys", "create", "q", "--role", "matcher", "--data", server.data)
        headers = {"Authorization": f"Bearer {made.out.strip()}"}
        status = 401
        while status == 401 and time.monotonic() < deadline:
            status = client.post("/v1/match", json=signals, headers=headers).status_code
        assert status == 200


def test_a_server_that_cannot_start_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOOKALIKE_DEVICE", "abacus")
    with pytest.raises(Exception, match="LOOKALIKE_DEVICE"), running_server():
        pass


def test_a_port_that_is_taken_ends_it_with_1_and_every_line_of_the_log_has_time_and_level(
    script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    """3 means that an image matched, and nothing else."""
    monkeypatch.setenv("LOOKALIKE_ADMIN_KEY", "an admin key for tests")
    monkeypatch.setenv("LOOKALIKE_WORKRS", "2")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        process = script("serve", "--port", str(taken.getsockname()[1]))
        _, err = process.communicate(timeout=120)
    assert process.returncode == 1
    lines = err.decode().splitlines()
    warning = (
        "warning: LOOKALIKE_WORKRS is no setting, so nothing reads it; did you mean"
        " LOOKALIKE_WORKERS?"
    )
    said = [line for line in lines if line.startswith(("warning: ", "the store is "))]
    assert warning in said
    lines = [line for line in lines if line not in said]
    assert any("address already in use" in line for line in lines)
    form = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (INFO|WARNING|ERROR) [a-z_.]+: .")
    assert [line for line in lines if not form.match(line)] == []
