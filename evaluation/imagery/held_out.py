"""Scores of pictures whose sources a model had not seen, as its training program wrote them.

A CSV with the columns source, kind (``photo`` or ``nonphoto``), style, wear and probability. Wear
is ``usual``, or what was done to the view: ``edited``, ``small``, ``blurred``, ``screen``. It knows
the file; not how the scores came about.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from evaluation.base.errors import CorpusError
from evaluation.corpora.corpus import Item, Kind
from evaluation.imagery.metrics import Scores


def read(path: Path, wear: str) -> tuple[tuple[Item, ...], Scores]:
    """The pictures of one ``wear`` and their probabilities, float (n,). Raises ``CorpusError``."""
    items, scores = [], []
    try:
        with path.open(newline="", encoding="utf-8") as file:
            for number, row in enumerate(csv.DictReader(file)):
                kind, score = row["kind"], float(row["probability"])
                if kind not in ("photo", "nonphoto") or not 0 <= score <= 1:
                    raise CorpusError(f"{path}: line {number + 2} is of no kind or no probability")
                if row["wear"] == wear:
                    shown: Kind = "photo" if kind == "photo" else "nonphoto"
                    items.append(Item(str(number), shown, row["style"], row["source"]))
                    scores.append(score)
    except (OSError, KeyError, ValueError, TypeError, csv.Error) as error:
        raise CorpusError(f"{path}: not a table of scores: {error!r}") from error
    return tuple(items), np.array(scores)
