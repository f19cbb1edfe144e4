"""From rows to arrays: which signals of an entry stand in which index."""

from __future__ import annotations

import pytest

from index.contract.changes import Entries
from service.domain.signals import url_key
from service.replica.columns import PDQ, IndexName, gathered
from service.store import EntryBatch

CODE = b"c" * 32


def batch(*rows: dict[str, object]) -> EntryBatch:
    """Entries, each with what is said of it; ids count from 1."""
    columns: dict[str, list[object]] = {
        name: [row.get(name) for row in rows] for name in EntryBatch.__dataclass_fields__
    }
    columns["ids"] = list(range(1, len(rows) + 1))
    columns["bank_ids"] = [row.get("bank_ids", 7) for row in rows]
    for name in ("enabled", "live"):
        columns[name] = [row.get(name, True) for row in rows]
    return EntryBatch(**columns)  # type: ignore[arg-type]


def told(entries: Entries) -> dict[int, tuple[bytes, bool]]:
    assert entries.enabled is not None
    assert set(entries.groups.tolist()) <= {7}
    rows = zip(entries.ids, entries.codes, entries.enabled, strict=True)
    return {int(id_): (code.tobytes(), bool(enabled)) for id_, code, enabled in rows}


def test_each_signal_goes_to_its_index() -> None:
    """What an entry lacks stands nowhere; codes go by space."""
    found = gathered(
        [
            batch(
                {"md5": b"m" * 16, "url": "https://example.org"},
                {"codes": '{"s": "' + "63" * 32 + '", "t": "' + "64" * 32 + '"}'},
                {"sha256": b"2" * 32, "codes": '{"s": "' + "65" * 32 + '"}', "enabled": False},
            )
        ]
    )
    assert {name: told(found.entries(name)) for name in found.batches} == {
        IndexName("md5"): {1: (b"m" * 16, True)},
        IndexName("url"): {1: (url_key("https://example.org/"), True)},
        IndexName("sha256"): {3: (b"2" * 32, False)},
        IndexName("code", "s"): {2: (CODE, True), 3: (b"e" * 32, False)},
        IndexName("code", "t"): {2: (b"d" * 32, True)},
    }


def test_what_is_below_quality_is_found_by_digest_only() -> None:
    """A blank reference would otherwise match every blank upload; no quality is believed."""
    row: dict[str, object] = {"md5": b"m" * 16, "pdq": CODE, "codes": '{"s": "' + "63" * 32 + '"}'}
    found = gathered(
        [
            batch(
                {**row, "pdq_quality": 100, "quality": 0.0},
                {**row, "pdq_quality": 0, "quality": 1.0},
                {**row, "pdq_quality": 100, "quality": 1.0},
                row,
            )
        ]
    )
    assert list(told(found.entries(IndexName("md5")))) == [1, 2, 3, 4]
    assert list(told(found.entries(PDQ))) == [3, 4]
    assert list(told(found.entries(IndexName("code", "s")))) == [2, 3, 4]


def test_what_is_gone_is_removed_and_not_added() -> None:
    """Every entry of a change is taken out; those that live are put in as they are now."""
    found = gathered([batch({"md5": b"a" * 16, "live": False}), batch()])
    changes = found.changes(IndexName("md5"))
    assert (changes.remove.tolist(), len(changes.add.ids)) == ([1], 0)


def test_batches_are_put_together_for_the_indexes_that_ask() -> None:
    """One change, however many batches it was read in."""
    batches = [batch({"md5": bytes([n]) * 16, "pdq": CODE}) for n in range(3)]
    found = gathered(batches, frozenset({PDQ}))
    assert list(found.batches) == [PDQ]
    assert found.entries(PDQ).ids.tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        ("HTTPS://Example.ORG/a", "https://example.org/a", True),
        ("https://example.org", "https://example.org/", True),
        ("https://example.org/a#top", "https://example.org/a", True),
        ("https://example.org/a", "https://example.org/A", False),
        ("https://example.org/a", "https://example.org/a?b", False),
        ("https://example.org/a", "http://example.org/a", False),
        ("https://example.org?Q", "https://example.org?q", False),
    ],
)
def test_urls_are_compared_as_pages(left: str, right: str, same: bool) -> None:
    """Case of scheme and host, an empty path and a fragment make no difference; all else does."""
    assert (url_key(left) == url_key(right)) is same
