"""From hashed files to entries of a list: ids from where they lie or what they are, and labels.

It knows paths and fingerprints; not where the lines go.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from service.cli import files
from service.domain.errors import InvalidValueError

if TYPE_CHECKING:
    from embeddings.fingerprint import Fingerprint
    from service.domain.values import ImportRow


class IdFrom(StrEnum):
    """What an entry's id is made of."""

    PATH = "path"
    NAME = "name"
    SHA256 = "sha256"


class LabelFrom(StrEnum):
    """What an entry's labels are made of."""

    FOLDER = "folder"


@dataclass(frozen=True)
class Listing:
    """How files become entries."""

    roots: Sequence[Path]
    """What was given on the command line: paths are told from there on."""
    id_from: IdFrom = IdFrom.SHA256
    label_from: LabelFrom | None = None

    def name(self, path: Path) -> str:
        """The id of a file by its place; empty where its bytes give it."""
        if self.id_from is IdFrom.SHA256:
            return ""
        within = self._within(path)
        return _clean(within.name if self.id_from is IdFrom.NAME else within.as_posix())

    def labels(self, path: Path) -> tuple[str, ...]:
        """The names of the folders between a file and where the walk began. Raises
        ``BadNameError``."""
        from service.domain.values import check_labels

        if self.label_from is None:
            return ()
        return check_labels(tuple(map(_clean, self._within(path).parent.parts)))

    def row(self, path: Path, fingerprint: Fingerprint) -> ImportRow:
        """The entry. Raises ``BadNameError``."""
        from service.domain.signals import from_fingerprint
        from service.domain.values import ImportRow

        signals = replace(from_fingerprint(fingerprint), descriptors={})
        return ImportRow(0, signals, self.name(path) or fingerprint.sha256, self.labels(path))

    def _within(self, path: Path) -> Path:
        above = [root for root in self.roots if root != path and path.is_relative_to(root)]
        root = max(above, key=lambda one: len(one.parts), default=path.parent)
        return path.relative_to(root)


class Taken:
    """The ids that were given, so that none is given to two items."""

    def __init__(self) -> None:
        """None yet."""
        self._items: dict[str, bytes] = {}

    def is_new(self, name: str, item: bytes) -> bool:
        """Whether no entry had this id yet; not so of another copy of the same ``item``.

        Raises ``RepeatedIdError`` where it is another item's.
        """
        there = self._items.setdefault(name, item)
        if there != item:
            raise RepeatedIdError(
                "another file has the same id; --id path or --id sha256 tells them apart"
            )
        return there is item


class RepeatedIdError(InvalidValueError):
    """Two files that differ would have one id."""

    code = "repeated_id"


def digest_of(path: Path, max_bytes: int) -> str:
    """The SHA-256 of a file, as its fingerprint has it; empty where it cannot be read."""
    try:
        return hashlib.sha256(files.read(path, max_bytes)).hexdigest()
    except files.FileUnreadableError:
        return ""


def _clean(text: str) -> str:
    """A name as an id or a label may be: printable, without spaces around it, not too long."""
    from service.domain.values import MAX_PROVIDER_ID

    shown = "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in text).strip()
    if len(shown) <= MAX_PROVIDER_ID:
        return shown
    digest = hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=16).hexdigest()
    return f"{shown[: MAX_PROVIDER_ID - len(digest) - 1]}#{digest}"
