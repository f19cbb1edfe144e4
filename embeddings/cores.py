"""How many processor cores this process may use, and how to give way to others.

Every part that shares work among threads asks here, ``index`` and ``service`` too, so that two of
them never disagree. What counts is what the process may use, not what the machine has: the cores
it is bound to, and the share of them its control groups allow (``docker run --cpus``, Kubernetes'
limits). It knows the operating system; not what the cores are used for.
"""

from __future__ import annotations

import contextlib
import math
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path, PurePosixPath


def available_cores() -> int:
    """Cores this process may use now, at least 1; part of a core counts as one."""
    bound = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, math.ceil(min(bound or 1, quota())))


def give_way() -> None:
    """Let the calling thread, and threads it starts, run when others need not.

    Only Linux schedules threads apart; elsewhere this does nothing.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 10)


def quota(root: Path = Path("/")) -> float:
    """Cores' worth of time that the control groups of this process allow; infinite without a limit.

    ``root``: where ``proc`` and the mounted groups are found. What cannot be read limits nothing.
    """
    least = math.inf
    # Not there: another system. Not readable: hidden from us, and so is what it would tell.
    with contextlib.suppress(OSError, ValueError):
        for folder in _groups(root):
            least = min(least, _allowed(folder))
    return least


def _groups(root: Path) -> Iterator[Path]:
    """The folders of this process's processor groups and of their parents, of both versions."""
    own = root / "proc" / "self"
    paths: dict[str, str] = {}
    for line in (own / "cgroup").read_text(encoding="utf-8").splitlines():
        # "0::/some/group" in version 2, "4:cpu,cpuacct:/some/group" in version 1.
        _, controllers, path = line.split(":", 2)
        if not controllers or "cpu" in controllers.split(","):
            paths["cgroup" if controllers else "cgroup2"] = path
    for line in (own / "mountinfo").read_text(encoding="utf-8").splitlines():
        mount, _, kind = line.partition(" - ")
        version, _, options = kind.split(" ", 2)
        if version not in paths or (version == "cgroup" and not _has_cpu(options)):
            continue
        _, _, _, top, place, *_ = mount.split(" ")
        yield from _upwards(root / place.lstrip("/"), _below(paths[version], top))


def _has_cpu(options: str) -> bool:
    return "cpu" in options.split(" ")[-1].split(",")


def _below(path: str, top: str) -> PurePosixPath:
    """``path`` of a group as seen from a mount of the group ``top``.

    A container is told its path on the host and shown its own group alone: then it is the mount.
    """
    try:
        return PurePosixPath(path).relative_to(top)
    except ValueError:
        return PurePosixPath()


def _upwards(mount: Path, below: PurePosixPath) -> Iterator[Path]:
    yield mount / below
    for parent in below.parents:
        yield mount / parent


def _allowed(folder: Path) -> float:
    """Cores' worth of time that one group allows."""
    try:
        stated = (folder / "cpu.max").read_text(encoding="ascii").split()
    except OSError:
        names = ("cpu.cfs_quota_us", "cpu.cfs_period_us")
        try:
            stated = [(folder / name).read_text(encoding="ascii").strip() for name in names]
        except OSError:
            return math.inf
    limit, period = stated
    return math.inf if limit in ("max", "-1") else float(limit) / float(period)
