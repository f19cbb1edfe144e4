"""The store's past against plain dictionaries: what was at any earlier moment, and going back."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from service.domain.errors import (
    BankNotFoundError,
    EmptyListError,
    EntryExistsError,
    EntryNotFoundError,
    ListChangedError,
)
from service.domain.signals import Signal, Signals, types_by_name
from service.domain.sought import Sought, read_sought, readings
from service.store import (
    ImportRow,
    ImportTarget,
    ListShrinksError,
    NewEntry,
    PastUnknownError,
    Store,
    VersionNotFoundError,
    open_store,
)
from service.store.entries.history import changed_since
from service.store.imports import rollback

Postgres = Any
"""Of the conftest, which tests cannot import."""

BANK, PROVIDER = "A", "p"
LIST = st.sampled_from(("l", "m"))
NAME = st.sampled_from(("a", "b", "c", "d"))
CONTENT = st.integers(0, 3)

Key = tuple[str, str]
"""List, provider's id."""


def signals(content: int) -> Signals:
    """From none of a type to several: content 3 is a video."""
    items = [Signal("sha256", bytes([content]) * 32)]
    items += [
        Signal("pdq", bytes([content, n]) * 16, quality=60 + n, ms=n * 1000) for n in range(content)
    ]
    return Signals.many(items, 0.5 if content % 2 else None)


@dataclass
class Known:
    """What the model says of one entry."""

    content: int
    enabled: bool = True
    live: bool = True


Model = dict[Key, Known]


class PastMachine(RuleBasedStateMachine):
    """Every rule does the same to the store and to the model, whose every state is kept."""

    url: str | None = None

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.store = open_store(Path(self.folder.name), self.fresh(), actor="test")
        self.store.banks.create(BANK)
        self.model: Model = {}
        self.then: dict[int, Model] = {}
        self.versions: dict[tuple[str, str], tuple[int, Model]] = {}
        self.purged = 0
        self.note()

    def fresh(self) -> str | None:
        """Where the store is; ``None`` for a file of its own."""
        return None

    def note(self) -> None:
        self.then[self.store.sequence()] = deepcopy(self.model)

    def held(self, name: str) -> dict[str, Known]:
        return {
            item: known for (of, item), known in self.model.items() if of == name and known.live
        }

    def public_id(self, key: Key) -> str:
        page = self.store.entries.page(BANK, limit=1000)
        return next(e.entry_id for e in page.entries if (e.list, e.provider_id) == key)

    @rule(name=LIST, item=NAME, content=CONTENT, enabled=st.booleans())
    def add(self, name: str, item: str, content: int, enabled: bool) -> None:
        known = self.model.get((name, item))
        with contextlib.suppress(EntryExistsError):
            self.store.entries.add(
                BANK, NewEntry(signals(content), PROVIDER, name, item, enabled=enabled)
            )
            assert known is None or not known.live
            self.model[name, item] = Known(content, enabled)
        self.note()

    @precondition(lambda self: any(known.live for known in self.model.values()))
    @rule(data=st.data(), enabled=st.none() | st.booleans())
    def change(self, data: st.DataObject, enabled: bool | None) -> None:
        live = sorted(key for key, known in self.model.items() if known.live)
        key = data.draw(st.sampled_from(live))
        known = self.model[key]
        if enabled is None:
            self.store.entries.delete(BANK, self.public_id(key))
            known.live = False
        else:
            assert self.store.entries.set_enabled(BANK, self.public_id(key), enabled)
            known.enabled = enabled
        self.note()

    def listed(self, name: str, lines: dict[str, int]) -> None:
        for item in self.held(name).keys() - lines.keys():
            self.model[name, item].live = False
        for item, content in lines.items():
            known = self.model.get((name, item))
            self.model[name, item] = Known(content, known.enabled if known else True)

    @rule(name=LIST, lines=st.dictionaries(NAME, CONTENT))
    def import_list(self, name: str, lines: dict[str, int]) -> None:
        rows = [ImportRow(n, signals(c), item) for n, (item, c) in enumerate(lines.items(), 1)]
        with contextlib.suppress(EmptyListError):
            diff = self.store.apply_import(ImportTarget(BANK, PROVIDER, name), rows)
            self.listed(name, lines)
            self.versions[name, diff.list_version] = (diff.sequence, deepcopy(self.model))
        self.note()

    @precondition(lambda self: self.versions)
    @rule(data=st.data(), dry_run=st.booleans())
    def roll_back(self, data: st.DataObject, dry_run: bool) -> None:
        name, version = data.draw(st.sampled_from(sorted(self.versions)))
        sequence, model = self.versions[name, version]
        lines = {i: k.content for (of, i), k in model.items() if of == name and k.live}
        target = ImportTarget(BANK, PROVIDER, name)
        before = self.store.sequence()
        try:
            diff = self.store.roll_back(target, version, dry_run)
        except PastUnknownError:
            assert sequence < self.purged
        except EmptyListError:
            assert not lines
        else:
            assert sequence >= self.purged
            if dry_run:
                assert self.store.sequence() == before
            else:
                self.listed(name, lines)
                newest = next(v for v in self.store.versions(BANK) if v.list == name)
                assert (newest.restores, newest.actor) == (version, "test")
                assert newest.version == diff.list_version
                self.versions[name, diff.list_version] = (diff.sequence, deepcopy(self.model))
        self.note()

    @rule(days=st.sampled_from([-1, 1]))
    def purge(self, days: int) -> None:
        self.store.purge(datetime.now(UTC) - timedelta(days=days))
        if days < 0:
            self.model = {key: known for key, known in self.model.items() if known.live}
            self.purged = self.store.sequence()
        self.note()

    @invariant()
    def every_moment_is_as_it_was(self) -> None:
        for sequence, model in self.then.items():
            if sequence < self.purged:
                with pytest.raises(PastUnknownError):
                    self.store.history.page(BANK, sequence)
                continue
            page = self.store.history.page(BANK, sequence, limit=1000)
            found = {(e.list, e.provider_id): (e.signals, e.enabled) for e in page.entries}
            live = {key: known for key, known in model.items() if known.live}
            assert found == {k: (signals(v.content), v.enabled) for k, v in live.items()}
        now = self.store.entries.page(BANK, limit=1000)
        assert self.store.history.page(BANK, self.store.sequence(), limit=1000) == now

    @invariant()
    def nothing_is_flawed_and_all_is_counted(self) -> None:
        assert list(self.store.verify()) == []
        with self.store.view() as view:
            for _ in view.entries():
                pass
            assert not view.damaged
            assert not any(view.lost.values())

    def teardown(self) -> None:
        self.store.close()
        self.folder.cleanup()


TestPast = PastMachine.TestCase
TestPast.settings = settings(
    max_examples=6,
    stateful_step_count=15,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)


@pytest.mark.slow
def test_the_past_on_postgresql(postgres: Postgres) -> None:
    """The same rules, a few of them."""

    class OnPostgres(PastMachine):
        def fresh(self) -> str | None:
            made: str = postgres.new_schema()
            return made

    run_state_machine_as_test(
        OnPostgres,
        settings=settings(
            max_examples=2,
            stateful_step_count=10,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )


def test_an_entry_tells_every_state_it_had(store: Store) -> None:
    """Oldest first, with who began it, under which version, from when to when; removed too."""
    store.banks.create(BANK)
    target = ImportTarget(BANK, PROVIDER, "l", "1")
    store.acting("cli:import").apply_import(target, [ImportRow(1, signals(1), "a", ("A",))])
    (entry,) = store.entries.page(BANK).entries
    store.acting("key:0a1b2c3d").entries.set_enabled(BANK, entry.entry_id, False)
    store.acting("key:4e5f6071").entries.delete(BANK, entry.entry_id)
    again = ImportTarget(BANK, PROVIDER, "l", "2")
    store.acting("cli:import").apply_import(again, [ImportRow(1, signals(2), "a")])
    states = store.history.states(BANK, entry.entry_id)
    assert [(s.state, s.since, s.until, s.actor, s.version) for s in states] == [
        ("in_force", 2, 3, "cli:import", "1"),
        ("disabled", 3, 4, "key:0a1b2c3d", "1"),
        ("removed", 4, 5, "key:4e5f6071", "1"),
        ("disabled", 5, None, "cli:import", "2"),
    ]
    assert [s.signals for s in states] == [signals(1), signals(1), Signals(), signals(2)]
    assert [s.labels for s in states] == [("A",), ("A",), (), ()]
    assert all(s.whole for s in states)
    assert [s.ended_at for s in states[:-1]] == [s.began_at for s in states[1:]]
    assert [store.history.sequence_at(s.began_at) for s in states] == [2, 3, 4, 5]
    assert not store.history.entry(BANK, entry.entry_id, 3).enabled
    with pytest.raises(EntryNotFoundError):
        store.history.entry(BANK, entry.entry_id, 4)
    assert store.history.entry(BANK, entry.entry_id, 2).list_version == "1"
    with pytest.raises(PastUnknownError):
        store.history.page(BANK, 6)


def test_going_back_is_guarded_like_an_import(store: Store) -> None:
    """Much that would go must be allowed; a version that never was is named."""
    store.banks.create(BANK)
    few = [ImportRow(n, signals(1), f"{n}") for n in range(3)]
    many = [ImportRow(n, signals(1), f"{n}") for n in range(20)]
    target = ImportTarget(BANK, PROVIDER, "l")
    first = store.apply_import(target, few)
    store.apply_import(target, many)
    with pytest.raises(ListShrinksError):
        store.roll_back(target, first.list_version)
    assert store.roll_back(target, first.list_version, dry_run=True).removed == 17
    assert store.roll_back(target, first.list_version, allow_shrink=True).removed == 17
    assert store.entries.count(BANK) == 3
    with pytest.raises(VersionNotFoundError):
        store.roll_back(target, "none")


def test_entries_are_found_over_all_banks(store: Store) -> None:
    """By the exact value of a signal, whichever of an entry it is; by their provider's id; by
    label: in pages, and never by what only looks alike."""
    for bank in ("A", "B"):
        store.banks.create(bank)
        for n in range(3):
            new = NewEntry(signals(n), PROVIDER, "l", f"{n}", labels=(f"label {n}", 'a "quote"'))
            store.entries.add(bank, new)
        store.entries.add(bank, NewEntry(Signals.of(codes={"x-1": b"c" * 32}), PROVIDER, "l", "c"))
        url = Signals.of(url="https://example.org/a?b=c")
        store.entries.add(bank, NewEntry(url, PROVIDER, "l", "u"))
    store.entries.delete("B", store.entries.page("B").entries[2].entry_id)

    def found(**fields: str) -> list[tuple[str, str]]:
        page = store.find.page(read_sought(fields))
        assert not page.more
        return [(one.bank, one.provider_id) for one in page.entries]

    assert found(sha256="01" * 32) == [("A", "1"), ("B", "1")]
    assert found(video_sha256="01" * 32) == [("A", "1"), ("B", "1")]
    assert found(sha256="01" * 32, provider_id="2") == []
    assert found(pdq="0201" * 16) == [("A", "2")]
    assert found(pdq="01" * 32) == []
    assert found(code=b"c".hex() * 32) == [("A", "c"), ("B", "c")]
    assert found(code=b"c".hex() * 32, label="label 1") == []
    assert found(url="https://example.org/a?b=c") == [("A", "u"), ("B", "u")]
    assert found(url="https://example.org/a") == []
    assert found(url="example.org") == []
    assert found(provider_id="2") == [("A", "2")]
    assert found(label="label 1") == [("A", "1"), ("B", "1")]
    assert found(label="label") == found(label="LABEL 1") == found(label="label _") == []
    assert len(found(label='a "quote"')) == 5
    first = store.find.page(Sought(label='a "quote"'), limit=3)
    assert (len(first.entries), first.more) == (3, True)
    rest = store.find.page(Sought(label='a "quote"'), first.last, 3)
    assert (len(rest.entries), rest.more) == (2, False)
    assert len(store.find.page(Sought(bank="A")).entries) == 5
    assert len(store.find.page(Sought(label="label 1", bank="B")).entries) == 1
    with pytest.raises(BankNotFoundError):
        store.find.page(Sought(label="label 1", bank="C"))
    (gone,) = store.find.page(Sought(provider_id="2", bank="B", removed=True)).entries
    assert store.find.page(Sought(entry_id=gone.entry_id)).entries == ()
    assert store.find.page(Sought(entry_id=gone.entry_id, removed=True)).entries == (gone,)


def test_a_text_is_looked_for_as_whatever_it_could_be(store: Store) -> None:
    """As the value of a signal of each type that is written so, and as an id."""
    store.banks.create(BANK)
    texts = {"sha256": "ab" * 32, "md5": "ab" * 16, "url": "example.org/a/*", "photodna": "1" * 288}
    for name, text in texts.items():
        signal = types_by_name()[name].read(name, text)
        store.entries.add(BANK, NewEntry(Signals.many([Signal(name, signal)]), "p", "l", name))
    store.entries.add(BANK, NewEntry(signals(1), "p", "l", "ab" * 32))

    def found(text: str) -> set[str]:
        pages = [store.find.page(sought).entries for sought in readings(text)]
        return {one.provider_id for page in pages for one in page}

    assert found("AB" * 32) == {"sha256"}
    assert found("ab" * 32) == {"sha256", "ab" * 32}
    assert found("ab" * 16) == {"md5"}
    assert found("example.org/a/*") == {"url"}
    assert found("1" * 288) == {"photodna"}
    entry = store.entries.page(BANK).entries[1]
    assert found(entry.entry_id) == {"md5"}
    assert found("ab" * 31) == found("\0") == found(" ") == found("") == set()


def test_what_lists_hold_is_counted(store: Store) -> None:
    """By list, state and type of signal, the code's space with it; other banks do not count."""
    for bank in ("A", "B"):
        store.banks.create(bank)
        rows = [ImportRow(n, signals(n), f"{n}") for n in range(4)]
        store.apply_import(ImportTarget(bank, PROVIDER, "l", "1"), rows)
    coded = NewEntry(Signals.of(codes={"x-1": b"c" * 32}), PROVIDER, "m", "c")
    store.entries.add("A", coded)
    ids = [one.entry_id for one in store.entries.page("A").entries]
    store.entries.set_enabled("A", ids[0], False)
    store.entries.delete("A", ids[1])
    imported, added = store.counts("A")
    assert (imported.provider, imported.list, imported.version) == (PROVIDER, "l", "1")
    assert imported.states == {"in_force": 2, "disabled": 1, "removed": 1}
    assert (added.list, added.version, added.states) == ("m", None, {"in_force": 1})
    assert added.signals == {("code@x-1", "in_force"): 1}
    kinds = {kind for kind, _ in imported.signals}
    assert {"sha256", "pdq"} <= kinds
    for kind in ("sha256", "pdq"):
        assert imported.signals[kind, "in_force"] <= 2
    assert imported.signals["sha256", "disabled"] == 1
    with pytest.raises(BankNotFoundError):
        store.counts("C")


def test_going_back_is_whole_whoever_else_changes_the_list(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What comes in while the version is read must not stay in a list that says it went back."""
    store, other = open_store(tmp_path), open_store(tmp_path)
    store.banks.create(BANK)
    target = ImportTarget(BANK, PROVIDER, "l")
    first = [ImportRow(n, signals(0), f"n{n}") for n in range(5)]
    store.apply_import(replace(target, version="first"), first)
    store.apply_import(replace(target, version="second"), [*first, ImportRow(9, signals(1), "new")])
    read, busy = changed_since, [1, 2]

    def meanwhile(*given: Any) -> Iterator[Any]:  # noqa: ANN401 (as it is given)
        yield from read(*given)
        if busy:
            number = busy.pop()
            other.entries.add(BANK, NewEntry(signals(2), PROVIDER, "l", f"late{number}"))

    monkeypatch.setattr(rollback, "changed_since", meanwhile)
    store.roll_back(target, "first")
    held = {one.provider_id for one in store.entries.page(BANK).entries}
    assert held == {f"n{n}" for n in range(5)}
    busy += [3, 4, 5]
    with pytest.raises(ListChangedError):
        store.roll_back(target, "second")
    assert "new" not in {one.provider_id for one in store.entries.page(BANK).entries}
    store.close()
    other.close()
