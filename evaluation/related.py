"""Images that show one work: pairs of them are copies, whatever corpus they lie in.

Corpora are made free of duplicates by machines, which overlook a drawing on another ground or a
wallpaper cut to another shape. Such pairs would pass for false matches. Whoever has looked at the
closest pairs of a calibration lists them in a CSV with the columns ``image`` and ``same_as``, names
as the corpus has them, and measurements leave them out, edited or not.

It knows names and positions; not codes, nor why two images are one work.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from evaluation.errors import RelatedError

Names = frozenset[tuple[str, str]]
"""Pairs of names, each in its one order or in both."""

Pairs = NDArray[np.int64]
"""int64 (n, 2): positions of a query and a reference."""

_COLUMNS = {"image", "same_as"}
_MOST = 100_000  # rows: a list made by looking is far shorter


def read_related(path: Path) -> Names:
    """The pairs listed in ``path``. Raises ``RelatedError`` naming the line, or ``OSError``."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.DictReader(file)
            if missing := _COLUMNS - set(rows.fieldnames or ()):
                raise RelatedError(f"{path}: it lacks the columns {sorted(missing)}")
            pairs = set()
            for row in rows:
                one, other = row["image"], row["same_as"]
                if not one or not other or one == other or rows.line_num > _MOST:
                    raise RelatedError(
                        f"{path}, line {rows.line_num}: two different images in at most "
                        f"{_MOST:,} lines are expected"
                    )
                pairs.add((one, other))
    except (csv.Error, UnicodeDecodeError) as error:
        raise RelatedError(f"{path}: not a CSV file in UTF-8: {error}") from error
    return frozenset(pairs)


def places(
    related: Names, queries: Sequence[str], references: Sequence[str]
) -> Iterator[tuple[int, int]]:
    """Positions of a query and a reference, by their images' names, for each pair of one work."""
    asked, listed = _by_name(queries), _by_name(references)
    both = related | {(other, one) for one, other in related}
    for one, other in sorted(both):
        for query in asked.get(one, ()):
            for reference in listed.get(other, ()):
                yield query, reference


def pairs(related: Names, queries: Sequence[str], references: Sequence[str]) -> Pairs:
    """``places`` as an array, each once."""
    found = sorted(set(places(related, queries, references)))
    return np.array(found, np.int64).reshape(-1, 2)


def _by_name(names: Iterable[str]) -> dict[str, list[int]]:
    found = defaultdict(list)
    for place, name in enumerate(names):
        found[name].append(place)
    return found
