"""What a server writes to its log: one line each with time, level, origin and the request's id.

As text for people, or as JSON for programs that collect logs (``LOOKALIKE_LOG_FORMAT``). It knows
how lines look; not what is said in them.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from typing import Final, Literal

OURS: Final = ("embeddings", "index", "service", "uvicorn")
"""Who tells of what happens; of others only warnings are worth a line."""


class UtcFormatter(logging.Formatter):
    """``2026-11-30T10:02:03.456Z WARNING service.http.door.load.pool [0f3a…]: …``."""

    converter = staticmethod(time.gmtime)

    def __init__(self) -> None:
        """Take no options: all lines are alike."""
        super().__init__(
            "%(asctime)s.%(msecs)03dZ %(levelname)s %(name)s%(request)s: %(message)s",
            "%Y-%m-%dT%H:%M:%S",
        )

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        number = _request_id()
        record.request = f" [{number}]" if number else ""
        return super().format(record)


class JsonFormatter(logging.Formatter):
    """``{"time": …, "level": …, "logger": …, "request_id": …, "message": …}``."""

    converter = staticmethod(time.gmtime)

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        moment = self.formatTime(record, "%Y-%m-%dT%H:%M:%S")
        line = {
            "time": f"{moment}.{int(record.msecs):03d}Z",
            "level": record.levelname,
            "logger": record.name,
            "request_id": _request_id(),
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps({name: value for name, value in line.items() if value})


class StderrHandler(logging.Handler):
    """Writes to what stderr is now, which a program may have replaced since this was made."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line."""
        try:
            sys.stderr.write(self.format(record) + "\n")
            sys.stderr.flush()
        except Exception:  # noqa: BLE001 - a log that cannot be written must not end what it tells of
            self.handleError(record)


def log_to_stderr(form: Literal["text", "json"] = "text", level: str = "info") -> None:
    """Send every line of this process's log from ``level`` on to stderr, in one form."""
    handler = StderrHandler()
    handler.setFormatter(JsonFormatter() if form == "json" else UtcFormatter())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    for name in OURS:
        logging.getLogger(name).setLevel(level.upper())


def _request_id() -> str:
    # Nothing has an id where no request can have been answered.
    module = sys.modules.get("service.http.door.tracing")
    return module.request_id.get() if module is not None else ""
