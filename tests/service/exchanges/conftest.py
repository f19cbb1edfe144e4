"""Servers to fetch from, and exchanges to fetch with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from service.domain.exchanges import ExchangeRecord, ExchangeRun, NewExchange
from service.domain.settings import Settings
from service.store import Store, open_store
from service.work.syncing import StoppedError, Syncer
from tests.service.conftest import settings_for
from tests.service.exchanges.hotlines import Hotline, Route

PASSWORD = "a word"


@dataclass
class Site:
    """A store with a data folder, and one process that syncs it."""

    store: Store
    settings: Settings
    stack: ExitStack
    waits: list[float] = field(default_factory=list)
    stopping: bool = False

    def hotline(self, route: Route) -> Hotline:
        """A server that ends with the test, and that may be fetched from."""
        made = self.stack.enter_context(Hotline(route).running())
        self.allow(made.base)
        return made

    def allow(self, base: str) -> None:
        """Permit to fetch from there."""
        hosts = (*self.settings.exchange_hosts, urlsplit(base).netloc)
        self.settings = self.settings.model_copy(update={"exchange_hosts": hosts})

    def ncmec(self, hotline: Hotline, **more: object) -> ExchangeRecord:
        """NCMEC's list, from a stand-in."""
        word = "env:LOOKALIKE_EXCHANGE_WORD"
        settings = {"base": hotline.base, "user": "member", "password": word}
        return self.keep(settings=settings, **more)  # type: ignore[arg-type]

    @property
    def pages(self) -> list[str]:
        """Folders of what was fetched and is not in force yet."""
        root = self.settings.data_dir / "exchanges"
        return sorted(path.name for path in root.iterdir()) if root.is_dir() else []

    def keep(self, kind: str = "ncmec", name: str = "one", **more: object) -> ExchangeRecord:
        """An exchange into the bank ``listed``."""
        given: dict[str, object] = {"bank": "listed", "provider": kind, "list": "all", **more}
        return self.store.exchanges.create(NewExchange(name=name, kind=kind, **given))  # type: ignore[arg-type]

    def syncer(self) -> Syncer:
        return Syncer(self.store, self.settings, self._pause)

    def sync(self, name: str = "one", allow_shrink: bool = False) -> ExchangeRun:
        record = self.store.exchanges.get(name)
        return self.syncer().sync(record, allow_shrink).run

    def listed(self) -> set[str]:
        """The provider's ids of what is in force."""
        page = self.store.entries.page("listed", 0, 1000)
        return {one.provider_id for one in page.entries if one.enabled}

    def _pause(self, seconds: float) -> None:
        if self.stopping:
            raise StoppedError
        if seconds:
            self.waits.append(seconds)


@pytest.fixture(params=["sqlite", "postgresql"])
def site(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Site]:
    """On either database; it may fetch from this machine, and from the folder ``drop``."""
    url = None
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres").new_schema()
    for name, value in (("WORD", PASSWORD), ("ONE", "k1"), ("TWO", "k2")):
        monkeypatch.setenv(f"LOOKALIKE_EXCHANGE_{name}", value)
    (tmp_path / "drop").mkdir()
    settings = settings_for(tmp_path / "data", exchange_folders=(tmp_path / "drop",))
    store = open_store(settings.data_dir, url)
    store.banks.create("listed")
    with ExitStack() as stack:
        yield Site(store, settings, stack)
    store.close()
