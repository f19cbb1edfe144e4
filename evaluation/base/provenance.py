"""On what a measurement ran, for the foot of a report: machine, versions, date and duration.

It knows nothing of what is measured.
"""

from __future__ import annotations

import platform
import time
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import PIL

from evaluation.base.results import ResultProvenance


def machine() -> str:
    """The processor and the operating system."""
    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                name = line.split(":", 1)[1].strip()
                break
    return f"{name}, {platform.system()}"


def software() -> str:
    """The versions a measurement depends on: ours, Python's, and Pillow's for its codecs."""
    try:
        version = metadata.version("lookalike")
    except metadata.PackageNotFoundError:
        version = "unknown"
    return f"lookalike {version}, Python {platform.python_version()}, Pillow {PIL.__version__}"


class Clock:
    """Runs from its making on, while something is measured."""

    def __init__(self) -> None:
        """Start it."""
        self._started = time.monotonic()

    def provenance(
        self,
        command: str,
        data: str,
        spaces: tuple[str, ...],
        *,
        seed: int = 0,
        edits_per_family: int = 0,
        bootstrap_samples: int = 0,
    ) -> ResultProvenance:
        """Where numbers measured until now come from."""
        return ResultProvenance(
            command,
            data,
            spaces,
            datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            machine(),
            software(),
            round(time.monotonic() - self._started, 1),
            seed,
            edits_per_family,
            bootstrap_samples,
        )
