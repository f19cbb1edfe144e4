"""Disks that fail in real ways: one that is full, and one that stalls.

Both are mounted for a test, which only root may do; elsewhere these tests are skipped.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

_FREEZE: Final = 0xC0045877
_THAW: Final = 0xC0045878
"""FIFREEZE and FITHAW of linux/fs.h."""

_STALL: Final = 0.2
_BREATH: Final = 0.05
"""Seconds that a slow disk does nothing, and that it works, by turns."""


@contextmanager
def mounted(folder: Path, *arguments: str | Path) -> Iterator[Path]:
    """``folder``, with a file system of its own; skips the test where nobody may mount one."""
    folder.mkdir()
    if os.geteuid() != 0:
        pytest.skip("only root may mount a disk to fail")
    command = ["mount", *arguments, folder]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"no disk can be mounted here: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        # Lazily: a server that has files open there may be the last to end.
        subprocess.run(["umount", "--lazy", folder], check=True)


@dataclass(frozen=True)
class SmallDisk:
    """A disk of a few megabytes."""

    folder: Path

    def fill(self) -> None:
        """Leave nothing free on it."""
        with (self.folder / "ballast").open("wb", buffering=0) as file:
            for size in (2**16, 2**12, 1):
                with contextlib.suppress(OSError):
                    while file.write(b"\0" * size):
                        pass

    def free(self) -> None:
        """Give back what ``fill`` took."""
        (self.folder / "ballast").unlink()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """A disk in memory, so that its limit is met at once."""
    with mounted(tmp_path / "small", "-t", "tmpfs", "-o", "size=24m", "lookalike") as folder:
        yield SmallDisk(folder)


@dataclass(frozen=True)
class StallingDisk:
    """A disk on which every write waits while it is frozen, in the kernel, as on one that is lost
    or overloaded; nobody can call such a thread back."""

    folder: Path

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Nothing is written meanwhile."""
        self._set(_FREEZE)
        try:
            yield
        finally:
            self._set(_THAW)

    @contextmanager
    def slow(self) -> Iterator[None]:
        """It works for a moment and stalls for several, again and again."""
        done = threading.Event()

        def stall() -> None:
            while not done.wait(_BREATH):
                with self.frozen():
                    done.wait(_STALL)

        stalling = threading.Thread(target=stall)
        stalling.start()
        try:
            yield
        finally:
            done.set()
            stalling.join()

    def _set(self, request: int) -> None:
        descriptor = os.open(self.folder, os.O_RDONLY)
        try:
            fcntl.ioctl(descriptor, request, 0)
        finally:
            os.close(descriptor)


@pytest.fixture
def stalling_disk(tmp_path: Path) -> Iterator[StallingDisk]:
    """A file system on a file, which can be frozen."""
    if shutil.which("mkfs.ext4") is None:
        pytest.skip("no mkfs.ext4: install Debian's package e2fsprogs")
    image = tmp_path / "image"
    with image.open("wb") as file:
        file.truncate(64 * 2**20)
    subprocess.run(["mkfs.ext4", "-q", image], check=True)
    with mounted(tmp_path / "stalling", "-o", "loop", image) as folder:
        yield StallingDisk(folder)


@pytest.fixture
def until() -> Callable[[Callable[[], bool]], bool]:
    """Asks again and again, for a minute, whether something came to be."""

    def ask(question: Callable[[], bool]) -> bool:
        patience = threading.Event()
        for _ in range(600):
            if question():
                return True
            patience.wait(0.1)
        return False

    return ask
