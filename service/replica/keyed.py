"""Look-ups by keys: many questions, each of several keys, in one walk over an index.

It knows keys and ids; not what a key stands for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from index.digests.digest_index import DigestIndex
from service.domain.search import Found, Searched
from service.domain.signals import Keyed
from service.store.entries.packing import MAX_ALIKE, ORDINAL_BITS


def looked_up(
    index: DigestIndex,
    keyed: Keyed,
    signal: str,
    questions: Sequence[Sequence[str]],
    groups: frozenset[int],
    limit: int | None,
) -> list[Searched]:
    """What each of ``questions`` finds in ``groups``: of one key after the other, by id, at most
    ``limit`` of each group. Raises ``RebuildNeededError``."""
    keys = [key for one in questions for key in one]
    digests = np.frombuffer(keyed.many(keys), np.uint8).reshape(-1, index.width)
    hits = index.search(digests, groups)
    answers: list[list[Found]] = [[] for _ in questions]
    if not len(hits.ids):
        return [Searched(found, incomplete=False) for found in answers]
    per_key = np.diff(hits.offsets)
    key_of_hit = np.repeat(np.arange(len(keys)), per_key)
    question_of = np.repeat(np.arange(len(questions)), [len(one) for one in questions])
    rows = zip(
        question_of[key_of_hit].tolist(),
        key_of_hit.tolist(),
        hits.ids.tolist(),
        hits.groups.tolist(),
        strict=True,
    )
    counts: list[Counter[int]] = [Counter() for _ in questions]
    for question, key, id_, group in rows:
        counts[question][group] += 1
        if limit is None or counts[question][group] <= limit:
            answers[question].append(
                Found(
                    id_ >> ORDINAL_BITS,
                    group,
                    signal,
                    "",
                    0,
                    0,
                    ordinal=id_ & (MAX_ALIKE - 1),
                    key=keys[key],
                )
            )
    cut = [limit is not None and max(count.values(), default=0) >= limit for count in counts]
    return [
        Searched(found, incomplete=False, cut=more)
        for found, more in zip(answers, cut, strict=True)
    ]
