"""What a backup says of itself, and whether its file is still what it was.

A backup is a folder, and nobody's but its owner's: ``lookalike.db``, a store on SQLite whatever
database it was made from, and ``manifest.json``, which tells its length, its SHA-256 and what it
holds. It knows no database.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from service.domain.errors import BackupDamagedError

FILE: Final = "lookalike.db"
MANIFEST: Final = "manifest.json"

_FORMAT: Final = "lookalike-backup-1"
_BLOCK: Final = 2**20
_LONGEST: Final = 2**20


@dataclass(frozen=True)
class BackupManifest:
    """What a backup holds."""

    made_at: str
    """RFC 3339, UTC."""
    made_by: str
    """Name and release of the program."""
    made_from: str
    """``sqlite`` or ``postgresql``."""
    layout: str
    identity: str
    sequence: int
    mark: str
    counts: dict[str, int]
    bytes: int
    """Of the file."""
    sha256: str
    """Of the file, in hex."""


def write(folder: Path, manifest: BackupManifest) -> None:
    """Add ``manifest`` to a backup."""
    said = json.dumps({"format": _FORMAT, **asdict(manifest)}, indent=1) + "\n"
    descriptor = os.open(folder / MANIFEST, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(said)
        file.flush()
        os.fsync(file.fileno())


def read(folder: Path) -> BackupManifest:
    """The manifest of a backup; its file is not looked at. Raises ``BackupDamagedError``."""
    path = folder / MANIFEST
    try:
        with path.open("rb") as file:
            said: Any = json.loads(file.read(_LONGEST))
        if said.pop("format") != _FORMAT:
            raise BackupDamagedError(f"{path} is of another release: it is not {_FORMAT}")
        return BackupManifest(**said)
    except OSError as error:
        raise BackupDamagedError(f"no backup is at {folder}: {error.strerror}: {path}") from None
    except (ValueError, TypeError, KeyError, AttributeError):
        raise BackupDamagedError(f"{path} is not a backup's manifest") from None


def check_file(folder: Path, manifest: BackupManifest) -> Path:
    """The file of a backup, if it is what was backed up. Raises ``BackupDamagedError``."""
    path = folder / FILE
    try:
        length, digest = digested(path)
    except OSError as error:
        raise BackupDamagedError(f"{path} cannot be read: {error.strerror}") from None
    if length != manifest.bytes:
        raise BackupDamagedError(f"{path} has {length} bytes and not {manifest.bytes}")
    if digest != manifest.sha256:
        raise BackupDamagedError(f"{path} is not what was backed up: its SHA-256 is another")
    return path


def digested(path: Path, write_to: Callable[[bytes], object] | None = None) -> tuple[int, str]:
    """Length and SHA-256 of a file, whose bytes go to ``write_to`` too. Raises ``OSError``."""
    length, digest = 0, hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            length += len(block)
            digest.update(block)
            if write_to is not None:
                write_to(block)
    return length, digest.hexdigest()
