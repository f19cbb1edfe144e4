"""``lookalike exchanges`` and ``lookalike sync``, and one Lookalike that follows another."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from service.store import Role
from tests.service.cli.conftest import Command, lookalike
from tests.service.exchanges.hotlines import Hotline, NcmecEntries

if TYPE_CHECKING:
    from tests.service.conftest import Served

__all__ = ["lookalike"]


def test_a_folder_is_followed(
    lookalike: Command,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Added, synced, shown, switched off and removed, each saying what it did."""
    drop = tmp_path / "drop"
    drop.mkdir()
    lines = "".join(f"x{n},{n:032x}\n" for n in range(12))
    (drop / "a.csv").write_text(f"provider_id,md5\n{lines}")
    assert lookalike("init").code == 0
    assert "there are no exchanges" in lookalike("exchanges", "list").err
    assert "there is no enabled exchange" in lookalike("sync").err
    adding = ("exchanges", "add", "drop", "--kind", "folder", "--bank", "listed")
    refused = lookalike(*adding, "--set", f"path={drop}")
    assert (refused.code, "LOOKALIKE_EXCHANGE_FOLDERS" in refused.err) == (1, True)
    monkeypatch.setenv("LOOKALIKE_EXCHANGE_FOLDERS", str(drop))
    assert lookalike(*adding, "--set", f"path={drop}").code == 0
    assert "exchange_exists" in lookalike(*adding, "--set", f"path={drop}").err
    dry = lookalike("sync", "--dry-run")
    assert dry.code == 0
    assert "would change" in dry.out
    assert "12" in dry.out
    done = lookalike("sync")
    assert done.code == 0
    assert "done" in done.out
    assert all(len(line) <= 80 for line in done.out.splitlines())
    assert "unchanged" in lookalike("sync").out
    listed = json.loads(lookalike("exchanges", "list", "--jsonl").out)
    assert (listed["name"], listed["entries"], listed["trouble"]) == ("drop", 12, "")
    assert "12" in lookalike("exchanges", "list").out
    (drop / "a.csv").write_text(f"provider_id,md5\nx1,{1:032x}\n")
    shrunk = lookalike("sync", "--exchange", "drop")
    assert (shrunk.code, "list_shrinks" in shrunk.err) == (1, True)
    assert "--allow-shrink" in shrunk.err
    assert "list_shrinks" in lookalike("exchanges", "list").out
    assert lookalike("sync", "--exchange", "drop", "--allow-shrink").code == 0
    shown = lookalike("exchanges", "show", "drop").out
    assert str(drop) in shown.replace("\n", "")
    assert "cli:sync" in shown
    assert lookalike("exchanges", "disable", "drop").code == 0
    assert "there is no enabled exchange" in lookalike("sync").err
    assert lookalike("exchanges", "enable", "drop").code == 0
    assert lookalike("exchanges", "remove", "drop").code == 0
    assert "exchange_not_found" in lookalike("exchanges", "show", "drop").err


def test_an_exchange_that_fails_keeps_no_other_from_its_sync(
    lookalike: Command,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And no credential is said or kept anywhere."""
    listed = NcmecEntries([("a", "2026-11-01T00:00:00Z", f"{1:032x}")])
    with Hotline(listed).running() as hotline:
        monkeypatch.setenv("LOOKALIKE_EXCHANGE_HOSTS", urlsplit(hotline.base).netloc)
        monkeypatch.setenv("LOOKALIKE_EXCHANGE_GOOD", "a word")
        monkeypatch.setenv("LOOKALIKE_EXCHANGE_BAD", "another word")
        assert lookalike("init").code == 0
        for name in ("bad", "good"):
            word = f"password=env:LOOKALIKE_EXCHANGE_{name.upper()}"
            settings = ("--set", f"base={hotline.base}", "--set", "user=member", "--set", word)
            adding = ("exchanges", "add", name, "--kind", "ncmec", "--bank", "listed", *settings)
            assert lookalike(*adding).code == 0
        done = lookalike("sync")
        assert done.code == 1
        assert "exchange_refused" in done.err
        assert "good" in done.out
        said = done.out + done.err + lookalike("exchanges", "show", "bad").out
        assert "another word" not in said
        kept = b"".join(path.read_bytes() for path in Path("data").glob("lookalike.db*"))
        assert b"another word" not in kept
        odd = ("exchanges", "add", "x", "--kind", "ncmec", "--bank", "b", "--set", "y")
        assert lookalike(*odd).code == 2


def test_one_lookalike_follows_another(
    serve: Callable[..., Served], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two servers: what is listed there matches here, and what is withdrawn there matches here no
    more, within one sync."""
    digests = [f"{n:064x}" for n in range(3)]
    there = serve("there")
    with there.client() as client:
        client.post("/v1/banks", json={"name": "source"})
        rows = "provider_id,sha256,labels\n" + "".join(
            f"p{n},{digest},A\n" for n, digest in enumerate(digests)
        )
        client.post(
            "/v1/banks/source/imports?provider=hotline&list=all", content=rows
        ).raise_for_status()
        made = client.post("/v1/keys", json={"name": "follower", "roles": [Role.CURATOR]})
    monkeypatch.setenv("LOOKALIKE_EXCHANGE_KEY", made.json()["key"])
    here = serve("here", exchange_hosts=(urlsplit(there.url).netloc,))
    with here.client() as client, there.client() as source:
        client.post("/v1/banks", json={"name": "copy", "action": "block"}).raise_for_status()
        new = {
            "name": "there",
            "kind": "lookalike",
            "bank": "copy",
            "settings": {
                "base": there.url,
                "bank": "source",
                "key": "env:LOOKALIKE_EXCHANGE_KEY",
            },
        }
        client.post("/v1/exchanges", json=new).raise_for_status()

        def synced() -> int:
            """How many entries there are once the sync that is asked for was done."""
            asked = client.post("/v1/exchanges/there/sync").raise_for_status().json()["id"]
            until = time.monotonic() + 60
            while time.monotonic() < until:
                found = client.get("/v1/exchanges/there").json()
                if found["last_run"] is not None and found["last_run"]["id"] >= asked:
                    assert found["last_run"]["state"] in ("done", "unchanged"), found
                    return int(found["entries"])
            raise AssertionError("it was not synced")

        def verdicts() -> list[str]:
            here.services.replica.catch_up()
            return [
                client.post("/v1/match", json={"signals": {"sha256": digest}}).json()["verdict"]
                for digest in digests
            ]

        assert synced() == 3
        assert verdicts() == ["block"] * 3
        found = client.post("/v1/match", json={"signals": {"sha256": digests[0]}}).json()
        assert found["matches"][0]["provenance"]["provider_id"] == "hotline/all/p0"
        entries = source.get("/v1/banks/source/entries").json()["entries"]
        gone = next(one["entry_id"] for one in entries if one["provider_id"] == "p1")
        source.delete(f"/v1/banks/source/entries/{gone}").raise_for_status()
        assert synced() == 2
        assert verdicts() == ["block", "none", "block"]
