"""When to compare by popcounts and when by matrix products: measured, or a documented default

``lookalike bench gpu`` measures both ways at each batch size and writes what it found as JSON:
``{"format": "lookalike-gpu-calibration-1", "device": …, "matrix_from": …, …}`` with the fields of
``Calibration``. The defaults are what arithmetic suggests for an H100 or H200; nothing has been
measured yet. It knows numbers; not devices.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from index.contract.errors import DamagedFileError

FORMAT: Final = "lookalike-gpu-calibration-1"

FIRST: Final = (4, 5, 7, 8)
"""Planes that ``kernels.sift`` can read first."""
TILES: Final = ((128, 64, 4, 3), (128, 128, 8, 3))
"""Shapes of ``kernels.product``: rows, columns, warps, stages."""


@dataclass(frozen=True)
class Calibration:
    """What one kind of device does best."""

    device: str = "default, not measured"
    matrix_from: int = 96
    """Queries a batch from which matrix products are used.

    An H200 counts 16 words a clock and multiprocessor, three a pair; its tensor cores would do a
    pair in a third of that time, but bits must be unpacked first, once a row.
    """
    first: tuple[tuple[int, int], ...] = ((31, 4), (48, 5), (64, 7))
    """(radius, planes): up to that radius so many planes are read of every row; else all eight.

    Chosen so that of even coins fewer than one row in a million survives the first look.
    """
    tile: int = 0
    """Which of ``TILES``."""

    def planes(self, radius: int) -> int:
        """Planes to read of every row at ``radius`` bits."""
        return next((planes for most, planes in self.first if radius <= most), 8)


DEFAULT: Final = Calibration()
ON_CPU: Final = Calibration("torch on a CPU, default", matrix_from=4)
"""For torch on a CPU, where a product of floats is quicker from the first few queries."""


def load(path: Path) -> Calibration:
    """Read a calibration. Raises ``DamagedFileError`` naming what is wrong."""
    try:
        document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if document.pop("format") != FORMAT:
            raise DamagedFileError(f"{path}: its format is not {FORMAT}")
        first = tuple((int(radius), int(planes)) for radius, planes in document.pop("first"))
        read = Calibration(first=first, **document)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DamagedFileError(f"{path}: not a calibration: {error!r}") from error
    radii = [radius for radius, _ in first]
    if (
        not isinstance(read.matrix_from, int)
        or read.matrix_from < 1
        or read.tile not in range(len(TILES))
        or radii != sorted(radii)
        or any(planes not in FIRST for _, planes in first)
    ):
        raise DamagedFileError(f"{path}: a calibration has values that none can have")
    return read


def save(calibration: Calibration, path: Path) -> None:
    """Write ``calibration``. Raises ``OSError``."""
    document = {"format": FORMAT, **asdict(calibration)}
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
