"""Lists: a whole new version, or nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from service.domain.errors import (
    BadNameError,
    BankNotFoundError,
    EmptyListError,
    VersionExistsError,
)
from service.domain.signals import Signals
from service.store import (
    Entry,
    ImportRow,
    ImportTarget,
    ListShrinksError,
    NewEntry,
    NoValidLineError,
    RejectedLine,
    Store,
    TooManyRejectedError,
)
from service.store.imports.staging import MAX_SHOWN

TARGET = ImportTarget("A", "p", "l")


def row(line: int, name: str, md5: int | None = None, labels: tuple[str, ...] = ()) -> ImportRow:
    return ImportRow(line, Signals.of(md5=bytes([line if md5 is None else md5] * 16)), name, labels)


def exported(store: Store, bank: str) -> list[Entry]:
    with store.entries.export(bank) as export:
        return list(export.entries)


def names(store: Store, bank: str = "A") -> dict[str, Signals]:
    return {entry.provider_id: entry.signals for entry in exported(store, bank)}


@pytest.fixture(autouse=True)
def bank_a(store: Store) -> None:
    store.banks.create("A")


def test_a_version_is_the_whole_list(store: Store) -> None:
    """What is new is added, what changed updated, what is gone removed, the rest untouched."""
    first = store.apply_import(TARGET, [row(1, "a"), row(2, "b"), row(3, "c")])
    assert (first.added, first.updated, first.removed, first.unchanged) == (3, 0, 0, 0)
    before = {e.provider_id: e for e in exported(store, "A")}
    second = store.apply_import(TARGET, [row(1, "a"), row(2, "b", 9), row(4, "d")])
    assert (second.added, second.updated, second.removed, second.unchanged) == (1, 1, 1, 1)
    after = {e.provider_id: e for e in exported(store, "A")}
    assert after.keys() == {"a", "b", "d"}
    assert after["a"].updated_at == before["a"].updated_at
    assert after["b"].id == before["b"].id
    assert after["b"].signals == Signals.of(md5=b"\x09" * 16)
    assert {e.list_version for e in after.values()} == {second.list_version}


def test_labels_are_content(store: Store) -> None:
    """An entry whose labels changed is updated."""
    store.apply_import(TARGET, [row(1, "a", labels=("A",))])
    diff = store.apply_import(TARGET, [row(1, "a", labels=("B",))])
    assert (diff.updated, diff.unchanged) == (1, 0)
    assert [entry.labels for entry in exported(store, "A")] == [("B",)]


def test_what_was_removed_can_come_back(store: Store) -> None:
    """An entry listed again is the same entry."""
    store.apply_import(TARGET, [row(1, "a"), row(2, "b")])
    ids = {e.provider_id: e.id for e in exported(store, "A")}
    store.apply_import(TARGET, [row(1, "a")])
    diff = store.apply_import(TARGET, [row(1, "a"), row(2, "b")])
    assert (diff.added, diff.updated, diff.unchanged) == (0, 1, 1)
    assert {e.provider_id: e.id for e in exported(store, "A")} == ids


def test_a_disabled_entry_stays_disabled(store: Store) -> None:
    """A curator's decision outlives the next version, changed or not."""
    store.apply_import(TARGET, [row(1, "a")])
    (entry,) = store.entries.page("A").entries
    store.entries.set_enabled("A", entry.entry_id, False)
    store.apply_import(TARGET, [row(1, "a", 7)])
    assert not store.entries.get("A", entry.entry_id).enabled
    assert store.entries.get("A", entry.entry_id).signals == Signals.of(md5=b"\x07" * 16)


def test_other_providers_and_lists_are_not_touched(store: Store) -> None:
    """The same id under another provider or list is another entry: it neither changes nor goes."""
    store.entries.add("A", NewEntry(Signals.of(md5=b"m" * 16), provider_id="a"))
    store.apply_import(ImportTarget("A", "q", "l"), [row(1, "a"), row(2, "b")])
    store.apply_import(ImportTarget("A", "p", "k"), [row(3, "a")])
    store.apply_import(TARGET, [row(4, "a"), row(5, "b")])
    store.apply_import(TARGET, [row(5, "b")])
    kept = sorted((e.provider, e.list, e.provider_id) for e in exported(store, "A"))
    assert kept == [
        ("local", "manual", "a"),
        ("p", "k", "a"),
        ("p", "l", "b"),
        ("q", "l", "a"),
        ("q", "l", "b"),
    ]


def test_too_many_bad_lines_commit_nothing(store: Store) -> None:
    """The error carries every line and reason; the store is as it was, its sequence too."""
    store.apply_import(TARGET, [row(1, "a")])
    before, sequence = names(store), store.sequence()
    rows: list[ImportRow | RejectedLine] = [
        row(1, "b"),
        RejectedLine(2, "not a hash"),
        ImportRow(3, Signals(), "c"),
    ]
    with pytest.raises(TooManyRejectedError, match="line 2: not a hash") as caught:
        store.apply_import(TARGET, rows, max_rejected=1)
    diff = caught.value.diff
    assert diff.refused
    assert [line.line for line in diff.rejected] == [2, 3]
    assert (names(store), store.sequence()) == (before, sequence)
    diff = store.apply_import(TARGET, rows, max_rejected=2)
    assert (diff.added, diff.removed, diff.rejected_count) == (1, 1, 2)
    assert names(store).keys() == {"b"}


@pytest.mark.parametrize("labels", [("",), ("a\n",), ("x" * 65,), tuple(map(str, range(33)))])
def test_a_line_with_bad_labels_is_rejected(store: Store, labels: tuple[str, ...]) -> None:
    """What an entry may not hold costs its line."""
    diff = store.apply_import(TARGET, [row(1, "a"), row(2, "b", labels=labels)], max_rejected=1)
    assert [line.line for line in diff.rejected] == [2]


def test_repeated_lines(store: Store) -> None:
    """A line repeated exactly is counted; the same id with other content is a bad line."""
    rows = [row(1, "a"), row(2, "b"), row(3, "a", 1), row(4, "b", 9), row(5, "b", 2)]
    diff = store.apply_import(TARGET, rows, max_rejected=1)
    assert (diff.added, diff.duplicates) == (2, 2)
    assert diff.rejected == (RejectedLine(4, "line 2 has the same id with other content"),)


def test_more_repeats_than_are_shown_are_counted(store: Store) -> None:
    """All of them, of either kind, and the first line of the id is the one in force."""
    many = MAX_SHOWN + 5
    rows = [row(1, "a", 1), row(2, "b", 2)]
    rows += [row(n, "a", 1 + n % 2) for n in range(3, 3 + 2 * many)]
    diff = store.apply_import(TARGET, rows, max_rejected=many)
    assert (diff.added, diff.duplicates, diff.rejected_count) == (2, many, many)
    assert len(diff.rejected) == MAX_SHOWN
    assert names(store) == {"a": rows[0].signals, "b": rows[1].signals}


def test_lines_without_ids_keep_their_entries(store: Store) -> None:
    """The id derived from a line is the same in the next version."""
    rows = [ImportRow(n, Signals.of(md5=bytes([n] * 16))) for n in (1, 2)]
    store.apply_import(TARGET, rows)
    diff = store.apply_import(TARGET, rows[1:])
    assert (diff.removed, diff.unchanged) == (1, 1)


def test_a_dry_run_tells_what_the_import_then_does(store: Store) -> None:
    """Same counts, and nothing changes."""
    store.apply_import(TARGET, [row(1, "a"), row(2, "b"), row(3, "c")])
    before, sequence = names(store), store.sequence()
    rows: list[ImportRow | RejectedLine] = [
        row(1, "a"),
        row(2, "b", 9),
        row(4, "d"),
        RejectedLine(5, "bad"),
    ]
    looked = store.apply_import(TARGET, rows, max_rejected=1, dry_run=True)
    assert (names(store), store.sequence()) == (before, sequence)
    assert len(store.versions("A")) == 1
    did = store.apply_import(TARGET, rows, max_rejected=1)
    assert looked.dry_run
    assert not did.dry_run
    for count in ("added", "updated", "removed", "unchanged", "rejected", "duplicates"):
        assert getattr(looked, count) == getattr(did, count)
    refused = store.apply_import(TARGET, rows, dry_run=True)
    assert refused.refused


def test_an_empty_list_does_not_empty_the_bank(store: Store) -> None:
    """A list without a valid line is refused where entries would vanish, and harmless where not."""
    assert store.apply_import(TARGET, []).added == 0
    store.apply_import(TARGET, [row(1, "a")])
    with pytest.raises(EmptyListError):
        store.apply_import(TARGET, [])
    with pytest.raises(NoValidLineError):
        store.apply_import(TARGET, [RejectedLine(1, "bad")], max_rejected=1, dry_run=True)
    assert names(store).keys() == {"a"}


def test_a_list_of_bad_lines_alone_makes_no_bank_and_no_version(store: Store) -> None:
    """However many of them are tolerated: such a version would say that the list is empty."""
    target = ImportTarget("B", create_bank=True)
    for dry_run in (True, False):
        with pytest.raises(NoValidLineError, match="line 7: bad") as caught:
            store.apply_import(target, [RejectedLine(7, "bad")], max_rejected=9, dry_run=dry_run)
        assert caught.value.diff.rejected_count == 1
    assert [bank.name for bank in store.banks.all()] == ["A"]
    with pytest.raises(NoValidLineError):
        store.apply_import(TARGET, [RejectedLine(7, "bad")], max_rejected=9)
    assert store.versions("A") == []


@pytest.mark.parametrize(
    ("held", "removed", "allowed"),
    [
        (9, 8, True),
        (10, 2, True),
        (10, 3, False),
        (25, 5, True),
        (25, 6, False),
        (10, 9, False),
    ],
)
def test_a_list_does_not_lose_a_fifth_without_leave(
    store: Store, held: int, removed: int, allowed: bool
) -> None:
    """Of 10 entries or more; a cut-off list must not take the rest of a bank out of force."""
    rows = [row(n, str(n)) for n in range(held)]
    store.apply_import(TARGET, rows)
    shorter, before, sequence = rows[removed:], names(store), store.sequence()
    looked = store.apply_import(TARGET, shorter, dry_run=True)
    assert (looked.shrinks, looked.refused) == (not allowed, not allowed)
    assert (looked.held, looked.removed) == (held, removed)
    if not allowed:
        with pytest.raises(ListShrinksError, match=f"{removed} of the list's {held}") as caught:
            store.apply_import(TARGET, shorter)
        assert (names(store), store.sequence()) == (before, sequence)
        diff = caught.value.diff
        assert (diff.added, diff.updated, diff.held, diff.removed, diff.unchanged) == (
            0, 0, held, removed, held - removed,
        )  # fmt: skip
    did = store.apply_import(TARGET, shorter, allow_shrink=not allowed)
    assert (did.removed, did.shrinks) == (removed, False)
    assert len(names(store)) == held - removed


def test_the_guard_counts_one_list_and_what_is_in_it(store: Store) -> None:
    """Other lists of the bank, entries gone before, and new ones make up for nothing."""
    store.apply_import(ImportTarget("A", "q", "l"), [row(n, str(n)) for n in range(100)])
    rows = [row(n, str(n)) for n in range(20)]
    store.apply_import(TARGET, rows)
    fresh = [row(n, str(n)) for n in range(100, 120)]
    with pytest.raises(ListShrinksError):
        store.apply_import(TARGET, [*rows[5:], *fresh])
    store.apply_import(TARGET, rows[5:], allow_shrink=True)
    assert store.apply_import(TARGET, rows[8:]).removed == 3


def test_versions_tell_when_each_was_active(store: Store) -> None:
    """Newest first; the one before ends when the next begins; a name is used once."""
    store.apply_import(ImportTarget("A", "p", "l", "v1"), [row(1, "a")])
    store.apply_import(ImportTarget("A", "p", "l", "v2"), [row(1, "a"), row(2, "b")])
    store.apply_import(ImportTarget("A", "q", "l", "v1"), [row(1, "a")])
    other, second, first = store.versions("A")
    assert [v.version for v in (other, second, first)] == ["v1", "v2", "v1"]
    assert first.superseded_at == second.activated_at
    assert second.superseded_at is None
    assert other.superseded_at is None
    assert (second.entries, second.added, second.unchanged) == (2, 1, 1)
    with pytest.raises(VersionExistsError):
        store.apply_import(ImportTarget("A", "p", "l", "v1"), [row(1, "a")])


def test_bad_targets_are_named(store: Store) -> None:
    """Unknown banks and names that are none are refused before a line is read."""

    def unread() -> Iterator[ImportRow]:
        raise AssertionError
        yield row(1, "a")

    with pytest.raises(BankNotFoundError):
        store.apply_import(ImportTarget("B"), unread())
    for target in (ImportTarget("A", ""), ImportTarget("A", "p", "\n"), ImportTarget("a b")):
        with pytest.raises(BadNameError):
            store.apply_import(target, unread())


def test_a_bank_can_come_with_its_list(store: Store) -> None:
    """With leave, a missing bank is made in the same commit; a dry run only looks."""
    target = ImportTarget("B", create_bank=True)
    assert store.apply_import(target, [row(1, "a")], dry_run=True).added == 1
    with pytest.raises(TooManyRejectedError):
        store.apply_import(target, [RejectedLine(1, "bad")])
    assert [bank.name for bank in store.banks.all()] == ["A"]
    store.apply_import(target, [row(1, "a")])
    assert names(store, "B").keys() == {"a"}


def test_a_list_that_breaks_off_commits_nothing(store: Store) -> None:
    """An error from the reader comes through, and the connection is good for the next import."""

    def breaking() -> Iterator[ImportRow]:
        yield row(1, "a")
        raise EOFError

    with pytest.raises(EOFError):
        store.apply_import(TARGET, breaking())
    assert names(store) == {}
    assert store.apply_import(TARGET, [row(1, "a")]).added == 1


def test_reading_a_list_blocks_nobody(store: Store, reopen: Callable[[], Store]) -> None:
    """While the lines of a list are still coming, others read, write and import."""
    other = reopen()

    def slow() -> Iterator[ImportRow]:
        for n in range(1, 4):
            yield row(n, f"slow {n}")
            other.entries.add("A", NewEntry(Signals.of(md5=bytes([100 + n] * 16))))
            other.apply_import(ImportTarget("A", "q"), [row(n, f"quick {n}")])
            assert other.entries.count("A") == n + 1

    assert store.apply_import(TARGET, slow()).added == 3
    assert other.entries.count("A") == 7


def test_many_rejected_lines_are_counted_but_not_all_kept(store: Store) -> None:
    """A list of nothing but bad lines costs bounded memory."""
    bad = (RejectedLine(n, "bad") for n in range(MAX_SHOWN + 5))
    with pytest.raises(TooManyRejectedError) as caught:
        store.apply_import(TARGET, bad)
    assert caught.value.diff.rejected_count == MAX_SHOWN + 5
    assert len(caught.value.diff.rejected) == MAX_SHOWN


def test_low_quality_lines_are_told(store: Store) -> None:
    """Lines whose image has too little structure are counted as digest-only."""
    rows = [
        ImportRow(1, Signals.of(md5=b"a" * 16, pdq=b"p" * 32, quality=0.0), "a"),
        ImportRow(2, Signals.of(pdq=b"p" * 32, pdq_quality=10), "b"),
        ImportRow(3, Signals.of(pdq=b"p" * 32, pdq_quality=90), "c"),
        ImportRow(4, Signals.of(md5=b"a" * 16), "d"),
    ]
    assert store.apply_import(TARGET, rows).digest_only == 2
