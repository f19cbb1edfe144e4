"""Banks, entries and keys, one by one."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from service.domain.errors import (
    BadNameError,
    BadPolicyError,
    BankExistsError,
    BankNotFoundError,
    EntryExistsError,
    EntryNotFoundError,
    InvalidValueError,
    KeyNotFoundError,
    NoSignalsError,
)
from service.domain.signals import Signals, parse_signals
from service.domain.values import entry_id, entry_number
from service.store import Action, Imagery, NewEntry, Policy, Radii, Role, Store

MD5 = Signals.of(md5=b"m" * 16)
EVERYTHING = Signals.of(
    md5=b"m" * 16,
    sha1=b"s" * 20,
    sha256=b"t" * 32,
    pdq=b"p" * 32,
    codes={"b-256-1": b"c" * 32, "a-256-0": b"d" * 32},
    url="https://example.org/page",
    pdq_quality=70,
    quality=0.5,
)


def test_a_bank_keeps_its_policy(store: Store) -> None:
    """Every field of a policy comes back, and a change touches only what it changes."""
    policy = Policy(
        Action.BLOCK,
        Imagery.NON_PHOTOGRAPHIC,
        Radii(24, {Imagery.ANY: 40, Imagery.PHOTOGRAPHIC: 50}),
        enabled=False,
    )
    store.banks.create("A", policy)
    assert store.banks.get("A").policy == policy
    store.banks.update("A", lambda policy: Policy(action=Action.ALLOW, imagery=policy.imagery))
    assert store.banks.get("A").policy == Policy(Action.ALLOW, Imagery.NON_PHOTOGRAPHIC)


@pytest.mark.parametrize("name", ["", "a b", "-a", ".", "é", "a" * 65, "a/b", "a\x00b"])
def test_a_bad_bank_name_is_refused(store: Store, name: str) -> None:
    """It cannot be given, and looking for it finds no bank rather than failing."""
    with pytest.raises(BadNameError):
        store.banks.create(name)
    with pytest.raises(BankNotFoundError):
        store.banks.get(name)


def test_a_radius_that_no_distance_has_is_refused() -> None:
    """Radii lie in 0 to 256 bits."""
    with pytest.raises(BadPolicyError):
        Radii(pdq=257)
    with pytest.raises(BadPolicyError):
        Radii(code={Imagery.ANY: -1})


def test_a_deleted_bank_frees_its_name_and_nothing_else(store: Store) -> None:
    """The new bank of that name is empty, and the old one's entries stay gone."""
    first = store.banks.create("A")
    entry = store.entries.add("A", NewEntry(MD5))
    with pytest.raises(BankExistsError):
        store.banks.create("A")
    assert store.banks.delete("A") == 1
    with pytest.raises(BankNotFoundError):
        store.entries.page("A")
    again = store.banks.create("A")
    assert again.id != first.id
    assert store.entries.page("A").entries == ()
    with pytest.raises(EntryNotFoundError):
        store.entries.get("A", entry.entry_id)


def test_an_entry_keeps_everything(store: Store) -> None:
    """Signals of every type, labels and provenance come back as they were given."""
    store.banks.create("A")
    new = NewEntry(EVERYTHING, "p", "l", "id 1", ("B", "A", "A"), enabled=False)
    entry = store.entries.add("A", new)
    assert entry.signals == EVERYTHING
    assert (entry.provider, entry.list, entry.provider_id) == ("p", "l", "id 1")
    assert entry.labels == ("A", "B")
    assert not entry.enabled
    assert store.entries.get("A", entry.entry_id) == entry
    assert store.entries.by_ids([entry.id]) == {entry.id: entry}


def test_the_same_item_is_not_added_twice(store: Store) -> None:
    """An id of one's own or a derived one names one entry of a list; other lists have their own."""
    store.banks.create("A")
    store.entries.add("A", NewEntry(MD5))
    with pytest.raises(EntryExistsError):
        store.entries.add("A", NewEntry(MD5))
    store.entries.add("A", NewEntry(MD5, provider="other"))
    store.entries.add("A", NewEntry(MD5, list="other"))
    store.entries.add("A", NewEntry(MD5, provider_id="mine"))
    assert store.entries.count("A") == 4


def test_a_derived_id_names_the_item_not_how_good_it_is(store: Store) -> None:
    """The same signals with a quality, or with another, are the same item."""
    store.banks.create("A")
    store.entries.add("A", NewEntry(EVERYTHING))
    said = EVERYTHING.to_json()
    for change in ({"pdq_quality": 99}, {"quality": None}):
        with pytest.raises(EntryExistsError):
            store.entries.add("A", NewEntry(parse_signals(said | change)))
    store.entries.add("A", NewEntry(parse_signals(said | {"md5": None})))


def test_a_large_bank_goes_at_once_and_lets_others_write(
    reopen: Callable[[], Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its entries are tombstoned a few at a time; between two times, another writer has its turn,
    and sees nothing of the bank any more."""
    monkeypatch.setattr("service.store.banks.banks._SWEPT", 2)
    store, other = reopen(), reopen()
    store.banks.create("A")
    for n in range(5):
        store.entries.add("A", NewEntry(Signals.of(md5=bytes([n] * 16))))
    turns: list[int] = []

    def turn(_: float) -> None:
        assert other.banks.all() == []
        other.banks.create("A")
        other.banks.delete("A")
        turns.append(1)

    monkeypatch.setattr("service.store.banks.banks.sleep", turn)
    assert store.banks.delete("A") == 5
    assert len(turns) == 2
    with store.view() as view:
        assert list(view.entries()) == []


def test_a_deletion_that_was_cut_short_is_finished(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is left of the bank is found and tombstoned; banks in force are left alone."""
    for name in "AB":
        store.banks.create(name)
        for n in range(3):
            store.entries.add(name, NewEntry(Signals.of(md5=bytes([n] * 16))))
    with monkeypatch.context() as dying:
        dying.setattr(store.banks, "_sweep", lambda _: 0)
        store.banks.delete("A")
    assert (store.banks.sweep(), store.banks.sweep()) == (3, 0)
    assert store.entries.count("B") == 3
    with store.view() as view:
        assert [id_ for batch in view.entries() for id_ in batch.ids] == [4, 5, 6]


def test_a_deleted_entry_can_be_listed_again(store: Store) -> None:
    """It keeps its id, and holds what was given last."""
    store.banks.create("A")
    entry = store.entries.add("A", NewEntry(MD5, provider_id="x"))
    store.entries.delete("A", entry.entry_id)
    with pytest.raises(EntryNotFoundError):
        store.entries.delete("A", entry.entry_id)
    again = store.entries.add("A", NewEntry(EVERYTHING, provider_id="x"))
    assert again.id == entry.id
    assert again.signals == EVERYTHING


def test_an_entry_needs_a_signal_and_a_bank(store: Store) -> None:
    """Nothing to match is refused; so is an unknown bank, and one bank's id in another."""
    store.banks.create("A")
    store.banks.create("B")
    with pytest.raises(NoSignalsError):
        store.entries.add("A", NewEntry(Signals.of(pdq_quality=50)))
    with pytest.raises(BankNotFoundError):
        store.entries.add("C", NewEntry(MD5))
    entry = store.entries.add("A", NewEntry(MD5))
    with pytest.raises(EntryNotFoundError):
        store.entries.get("B", entry.entry_id)
    with pytest.raises(EntryNotFoundError):
        store.entries.set_enabled("B", entry.entry_id, False)


def test_derived_ids_do_not_reveal_hashes(store: Store) -> None:
    """An id shown to people who may not see hashes holds none."""
    store.banks.create("A")
    entry = store.entries.add("A", NewEntry(EVERYTHING))
    for value in (EVERYTHING.md5, EVERYTHING.sha256, EVERYTHING.pdq):
        assert value is not None
        assert value.hex()[:8] not in entry.provider_id


def test_pages_cover_a_bank_once(store: Store) -> None:
    """Page after page gives every entry once, in order, whatever the page's length."""
    store.banks.create("A")
    ids = [store.entries.add("A", NewEntry(Signals.of(md5=bytes([n] * 16)))).id for n in range(7)]
    store.entries.delete("A", entry_id(ids[2]))
    for limit in (1, 2, 3, 6, 7):
        seen, after, more = [], 0, True
        while more:
            page = store.entries.page("A", after, limit)
            seen += [entry.id for entry in page.entries]
            after, more = page.last, page.more
        assert seen == [*ids[:2], *ids[3:]]


def test_export_is_what_is_in_force(store: Store) -> None:
    """Disabled and deleted entries are left out."""
    store.banks.create("A")
    entries = [store.entries.add("A", NewEntry(Signals.of(md5=bytes([n] * 16)))) for n in range(5)]
    store.entries.set_enabled("A", entries[1].entry_id, False)
    store.entries.delete("A", entries[3].entry_id)
    with store.entries.export("A", chunk=2) as export:
        exported = iter(export.entries)
        first = next(exported)
        store.entries.add("A", NewEntry(Signals.of(md5=b"6" * 16), list="later"))
        assert [first.id, *(e.id for e in exported)] == [1, 3, 5]
        assert [e.id for e in export.entries] == [1, 3, 5]
        assert export.lists == {("local", "manual")}
    with pytest.raises(BankNotFoundError), store.entries.export("B"):
        pass


@pytest.mark.parametrize("number", [0, 1, 31, 32, 10**12, 2**50 - 1])
def test_public_ids_are_internal_ids_in_order(number: int) -> None:
    """The text form reads back, and sorts as the number does."""
    assert entry_number(entry_id(number)) == number
    if number:
        assert entry_id(number - 1) < entry_id(number)


@pytest.mark.parametrize(
    "text", ["", "e_", "e_1", "e_00000000zz", "E_0000000001", "e_000000000\u0661"]
)
def test_what_is_no_id_names_no_entry(text: str) -> None:
    """A malformed id is an entry that is not there."""
    with pytest.raises(EntryNotFoundError):
        entry_number(text)


def test_keys_are_kept_as_hashes(store: Store) -> None:
    """The text is given once; the list knows name, roles and dates; revoking is final."""
    new = store.keys.create("uploads", frozenset({Role.MATCHER, Role.REVIEWER}))
    (key,) = store.keys.all()
    assert key == new.key
    assert key.roles == {Role.MATCHER, Role.REVIEWER}
    assert new.text.split("_")[2] not in repr(store.keys.all())
    revoked = store.keys.revoke(key.id)
    assert revoked.revoked_at is not None
    assert store.keys.revoke(key.id) == revoked
    for unknown in ("00000000", "", "a' OR 1", "\x00"):
        with pytest.raises(KeyNotFoundError):
            store.keys.revoke(unknown)
    with pytest.raises(InvalidValueError):
        store.keys.create("nobody", frozenset())
