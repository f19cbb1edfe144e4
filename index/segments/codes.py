"""Codes as a kind of rows: kept as halves in the order of the tables, sealed with tables."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from embeddings.codes import CODE_BYTES
from index.contract.interface import Groups, Ids
from index.segments.building import build
from index.segments.permutation import reordered
from index.segments.segment import CodeSegment
from index.storage.kind import Columns, RowKind


def _halves(codes: NDArray[np.uint8]) -> Columns:
    words = reordered(codes).reshape(-1, 4)
    return words[:, :2], words[:, 2:]


def _built(ids: Ids, groups: Groups, columns: Columns, threads: int) -> CodeSegment:
    return build(ids, groups, np.concatenate(columns, axis=1).reshape(-1), threads)


CODES: Final = RowKind("segmented", CODE_BYTES, _halves, _built, CodeSegment.of)
