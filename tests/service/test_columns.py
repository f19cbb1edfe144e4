"""From rows to arrays: which signals of an entry stand in which index."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from index.contract.changes import Additions
from service.domain.signals import Keyed, Signal, Signals
from service.replica.columns import PDQ, IndexName, gathered
from service.store import EntryBatch
from service.store.entries.rows import content_columns, packed_content
from service.store.views.batches import Reader

CODE = b"c" * 32


def batch(*rows: Signals | None, enabled: bool = True, first: int = 1) -> EntryBatch:
    """Entries by their signals, ``None`` for one that is removed; ids count from ``first``."""
    found: list[tuple[object, ...]] = []
    for number, signals in enumerate(rows, first):
        state = "removed"
        columns: dict[str, Any] = {"layout": "", "labels": "[]", "signals": None, "content": None}
        if signals is not None:
            columns = content_columns(packed_content("p", signals, ()), enabled)
            state = columns.pop("state")
        found.append((number, 7, 1, state, columns["layout"], "p", columns["labels"],
                      columns["signals"], columns["content"]))  # fmt: skip
    damaged: dict[int, int] = {}
    made = Reader({1: 7}, damaged).batch(found)
    assert not damaged
    return made


def told(entries: Additions) -> dict[tuple[int, int], tuple[bytes, bool]]:
    """By entry and ordinal."""
    assert entries.enabled is not None
    assert set(entries.groups.tolist()) <= {7}
    rows = zip(entries.ids.tolist(), entries.codes, entries.enabled, strict=True)
    return {(id_ >> 12, id_ & 4095): (code.tobytes(), bool(enabled)) for id_, code, enabled in rows}


def test_each_signal_goes_to_its_index() -> None:
    """What an entry lacks stands nowhere; codes go by space."""
    found = gathered(
        [
            batch(
                Signals.of(md5=b"m" * 16, url="https://example.org"),
                Signals.of(codes={"s": CODE, "t": b"d" * 32}),
            ),
            batch(Signals.of(sha256=b"2" * 32, codes={"s": b"e" * 32}), enabled=False, first=3),
        ]
    )
    assert {name: told(found.entries(name)) for name in found.batches} == {
        IndexName("md5"): {(1, 0): (b"m" * 16, True)},
        IndexName("url"): {(1, 0): (Keyed()("pexample.org/"), True)},
        IndexName("sha256"): {(3, 0): (b"2" * 32, False)},
        IndexName("code", "s"): {(2, 0): (CODE, True), (3, 0): (b"e" * 32, False)},
        IndexName("code", "t"): {(2, 0): (b"d" * 32, True)},
    }


def test_what_is_below_quality_is_found_by_digest_only() -> None:
    """A blank reference would otherwise match every blank upload; no quality is believed."""
    row: dict[str, Any] = {"md5": b"m" * 16, "pdq": CODE, "codes": {"s": CODE}}
    found = gathered(
        [
            batch(
                Signals.of(**row, pdq_quality=100, quality=0.0),
                Signals.of(**row, pdq_quality=0, quality=1.0),
                Signals.of(**row, pdq_quality=100, quality=1.0),
                Signals.of(**row),
            )
        ]
    )
    assert [entry for entry, _ in told(found.entries(IndexName("md5")))] == [1, 2, 3, 4]
    assert sorted(entry for entry, _ in told(found.entries(PDQ))) == [3, 4]
    codes = told(found.entries(IndexName("code", "s")))
    assert sorted(entry for entry, _ in codes) == [2, 3, 4]


def test_frames_of_a_video_are_signals_of_one_entry() -> None:
    """Each has its ordinal, whatever the next one's quality is; digests count by themselves."""
    frames = [Signal("pdq", bytes([n]) * 32, quality=100 - 40 * n, ms=1000 * n) for n in range(3)]
    one = Signals.many([Signal("md5", b"m" * 16), *frames])
    found = gathered([batch(one)])
    assert told(found.entries(PDQ)) == {(1, n): (bytes([n]) * 32, True) for n in range(2)}
    assert list(told(found.entries(IndexName("md5")))) == [(1, 0)]


def test_what_is_gone_is_removed_and_not_added() -> None:
    """Every entry of a change is taken out, with all the signals of a type that it had; those that
    live are put in as they are now."""
    change = replace(batch(None, Signals.of(sha1=b"s" * 20)), several={1: 3})
    changes = gathered([change]).changes(IndexName("md5"))
    assert (sorted(changes.remove.tolist()), len(changes.add.ids)) == ([4096, 4097, 4098, 8192], 0)


def test_batches_are_put_together_for_the_indexes_that_ask() -> None:
    """One change, however many batches it was read in."""
    batches = [batch(Signals.of(md5=bytes([n]) * 16, pdq=CODE), first=n + 1) for n in range(3)]
    found = gathered(batches, frozenset({PDQ}))
    assert list(found.batches) == [PDQ]
    assert found.entries(PDQ).ids.tolist() == [4096, 8192, 12288]
