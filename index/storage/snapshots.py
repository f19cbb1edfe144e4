"""The folder an index lives in: segment files and the manifest that says which of them count.

::

    LOCK              held by the one process that writes here; others only read, until it ends
    MANIFEST          a container of kind "M": what the index held at one change sequence
    00000007.segment  containers of kind "S", never changed, named by ascending numbers

The manifest's header holds "space", "signal" and "store" (whose rows these are; another's are
refused), "sequence" and "mark" (the store's number of the last change that is in, and its name for
it), and "segments": for each its "file", "rows" and "header_xxh64". Its parts "present.i" and
"live.i" (uint8, see ``bitmap``) say which rows of segment *i* are in force. A segment's header
repeats space, signal and store.

A segment is on disk, whole, before a manifest names it; the manifest is replaced in one step; files
nobody names are deleted after that. So whenever the process or the machine dies, the manifest in
place describes a state that was, and the store's later changes are applied on top.

The files are derived from the store and hold no truth of their own: whatever fails a check is not
searched, and the caller is asked to rebuild. It knows files; not when to write them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Generic

from index.contract.errors import DamagedFileError
from index.files import container
from index.files.locking import TAKEN, Lock
from index.storage import bitmap
from index.storage.kind import RowKind, S
from index.storage.scrub import Watch
from index.storage.state import HeldSegment

MANIFEST: Final = "MANIFEST"
"""The file that says what a folder holds."""
_SUFFIX: Final = ".segment"
_FORMER: Final = "DIGESTS"
"""Where earlier releases kept all digests: not read, and deleted."""
_ATTEMPTS: Final = 5
"""Tries at reading while another process replaces files."""


@dataclass(frozen=True)
class Identity:
    """Whose rows an index holds."""

    space: str
    """Code space, or the signal type's name where there is but one."""
    signal: str
    store: str
    """Of which store: its identity."""


@dataclass(frozen=True)
class Snapshot(Generic[S]):
    """What a folder holds."""

    parts: tuple[HeldSegment[S], ...]
    sequence: int
    mark: str


class Folder(Generic[S]):
    """One index's folder; takes the lock if it is free. Used by one thread at a time."""

    def __init__(
        self, path: Path, kind: RowKind[S], identity: Identity, write: bool = True
    ) -> None:
        """Create the folder if need be. Raises ``OSError`` if that cannot be done.

        Without ``write`` nothing is made and no lock taken: whoever looks for a moment must not
        keep a server from saving.
        """
        self.path, self._kind, self._identity = path, kind, identity
        self._saved = ""
        self._lock = Lock(path) if write else None
        self.writable = self._lock is not None and self._lock.held
        """Whether nobody else writes here."""
        self._next = self._unused()

    @property
    def trouble(self) -> str:
        """Why nothing is written here although it should be; empty where it is."""
        return TAKEN if self._lock is not None and not self.writable else ""

    @property
    def turn(self) -> int:
        """Changes whenever the folder may have been another process's."""
        return 0 if self._lock is None else self._lock.turn

    def take(self) -> bool:
        """Take the lock if it is free, or became so; whether it is ours now. Raises ``OSError``
        if the folder cannot be made."""
        if self._lock is None:
            return False
        before, self.writable = self._lock.turn, False
        self.writable = self._lock.take()
        if self._lock.turn != before:
            self._saved, self._next = "", self._unused()
        return self.writable

    def close(self) -> None:
        """Release the lock."""
        if self._lock is not None:
            self._lock.release()

    @property
    def is_new(self) -> bool:
        """Whether nothing has been saved here."""
        return not (self.path / MANIFEST).exists()

    def load(self, threads: int) -> Snapshot[S]:
        """What was saved last.

        Raises ``DamagedFileError`` if any of it is not as it was written.
        """
        for attempt in range(_ATTEMPTS):
            try:
                return self._load(threads)
            except FileNotFoundError as missing:
                # A writer may have replaced the manifest, and deleted segments, since we read it.
                if self.writable or attempt == _ATTEMPTS - 1:
                    name = Path(str(missing.filename)).name
                    raise DamagedFileError(f"{name}: named by the manifest, not there") from missing
        raise AssertionError("unreachable")

    def save_part(self, part: HeldSegment[S], sequence: int) -> HeldSegment[S]:
        """The same part, its segment written to a file of its own, too."""
        name = f"{self._next:08d}{_SUFFIX}"
        self._next += 1
        fields = {**self._described(), "sequence": sequence, "rows": len(part)}
        header_xxh64 = container.write(self.path / name, "S", fields, part.segment.parts())
        # What is read back is what a restart will find.
        if container.verify(self.path / name, "S") != header_xxh64:
            raise DamagedFileError(f"{name}: not what was written")
        return replace(part, file=name, header_xxh64=header_xxh64)

    def save(self, snapshot: Snapshot[S]) -> None:
        """Make ``snapshot``, all of whose parts are in files, what ``load`` finds;

        tidy up after it.
        """
        named = [
            {"file": part.file, "rows": len(part), "header_xxh64": part.header_xxh64}
            for part in snapshot.parts
        ]
        fields = {
            **self._described(),
            "sequence": snapshot.sequence,
            "mark": snapshot.mark,
            "segments": named,
        }
        bits = {
            f"{kind}.{number}": getattr(part, kind)
            for number, part in enumerate(snapshot.parts)
            for kind in ("present", "live")
        }
        self._saved = container.write(self.path / MANIFEST, "M", fields, bits)
        self.tidy(snapshot)

    def damage(self) -> str:
        """What is wrong with the manifest that was saved or loaded last; empty if nothing is."""
        if not self._saved:
            return ""
        return Watch().damage(self.path / MANIFEST, "M", self._saved, lambda _: None, deep=True)

    def forget(self) -> None:
        """Be as new: ``load`` finds nothing."""
        self._saved = ""
        # What cannot be deleted cannot be helped; the next save replaces it.
        with contextlib.suppress(OSError):
            (self.path / MANIFEST).unlink()

    def tidy(self, snapshot: Snapshot[S]) -> None:
        """Delete what ``snapshot`` does not name, as far as that can be."""
        named = {part.file for part in snapshot.parts}
        # What stays is deleted after the next save, and does no harm until then.
        with contextlib.suppress(OSError):
            others = (self.path / _FORMER, *self.path.glob("*.tmp"))
            for file in [*self._segments(), *others]:
                if file.name not in named:
                    file.unlink(missing_ok=True)

    def _described(self) -> dict[str, Any]:
        return dict(vars(self._identity))

    def _unused(self) -> int:
        return 1 + max((int(file.stem) for file in self._segments()), default=0)

    def _segments(self) -> list[Path]:
        return [file for file in self.path.glob(f"*{_SUFFIX}") if file.stem.isdecimal()]

    def _load(self, threads: int) -> Snapshot[S]:
        manifest = container.read(self.path / MANIFEST, "M")
        self._check(MANIFEST, manifest.fields)
        self._saved = manifest.header_xxh64
        parts = []
        for number, named in enumerate(manifest.fields["segments"]):
            name = str(named["file"])
            contents = container.read(self.path / name, "S", threads)
            self._check(name, contents.fields)
            if contents.header_xxh64 != named["header_xxh64"]:
                raise DamagedFileError(f"{name}: not the segment the manifest names")
            segment = self._kind.load(contents.parts)
            present, live = (
                manifest.parts[f"{kind}.{number}"].copy() for kind in ("present", "live")
            )
            if len(present) != len(bitmap.full(len(segment))) or len(live) != len(present):
                raise DamagedFileError(f"{MANIFEST}: bitmaps that do not fit {name}")
            parts.append(HeldSegment(segment, present, live, name, contents.header_xxh64))
        fields = manifest.fields
        return Snapshot(tuple(parts), int(fields["sequence"]), str(fields.get("mark", "")))

    def _check(self, name: str, fields: Mapping[str, Any]) -> None:
        for key, mine in reversed(vars(self._identity).items()):  # another store's is the graver
            if fields.get(key) != mine:
                raise DamagedFileError(f"{name}: its {key} is {fields.get(key)!r}, not {mine!r}")
