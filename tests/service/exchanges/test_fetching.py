"""A list is fetched to its end or not at all, and its checkpoint moves only then."""

from __future__ import annotations

import io
import json
import os
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from service.domain.values import ImportRow, Withdrawn
from service.lists.exchanges.contract import Turn
from service.lists.exchanges.errors import (
    BadExchangeError,
    ExchangeAwayError,
    ExchangeError,
    ExchangeOddError,
    ExchangeRefusedError,
    PlaceExpiredError,
)
from service.lists.exchanges.fetching import Fetched, fetch
from service.lists.exchanges.kinds import check_settings, open_exchange
from service.lists.formats import ListReader
from service.lists.formats.drafts import Row
from tests.service.exchanges.hotlines import (
    Asked,
    Hotline,
    NcmecEntries,
    Route,
    Said,
    as_json,
    stopncii,
    tech_against_terrorism,
)

ROOM = 10**9


class Waits(list[float]):
    """Waits that take no time, and are kept."""

    def __call__(self, seconds: float) -> None:
        self.append(seconds)


@pytest.fixture
def waits() -> Waits:
    return Waits()


@pytest.fixture
def serve() -> Iterator[Callable[[Route], Hotline]]:
    """Servers that end with the test."""
    with ExitStack() as stack:
        yield lambda route: stack.enter_context(Hotline(route).running())


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("WORD", "a word"), ("ONE", "k1"), ("TWO", "k2")):
        monkeypatch.setenv(name, value)


def entries(count: int) -> list[tuple[str, str, str]]:
    """So many entries, newest first: in no order of time that a page could rely on."""
    return [
        (f"id-{n}", f"2026-11-{28 - n % 20:02}T00:00:{n % 60:02}Z", f"{n:032x}")
        for n in range(count)
    ]


def ncmec(
    hotline: Hotline, folder: Path, waits: Waits, since: str | None = None, room: int = ROOM
) -> Fetched | None:
    settings = {"base": hotline.base, "user": "member", "password": "env:WORD"}
    with open_exchange("ncmec", settings, waits) as exchange:
        return fetch(exchange, folder, since, room)


def texts(fetched: Fetched | None) -> list[str]:
    assert fetched is not None
    return [page.path.read_text() for page in fetched.pages]


def rows(fetched: Fetched | None, format: str) -> list[Row]:  # noqa: A002
    """What the pages say, as lists are read: together."""
    assert fetched is not None
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for page in fetched.pages:
            kind = "xml" if format == "ncmec" else "json"
            archive.write(page.path, f"{page.path.stem}.{kind}")
    return list(ListReader(iter([packed.getvalue()]), format))


def test_pages_are_read_as_the_lists_that_they_are(
    serve: Callable[[Route], Hotline], tmp_path: Path, waits: Waits
) -> None:
    """From what a hotline answers to entries and withdrawals, for every one."""
    listed = NcmecEntries([*entries(3), ("gone", "2026-11-29T00:00:00Z", "")])
    found = rows(ncmec(serve(listed), tmp_path / "f", waits), "ncmec")
    assert [type(row) for row in found] == [ImportRow] * 3 + [Withdrawn]
    assert found[0].signals.md5 == bytes(16)  # type: ignore[union-attr]
    records: list[dict[str, object]] = [
        {
            "lastModtimestamp": 100 + n,
            "signalType": "ImagePDQ",
            "hashValue": f"{n:064x}",
            "hashStatus": status,
        }
        for n, status in enumerate(("Active", "Withdrawn"))
    ]
    hotline = serve(stopncii(records))
    settings = {"base": hotline.base, "fetch_key": "env:ONE", "subscription_key": "env:TWO"}
    with open_exchange("stopncii", settings, waits) as exchange:
        assert exchange.format is not None
        found = rows(fetch(exchange, tmp_path / "g", None, ROOM), exchange.format)
    assert [type(row) for row in found] == [ImportRow, Withdrawn]
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
        for n in range(2)
    ]
    hotline = serve(tech_against_terrorism(theirs))
    settings = {"base": hotline.base, "user": "u", "password": "env:WORD"}
    with open_exchange("tech-against-terrorism", settings, waits) as exchange:
        assert exchange.format is not None
        found = rows(fetch(exchange, tmp_path / "h", None, ROOM), exchange.format)
    assert [type(row) for row in found] == [ImportRow, Withdrawn]


def test_every_page_is_read_before_the_checkpoint_moves(
    serve: Callable[[Route], Hotline], tmp_path: Path, waits: Waits
) -> None:
    """The newest moment stands on any page; what changed since is asked for next time."""
    listed = NcmecEntries(entries(5))
    hotline = serve(listed)
    fetched = ncmec(hotline, tmp_path / "f", waits)
    pages = texts(fetched)
    assert [text.count("<image>") for text in pages] == [2, 2, 1]
    assert fetched is not None
    assert fetched.checkpoint == max(moment for _, moment, _ in listed.entries)
    assert {f"id-{n}" for n in range(5)} <= {
        part.split("</id>")[0] for text in pages for part in text.split("<id>")
    }
    hotline.asked.clear()
    listed.entries.append(("late", "2026-12-01T00:00:00Z", "f" * 32))
    again = ncmec(hotline, tmp_path / "g", waits, fetched.checkpoint)
    assert "late" in "".join(texts(again))
    assert hotline.asked[0].params["from"] == fetched.checkpoint


@pytest.mark.parametrize("status", [429, 500, 503])
def test_whoever_is_busy_is_asked_again_after_as_long_as_it_says(
    status: int, serve: Callable[[Route], Hotline], tmp_path: Path, waits: Waits
) -> None:
    hotline = serve(NcmecEntries(entries(3)))
    hotline.faults = [Said(status=status, headers={"Retry-After": "7"}), None, Said(status=status)]
    fetched = ncmec(hotline, tmp_path / "f", waits)
    assert len(texts(fetched)) == 2
    assert waits == [7.0, 1.0]


def test_a_moment_to_come_back_is_read_by_the_servers_own_clock(
    serve: Callable[[Route], Hotline], tmp_path: Path, waits: Waits
) -> None:
    """The server's clock may be years off ours."""
    hotline = serve(NcmecEntries(entries(1)))
    late = {"Retry-After": "Tue, 01 Jan 2036 00:00:09 GMT", "Date": "Tue, 01 Jan 2036 00:00:00 GMT"}
    hotline.faults = [Said(status=429, headers=late)]
    ncmec(hotline, tmp_path / "f", waits)
    assert waits == [9.0]


def test_whoever_asks_for_too_much_patience_is_left_for_the_next_sync(
    serve: Callable[[Route], Hotline], tmp_path: Path, waits: Waits
) -> None:
    hotline = serve(NcmecEntries(entries(1)))
    hotline.faults = [Said(status=503, headers={"Retry-After": "86400"})]
    with pytest.raises(ExchangeAwayError):
        ncmec(hotline, tmp_path / "f", waits)
    assert waits == []


def test_half_a_page_is_asked_for_again(
    serve: Callable[[Route], Hotline], tmp_path: Path, waits: Waits
) -> None:
    listed = NcmecEntries(entries(3))
    hotline = serve(listed)
    whole = ncmec(hotline, tmp_path / "whole", waits)
    hotline.faults = [None, Said(b"<queryResult>" * 99, "application/xml", cut=True)]
    assert texts(ncmec(hotline, tmp_path / "f", waits)) == texts(whole)


@pytest.mark.parametrize(
    "odd",
    [
        Said(b"<html>please log in</html>", "text/html"),
        Said(b"<queryResult><images", "application/xml"),
        Said(b"<other/>", "application/xml"),
        Said(b'<!DOCTYPE a [<!ENTITY b "c">]><queryResult/>', "application/xml"),
        Said(b"<a>" * 999, "application/xml"),
        Said(b'<queryResult><images maxTimestamp="soon"/></queryResult>', "application/xml"),
        Said(
            b"<queryResult><paging><next>https://elsewhere.example/v2</next></paging></queryResult>",
            "application/xml",
        ),
        Said(status=302, headers={"location": "https://elsewhere.example/"}, media=""),
    ],
)
def test_what_the_protocol_does_not_know_is_refused_and_the_next_sync_goes_on(
    odd: Said, serve: Callable[[Route], Hotline], tmp_path: Path, waits: Waits
) -> None:
    """A second page that is odd costs the first no second fetch."""
    hotline = serve(NcmecEntries(entries(4)))
    hotline.faults = [None, odd]
    with pytest.raises(ExchangeOddError):
        ncmec(hotline, tmp_path / "f", waits)
    hotline.asked.clear()
    assert len(texts(ncmec(hotline, tmp_path / "f", waits))) == 2
    assert len(hotline.asked) == 1


def test_an_expired_link_begins_the_fetch_anew(
    serve: Callable[[Route], Hotline], tmp_path: Path, waits: Waits
) -> None:
    """A fetch that broke off goes on from its place, or from the beginning where that is gone."""
    listed = NcmecEntries(entries(4))
    hotline = serve(listed)
    hotline.faults = [None, *[Said(status=500)] * 5]
    with pytest.raises(ExchangeAwayError):
        ncmec(hotline, tmp_path / "f", waits)
    hotline.faults, hotline.asked[:] = [Said(status=410)], []
    assert len(texts(ncmec(hotline, tmp_path / "f", waits))) == 2
    assert ["start" in asked.params for asked in hotline.asked] == [True, False, True]


def test_a_link_that_is_never_good_is_not_followed_for_ever(
    serve: Callable[[Route], Hotline], tmp_path: Path, waits: Waits
) -> None:
    hotline = serve(NcmecEntries(entries(4), expired={"2"}))
    for _ in range(2):
        with pytest.raises(PlaceExpiredError):
            ncmec(hotline, tmp_path / "f", waits)
    assert len(hotline.asked) == 4


def test_a_clock_that_jumped_costs_a_fetch_and_no_entry(
    serve: Callable[[Route], Hotline],
    tmp_path: Path,
    waits: Waits,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hotline = serve(NcmecEntries(entries(4)))
    hotline.faults = [None, *[Said(status=500)] * 5]
    with pytest.raises(ExchangeAwayError):
        ncmec(hotline, tmp_path / "f", waits)
    for jump in (-3600.0, 10 * 365 * 86400.0):
        now = time.time()
        monkeypatch.setattr(
            "service.lists.exchanges.fetching.time.time", lambda now=now, jump=jump: now + jump
        )
        hotline.asked.clear()
        assert len(texts(ncmec(hotline, tmp_path / "f", waits))) == 2
        assert len(hotline.asked) == 2
        monkeypatch.undo()
        os.environ["WORD"] = "a word"


def test_wrong_credentials_are_named_and_never_shown(
    serve: Callable[[Route], Hotline], tmp_path: Path, waits: Waits
) -> None:
    hotline = serve(NcmecEntries(entries(1), password="another word"))
    with pytest.raises(ExchangeRefusedError) as caught:
        ncmec(hotline, tmp_path / "f", waits)
    assert "127.0.0.1" in str(caught.value)
    assert "word" not in str(caught.value)
    assert waits == []


def test_a_list_without_end_is_given_up(
    serve: Callable[[Route], Hotline], tmp_path: Path, waits: Waits
) -> None:
    hotline = serve(NcmecEntries(entries(50)))
    with pytest.raises(ExchangeOddError, match="more than"):
        ncmec(hotline, tmp_path / "f", waits, room=2000)
    assert not (tmp_path / "f").exists()


def test_pages_are_nobody_elses(
    serve: Callable[[Route], Hotline], tmp_path: Path, waits: Waits
) -> None:
    ncmec(serve(NcmecEntries(entries(1))), tmp_path / "f", waits)
    assert (tmp_path / "f").stat().st_mode & 0o077 == 0


def test_a_token_leads_through_the_records_of_stopncii(
    serve: Callable[[Route], Hotline], tmp_path: Path, waits: Waits
) -> None:
    records: list[dict[str, object]] = [
        {
            "lastModtimestamp": 100 + n,
            "signalType": "ImagePDQ",
            "hashValue": f"{n:064x}",
            "hashStatus": "Active",
        }
        for n in range(5)
    ]
    hotline = serve(stopncii(records))
    settings = {"base": hotline.base, "fetch_key": "env:ONE", "subscription_key": "env:TWO"}

    def sync(since: str | None, folder: str) -> Fetched | None:
        with open_exchange("stopncii", settings, waits) as exchange:
            return fetch(exchange, tmp_path / folder, since, ROOM)

    fetched = sync(None, "f")
    found = [r for text in texts(fetched) for r in json.loads(text)["hashRecords"]]
    assert found == records
    assert fetched is not None
    assert fetched.checkpoint == "105"
    records[0]["lastModtimestamp"], records[0]["hashStatus"] = 200, "Withdrawn"
    later = sync(fetched.checkpoint, "g")
    assert [r for text in texts(later) for r in json.loads(text)["hashRecords"]] == [records[0]]
    hotline.faults = [as_json({"hashRecords": [], "hasMoreRecords": True})]
    with pytest.raises(ExchangeOddError):
        sync(None, "h")
    hotline.faults = [as_json({"hashRecords": []})]
    with pytest.raises(ExchangeOddError):
        sync(None, "i")


def test_a_login_that_ends_half_way_is_made_again(
    serve: Callable[[Route], Hotline], tmp_path: Path, waits: Waits
) -> None:
    listed: list[dict[str, object]] = [
        {"id": n, "hash_digest": f"{n:032x}", "algorithm": "MD5", "updated_on": 1000 + n}
        for n in range(7)
    ]
    hotline = serve(tech_against_terrorism(listed))
    settings = {"base": hotline.base, "user": "u", "password": "env:WORD"}
    with open_exchange("tech-against-terrorism", settings, waits) as exchange:
        fetched = fetch(exchange, tmp_path / "f", None, ROOM)
    found = [one for text in texts(fetched) for one in json.loads(text)["results"]]
    assert found == listed
    assert fetched is not None
    assert fetched.checkpoint == "1006,6"
    with open_exchange("tech-against-terrorism", settings, waits) as exchange:
        later = fetch(exchange, tmp_path / "g", fetched.checkpoint, ROOM)
    assert [json.loads(text)["results"] for text in texts(later)] == [[]]
    assert later is not None
    assert later.checkpoint == fetched.checkpoint


def test_a_folder_is_read_when_it_changed(tmp_path: Path, waits: Waits) -> None:
    lists = tmp_path / "lists"
    lists.mkdir()
    (lists / "b.csv").write_text("md5\n")
    (lists / "a.csv").write_text("sha1\n")
    (lists / "c.csv.part").write_text("half")
    settings = {"path": str(lists)}
    with open_exchange("folder", settings, waits) as exchange:
        fetched = fetch(exchange, tmp_path / "f", None, ROOM)
        assert fetched is not None
        assert [page.name for page in fetched.pages] == ["a.csv", "b.csv"]
        assert texts(fetched) == ["sha1\n", "md5\n"]
        assert fetch(exchange, tmp_path / "g", fetched.checkpoint, ROOM) is None
        (lists / "b.csv").write_text("md5\nand more\n")
        again = fetch(exchange, tmp_path / "g", fetched.checkpoint, ROOM)
        assert texts(again) == ["sha1\n", "md5\nand more\n"]


def test_a_folder_that_is_not_mounted_ends_no_list(tmp_path: Path, waits: Waits) -> None:
    lists = tmp_path / "lists"
    with open_exchange("folder", {"path": str(lists)}, waits) as exchange:
        for _ in range(2):
            with pytest.raises(ExchangeAwayError):
                fetch(exchange, tmp_path / "f", None, ROOM)
            lists.mkdir(exist_ok=True)


def test_a_folder_that_is_being_written_is_left_alone(tmp_path: Path, waits: Waits) -> None:
    lists = tmp_path / "lists"
    lists.mkdir()
    for name in "ab":
        (lists / name).write_text(name)
    with open_exchange("folder", {"path": str(lists)}, waits) as exchange:
        turn = exchange.page(None, None, io.BytesIO())
        assert isinstance(turn, Turn)
        (lists / "b").write_text("more")
        with pytest.raises(ExchangeOddError):
            exchange.page(None, turn.place, io.BytesIO())


def test_a_file_is_fetched_when_it_is_another(
    serve: Callable[[Route], Hotline], tmp_path: Path, waits: Waits
) -> None:
    text = {"now": b"md5\n"}

    def route(asked: Asked) -> Said:
        etag = f'"{len(text["now"])}"'
        if asked.headers.get("if-none-match") == etag:
            return Said(status=304)
        return Said(text["now"], "text/csv", headers={"ETag": etag})

    hotline = serve(route)
    settings = {"url": f"{hotline.base}/lists/today.csv"}
    with open_exchange("https", settings, waits) as exchange:
        fetched = fetch(exchange, tmp_path / "f", None, ROOM)
        assert texts(fetched) == ["md5\n"]
        assert fetched is not None
        assert fetched.pages[0].name == "today.csv"
        assert fetch(exchange, tmp_path / "g", fetched.checkpoint, ROOM) is None
        hotline.faults = [Said(b"<html>", "text/html")]
        with pytest.raises(ExchangeOddError):
            fetch(exchange, tmp_path / "h", None, ROOM)


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("gopher", {}),
        ("ncmec", {}),
        ("ncmec", {"user": "u", "password": "env:WORD"}),
        ("ncmec", {"user": "u", "password": "env:WORD", "environment": "moon"}),
        ("ncmec", {"user": "u", "password": "plainly", "environment": "industry"}),
        ("ncmec", {"user": "u", "password": "env:WORD", "base": "http://example.org"}),
        ("ncmec", {"user": "u", "password": "env:WORD", "base": "https://u:p@example.org"}),
        ("ncmec", {"user": "u", "password": "env:WORD", "environment": "industry", "x": "y"}),
        ("folder", {"path": "here"}),
        ("folder", {"path": ""}),
    ],
)
def test_settings_that_cannot_be_used_are_named(kind: str, settings: dict[str, str]) -> None:
    with pytest.raises(BadExchangeError):
        check_settings(kind, settings)


def test_a_credential_that_is_not_there_is_named(waits: Waits) -> None:
    settings = {"environment": "industry", "user": "u", "password": "env:NOT_THERE"}
    with pytest.raises(BadExchangeError, match="NOT_THERE"):
        open_exchange("ncmec", settings, waits)


def test_nobody_answers_within_five_tries(tmp_path: Path, waits: Waits) -> None:
    with Hotline(NcmecEntries([])).running() as hotline:
        pass
    with pytest.raises(ExchangeError):
        ncmec(hotline, tmp_path / "f", waits)
    assert waits == [1.0, 2.0, 4.0, 8.0]
