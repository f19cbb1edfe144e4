"""The server in the foreground, and its end: within a set time, whatever it waits for then.

An orderly end waits for answers that are under way, and for threads. A thread that waits for a disk
that hangs cannot be ended by anybody, so there is a last moment after which the process goes as if
it were killed, which loses nothing that was acknowledged.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import threading
from types import FrameType
from typing import TYPE_CHECKING, Final

import uvicorn

from service.http.connections import listening

if TYPE_CHECKING:
    from fastapi import FastAPI

log = logging.getLogger(__name__)

_NOT_STARTED: Final = 1
"""Exit code: the server could not start, say because its port is taken."""
_CUT_OFF: Final = 1
"""Exit code: the end was not orderly."""


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, seconds: float) -> None:
        super().__init__(config)
        last = threading.Timer(seconds, _cut_off, (seconds,))
        last.daemon = True
        self._unstarted = [last]

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """End, in order if that comes to an end itself."""
        super().handle_exit(sig, frame)
        # Taken out in one step: a second signal can come while the first starts the timer, as
        # where a supervisor tells the process and its group.
        with contextlib.suppress(IndexError):
            self._unstarted.pop().start()


def run_until_told(app: FastAPI, host: str, port: int, shutdown_timeout: float) -> None:
    """Serve until a signal says to end, and be gone ``shutdown_timeout`` seconds after it."""
    # Half of the time is for answers under way, the rest for threads and what they wait for.
    config = listening(
        app,
        host=host,
        port=port,
        timeout_graceful_shutdown=max(1, int(shutdown_timeout / 2)),
        log_config=None,  # lines as ``logs`` has them
    )
    server = _Server(config, shutdown_timeout)
    # By which an orderly end says so once more; a port that is taken ends uvicorn with a code of
    # its own, 3 or 1 by its release.
    with contextlib.suppress(KeyboardInterrupt, SystemExit):
        server.run()
    if not server.started:
        sys.exit(_NOT_STARTED)


def _cut_off(seconds: float) -> None:
    log.error("not at its end %g s after it was told to: what it waits for is left alone", seconds)
    logging.shutdown()
    os._exit(_CUT_OFF)
