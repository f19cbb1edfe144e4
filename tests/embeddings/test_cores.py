"""The one counter of cores: it heeds what a process is bound to and what its groups allow."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

from embeddings.cores import available_cores, quota


def machine(root: Path, groups: str, mounts: str, limits: dict[str, str]) -> Path:
    """A tree like ``/``: what ``/proc/self`` says, and files of groups."""
    own = root / "proc" / "self"
    own.mkdir(parents=True)
    (own / "cgroup").write_text(groups)
    (own / "mountinfo").write_text(mounts)
    for name, text in limits.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text + "\n")
    return root


TWO = "30 24 0:27 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n"
ONE = (
    "31 23 0:28 / /sys/fs/cgroup ro - tmpfs tmpfs ro,mode=755\n"
    "33 31 0:30 {top} /sys/fs/cgroup/cpuset ro - cgroup cgroup rw,cpuset\n"
    "32 31 0:29 {top} /sys/fs/cgroup/cpu,cpuacct ro - cgroup cgroup rw,cpu,cpuacct\n"
)


def test_a_container_sees_its_own_limit(tmp_path: Path) -> None:
    """Version 2, in a namespace of its own: ``docker run --cpus 1.5``."""
    root = machine(tmp_path, "0::/\n", TWO, {"sys/fs/cgroup/cpu.max": "150000 100000"})
    assert quota(root) == 1.5


def test_the_least_of_all_parents_limits_counts(tmp_path: Path) -> None:
    limits = {
        "sys/fs/cgroup/system.slice/cpu.max": "200000 100000",
        "sys/fs/cgroup/system.slice/lookalike.service/cpu.max": "max 100000",
    }
    root = machine(tmp_path, "0::/system.slice/lookalike.service\n", TWO, limits)
    assert quota(root) == 2


@pytest.mark.parametrize(
    ("path", "top", "folder"),
    [
        ("/docker/abc", "/docker/abc", ""),
        ("/docker/abc", "/", "docker/abc/"),
        # A path on the host, and a mount of something else: the mount is all we can see.
        ("/kubepods/pod1/abc", "/..", ""),
    ],
)
def test_the_first_version_of_groups_is_read(
    tmp_path: Path, path: str, top: str, folder: str
) -> None:
    groups = f"5:cpuset:{path}\n4:cpu,cpuacct:{path}\n1:name=systemd:/\n0::/\n"
    base = f"sys/fs/cgroup/cpu,cpuacct/{folder}"
    limits = {f"{base}cpu.cfs_quota_us": "50000", f"{base}cpu.cfs_period_us": "20000"}
    root = machine(tmp_path, groups, ONE.format(top=top), limits)
    assert quota(root) == 2.5


@pytest.mark.parametrize(
    "limits",
    [
        {},
        {"sys/fs/cgroup/cpu.max": "max 100000"},
        {"sys/fs/cgroup/cpu.max": "what is this"},
        {"sys/fs/cgroup/cpu.cfs_quota_us": "-1", "sys/fs/cgroup/cpu.cfs_period_us": "100000"},
    ],
)
def test_no_limit_that_can_be_read_is_none(tmp_path: Path, limits: dict[str, str]) -> None:
    assert quota(machine(tmp_path, "0::/\n", TWO, limits)) == math.inf


def test_a_system_without_groups_has_no_limit(tmp_path: Path) -> None:
    assert quota(tmp_path) == math.inf


def test_there_is_at_least_one_core_and_no_more_than_the_machine_has() -> None:
    assert 1 <= available_cores() <= (os.cpu_count() or 1)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="processes cannot be bound here")
def test_a_process_bound_to_one_core_has_one() -> None:
    program = (
        "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))});"
        "from embeddings.cores import available_cores; print(available_cores())"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert said.stdout == b"1\n"
