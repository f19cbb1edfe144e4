"""A sync that is killed leaves the old list with the old checkpoint, or the new with the new."""

from __future__ import annotations

import contextlib
import hashlib
import os
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from service.domain.exchanges import NewExchange, RunState
from service.store import open_store
from tests.service.exchanges.hotlines import Asked, Hotline, NcmecEntries, Said

pytestmark = pytest.mark.slow

LIVES = 9
PAGES = 3
"""That each life fetches."""


def entry(name: str, moment: str, gone: bool = False) -> tuple[str, str, str]:
    """One of NCMEC's."""
    md5 = hashlib.md5(name.encode(), usedforsecurity=False).hexdigest()
    return name, moment, "" if gone else md5


def test_a_killed_sync_leaves_the_old_list_or_the_new(tmp_path: Path) -> None:
    """SIGKILL while pages come, after the last of them, and while they are put in force."""
    listed = NcmecEntries([entry(f"a{n}", "2026-11-01T00:00:00Z") for n in range(30)], page=10)
    asked, reached = threading.Semaphore(0), listed.__call__

    def route(one: Asked) -> Said:
        asked.release()
        return reached(one)

    data = tmp_path / "data"
    with Hotline(route).running() as hotline:
        kept = open_store(data)
        kept.banks.create("listed")
        settings = {
            "base": hotline.base,
            "user": "member",
            "password": "env:LOOKALIKE_EXCHANGE_WORD",
        }
        kept.exchanges.create(NewExchange("one", "ncmec", "listed", "ncmec", "all", settings))
        kept.close()
        environment = {
            **os.environ,
            "LOOKALIKE_EXCHANGE_WORD": "a word",
            "LOOKALIKE_EXCHANGE_HOSTS": urlsplit(hotline.base).netloc,
            "LOOKALIKE_DATA_DIR": str(data),
        }

        def sync() -> subprocess.Popen[bytes]:
            program = "from service.cli.app import build; build()(['sync', '--exchange', 'one'])"
            with (tmp_path / "said").open("wb") as said:
                return subprocess.Popen(
                    [sys.executable, "-c", program],
                    env=environment,
                    stdout=subprocess.DEVNULL,
                    stderr=said,
                )

        assert sync().wait(60) == 0
        holds = {f"7/a{n}" for n in range(30)}
        checkpoint: str | None = "2026-11-01T00:00:00Z"
        expected, changes, cut_off = {checkpoint: holds}, 0, 0
        for life in range(LIVES):
            if checkpoint in list(expected)[-1:]:  # what was cut off goes on before more changes
                moment = f"2026-11-20T{changes:02}:00:00Z"
                more = [entry(f"b{changes}-{n}", moment) for n in range(20)]
                gone = f"a{changes}"
                listed.entries = [one for one in listed.entries if one[0] != gone]
                listed.entries += [*more, entry(gone, moment, gone=True)]
                holds = (holds | {f"7/{name}" for name, _, _ in more}) - {f"7/{gone}"}
                expected[moment] = holds
                changes += 1
            while asked.acquire(blocking=False):
                pass
            process, seen = sync(), 0
            while seen < 1 + life % PAGES and process.poll() is None:
                seen += asked.acquire(timeout=0.01)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.02 * (life // PAGES))
            process.kill()
            process.wait()
            store = open_store(data, create=False)
            record = store.exchanges.get("one")
            checkpoint = record.checkpoint
            page = store.entries.page("listed", 0, 1000)
            assert {one.provider_id for one in page.entries} == expected[checkpoint], life
            assert record.version == store.versions("listed")[0].version
            assert list(store.verify()) == []
            cut_off += checkpoint != list(expected)[-1]
            store.close()
            with contextlib.closing(sqlite3.connect(data / "lookalike.db")) as connection:
                # Or the next had to wait until the killed one's lease has ended.
                connection.execute("DELETE FROM leases")
                connection.commit()
        assert cut_off, "no life was cut off before its end"
        assert sync().wait(60) == 0, (tmp_path / "said").read_text()
        store = open_store(data, create=False)
        page = store.entries.page("listed", 0, 1000)
        assert {one.provider_id for one in page.entries} == holds
        states = {run.state for run in store.exchanges.runs("one")}
        assert states <= {RunState.DONE, RunState.UNCHANGED, RunState.FAILED}
        codes = {run.code for run in store.exchanges.runs("one")}
        assert codes == {"", "interrupted"}
        store.close()
