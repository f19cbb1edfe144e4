"""What a server writes to its log: one line each with time, level and where it comes from.

It knows how lines look; not what is said in them.
"""

from __future__ import annotations

import logging
import sys
import time
from typing import Final

OURS: Final = ("embeddings", "index", "service", "uvicorn")
"""Who tells of what happens; of others only warnings are worth a line."""


class UtcFormatter(logging.Formatter):
    """``2026-11-30T10:02:03.456Z WARNING service.http.door.pool: …``."""

    converter = staticmethod(time.gmtime)

    def __init__(self) -> None:
        """Take no options: all lines are alike."""
        super().__init__(
            "%(asctime)s.%(msecs)03dZ %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%S"
        )


class StderrHandler(logging.Handler):
    """Writes to what stderr is now, which a program may have replaced since this was made."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line."""
        try:
            sys.stderr.write(self.format(record) + "\n")
            sys.stderr.flush()
        except Exception:  # noqa: BLE001 - a log that cannot be written must not end what it tells of
            self.handleError(record)


def log_to_stderr() -> None:
    """Send every line of this process's log to stderr, in this one form."""
    handler = StderrHandler()
    handler.setFormatter(UtcFormatter())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    for name in OURS:
        logging.getLogger(name).setLevel(logging.INFO)
