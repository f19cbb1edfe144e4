"""The k nearest rows of one device, by scans whose radius shrinks as they go

A few thousand rows are scanned without a bound; the k-th nearest among them bounds the rest, which
is scanned in stretches that grow eightfold, each bounded by what came before. So all but a few
thousandths of the rows are compared once, at a radius that few of them are within. It knows rows
and keys; ids only through ``names``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import torch

from index.contract.hits import assemble, first
from index.contract.interface import Ids
from index.gpu.rows.directory import Rows
from index.gpu.rows.slabs import STEP
from index.gpu.scans.batch import Batch
from index.gpu.scans.keys import DISTANCE_MASK, QUERY_SHIFT, ROW_BITS, taken_apart
from index.gpu.scans.scanning import Scanner

_GROWTH: Final = 8
_TIES: Final = 1 << 20
"""Keys held from which ties are settled by id, on the host, before more are gathered."""


def nearest_keys(
    scanner: Scanner,
    batch: Batch,
    rows: int,
    k: int,
    names: Callable[[Rows], Ids] | None,
) -> torch.Tensor:
    """Keys, sorted, of the ``k`` nearest of ``rows`` rows to each query, and of ties of the last.

    Without ``names``, which gives the ids of rows, a greater row has a greater id and there are no
    more than ``k``. Narrows ``batch.bounds``.
    """
    best = torch.empty(0, dtype=torch.int64, device=batch.words.device)
    begin = end = 0
    while begin < rows:
        end = min(rows, max(STEP, end * _GROWTH))
        for keys in scanner.pieces(batch, begin, end):
            best, bounds = _best(torch.cat([best, keys]), batch, k, names is None)
            if names is not None and len(best) > max(_TIES, 2 * k * batch.count):
                best = _settled(best, batch.count, k, names)
            batch.bounds.copy_(bounds)
        batch.widest = int(batch.bounds.max())
        begin = end
    return best


def _best(
    keys: torch.Tensor, batch: Batch, k: int, by_row: bool
) -> tuple[torch.Tensor, torch.Tensor]:
    """What may still be among the ``k`` nearest, sorted, and the bounds that follow from it."""
    keys, _ = torch.sort(keys)
    queries = keys >> QUERY_SHIFT
    starts = torch.searchsorted(queries, torch.arange(batch.count + 1, device=keys.device))
    full = starts[1:] - starts[:-1] >= k
    bounds = batch.bounds.clone()
    if not len(keys):
        return keys, bounds
    last = (keys[(starts[:-1] + k - 1).clamp(max=len(keys) - 1)] >> ROW_BITS) & DISTANCE_MASK
    # Rows come in order, so by rows a later one at the same distance never wins.
    narrowed = (last - 1 if by_row else last).to(torch.int32)
    bounds[: batch.count] = torch.where(full, narrowed, bounds[: batch.count])
    kept = torch.arange(len(keys), device=keys.device) - starts[queries] < k
    if not by_row:
        distances = (keys >> ROW_BITS) & DISTANCE_MASK
        kept |= full[queries] & (distances == last[queries])
    return keys[kept], bounds


def _settled(keys: torch.Tensor, count: int, k: int, names: Callable[[Rows], Ids]) -> torch.Tensor:
    """The first ``k`` of each query by distance and id."""
    host = keys.cpu().numpy()
    queries, distances, rows = taken_apart(host)
    # Places travel in the ids' stead, so that the keys can be found again.
    ids = names(rows)
    order = ids.argsort(kind="stable")
    ranks = order.argsort(kind="stable")
    hits = first(assemble(count, queries, ranks, distances, distances), k)
    kept = torch.from_numpy(host[order[hits.ids]]).to(keys.device)
    return torch.sort(kept)[0]
