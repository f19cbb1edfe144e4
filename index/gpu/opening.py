"""Whether codes are searched on a CUDA device, and the index that does so

The one place a service asks; importing it does not load torch. It knows devices by name; not how
they search.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Final

from index.contract.errors import NoDeviceError

if TYPE_CHECKING:
    from index.gpu.resident import GpuIndex

DEVICES: Final = ("auto", "cpu", "cuda")

_DRIVER: Final = Path("/proc/driver/nvidia/version")


def wants_gpu(device: str) -> bool:
    """Whether the setting ``device``, one of ``DEVICES``, means a CUDA device on this machine.

    ``cuda`` does, whether there is one or not; ``auto`` where torch sees one. Raises
    ``NoDeviceError`` for a name that is none.
    """
    if device not in DEVICES:
        raise NoDeviceError(f"device must be one of {', '.join(DEVICES)}, not {device!r}")
    return device == "cuda" or (device == "auto" and bool(_cuda_devices()))


def open_gpu_index(device: str = "auto", calibration: Path | None = None) -> GpuIndex:
    """An empty index over all CUDA devices, or, for ``cpu``, the same code in torch on the CPU.

    ``calibration``: a file that ``lookalike bench gpu`` wrote on this machine; without one a
    documented default decides between popcounts and matrix products. Raises ``NoDeviceError``, and
    ``DamagedFileError`` for a calibration that is none.
    """
    if device not in DEVICES:
        raise NoDeviceError(f"device must be one of {', '.join(DEVICES)}, not {device!r}")
    if not importlib.util.find_spec("torch"):
        raise NoDeviceError("searching on a device needs torch, which is not installed")
    devices = ("cpu",) if device == "cpu" else _cuda_devices(asked=device == "cuda")
    if not devices:
        raise NoDeviceError("device cuda was asked for, and torch sees no CUDA device")
    from index.gpu.calibration import load
    from index.gpu.resident import GpuIndex

    return GpuIndex(devices, None if calibration is None else load(calibration))


def _cuda_devices(asked: bool = False) -> tuple[str, ...]:
    # Asking torch costs seconds and hundreds of megabytes, so ask the driver's files first, unless
    # a device was asked for by name: some virtual machines hide those files.
    if not (asked or _DRIVER.exists()) or not importlib.util.find_spec("torch"):
        return ()
    import torch

    if not torch.cuda.is_available():
        return ()
    return tuple(f"cuda:{number}" for number in range(torch.cuda.device_count()))
