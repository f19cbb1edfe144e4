"""The examples of docs/exchanges.md, run as they stand there: one for each kind of exchange."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from service.lists.exchanges.kinds import KINDS
from service.store import open_store
from tests.service.cli.conftest import Command, lookalike

__all__ = ["lookalike"]

PAGE = (Path(__file__).parents[3] / "docs" / "exchanges.md").read_text()
BLOCKS = re.findall(r"^```sh\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


def test_every_kind_has_an_example() -> None:
    """And every example is of a kind."""
    assert sorted(re.search(r"--kind (\S+)", one)[1] for one in BLOCKS) == sorted(KINDS)  # type: ignore[index]


@pytest.mark.parametrize("block", BLOCKS)
def test_an_example_keeps_its_exchange(
    lookalike: Command,
    monkeypatch: pytest.MonkeyPatch,
    block: str,
) -> None:
    """Its host or folder is allowed, its credential is where it says, and what it says is kept."""
    assert lookalike("init").code == 0
    for line in block.splitlines():
        word, *rest = shlex.split(line)
        if word == "export":
            monkeypatch.setenv(*rest[0].split("=", 1))
            continue
        assert word == "lookalike"
        done = lookalike(*rest)
        assert done.code == 0, done.err
    store = open_store(Path("data"), create=False)
    (kept,) = store.exchanges.all()
    store.close()
    assert f"--kind {kept.new.kind} --bank {kept.new.bank}" in block
    for name, value in kept.new.settings.items():
        assert f"--set {name}={value}" in block
