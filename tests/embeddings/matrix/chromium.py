"""What a real Chromium shows of files: one start, one page, one screenshot for all of them."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

CELL = 176
"""Pixels a side of the place each file has on the page."""
_COLUMNS = 10
_FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--hide-scrollbars", "--force-color-profile=srgb", "--force-device-scale-factor=1",
]  # fmt: skip


def shown(
    program: str, files: Mapping[str, tuple[str, bytes]], folder: Path
) -> dict[str, NDArray[np.uint8]]:
    """What each of ``files``, name to ending and bytes, looks like on white: uint8 (CELL, CELL, 3).

    A picture stands in the top left of its place, white round it.
    """
    images = []
    for number, (ending, data) in enumerate(files.values()):
        (folder / f"{number}.{ending}").write_bytes(data)
        left, top = number % _COLUMNS * CELL, number // _COLUMNS * CELL
        images.append(f'<img src="{number}.{ending}" style="left:{left}px;top:{top}px" alt="">')
    page = folder / "page.html"
    page.write_text(
        "<!doctype html><style>body{margin:0;background:#fff}img{position:absolute;"
        f"max-width:{CELL}px;max-height:{CELL}px}}</style>" + "".join(images)
    )
    height = -(-len(files) // _COLUMNS) * CELL
    target = folder / "page.png"
    subprocess.run(
        [program, *_FLAGS, f"--user-data-dir={folder / 'profile'}", f"--screenshot={target}",
         f"--window-size={_COLUMNS * CELL},{height}", page.as_uri()],
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    screen = np.asarray(Image.open(target).convert("RGB"))
    out = {}
    for number, name in enumerate(files):
        left, top = number % _COLUMNS * CELL, number // _COLUMNS * CELL
        out[name] = screen[top : top + CELL, left : left + CELL]
    return out
