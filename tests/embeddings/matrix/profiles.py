"""ICC profiles, EXIF blocks and the primaries of colour spaces, written by hand."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

SRGB_XY = ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06))
P3_XY = ((0.68, 0.32), (0.265, 0.69), (0.15, 0.06))
BT2020_XY = ((0.708, 0.292), (0.17, 0.797), (0.131, 0.046))
D65_XY = (0.3127, 0.3290)
_D50 = np.array([0.9642, 1.0, 0.8249])
_BRADFORD = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)


def to_d50(primaries: Sequence[tuple[float, float]]) -> NDArray[np.float64]:
    """From light of these primaries under D65 to XYZ under D50: (3, 3)."""
    columns = np.array([[x / y, 1.0, (1 - x - y) / y] for x, y in primaries]).T
    x, y = D65_XY
    white = np.array([x / y, 1.0, (1 - x - y) / y])
    matrix = columns * np.linalg.solve(columns, white)
    scale = (_BRADFORD @ _D50) / (_BRADFORD @ white)
    return np.asarray(np.linalg.inv(_BRADFORD) @ np.diag(scale) @ _BRADFORD @ matrix)


def to_srgb(primaries: Sequence[tuple[float, float]]) -> NDArray[np.float64]:
    """From light of these primaries to light of sRGB's: (3, 3)."""
    return np.asarray(np.linalg.inv(to_d50(SRGB_XY)) @ to_d50(primaries))


def icc(primaries: Sequence[tuple[float, float]] | None, gamma: float) -> bytes:
    """A version 2 profile: three primaries, or grey without them, and one gamma."""

    def xyz(values: NDArray[np.float64]) -> bytes:
        return b"XYZ " + bytes(4) + struct.pack(">3l", *np.rint(values * 65536).astype(int))

    curve = b"curv" + bytes(4) + struct.pack(">LHH", 1, round(gamma * 256), 0)
    name = b"desc" + bytes(4) + struct.pack(">L", 2) + b"x\0" + bytes(80)
    tags = {
        b"desc": name + bytes(-len(name) % 4),
        b"cprt": b"text" + bytes(4) + b"free\0\0\0\0",
        b"wtpt": xyz(_D50),
    }
    if primaries is None:
        space = b"GRAY"
        tags[b"kTRC"] = curve
    else:
        space = b"RGB "
        for letter, column in zip((b"r", b"g", b"b"), to_d50(primaries).T, strict=True):
            tags |= {letter + b"XYZ": xyz(column), letter + b"TRC": curve}
    table, body, offset = struct.pack(">L", len(tags)), b"", 128 + 4 + 12 * len(tags)
    for tag, value in tags.items():
        table += tag + struct.pack(">LL", offset + len(body), len(value))
        body += value
    head = struct.pack(">L4sL4s", offset + len(body), b"none", 0x02400000, b"mntr")
    head += space + b"XYZ " + bytes(12) + b"acsp" + bytes(28)
    head += struct.pack(">3l", *np.rint(_D50 * 65536).astype(int))
    return head + bytes(128 - len(head)) + table + body


def exif(orientation: int) -> bytes:
    """A TIFF block that says nothing but the orientation."""
    return b"MM\0*" + struct.pack(">LHHHLHHL", 8, 1, 0x0112, 3, 1, orientation, 0, 0)
