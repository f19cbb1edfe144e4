"""What an exchange has that is new comes in force, whole or not at all, and whoever watches is told
how that went. On SQLite and PostgreSQL; exchanges are servers on this machine, with faults."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from service.domain.errors import ExchangeNotFoundError, InvalidValueError
from service.domain.exchanges import ExchangeRecord, NewExchange, RunState
from service.domain.health import Health, Severity
from service.domain.signals import Signals
from service.lists.exchanges.errors import BadExchangeError
from service.lists.exchanges.fetching import fetch
from service.lists.signed.keys import SigningKey, public_text
from service.lists.signed.publishing import publish
from service.store import ImportRow, ImportTarget
from service.work import syncing
from service.work.sync import CHECK, Sync
from service.work.syncing import StoppedError, SyncBusyError, check_exchange, permits_of
from tests.service.exchanges.conftest import PASSWORD, Site
from tests.service.exchanges.hotlines import (
    Asked,
    NcmecEntries,
    Said,
    as_json,
    stopncii,
    tech_against_terrorism,
)


def entry(name: str, day: int, gone: bool = False) -> tuple[str, str, str]:
    """One of NCMEC's."""
    md5 = hashlib.md5(name.encode(), usedforsecurity=False).hexdigest()
    return name, f"2026-11-{day:02}T00:00:00Z", "" if gone else md5


def test_a_list_comes_in_force_and_changes_with_its_source(site: Site) -> None:
    """Added, withdrawn, and nothing new; each run tells what it did and who had it done."""
    entries = [entry(f"a{n}", 1 + n) for n in range(5)]
    listed = NcmecEntries(entries)
    site.ncmec(site.hotline(listed))
    first = site.sync()
    assert (first.state, first.added, first.pages, first.actor) == (RunState.DONE, 5, 3, "python")
    assert site.listed() == {f"7/a{n}" for n in range(5)}
    record = site.store.exchanges.get("one")
    assert (record.checkpoint, record.failures) == ("2026-11-05T00:00:00Z", 0)
    assert record.version == first.version == site.store.versions("listed")[0].version
    assert record.entries == 5
    assert site.pages == []
    again = site.sync()
    assert (again.state, again.version) == (RunState.UNCHANGED, None)
    assert len(site.store.versions("listed")) == 1
    entries[1] = entry("a1", 20, gone=True)
    entries.append(entry("a5", 21))
    changed = site.sync()
    assert (changed.added, changed.removed) == (1, 1)
    assert site.listed() == {"7/a0", "7/a2", "7/a3", "7/a4", "7/a5"}
    assert [run.state for run in site.store.exchanges.runs("one")] == [
        RunState.DONE,
        RunState.UNCHANGED,
        RunState.DONE,
    ]


def test_each_hotline_comes_in_force(site: Site) -> None:
    """StopNCII, Tech Against Terrorism and a folder, with what they withdraw."""
    records: list[dict[str, object]] = [
        {
            "lastModtimestamp": 100 + n,
            "signalType": "ImagePDQ",
            "hashValue": f"{n:064x}",
            "hashStatus": "Withdrawn" if n == 1 else "Active",
        }
        for n in range(3)
    ]
    keys = {"fetch_key": "ONE", "subscription_key": "TWO"}
    credentials = {name: f"env:LOOKALIKE_EXCHANGE_{value}" for name, value in keys.items()}
    base = site.hotline(stopncii(records)).base
    site.keep("stopncii", "two", list="ncii", settings={"base": base, **credentials})
    theirs: list[dict[str, object]] = [
        {
            "id": n,
            "hash_digest": f"{n:032x}",
            "algorithm": "MD5",
            "file_type": "jpg",
            "ideology": "A",
            "deleted": n == 1,
            "updated_on": 1000 + n,
        }
        for n in range(3)
    ]
    base = site.hotline(tech_against_terrorism(theirs)).base
    word = "env:LOOKALIKE_EXCHANGE_WORD"
    settings = {"base": base, "user": "u", "password": word}
    site.keep("tech-against-terrorism", "three", list="tat", settings=settings)
    drop = site.settings.exchange_folders[0]
    (drop / "a.csv").write_text(f"provider_id,md5\nx1,{1:032x}\n")
    (drop / "b.csv").write_text(f"provider_id,md5\nx2,{2:032x}\n")
    site.keep("folder", "four", list="drop", settings={"path": str(drop)})
    runs = [site.sync(name) for name in ("two", "three", "four")]
    assert [(run.state, run.added) for run in runs] == [(RunState.DONE, 2)] * 3
    assert len(site.listed()) == 6
    (drop / "b.csv").unlink()
    assert site.sync("four").removed == 1


def test_a_checkpoint_moves_with_the_version_or_not_at_all(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever fails while a list is put in force leaves the old list and the old checkpoint, and
    what was fetched is not fetched again."""
    entries = [entry("a", 1)]
    hotline = site.hotline(NcmecEntries(entries))
    site.ncmec(hotline)
    site.sync()
    entries.append(entry("b", 2))
    before = site.store.exchanges.get("one")

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError

    with monkeypatch.context() as patched:
        patched.setattr("service.store.imports.imports.insert_sealed", fail)
        with pytest.raises(RuntimeError):
            site.sync()
    after = site.store.exchanges.get("one")
    assert (after.checkpoint, after.version) == (before.checkpoint, before.version)
    assert site.listed() == {"7/a"}
    asked = len(hotline.asked)
    assert site.sync().added == 1
    assert len(hotline.asked) == asked
    assert site.store.exchanges.runs("one")[1].code == "interrupted"


def test_an_exchange_that_is_away_is_tried_again_later_each_time(site: Site) -> None:
    """And after as long as it asked for; nothing of the list changes."""
    hotline = site.hotline(NcmecEntries([entry("a", 1)]))
    site.ncmec(hotline)
    for expected in (60, 120, 240):
        hotline.faults = [Said(status=503)] * 5
        run = site.sync()
        assert (run.state, run.code) == (RunState.FAILED, "exchange_away")
        assert waits_for(site) == pytest.approx(expected, abs=5)
    hotline.faults = [Said(status=429, headers={"Retry-After": "7200"})]
    assert site.sync().code == "exchange_away"
    assert waits_for(site) == pytest.approx(7200, abs=5)
    hotline.faults = [Said(status=429, headers={"Retry-After": "9999999"})]
    site.sync()
    assert waits_for(site) == pytest.approx(86_400, abs=5)
    assert site.listed() == set()
    assert site.store.exchanges.get("one").failures == 5
    assert site.sync().added == 1
    assert site.store.exchanges.get("one").failures == 0


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Said(b"<html>", "text/html"), "exchange_odd"),
        (Said(b"<queryResult", "application/xml"), "exchange_odd"),
        (Said(status=401, media="text/plain"), "exchange_refused"),
        (Said(b"x" * 100, "application/xml", headers={"content-encoding": "gzip"}), "exchange_odd"),
    ],
    ids=["web page", "broken off", "refused", "packed wrongly"],
)
def test_an_odd_answer_is_told_and_changes_nothing(site: Site, fault: Said, code: str) -> None:
    """On the first page and on a later one, where a refusal may be a link that expired."""
    entries = [entry(f"a{n}", 1 + n) for n in range(5)]
    hotline = site.hotline(NcmecEntries(entries))
    site.ncmec(hotline)
    for before in ([], [None]) if code == "exchange_odd" else ([],):
        hotline.faults = [*before, fault]
        run = site.sync()
        assert (run.state, run.code) == (RunState.FAILED, code)
        assert PASSWORD not in run.said
        assert site.listed() == set()
    assert site.sync().added == 5


def test_what_changed_is_all_that_is_fetched(site: Site) -> None:
    """From the checkpoint on: what is not named stays, what is named twice counts as it was named
    last, what is withdrawn goes, and what was never there may be withdrawn too."""
    entries = [entry(f"a{n}", 1 + n) for n in range(5)]
    listed = NcmecEntries(entries, page=3)
    hotline = site.hotline(listed)
    site.ncmec(hotline)
    site.sync()
    listed.entries = [
        entry("a4", 5),
        entry("b", 20),
        entry("b", 21, gone=True),
        entry("c", 22, gone=True),
        entry("c", 23),
        entry("a0", 24, gone=True),
        entry("never", 25, gone=True),
    ]
    run = site.sync()
    assert (run.added, run.removed, run.unchanged, run.rejected) == (1, 1, 4, 0)
    assert site.listed() == {"7/a1", "7/a2", "7/a3", "7/a4", "7/c"}
    assert site.store.versions("listed")[0].entries == 5
    assert hotline.asked[-1].params["from"] == "2026-11-05T00:00:00Z"
    listed.entries = [entry("a0", 26)]
    assert site.sync().updated == 1
    assert len(site.listed()) == 6
    assert list(site.store.verify()) == []


def test_a_list_taken_back_is_fetched_from_its_beginning(site: Site) -> None:
    """What is fetched since a checkpoint is never put on a list that is not the checkpoint's."""
    entries = [entry("a", 1)]
    site.ncmec(site.hotline(NcmecEntries(entries)))
    first = site.sync()
    entries.append(entry("b", 2))
    site.sync()
    assert first.version is not None
    target = ImportTarget("listed", "ncmec", "all")
    site.store.roll_back(target, first.version)
    assert site.listed() == {"7/a"}
    entries.append(entry("c", 3))
    assert site.sync().added == 1
    assert site.listed() == {"7/a", "7/b", "7/c"}


def test_half_a_page_and_an_expired_link_cost_no_entry(site: Site) -> None:
    """Half a page is asked for again; a place that expired is begun anew from the checkpoint."""
    entries = [entry(f"a{n}", 1 + n) for n in range(5)]
    listed = NcmecEntries(entries)
    hotline = site.hotline(listed)
    site.ncmec(hotline)
    half = Said(b"<queryResult>" * 20, "application/xml", cut=True)
    hotline.faults = [None, half]
    assert site.sync().added == 5
    entries += [entry(f"b{n}", 20 + n) for n in range(3)]
    listed.expired = {"2"}
    assert site.sync().code == "exchange_place_expired"
    assert site.listed() == {f"7/a{n}" for n in range(5)}
    listed.expired = set()
    assert site.sync().added == 3


def test_a_list_that_lost_much_waits_for_somebody(site: Site) -> None:
    """It stays in force until whoever looked at it says so; or its source mends it."""
    entries = [entry(f"a{n}", 1 + n) for n in range(12)]
    listed = NcmecEntries(entries, page=50)
    site.ncmec(site.hotline(listed))
    site.sync()
    listed.entries = [entry(f"a{n}", 20, gone=n > 2) for n in range(12)]
    run = site.sync()
    assert (run.state, run.code, run.removed) == (RunState.NEEDS_REVIEW, "list_shrinks", 9)
    assert len(site.listed()) == 12
    record = site.store.exchanges.get("one")
    assert record.trouble(datetime.now(UTC)) == "list_shrinks"
    asked = site.store.exchanges.ask("one", allow_shrink=True)
    assert site.store.exchanges.get("one").is_due(datetime.now(UTC))
    run = site.sync()
    assert (run.id, run.state, run.removed) == (asked.id, RunState.DONE, 9)
    assert site.store.exchanges.get("one").trouble(datetime.now(UTC)) == ""


def test_bad_lines_are_left_out_and_told_of(site: Site) -> None:
    """Up to so many; with more of them nothing comes in force."""
    drop = site.settings.exchange_folders[0]
    lines = [f"x{n},{n:032x}" for n in range(4)] + ["bad,nonsense", "worse,nonsense"]
    (drop / "a.csv").write_text("\n".join(["provider_id,md5", *lines]) + "\n")
    site.keep("folder", settings={"path": str(drop)}, max_rejected=2)
    run = site.sync()
    assert (run.state, run.added, run.rejected) == (RunState.DONE, 4, 2)
    assert run.said.startswith("2 bad lines were left out; the first is line 6")
    record = site.store.exchanges.get("one")
    assert record.trouble(datetime.now(UTC)) == "lines_rejected"
    site.store.exchanges.update("one", lambda now: dataclasses.replace(now, max_rejected=1))
    (drop / "a.csv").write_text("\n".join(["provider_id,md5", *lines[1:]]) + "\n")
    assert site.sync().code == "too_many_rejected"
    assert len(site.listed()) == 4


def test_bad_lines_are_told_of_until_a_list_comes_without(site: Site) -> None:
    """Nothing new is no reason to forget them; and a bad line takes no entry away that it names."""
    drop = site.settings.exchange_folders[0]
    lines = [f"x{n},{n:032x}" for n in range(4)]

    def write(*more: str) -> None:
        (drop / "a.csv").write_text("\n".join(["provider_id,md5", *lines, *more]) + "\n")

    write(f"y,{9:032x}")
    site.keep("folder", settings={"path": str(drop)})
    assert site.sync().added == 5
    write("y,garbled", "z,garbled")
    run = site.sync()
    assert (run.removed, run.rejected, run.code) == (0, 2, "lines_rejected")
    assert len(site.listed()) == 5
    assert site.sync().state is RunState.UNCHANGED
    assert site.store.exchanges.get("one").trouble(datetime.now(UTC)) == "lines_rejected"
    write()
    assert site.sync().removed == 1
    assert site.store.exchanges.get("one").trouble(datetime.now(UTC)) == ""
    (drop / "a.csv").write_text("provider_id,md5\nx0,garbled\n")
    assert (site.sync().code, len(site.listed())) == ("empty_list", 4)


def test_what_is_said_last_counts_from_the_first_fetch_on(site: Site) -> None:
    """A feed names an entry again where it changed while its pages were read."""
    listed = NcmecEntries([entry("a", 1), entry("b", 2), entry("c", 3)], page=9)
    site.ncmec(site.hotline(listed))
    listed.entries += [entry("b", 4, gone=True), ("a", entry("a", 5)[1], "5f" * 16)]
    run = site.sync()
    assert (run.added, run.rejected, run.code) == (2, 0, "")
    found = site.store.entries.page("listed").entries
    assert {one.signals.md5 for one in found if one.provider_id == "7/a"} == {b"\x5f" * 16}
    assert site.listed() == {"7/a", "7/c"}


def test_changes_are_never_applied_to_another_list(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a list that is taken back while they are fetched, nothing since then would be missed
    otherwise: it is fetched from its beginning."""
    listed = NcmecEntries([entry("a", 1)])
    site.ncmec(site.hotline(listed))
    first = site.sync()
    listed.entries.append(entry("b", 2))
    assert site.sync().added == 1
    listed.entries.append(entry("c", 3))

    def meanwhile(*given: Any, **more: Any) -> Any:  # noqa: ANN401 (as it is given)
        monkeypatch.setattr(syncing, "fetch", fetch)
        found = fetch(*given, **more)
        newest = site.store.versions("listed")[0]
        target = ImportTarget("listed", newest.provider, newest.list)
        site.store.roll_back(target, first.version or "", allow_shrink=True)
        return found

    monkeypatch.setattr(syncing, "fetch", meanwhile)
    run = site.sync()
    assert (run.state, run.code) == (RunState.FAILED, "list_changed")
    assert site.listed() == {"7/a"}
    again = site.sync()
    assert (again.state, again.code, again.added + again.updated) == (RunState.DONE, "", 2)
    assert site.listed() == {"7/a", "7/b", "7/c"}


def test_a_list_that_somebody_else_changed_is_fetched_anew(site: Site) -> None:
    """A list rolled back, or a bank deleted and made again, never lacks what the checkpoint says
    was there."""
    drop = site.settings.exchange_folders[0]
    (drop / "a.csv").write_text(f"provider_id,md5\nx1,{1:032x}\n")
    site.keep("folder", settings={"path": str(drop)})
    assert site.sync().added == 1
    assert site.sync().state is RunState.UNCHANGED
    site.store.banks.delete("listed")
    assert site.sync().code == "bank_not_found"
    site.store.banks.create("listed")
    assert site.sync().added == 1


def test_of_two_replicas_one_syncs(site: Site) -> None:
    """While one is under way another process is refused, and takes over once it let go or died."""
    entries = [entry(f"a{n}", 1 + n) for n in range(5)]
    site.ncmec(site.hotline(NcmecEntries(entries)))
    record, tried = site.store.exchanges.get("one"), []

    def meanwhile(pages: int, size: int) -> None:
        del size
        if pages == 2:
            with pytest.raises(SyncBusyError):
                site.syncer().sync(record)
            tried.append(pages)

    assert site.syncer().sync(record, told=meanwhile).run.added == 5
    assert tried == [2]
    assert site.sync().state is RunState.UNCHANGED


def test_what_was_fetched_for_another_exchange_is_not_put_in_force(site: Site) -> None:
    """One that is changed or deleted in the middle of a sync keeps what it had."""
    drop = site.settings.exchange_folders[0]
    (drop / "a.csv").write_text(f"provider_id,md5\nx1,{1:032x}\n")
    site.keep("folder", settings={"path": str(drop)})
    site.store.banks.create("other")

    def meanwhile(*_: int) -> None:
        site.store.exchanges.update("one", lambda now: dataclasses.replace(now, bank="other"))

    record = site.store.exchanges.get("one")
    run = site.syncer().sync(record, told=meanwhile).run
    assert (run.state, run.code) == (RunState.FAILED, "exchange_changed")
    assert site.listed() == set()
    assert site.sync().added == 1
    assert [one.entries for one in site.store.versions("other")] == [1]


def test_a_sync_that_is_stopped_goes_on_where_it_was(site: Site) -> None:
    """Pages that were fetched are not fetched again."""
    entries = [entry(f"a{n}", 1 + n) for n in range(6)]
    hotline = site.hotline(NcmecEntries(entries))
    record = site.ncmec(hotline)

    def stop(*_: int) -> None:
        site.stopping = True

    with pytest.raises(StoppedError):
        site.syncer().sync(record, told=stop)
    site.stopping = False
    assert site.listed() == set()
    asked = len(hotline.asked)
    assert site.sync().added == 6
    assert (asked, len(hotline.asked)) == (2, 3)


def test_what_is_due_is_synced_and_what_is_wrong_is_told(site: Site) -> None:
    """By the job of a replica; a failing exchange keeps no other from being synced."""
    entries = [entry("a", 1)]
    good, bad = site.hotline(NcmecEntries(entries)), site.hotline(lambda _: Said(status=404))
    site.ncmec(good, name="good")
    site.ncmec(bad, name="bad", list="other")
    health = Health()
    shown: list[Sequence[ExchangeRecord]] = []
    runs: list[tuple[str, RunState]] = []
    now = datetime.now(UTC)
    job = Sync(
        site.store,
        site.settings,
        health,
        shown.append,
        lambda one, run: runs.append((one.name, run.state)),
        clock=lambda: now,
    )
    assert job.look() == 2
    assert sorted(runs) == [("bad", RunState.FAILED), ("good", RunState.DONE)]
    check = next(one for one in health.checks() if one.name == CHECK)
    assert check.severity is Severity.DEGRADED
    assert "bad: exchange_odd" in check.detail
    assert "bad" not in check.said
    assert health.ready
    assert site.store.exchanges.runs("good")[0].actor == "job:sync"
    assert job.look() == 0
    now += timedelta(seconds=120)
    assert job.look() == 1
    now += timedelta(minutes=70)
    site.store.exchanges.delete("bad")
    assert job.look() == 1
    assert [one.name for one in job.known] == ["good"]
    assert health.checks()[0].severity is Severity.SOUND


def test_a_clock_that_jumps_puts_nothing_off(site: Site) -> None:
    """What was put off while a clock was ahead is due at once; and what nobody synced for long is
    late, whatever is said of it."""
    site.ncmec(site.hotline(NcmecEntries([entry("a", 1)])))
    now = datetime.now(UTC)
    site.sync()
    record = site.store.exchanges.get("one")
    assert not record.is_due(now)
    assert not record.is_late(now)
    ahead = dataclasses.replace(record, next_at=now + timedelta(days=400))
    assert ahead.is_due(now)
    assert record.is_due(now + timedelta(days=400))
    assert record.trouble(now + timedelta(hours=3)) == "late"


def test_a_server_that_does_not_sync_tells_all_the_same(site: Site) -> None:
    """With syncing switched off nothing is fetched, and an exchange that is late is told of."""
    site.ncmec(site.hotline(NcmecEntries([entry("a", 1)])))
    health, now = Health(), datetime.now(UTC) + timedelta(hours=3)
    settings = site.settings.model_copy(update={"sync": False})
    job = Sync(site.store, settings, health, clock=lambda: now)
    assert job.look() == 0
    assert [check.detail for check in health.checks()] == ["one: late"]


@pytest.mark.parametrize(
    ("kind", "settings", "named"),
    [
        ("https", {"url": "https://inside.example/list.csv"}, "LOOKALIKE_EXCHANGE_HOSTS"),
        ("lookalike", {"base": "https://a.example", "bank": "b", "key": "env:X"}, "HOSTS"),
        ("ncmec", {"base": "https://a.example", "user": "u", "password": "env:X"}, "HOSTS"),
        ("folder", {"path": "/etc"}, "LOOKALIKE_EXCHANGE_FOLDERS"),
        ("folder", {"path": "{drop}/../data"}, "LOOKALIKE_EXCHANGE_FOLDERS"),
        ("ncmec", {"environment": "ngo", "user": "u", "password": "env:PATH"}, "must begin"),
        (
            "ncmec",
            {"environment": "ngo", "user": "u", "password": "env:LOOKALIKE_ADMIN_KEY"},
            "must begin",
        ),
        ("ncmec", {"environment": "ngo", "user": "u", "password": "file:/etc/shadow"}, "SECRETS"),
        (
            "ncmec",
            {"environment": "ngo", "user": "u", "password": "file:/run/secrets/../x"},
            "SECRETS",
        ),
        ("ncmec", {"environment": "ngo", "user": "u", "password": "open text"}, "where the"),
        ("https", {"url": "https://a.example/list.csv?sig=x"}, "no query"),
        ("nope", {}, "kind"),
    ],
)
def test_an_exchange_reaches_only_what_an_operator_named(
    site: Site, kind: str, settings: dict[str, str], named: str
) -> None:
    """Hosts, folders, variables and files of credentials: whoever may make an exchange over HTTP
    must not read the network, the disk or the environment with it."""
    drop = str(site.settings.exchange_folders[0])
    given = {name: value.replace("{drop}", drop) for name, value in settings.items()}
    record = site.keep(kind, settings=given)
    with pytest.raises(BadExchangeError, match=named):
        check_exchange(record.new, permits_of(site.settings))
    assert site.sync().code == "bad_exchange"


def test_another_lookalike_says_what_it_must(site: Site) -> None:
    """An answer that is no page of entries, and a sequence that is none, are told."""

    def route(asked: Asked) -> Said:
        return as_json({"sequence": 3} if asked.path == "/v1/status" else {"entries": [{}]})

    base = site.hotline(route).base
    settings = {"base": base, "bank": "b", "key": "env:LOOKALIKE_EXCHANGE_WORD"}
    site.keep("lookalike", settings=settings)
    assert site.sync().code == "exchange_odd"


def test_exchanges_are_kept_changed_and_deleted(site: Site) -> None:
    """Names are their own; another source begins anew; runs go with their exchange; each change
    names who made it."""
    drop = site.settings.exchange_folders[0]
    (drop / "a.csv").write_text(f"provider_id,md5\nx1,{1:032x}\n")
    site.keep("folder", settings={"path": str(drop)})
    with pytest.raises(ExchangeNotFoundError):
        site.store.exchanges.get("none")
    with pytest.raises(InvalidValueError):
        site.keep("folder", name="bad name", settings={"path": "/"})
    site.sync()
    assert site.store.exchanges.get("one").checkpoint is not None
    kept = site.store.exchanges.update("one", lambda now: dataclasses.replace(now, every=60))
    assert kept.checkpoint is not None
    moved = site.store.exchanges.update("one", lambda now: dataclasses.replace(now, list="more"))
    assert moved.checkpoint is None
    site.store.exchanges.delete("one")
    assert site.store.exchanges.all() == []
    with pytest.raises(ExchangeNotFoundError):
        site.store.exchanges.delete("one")
    assert site.listed() == {"x1"}
    assert list(site.store.verify()) == []


def test_only_the_newest_runs_are_kept(site: Site) -> None:
    """A hundred of them."""
    site.keep("folder", settings={"path": str(Path("/nowhere"))})
    record = site.store.exchanges.get("one")
    runs = [site.store.exchanges.begin(record) for _ in range(103)]
    kept = site.store.exchanges.runs("one", 1000)
    assert [run.id for run in kept] == [run.id for run in reversed(runs)][:100]


def waits_for(site: Site) -> float:
    """Seconds from now until the next sync."""
    due = site.store.exchanges.get("one").next_at
    assert due is not None
    return (due - datetime.now(UTC)).total_seconds()


def test_a_signed_list_comes_in_force_by_itself_and_nothing_else_does(
    site: Site, tmp_path: Path
) -> None:
    """From a folder: the newest of its lists, if the key that is vouched for signed it."""
    key, other = (SigningKey.create(tmp_path / name) for name in ("key", "other"))
    drop = site.settings.exchange_folders[0]

    def published(name: str, count: int, by: SigningKey = key) -> None:
        rows = [ImportRow(0, Signals.of(md5=bytes([n]) * 16), f"x{n}") for n in range(count)]
        publish(rows, by, drop / name, "p", "l")

    settings = {"path": str(drop), "signed_by": public_text(key.public)}
    site.keep("folder", "one", settings=settings)
    (drop / "list.csv").write_text(f"provider_id,md5\nx1,{1:032x}\n")
    assert (site.sync().state, site.sync().code) == (RunState.FAILED, "unsigned_list")
    (drop / "list.csv").unlink()
    published("1.zip", 2)
    assert (site.sync().added, site.listed()) == (2, {"x0", "x1"})
    published("2.zip", 3)
    assert (site.sync().added, site.listed()) == (1, {"x0", "x1", "x2"})
    (drop / "1.zip").unlink()
    assert site.sync().state is RunState.UNCHANGED  # the folder changed, and the list did not
    published("3.zip", 9, by=other)
    assert (site.sync().state, site.sync().code) == (RunState.FAILED, "other_signer")
    (drop / "3.zip").write_bytes(b"provider_id,md5\n")
    assert site.sync().code == "unsigned_list"
    (drop / "3.zip").unlink()
    (drop / "2.zip").write_bytes((drop / "2.zip").read_bytes()[:-40])
    assert site.sync().state is RunState.FAILED
    assert site.listed() == {"x0", "x1", "x2"}
    wrong = NewExchange("two", "folder", "b", "p", "l", {**settings, "signed_by": "x"})
    with pytest.raises(InvalidValueError, match="ed25519"):
        check_exchange(wrong, permits_of(site.settings))


def test_one_that_fails_as_nobody_foresaw_keeps_no_other_waiting(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told of, and asked again later, not at every look."""
    for name in ("a", "b"):
        folder = site.settings.exchange_folders[0] / name
        folder.mkdir()
        (folder / "list.csv").write_text(f"provider_id,md5\n{name},{1:032x}\n")
        site.keep("folder", name, list=name, settings={"path": str(folder)})
    asked: list[str] = []

    def odd(*given: Any, **more: Any) -> Any:  # noqa: ANN401 (as it is given)
        asked.append(str(given[1].parent))
        if len(asked) == 1:
            raise ZeroDivisionError
        return fetch(*given, **more)

    monkeypatch.setattr(syncing, "fetch", odd)
    health = Health()
    sync = Sync(site.store, site.settings, health)
    assert sync.look() == 1
    assert site.listed() == {"b"}
    (check,) = [one for one in health.checks() if one.name == CHECK]
    assert "a: internal" in check.detail
    assert sync.look() == 0
    assert len(asked) == 2
