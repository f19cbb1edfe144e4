"""Machine code in a file: made once, kept where it can be, and loaded by whoever may trust it.

``kernels-KEY.bin`` is an object file in a format of its own::

    0       8   magic: "LKOBJ1" and two newlines
    8      32   SHA-256 of the rest
    40     ...  the object file, as LLVM wrote it

It is looked for in ``__pycache__`` beside the sources and then in the user's cache folder
(``XDG_CACHE_HOME``, else ``~/.cache``), and kept in the first that can be written. It is code: a
file that another user than this one, or than the sources' owner, could have written is not read.

It knows files; not what the code does.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final

_MAGIC: Final = b"LKOBJ1\n\n"
_START: Final = len(_MAGIC) + hashlib.sha256().digest_size


def folders() -> Iterator[Path]:
    """Where machine code is looked for and kept, the first first."""
    yield Path(__file__).parent / "__pycache__"
    # A relative folder would be whichever one the process was started in.
    named = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if named.is_absolute():
        yield named / "lookalike"
        return
    with contextlib.suppress(RuntimeError):  # a user without a home
        yield Path("~/.cache").expanduser() / "lookalike"


def kept(key: Callable[[], str], compiled: Callable[[], bytes], places: Iterable[Path]) -> bytes:
    """The object file from one of ``places``; else ``compiled`` makes it, and it is kept there.

    ``key`` names what the code is made from; if that has changed once it is made, it is not kept.
    """
    before, tried = key(), []
    for place in places:
        tried.append(place)
        found = _read(place / _name(before))
        if found:
            return found
    made = compiled()
    if key() == before:
        for place in tried:
            with contextlib.suppress(OSError):
                _write(place / _name(before), made)
                break
    return made


def _name(key: str) -> str:
    return f"kernels-{key}.bin"


def _read(path: Path) -> bytes:
    """The object file in ``path``; empty where there is none that can be trusted."""
    try:
        if path.parent.stat().st_mode & (stat.S_IWOTH | stat.S_ISVTX) == stat.S_IWOTH:
            return b""
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb") as file:
            about = os.fstat(file.fileno())
            owners = {os.getuid(), Path(__file__).stat().st_uid}
            others = about.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
            if not stat.S_ISREG(about.st_mode) or about.st_uid not in owners or others:
                return b""
            data = file.read()
    except OSError:
        return b""
    whole = data[:_START] == _MAGIC + hashlib.sha256(data[_START:]).digest()
    return data[_START:] if whole else b""


def _write(path: Path, made: bytes) -> None:
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
        try:
            file.write(_MAGIC + hashlib.sha256(made).digest() + made)
            file.flush()
            os.fsync(file.fileno())
            Path(file.name).chmod(0o644)
            Path(file.name).replace(path)
        except OSError:
            Path(file.name).unlink(missing_ok=True)
            raise
