"""From the store's rows to what each index is fed: ids, groups and signals as arrays.

The one place that decides which signals of an entry stand in an index: what is below quality does
not, what is disabled does, so that it can be enabled. It knows columns; not what an index does with
them, nor which transaction they came from.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Final

import numpy as np
import orjson

from embeddings.codes import CODE_BYTES
from index.contract.changes import Changes, Entries
from index.contract.interface import Ids
from service.domain.signals import is_structured, is_trusted, signal_type, url_key
from service.store import EntryBatch


@dataclass(frozen=True)
class IndexName:
    """Which index."""

    signal: str
    space: str = ""
    """Of codes; empty for other signals."""


PDQ: Final = IndexName("pdq")


@dataclass(frozen=True, eq=False)
class Gathered:
    """Many entries, by index."""

    ids: Ids
    """Of all of them, in force or not."""
    batches: Mapping[IndexName, Sequence[Entries]]
    """What stands in each index; those that are absent hold none of these entries."""

    def changes(self, name: IndexName) -> Changes:
        """What sets these entries in one index to what they are now, whatever they were."""
        return Changes(remove=self.ids, add=self.entries(name))

    def entries(self, name: IndexName) -> Entries:
        """What stands in one index."""
        batches = self.batches.get(name, ())
        if not batches:
            return Entries()
        if len(batches) == 1:
            return batches[0]
        return Entries(
            np.concatenate([batch.ids for batch in batches]),
            np.concatenate([batch.codes for batch in batches]),
            np.concatenate([batch.groups for batch in batches]),
            np.concatenate([_enabled(batch) for batch in batches]),
        )


def gathered(batches: Iterable[EntryBatch], names: frozenset[IndexName] | None = None) -> Gathered:
    """``batches``, for the indexes ``names``, or for all."""
    ids: list[Ids] = [np.empty(0, np.int64)]
    found: dict[IndexName, list[Entries]] = {}
    for batch in batches:
        ids.append(np.array(batch.ids, np.int64))
        for name, entries in _split(batch, ids[-1]).items():
            if names is None or name in names:
                found.setdefault(name, []).append(entries)
    return Gathered(np.concatenate(ids), found)


def _split(batch: EntryBatch, ids: Ids) -> dict[IndexName, Entries]:
    """What stands in which index."""
    groups = np.array(batch.bank_ids, np.int32)
    enabled = np.array(batch.enabled, np.bool_)
    live = np.array(batch.live, np.bool_)

    def rows(values: Sequence[bytes | None], width: int, usable: Sequence[bool] = ()) -> Entries:
        held = np.array([value is not None for value in values], np.bool_) & live
        if len(usable):
            held &= np.array(usable, np.bool_)
        payload = b"".join(compress(values, held.tolist()))  # type: ignore[arg-type]
        digests = np.frombuffer(payload, np.uint8).reshape(-1, width)
        return Entries(ids[held], digests, groups[held], enabled[held])

    structured = [is_structured(value) for value in batch.quality]
    trusted = [
        good and is_trusted(value)
        for good, value in zip(structured, batch.pdq_quality, strict=True)
    ]
    urls = [None if url is None else url_key(url) for url in batch.url]
    out = {
        IndexName("md5"): rows(batch.md5, signal_type("md5").key_width),
        IndexName("sha1"): rows(batch.sha1, signal_type("sha1").key_width),
        IndexName("sha256"): rows(batch.sha256, signal_type("sha256").key_width),
        IndexName("url"): rows(urls, signal_type("url").key_width),
        PDQ: rows(batch.pdq, CODE_BYTES, trusted),
    }
    for space, codes in _by_space(batch.codes).items():
        out[IndexName("code", space)] = rows(codes, CODE_BYTES, structured)
    return {name: entries for name, entries in out.items() if len(entries.ids)}


def _by_space(texts: Sequence[str | None]) -> dict[str, list[bytes | None]]:
    """Code space to the codes in it, row for row."""
    out: dict[str, list[bytes | None]] = {}
    for row, text in enumerate(texts):
        if text:
            for space, code in orjson.loads(text).items():
                if space not in out:
                    out[space] = [None] * len(texts)
                out[space][row] = bytes.fromhex(code)
    return out


def _enabled(batch: Entries) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    return np.ones(len(batch.ids), np.bool_) if batch.enabled is None else batch.enabled
