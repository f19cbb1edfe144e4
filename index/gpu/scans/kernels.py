"""The Triton kernels: which rows of a slab lie within the radius of which queries

``sift`` compares by popcounts: one pass over the first few planes for up to sixteen queries at
once; only where those words alone leave a row within reach are the other planes read. Bits are
added up in threes (carry-save) before they are counted, since counting is what limits it.

``product`` compares by an int8 matrix product on tensor cores: with row bits a in {0, 1} and query
signs b = 1 - 2q, the distance is (bits set in q) + the sum of a·b. It notes the tiles of rows and
queries that hold a match, and ``refine`` looks through those by popcounts.

A match goes to ``out`` as one 64-bit key, see ``keys``; ``out[0]`` counts all matches, also those
for which there was no more room, so an overflow cannot pass unnoticed.

``NATIVE`` chooses the processor's popcount; without it plain arithmetic does the same, which is
what Triton's interpreter can run. Knows addresses and numbers; not who asks.
"""

# Triton reads these functions' source: they are not ordinary Python, and their annotations are its.
# mypy: ignore-errors

from __future__ import annotations

import triton
import triton.language as tl
from triton.language.extra import libdevice


@triton.jit
def _ones(x, NATIVE: tl.constexpr):
    """Bits set in each of ``x``, int32."""
    if NATIVE:
        return libdevice.popc(x)
    else:  # noqa: RET505 - Triton compiles one branch only
        x = x - ((x >> 1) & 0x55555555)
        x = (x & 0x33333333) + ((x >> 2) & 0x33333333)
        x = (x + (x >> 4)) & 0x0F0F0F0F
        x = x + (x >> 8)
        return (x + (x >> 16)) & 0x3F


@triton.jit
def _carry(a, b, c):
    """Where at least two of three bits are set."""
    return (a & b) | (c & (a | b))


@triton.jit
def _four(a, b, c, d, NATIVE: tl.constexpr):
    """Bits set in four words, by three counts."""
    return _ones(a ^ b ^ c, NATIVE) + 2 * _ones(_carry(a, b, c), NATIVE) + _ones(d, NATIVE)


@triton.jit
def _five(a, b, c, d, e, NATIVE: tl.constexpr):
    """Bits set in five words, by three counts."""
    s = a ^ b ^ c
    twos = _ones(_carry(a, b, c), NATIVE) + _ones(_carry(s, d, e), NATIVE)
    return _ones(s ^ d ^ e, NATIVE) + 2 * twos


@triton.jit
def _seven(a, b, c, d, e, f, g, NATIVE: tl.constexpr):
    """Bits set in seven words, by three counts."""
    s = a ^ b ^ c
    t = d ^ e ^ f
    x = _carry(a, b, c)
    y = _carry(d, e, f)
    z = _carry(s, t, g)
    fours = _ones(_carry(x, y, z), NATIVE)
    return _ones(s ^ t ^ g, NATIVE) + 2 * _ones(x ^ y ^ z, NATIVE) + 4 * fours


@triton.jit
def _emit(
    bits, rows, good, query, tags, radii, first, out, room, ROWS: tl.constexpr
):  # fmt: skip
    """Write down those of ``rows`` that are ``good`` once group and own radius are looked at."""
    tag = tl.load(tags + rows, mask=good, other=-1)
    good = good & (tag >= 0) & (bits <= (tag >> 22))
    good = good & (bits <= tl.load(radii + (tag & 0x3FFFFF), mask=good, other=-1))
    none = tl.zeros([ROWS], tl.int64)
    key = (none + first + rows) | (bits.to(tl.int64) << 40) | ((none + query) << 49)
    place = tl.atomic_add(out + none, none + 1, mask=good)
    tl.store(out + 1 + place, key, mask=good & (place < room))


@triton.jit
def _look(
    words, stride, rows, wanted, queries, bounds, low, high, tags, radii, first, out, room,
    NATIVE: tl.constexpr, ROWS: tl.constexpr,
):  # fmt: skip
    """Compare ``rows``, where ``wanted``, with queries ``low`` to ``high`` in all their bits."""
    w0 = tl.load(words + rows, mask=wanted, other=0)
    w1 = tl.load(words + stride + rows, mask=wanted, other=0)
    w2 = tl.load(words + 2 * stride + rows, mask=wanted, other=0)
    w3 = tl.load(words + 3 * stride + rows, mask=wanted, other=0)
    w4 = tl.load(words + 4 * stride + rows, mask=wanted, other=0)
    w5 = tl.load(words + 5 * stride + rows, mask=wanted, other=0)
    w6 = tl.load(words + 6 * stride + rows, mask=wanted, other=0)
    w7 = tl.load(words + 7 * stride + rows, mask=wanted, other=0)
    for query in range(low, high):
        q = queries + query * 8
        bits = _seven(
            w0 ^ tl.load(q), w1 ^ tl.load(q + 1), w2 ^ tl.load(q + 2), w3 ^ tl.load(q + 3),
            w4 ^ tl.load(q + 4), w5 ^ tl.load(q + 5), w6 ^ tl.load(q + 6), NATIVE,
        )  # fmt: skip
        bits += _ones(w7 ^ tl.load(q + 7), NATIVE)
        good = wanted & (bits <= tl.load(bounds + query))
        if tl.max(good.to(tl.int32), 0) > 0:
            _emit(bits, rows, good, query, tags, radii, first, out, room, ROWS)


@triton.jit
def sift(
    words, stride, tags, extent, first, queries, bounds, radii, out, room,
    QUERIES: tl.constexpr, FIRST: tl.constexpr, ROWS: tl.constexpr, NATIVE: tl.constexpr,
):  # fmt: skip
    """Popcounts; a grid of (blocks of rows, groups of ``QUERIES`` queries).

    ``words``: int32 (8, ``stride``); ``extent``: int64 (2,), rows begin to end, begin a multiple of
    16; ``queries``: int32 (q, 8), ``bounds``: int32 (q,), q a multiple of ``QUERIES``; ``radii``:
    int32 (slots,); ``out``: int64 (1 + ``room``,); ``first``: number of the slab's first row;
    ``FIRST``: 4, 5, 7 or 8 planes are read of every row.
    """
    begin = tl.multiple_of(tl.load(extent).to(tl.int32), 16)
    end = tl.load(extent + 1).to(tl.int32)
    start = begin + tl.program_id(0) * ROWS
    if start < end:
        rows = start + tl.arange(0, ROWS)
        low = tl.program_id(1) * QUERIES
        inside = rows < end
        w0 = tl.load(words + rows)
        w1 = tl.load(words + stride + rows)
        w2 = tl.load(words + 2 * stride + rows)
        w3 = tl.load(words + 3 * stride + rows)
        w4 = w3
        w5 = w3
        w6 = w3
        w7 = w3
        if FIRST > 4:
            w4 = tl.load(words + 4 * stride + rows)
        if FIRST > 5:
            w5 = tl.load(words + 5 * stride + rows)
            w6 = tl.load(words + 6 * stride + rows)
        if FIRST > 7:
            w7 = tl.load(words + 7 * stride + rows)
        near = rows < 0
        for number in tl.static_range(QUERIES):
            q = queries + (low + number) * 8
            x0 = w0 ^ tl.load(q)
            x1 = w1 ^ tl.load(q + 1)
            x2 = w2 ^ tl.load(q + 2)
            x3 = w3 ^ tl.load(q + 3)
            if FIRST == 4:
                bits = _four(x0, x1, x2, x3, NATIVE)
            elif FIRST == 5:
                bits = _five(x0, x1, x2, x3, w4 ^ tl.load(q + 4), NATIVE)
            else:
                x4 = w4 ^ tl.load(q + 4)
                x5 = w5 ^ tl.load(q + 5)
                bits = _seven(x0, x1, x2, x3, x4, x5, w6 ^ tl.load(q + 6), NATIVE)
                if FIRST == 8:
                    bits += _ones(w7 ^ tl.load(q + 7), NATIVE)
            near = near | (bits <= tl.load(bounds + low + number))
        near = near & inside
        if tl.max(near.to(tl.int32), 0) > 0:
            _look(
                words, stride, rows, near, queries, bounds, low, low + QUERIES,
                tags, radii, first, out, room, NATIVE, ROWS,
            )  # fmt: skip


@triton.jit
def product(
    planes, stride, extent, signs, limits, count, tiles,
    ROWS: tl.constexpr, COLUMNS: tl.constexpr, STAGES: tl.constexpr,
):  # fmt: skip
    """Matrix products; a grid of blocks of ``ROWS`` rows, each against all queries in turn.

    ``planes``: the words as int8 (8, ``stride``, 4); ``signs``: int8 (q, 256), ±1, in the order
    ``signs_of`` gives; ``limits``: int32 (q,), the bound less the query's set bits; ``count``: q, a
    multiple of ``COLUMNS``. ``tiles``: int32, the number of tiles noted, then each as
    ``block << 8 | column block``.
    """
    begin = tl.multiple_of(tl.load(extent).to(tl.int32), 16)
    end = tl.load(extent + 1).to(tl.int32)
    block = tl.program_id(0)
    if begin + block * ROWS < end:
        rows = begin + block * ROWS + tl.arange(0, ROWS)
        k = tl.arange(0, 256)
        # Bit s of byte j stands at place 32 s + j: any order does, as long as signs have it too.
        place = (k % 32) // 4 * 4 * stride.to(tl.int64) + k % 4
        place = place[None, :] + rows[:, None].to(tl.int64) * 4
        a = tl.load(planes + tl.max_contiguous(tl.multiple_of(place, [1, 4]), [1, 4]))
        a = ((a >> (k // 32).to(tl.int8)[None, :]) & 1).to(tl.int8)
        for low in tl.range(0, count, COLUMNS, num_stages=STAGES):
            columns = low + tl.arange(0, COLUMNS)
            b = tl.load(signs + columns[None, :] * 256 + k[:, None])
            sums = tl.dot(a, b, out_dtype=tl.int32)
            near = sums <= tl.load(limits + columns)[None, :]
            some = tl.max(tl.max(near.to(tl.int32), 1), 0) > 0
            note = tl.atomic_add(tiles, 1, mask=some)
            tl.store(tiles + 1 + note, block * 256 + low // COLUMNS, mask=some)


@triton.jit
def refine(
    words, stride, tags, extent, first, queries, bounds, radii, out, room, tiles, asked,
    ROWS: tl.constexpr, COLUMNS: tl.constexpr, NATIVE: tl.constexpr,
):  # fmt: skip
    """Look through the tiles that ``product`` noted; any grid, as many programs as there are.

    ``asked``: queries without the padding.
    """
    begin = tl.load(extent).to(tl.int32)
    end = tl.load(extent + 1).to(tl.int32)
    noted = tl.load(tiles)
    for number in range(tl.program_id(0), noted, tl.num_programs(0)):
        tile = tl.load(tiles + 1 + number)
        rows = begin + (tile // 256) * ROWS + tl.arange(0, ROWS)
        low = (tile % 256) * COLUMNS
        _look(
            words, stride, rows, rows < end, queries, bounds, low, tl.minimum(low + COLUMNS, asked),
            tags, radii, first, out, room, NATIVE, ROWS,
        )  # fmt: skip


@triton.jit
def count_bits(words, out, repeats, ROWS: tl.constexpr, NATIVE: tl.constexpr):
    """For the benchmark: popcounts of words in registers, ``repeats`` times each: a floor."""
    x = tl.load(words + tl.program_id(0) * ROWS + tl.arange(0, ROWS))
    total = x * 0
    for number in range(repeats):
        total += _ones(x ^ number, NATIVE)
    tl.store(out + tl.program_id(0) * ROWS + tl.arange(0, ROWS), total)


@triton.jit
def read_words(words, out, ROWS: tl.constexpr):
    """For the benchmark: every word is read, one sum a program is written: a floor."""
    x = tl.load(words + tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS))
    tl.store(out + tl.program_id(0), tl.sum(x, 0))
