"""What ``doctor`` looks at. A check answers with findings and never raises: a fault is a finding.

It knows where faults show and how they are mended; not how findings are shown.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import shlex
import shutil
import stat
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Final

from embeddings.cores import available_cores
from embeddings.errors import DeviceError, EmbeddingError
from service.cli.local import open_local_store, settings_for
from service.cli.terminal import code_of, counted
from service.domain.errors import (
    SchemaOutdatedError,
    ServiceError,
    StoreAwayError,
    StoreLostError,
    StoreMissingError,
    StoreSwappedError,
)

if TYPE_CHECKING:
    from service.domain.settings import Settings


class CheckState(StrEnum):
    """How a finding is to be taken."""

    OK = "ok"
    NOTE = "note"
    """Works, but worth knowing."""
    WRONG = "wrong"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    what: str
    state: CheckState
    found: str
    mend: str = ""
    """What to do about it; empty where nothing need be done."""


_PACKAGES: Final = (
    "numpy", "pillow", "openvino", "safetensors", "faiss-cpu", "fastapi", "uvicorn", "sqlalchemy",
)  # fmt: skip
_FORMATS: Final = {"JPEG": "jpg", "PNG and TIFF": "zlib", "WebP": "webp", "AVIF": "avif"}
_LEAST_FREE: Final = 1 << 30
"""Bytes of disk."""


def all_checks(data: Path | None) -> Iterator[Finding]:
    """Everything, in the order in which one fault explains the next."""
    yield from _installed()
    yield from _images()
    yield from _machine()
    try:
        settings = settings_for(data)
    except ServiceError as error:
        yield Finding("settings", CheckState.WRONG, str(error), "correct this environment variable")
        yield Finding(
            "others", CheckState.NOTE, "model and store were not looked at without settings"
        )
        return
    yield from _environment()
    yield from _guarded("model", lambda: _model(settings))
    yield from _guarded("store", lambda: _store(data, settings))


def _guarded(what: str, check: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    try:
        yield from check()
    except (ServiceError, EmbeddingError, OSError, ImportError) as error:
        yield Finding(what, CheckState.WRONG, f"{code_of(error)}: {error}", _mend(error))


def _mend(error: Exception) -> str:
    if isinstance(error, DeviceError):
        return "set LOOKALIKE_DEVICE to auto or cpu, or install the GPU's driver and see nvidia-smi"
    if isinstance(error, StoreAwayError):
        return "start the database, or correct LOOKALIKE_DATABASE_URL"
    return "run `make setup` again" if isinstance(error, ImportError | EmbeddingError) else ""


def _installed() -> Iterator[Finding]:
    yield Finding("Python", CheckState.OK, f"{platform.python_version()}, {sys.executable}")
    versions, missing = [], []
    for name in ("lookalike", *_PACKAGES):
        try:
            versions.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            missing.append(name)
    yield Finding("packages", CheckState.OK, ", ".join(versions))
    if missing:
        yield Finding(
            "packages", CheckState.WRONG, f"missing: {', '.join(missing)}", "run `make setup`"
        )


def _images() -> Iterator[Finding]:
    from PIL import features

    read = [name for name, feature in _FORMATS.items() if features.check(feature)]
    unread = sorted(set(_FORMATS) - set(read))
    yield Finding("images", CheckState.OK, f"{', '.join([*read, 'GIF', 'BMP'])} are read")
    if unread:
        mend = "install Pillow from its wheel, which has every decoder"
        yield Finding("images", CheckState.WRONG, f"{', '.join(unread)} cannot be read", mend)


def _machine() -> Iterator[Finding]:
    flags: set[str] = set()
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("flags"):
                flags = set(line.split())
                break
    except OSError:
        pass
    fast = [name for name in ("avx2", "avx512f", "avx512_vpopcntdq", "amx_tile") if name in flags]
    found = f"{counted(available_cores(), 'processor')}, {platform.machine()}" + (
        f", {', '.join(fast)}" if fast else ""
    )
    yield Finding("machine", CheckState.OK, found)


def _environment() -> Iterator[Finding]:
    from service.domain.settings import unknown_variables

    unknown = list(unknown_variables())
    names = sorted(name for name in os.environ if name.startswith("LOOKALIKE_"))
    found = f"from the environment: {', '.join(names)}" if names else "all defaults"
    yield Finding("settings", CheckState.OK, found)
    for sentence in unknown:
        yield Finding("settings", CheckState.WRONG, sentence, "correct or remove this variable")


def _model(settings: Settings) -> Iterator[Finding]:
    import numpy as np

    from embeddings.network.encoder import load_encoder
    from embeddings.network.imagery import load_imagery

    encoder, imagery = load_encoder(settings.device), load_imagery()
    info = encoder.info
    image = np.random.default_rng(0).integers(0, 256, (256, 256, 3), np.uint8)
    times = []
    for _ in range(5):
        start = time.perf_counter()
        encoder.encode([image])
        times.append(time.perf_counter() - start)
    radii = ", ".join(f"{imagery} {radius}" for imagery, radius in sorted(info.radii.items()))
    yield Finding("model", CheckState.OK, f"code space {info.space}; radii in bits: {radii}")
    yield Finding("device", CheckState.OK, f"{encoder.device}, {min(times) * 1000:.0f} ms an image")
    low, high = imagery.info.bounds
    said = f"photographic from {high:.2f}, non-photographic up to {low:.2f}; on the cpu"
    yield Finding("imagery", CheckState.OK, f"{imagery.info.name}: {said}")
    driver = Path("/proc/driver/nvidia/version").exists()
    if driver and not encoder.device.startswith("cuda") and settings.device == "auto":
        mend = "install torch (`make setup`) to run the model on it"
        if importlib.util.find_spec("torch"):
            mend = "see what torch says of it"
        yield Finding("device", CheckState.NOTE, "an NVIDIA driver is there but not used", mend)


def _store(data: Path | None, settings: Settings) -> Iterator[Finding]:
    from service.replica.origins import refuse_if_swapped
    from service.replica.shelf import FOLDER

    where = str(settings.data_dir.absolute())
    try:
        with open_local_store(data) as store:
            where = store.name
            banks = store.banks.all()
            entries = sum(store.entries.count(bank.name) for bank in banks)
            keys = [key for key in store.keys.all() if key.revoked_at is None]
            sequence = store.sequence()
            flaws = list(store.verify())
            refuse_if_swapped(store, settings.data_dir / FOLDER)
    except StoreSwappedError as error:
        found, mend = str(error).split(". ", 1)
        yield Finding("store", CheckState.WRONG, found, mend)
        return
    except StoreMissingError as error:
        mend = "`lookalike init` or a first `lookalike serve` makes it"
        yield Finding("store", CheckState.NOTE, str(error).partition(":")[0], mend)
        return
    except StoreLostError as error:
        found, mend = str(error).split(". ", 1)
        yield Finding("store", CheckState.WRONG, found, mend)
        return
    except SchemaOutdatedError as error:
        yield Finding(
            "store", CheckState.WRONG, str(error), "stop servers, run `lookalike migrate`"
        )
        return
    yield Finding(
        "store",
        CheckState.OK,
        f"{where}: {counted(len(banks), 'bank')}, {counted(entries, 'entry', 'entries')},"
        f" at sequence {sequence}",
    )
    for flaw in flaws:
        mend = "see docs/operations.md, When something is wrong; a backup mends it"
        yield Finding(flaw.what, CheckState.WRONG, flaw.said, mend)
    if not keys and settings.admin_key is None:
        there = f" --data {shlex.quote(str(data))}" if data else ""
        mend = f"`lookalike keys create NAME --role admin{there}`, or set LOOKALIKE_ADMIN_KEY"
        yield Finding("keys", CheckState.NOTE, "no key: nobody can use the HTTP service", mend)
    else:
        named = f"{len(keys)} in the store" + (", LOOKALIKE_ADMIN_KEY" * bool(settings.admin_key))
        yield Finding("keys", CheckState.OK, named)
    if settings.store_url is None:
        yield from _files(settings.data_dir)


def _files(folder: Path) -> Iterator[Finding]:
    open_to_others = [
        path.name
        for path in sorted(folder.iterdir())
        if path.name.startswith("lookalike.db") and stat.S_IMODE(path.stat().st_mode) & 0o077
    ]
    if open_to_others:
        yield Finding(
            "files",
            CheckState.WRONG,
            f"others may read listed hashes: {', '.join(open_to_others)}",
            f"chmod 600 {folder}/lookalike.db*",
        )
    free = shutil.disk_usage(folder).free
    if free < _LEAST_FREE:
        yield Finding("disk", CheckState.WRONG, f"{free >> 20} MiB free", "make room for the store")
    else:
        yield Finding("disk", CheckState.OK, f"{free >> 30} GiB free")
