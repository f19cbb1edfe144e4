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
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from evaluation.base.errors import RelatedError

Names = frozenset[tuple[str, str]]
"""Pairs of names, each in its one order or in both."""

Pairs = NDArray[np.int64]
"""int64 (n, 2): positions of a query and a reference."""

NO_PAIRS: Final = np.empty((0, 2), np.int64)
"""Nothing to leave out."""

_COLUMNS: Final = {"image", "same_as"}
_MOST: Final = 100_000  # rows: a list made by looking is far shorter


def read_related(path: Path) -> Names:
    """The pairs listed in ``path``. Raises ``RelatedError`` naming the line, or ``OSError``."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.DictReader(file)
            if missing := _COLUMNS - set(rows.fieldnames or ()):
                raise RelatedError(f"{path}: it lacks the columns {sorted(missing)}")
            found = set()
            for row in rows:
                one, other = row["image"], row["same_as"]
                if not one or not other or one == other or rows.line_num > _MOST:
                    raise RelatedError(
                        f"{path}, line {rows.line_num}: two different images in at most "
                        f"{_MOST:,} lines are expected"
                    )
                found.add((one, other))
    except (csv.Error, UnicodeDecodeError) as error:
        raise RelatedError(f"{path}: not a CSV file in UTF-8: {error}") from error
    return frozenset(found)


def pairs(related: Names, queries: Sequence[str], references: Sequence[str]) -> Pairs:
    """Where a query and a reference show one work, by their images' names; each pair once."""
    asked, listed = _by_name(queries), _by_name(references)
    found = [
        (query, reference)
        for one, other in sorted(related | {(other, one) for one, other in related})
        for query in asked.get(one, ())
        for reference in listed.get(other, ())
    ]
    return np.array(found, np.int64).reshape(-1, 2)


def _by_name(names: Iterable[str]) -> dict[str, list[int]]:
    found = defaultdict(list)
    for place, name in enumerate(names):
        found[name].append(place)
    return found
