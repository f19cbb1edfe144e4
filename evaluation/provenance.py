"""On what a measurement ran: the machine and the versions, for the foot of a report.

It knows nothing of what is measured.
"""

from __future__ import annotations

import platform
from importlib import metadata
from pathlib import Path

import PIL


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
