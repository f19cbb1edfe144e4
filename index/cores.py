"""How many processor cores this process may use, and how to give way to others.

It knows the operating system; not what the cores are used for.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading


def available_cores() -> int:
    """Cores this process may run on, at least 1."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1


def give_way() -> None:
    """Let the calling thread, and threads it starts, run when others need not.

    Only Linux schedules threads apart; elsewhere this does nothing.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 10)
