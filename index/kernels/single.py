"""One query, all parts, one call: what most searches are.

Between two queries of a server the caches fill with other things, and then every object Python
touches costs as much as a bucket. So the whole of a common query happens here, and Python only
begins and ends it. What takes long enough to be shared among threads, or meets a pile-up, is left
to ``searching``.

This is a plain function; ``kernels`` compiles it. It knows what ``probing`` and ``scanning`` know.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from embeddings.codes import CODE_BITS
from index.kernels.intrinsics import address, load64
from index.kernels.matches import name_rows, put_in_order
from index.kernels.permuting import permute_one
from index.kernels.probing import (
    CUT,
    DESK,
    PART_FIELDS,
    PLAN,
    RANGES,
    STRETCH_COUNT,
    STRETCHES,
    TABLES,
    WAITING,
    Longs,
    probe_one,
)
from index.kernels.scanning import BLOCK, scan_block

OUTPUT: Final = 4096
"""Matches one call can answer with."""
MEMORY: Final = 3 * OUTPUT + PLAN + DESK + RANGES + WAITING
"""Working memory of a call, int64. It begins with the answers: id, group and distance."""

NOT_HERE: Final = -1
"""The query must be asked another way."""


def answer(code: NDArray[np.uint8], fields: Longs, shared: Longs, memory: Longs) -> int:
    """Search every part for one code, uint8 (32); returns the number of matches, in order.

    ``fields``: the parts', one after the other. ``memory``: see ``MEMORY``. Returns ``NOT_HERE``
    when some part has too many candidates, or there are too many matches.
    """
    ids = memory[:OUTPUT]
    rows = memory[OUTPUT : 2 * OUTPUT]
    distances = memory[2 * OUTPUT : 3 * OUTPUT]
    plan = memory[3 * OUTPUT : 3 * OUTPUT + PLAN]
    rest = memory[3 * OUTPUT + PLAN :]
    desk, query = rest[:DESK], rest[DESK - 4 : DESK]
    waiting = rest[DESK : DESK + WAITING]
    ranges = rest[DESK + WAITING :]
    permute_one(address(code), query)
    count = 0
    for number in range(fields.size // PART_FIELDS):
        part = address(fields) + 8 * PART_FIELDS * number
        cut = load64(part, CUT)
        if cut >= 0:
            found = probe_one(
                query, part, address(shared), 0, TABLES, desk, ranges, waiting, rows,
                distances, count, plan, 0,
            )  # fmt: skip
            if plan[0] != 0:
                return NOT_HERE
            # Groups of a larger radius are scanned below.
            count = name_rows(part, cut, ids, rows, distances, count, found)
        stretches = load64(part, STRETCHES)
        for stretch in range(load64(part, STRETCH_COUNT)):
            row = load64(stretches, 3 * stretch)
            last = load64(stretches, 3 * stretch + 1)
            radius = load64(stretches, 3 * stretch + 2)
            while row < last:
                end = min(row + BLOCK, last)
                if count + end - row > OUTPUT:
                    return NOT_HERE
                # Which query it is need not be noted: ids overwrite it.
                found = scan_block(part, row, end, query, 0, radius, ids, rows, distances, count)
                count = name_rows(part, CODE_BITS, ids, rows, distances, count, found)
                row = end
    put_in_order(ids, rows, distances, count)
    return count
