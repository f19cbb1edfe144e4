"""Progress where somebody watches: a bar on a terminal, or one line under a notebook's cell.

The line is taken away when the work is done, so that a saved notebook does not keep it. Elsewhere
nothing is shown. It knows nothing of what is being done.
"""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator
from typing import Final

from evaluation.base import terminal
from evaluation.base.progress import Progress

_WIDTH: Final = 30
_PAUSE: Final = 0.2  # seconds between two lines: each is a message to a browser


@contextlib.contextmanager
def bars() -> Iterator[Progress]:
    """A function to report progress to: what is done, how much of it, how much there is."""
    if not _in_notebook():
        with terminal.stages() as report:
            yield report
        return
    from IPython.display import clear_output

    shown = 0.0

    def line(stage: str, done: int, total: int) -> None:
        nonlocal shown
        now = time.monotonic()
        if now - shown < _PAUSE and done < total:
            return
        shown = now
        clear_output(wait=True)  # type: ignore[no-untyped-call]
        sys.stdout.write(bar(stage, done, total))

    try:
        yield line
    finally:
        clear_output()  # type: ignore[no-untyped-call]


def bar(stage: str, done: int, total: int) -> str:
    """One line of text, such as ``hashing [###.......] 3/10``."""
    filled = _WIDTH * done // total if total else _WIDTH
    return f"{stage} [{'#' * filled}{'.' * (_WIDTH - filled)}] {done:,}/{total:,}\n"


def _in_notebook() -> bool:
    # Whoever runs in a kernel has loaded this already; loading it to ask would cost half a second.
    return "ipykernel.zmqshell" in sys.modules
