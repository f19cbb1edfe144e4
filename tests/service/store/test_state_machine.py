"""The store against a dictionary: whatever is done to it in whatever order."""

from __future__ import annotations

import contextlib
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from service.domain.errors import EmptyListError, EntryExistsError
from service.domain.search import Search
from service.domain.signals import Signals
from service.domain.values import entry_id
from service.replica.replica import Replica
from service.store import ImportRow, ImportTarget, NewEntry, open_store

BANKS = ("A", "B")
BANK = st.sampled_from(BANKS)
LIST = st.sampled_from(("l", "m"))
NAME = st.sampled_from(("a", "b", "c", "d"))
CONTENT = st.integers(0, 3)


def signals(content: int) -> Signals:
    code = bytes([content * 85] * 32)
    return Signals.of(sha256=bytes([content] * 32), pdq=code, codes={"s-256-0": code})


@dataclass
class Known:
    """What the model says of one entry."""

    content: int
    enabled: bool = True
    live: bool = True


@dataclass
class Model:
    entries: dict[tuple[str, str, str], Known] = field(default_factory=dict)
    """(bank, list, provider's id)."""

    def live(self, bank: str) -> dict[tuple[str, str], Known]:
        return {
            (name, item): known
            for (owner, name, item), known in self.entries.items()
            if owner == bank and known.live
        }


class StoreMachine(RuleBasedStateMachine):
    """Every rule does the same to the store and to the model."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.store = open_store(Path(self.folder.name))
        for bank in BANKS:
            self.store.banks.create(bank)
        self.model = Model()
        self.replica = Replica(self.store, poll_seconds=1)
        self.sequence = 0

    def public_id(self, bank: str, name: str, item: str) -> str:
        page = self.store.entries.page(bank, limit=1000)
        return next(e.entry_id for e in page.entries if (e.list, e.provider_id) == (name, item))

    @rule(bank=BANK, name=LIST, item=NAME, content=CONTENT, enabled=st.booleans())
    def add(self, bank: str, name: str, item: str, content: int, enabled: bool) -> None:
        new = NewEntry(signals(content), "local", name, item, enabled=enabled)
        known = self.model.entries.get((bank, name, item))
        try:
            self.store.entries.add(bank, new)
            assert known is None or not known.live
            self.model.entries[bank, name, item] = Known(content, enabled)
        except EntryExistsError:
            assert known is not None
            assert known.live

    @precondition(lambda self: any(self.model.live(bank) for bank in BANKS))
    @rule(data=st.data(), enabled=st.none() | st.booleans())
    def change(self, data: st.DataObject, enabled: bool | None) -> None:
        bank = data.draw(st.sampled_from([bank for bank in BANKS if self.model.live(bank)]))
        name, item = data.draw(st.sampled_from(sorted(self.model.live(bank))))
        public, known = self.public_id(bank, name, item), self.model.entries[bank, name, item]
        if enabled is None:
            self.store.entries.delete(bank, public)
            known.live = False
        else:
            self.store.entries.set_enabled(bank, public, enabled)
            known.enabled = enabled

    @rule(bank=BANK, name=LIST, lines=st.dictionaries(NAME, CONTENT), dry_run=st.booleans())
    def import_list(self, bank: str, name: str, lines: dict[str, int], dry_run: bool) -> None:
        rows = [ImportRow(n, signals(c), item) for n, (item, c) in enumerate(lines.items(), 1)]
        held = {key[2]: k for key, k in self.model.entries.items() if key[:2] == (bank, name)}
        live = {item for item, known in held.items() if known.live}
        same = {item for item in live & lines.keys() if held[item].content == lines[item]}
        with contextlib.suppress(EmptyListError):
            diff = self.store.apply_import(ImportTarget(bank, "local", name), rows, dry_run=dry_run)
            assert diff.added == len(lines.keys() - held.keys())
            assert diff.updated == len((lines.keys() & held.keys()) - same)
            assert diff.removed == len(live - lines.keys())
            assert diff.unchanged == len(same)
            if dry_run:
                return
            for item in live - lines.keys():
                held[item].live = False
            for item, content in lines.items():
                enabled = held[item].enabled if item in held else True
                self.model.entries[bank, name, item] = Known(content, enabled)
            return
        assert live
        assert not lines

    @rule(bank=BANK)
    def delete_bank_and_begin_again(self, bank: str) -> None:
        assert self.store.banks.delete(bank) == len(self.model.live(bank))
        self.store.banks.create(bank)
        self.model.entries = {k: v for k, v in self.model.entries.items() if k[0] != bank}

    @rule(days=st.sampled_from([-1, 1]))
    def purge(self, days: int) -> None:
        """An item that is purged is forgotten: listed again, it is a new one."""
        self.store.purge(datetime.now(UTC) - timedelta(days=days))
        if days < 0:
            live = {key: known for key, known in self.model.entries.items() if known.live}
            self.model.entries = live

    @rule()
    def restart(self) -> None:
        self.store.close()
        self.store = open_store(Path(self.folder.name), create=False)
        self.replica = Replica(self.store, poll_seconds=1)

    @invariant()
    def entries_are_those_of_the_model(self) -> None:
        for bank in BANKS:
            page = self.store.entries.page(bank, limit=1000)
            found = {(e.list, e.provider_id): (e.signals, e.enabled) for e in page.entries}
            live = self.model.live(bank).items()
            assert found == {key: (signals(k.content), k.enabled) for key, k in live}

    @invariant()
    def every_search_finds_what_the_model_holds(self) -> None:
        self.replica.sync()
        assert self.replica.freshness().sequence >= self.sequence
        self.sequence = self.replica.freshness().sequence
        groups = {self.store.banks.get(bank).id: bank for bank in BANKS}
        for content in range(4):
            everywhere = dict.fromkeys(groups, 0)
            found = self.replica.search(
                Search(
                    signals(content),
                    frozenset(groups),
                    frozenset(),
                    {("pdq", ""): everywhere, ("code", "s-256-0"): everywhere},
                )
            ).found
            for bank in BANKS:
                page = self.store.entries.page(bank, limit=1000).entries
                wanted = {
                    entry_id(entry.id)
                    for entry in page
                    if entry.enabled and entry.signals == signals(content)
                }
                for signal in ("sha256", "pdq", "code"):
                    hits = [h for h in found if groups[h.bank_id] == bank and h.signal == signal]
                    assert sorted(entry_id(h.id) for h in hits) == sorted(wanted)

    def teardown(self) -> None:
        self.store.close()
        self.folder.cleanup()


TestStore = StoreMachine.TestCase
TestStore.settings = settings(
    max_examples=6,
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
