"""Compiles Triton's kernels for an H100 or H200, which takes no device: see ``test_kernels``."""

from __future__ import annotations

import json
import sys

import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from index.gpu.calibration import TILES
from index.gpu.scans import kernels

POINTERS = {
    "planes": "*i8",
    "signs": "*i8",
    "extent": "*i64",
    "out": "*i64",
    **dict.fromkeys(
        ("words", "tags", "queries", "bounds", "radii", "limits", "tiles"),
        "*i32",
    ),
}
NUMBERS = {"first": "i64", "room": "i64", "stride": "i32", "count": "i32", "asked": "i32"}


def ptx(kernel: triton.JITFunction, warps: int, stages: int = 3, **constants: object) -> str:
    """The machine's assembly of ``kernel``, arguments aligned as they are when it is launched."""
    names = kernel.arg_names
    types = {n: POINTERS.get(n) or NUMBERS.get(n) or "constexpr" for n in names}
    aligned = {
        (place,): [["tt.divisibility", 16]]
        for place, name in enumerate(names)
        if name in POINTERS or name == "stride"
    }
    source = ASTSource(fn=kernel, signature=types, constexprs=constants, attrs=aligned)
    options = {"num_warps": warps, "num_stages": stages}
    compiled = triton.compile(source, target=GPUTarget("cuda", 90, 32), options=options)
    assert compiled.asm["cubin"]
    return str(compiled.asm["ptx"])


if __name__ == "__main__":
    rows, columns, warps, stages = TILES[0]
    sift = ptx(kernels.sift, 4, QUERIES=4, FIRST=4, ROWS=1024, NATIVE=True)
    product = ptx(kernels.product, warps, stages, ROWS=rows, COLUMNS=columns, STAGES=stages)
    refine = ptx(kernels.refine, 4, ROWS=rows, COLUMNS=columns, NATIVE=True)
    counts = {
        "sift.popcounts": sift.count("popc.b32"),
        "sift.wide_loads": sift.count("ld.global.v4"),
        "product.matrix": product.count("wgmma.mma_async"),
        "product.copies": product.count("cp.async"),
        "refine.popcounts": refine.count("popc.b32"),
    }
    json.dump(counts, sys.stdout)
