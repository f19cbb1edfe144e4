"""How long URLs take to look up among many that are listed: ``lookalike bench urls``.

Half of what is asked is listed, in another spelling or below a rule, and half is not; every answer
is compared with what it must be. Beside it stands a Python set of the same rules' texts, asked for
the URL as it is written alone: what a look-up costs that finds no other spelling.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from time import perf_counter
from typing import Any, Final

import numpy as np

from index.contract.changes import Additions
from service.domain.signals import signal_type
from service.domain.urls.asking import question
from service.replica.columns import IndexName, index_ids
from service.replica.indexes import Indexes

BATCH: Final = 1000
"""URLs of one request."""
_CHUNK: Final = 100_000
_SEED: Final = 20261201
_ROUNDS: Final = 20
_GROUP: Final = 1
_SECRET: Final = b"a secret of this benchmark alone"


@dataclass(frozen=True)
class UrlSpeed:
    """What was measured; times are medians over batches of ``BATCH``."""

    entries: int
    build_seconds: float
    """From the rules' texts to an index that answers."""
    bytes_per_url: float
    """Of the index, in memory; its files hold the same."""
    read_us: float
    """To make keys of a URL: its canonical form, its paths and domains, what it carries."""
    look_up_us: float
    """To look its keys up."""
    total_us: float
    keys: float
    """Looked up for a URL, on average."""
    wrong: int
    """Answers that were not what they must be."""
    set_us: float
    """Of a set of the texts, asked for the URL as it is written."""
    set_bytes: float
    """That a set and its texts take for a URL."""

    def to_json(self) -> dict[str, Any]:
        """Every figure by name."""
        return asdict(self)


def run(entries: int, progress: Callable[[str], object]) -> UrlSpeed:
    """Look URLs up among so many made-up ones."""
    progress(f"making an index of {entries} URLs")
    started = perf_counter()
    indexes = Indexes()
    indexes.open([], _SECRET)
    index = indexes.all[IndexName("url")]
    index.rebuild(_rows(indexes, entries), 1, "bench")
    built = perf_counter() - started
    taken = sum(index.stats().bytes.values()) / entries
    progress("asking")
    choice = random.Random(_SEED)  # noqa: S311 (a benchmark is the same each time)
    groups = frozenset({_GROUP})
    read, looked, wrong, keys = [], [], 0, 0
    for _ in range(_ROUNDS):
        asked = [_asked(choice, entries) for _ in range(BATCH)]
        begun = perf_counter()
        questions = [question(url) for url, _ in asked]
        between = perf_counter()
        found = indexes.look_up("url", [one.keys for one in questions], groups, 100)
        ended = perf_counter()
        read.append(between - begun)
        looked.append(ended - between)
        keys += sum(len(one.keys) for one in questions)
        wrong += sum(
            {hit.id for hit in said.found} != ids
            for said, (_, ids) in zip(found, asked, strict=True)
        )
    indexes.close()
    set_us, set_bytes = _plain(entries, choice)
    totals = [one + other for one, other in zip(read, looked, strict=True)]
    micro = 1e6 / BATCH
    return UrlSpeed(
        entries,
        built,
        taken,
        float(np.median(read)) * micro,
        float(np.median(looked)) * micro,
        float(np.median(totals)) * micro,
        keys / (_ROUNDS * BATCH),
        wrong,
        set_us,
        set_bytes,
    )


def _rule(number: int) -> str:
    """The rule of an entry: of ten, eight name a page, one a path and one a domain."""
    kind = number % 10
    if kind == 8:
        return f"www.site{number % 7919}.example/{number}/*"
    if kind == 9:
        return f"place{number}.example.org"
    return f"https://www.site{number % 7919}.example/albums/{number}/page.html?view={number % 7}"


def _asked(choice: random.Random, entries: int) -> tuple[str, set[int]]:
    """A URL, and the entries that name it."""
    number = choice.randrange(entries)
    if choice.random() < 0.5:
        site, tail = choice.randrange(7919), choice.randrange(10**9)
        return f"https://www.site{site}.example/other/{tail}/page.html?view={tail % 7}", set()
    rule = _rule(number)
    if rule.endswith("/*"):
        return f"http://{rule[:-2]}/below/{choice.randrange(100)}", {number}
    if rule.startswith("place"):
        return f"https://a.{rule}/{choice.randrange(100)}?x=y", {number}
    return rule.replace("/albums/", ":443/a/../albums/./") + "&utm_source=x", {number}


def _rows(indexes: Indexes, entries: int) -> Iterator[Additions]:
    known = signal_type("url")
    assert known.keys is not None
    for first in range(0, entries, _CHUNK):
        numbers = range(first, min(first + _CHUNK, entries))
        digests = indexes.keyed.many(known.keys.listed(_rule(one).encode()) for one in numbers)
        yield Additions(
            index_ids(np.arange(numbers.start, numbers.stop, dtype=np.int64)),
            np.frombuffer(digests, np.uint8).reshape(-1, known.key_width),
            np.full(len(numbers), _GROUP, np.int32),
        )


def _plain(entries: int, choice: random.Random) -> tuple[float, float]:
    """Microseconds a URL, and bytes, of a set of texts."""
    texts = {_rule(one) for one in range(entries)}
    taken = sys.getsizeof(texts) + sum(map(sys.getsizeof, texts))
    times = []
    for _ in range(_ROUNDS):
        asked = [_asked(choice, entries)[0] for _ in range(BATCH)]
        begun = perf_counter()
        for url in asked:
            _ = url in texts
        times.append(perf_counter() - begun)
    return float(np.median(times)) * 1e6 / BATCH, taken / entries
