"""A user's images: a folder or a tar, and which of them are photographs.

Nothing is extracted or written, links are not followed, and a name is only ever a name. The split
into photographs and the rest comes from a manifest (CSV with a header: ``name``, ``kind`` and, if
it has them, ``style`` and ``source``), else from top folders called ``photo`` and ``nonphoto``,
else there is none.

It knows nothing of edits, hashes or metrics.
"""

from __future__ import annotations

import csv
import os
import stat
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final, Literal

from PIL import Image

from embeddings.files.images import ImageLimits, decode
from evaluation.base.errors import CorpusError, ManifestError

Kind = Literal["photo", "nonphoto", "unknown"]
KINDS: Final[tuple[Kind, ...]] = ("photo", "nonphoto", "unknown")

SUFFIXES: Final = frozenset(
    (".jpg", ".jpeg", ".png", ".webp", ".gif", ".avif", ".tif", ".tiff", ".bmp")
)
"""Files of other endings are passed over without a word: corpora carry read-me files."""

_MANIFEST_BYTES: Final = 2**30


@dataclass(frozen=True)
class CorpusLimits:
    """What is refused before anything is read."""

    max_images: int = 1_000_000
    image: ImageLimits = field(default_factory=ImageLimits)


@dataclass(frozen=True)
class Item:
    """One image of a corpus."""

    name: str
    """As the tar or the folder has it. Neither to be used as a path nor to be shown unescaped."""
    kind: Kind
    style: str
    """As the manifest has it, or empty."""
    source: str
    """As the manifest has it, or empty: splits keep each source's share."""


@dataclass(frozen=True)
class _Place:
    """Where the bytes of an image stand: in ``path`` from ``offset`` on."""

    path: Path
    offset: int
    size: int


@dataclass(frozen=True)
class _Label:
    kind: Kind
    style: str
    source: str


class Corpus:
    """Images by their position, in the order of their names. Safe to read from several threads."""

    def __init__(
        self, name: str, items: tuple[Item, ...], places: tuple[_Place, ...], limits: CorpusLimits
    ) -> None:
        """Use ``open_corpus``."""
        self.name = name
        """The file's or folder's own name, for the report."""
        self.items = items
        self._places = places
        self._limits = limits

    def __len__(self) -> int:
        """How many images there are."""
        return len(self.items)

    def read(self, index: int) -> bytes:
        """The bytes of one image. Raises ``CorpusError`` if they are no longer there."""
        place = self._places[index]
        try:
            with place.path.open("rb") as file:
                file.seek(place.offset)
                data = file.read(place.size)
        except OSError as error:
            raise CorpusError(f"{place.path}: {error.strerror}") from error
        if len(data) != place.size:
            raise CorpusError(f"{place.path}: ends within image {self.items[index].name!a}")
        return data

    def image(self, index: int) -> Image.Image:
        """One image, RGB and upright. Raises ``ImageError`` if it cannot be decoded."""
        return Image.fromarray(decode(self.read(index), self._limits.image).rgb)


def open_corpus(
    path: Path, manifest: Path | None = None, limits: CorpusLimits = CorpusLimits()
) -> Corpus:
    """The images in ``path``, a folder or an uncompressed tar; nothing is decoded yet.

    Raises ``CorpusError`` if it is neither, or holds none or too many, ``ManifestError`` if
    ``manifest`` cannot be read or names none of the images.
    """
    if path.is_dir():
        places = _in_folder(path, limits)
    elif path.is_file():
        places = _in_tar(path, limits)
    else:
        raise CorpusError(f"{path}: there is no such file or folder")
    if not places:
        raise CorpusError(f"{path}: holds no image ({', '.join(sorted(SUFFIXES))})")
    names = sorted(places)
    labels = _from_folders(names) if manifest is None else _from_manifest(manifest, names)
    unknown = _Label("unknown", "", "")
    items = []
    for name in names:
        label = labels.get(name, unknown)
        items.append(Item(name, label.kind, label.style, label.source))
    return Corpus(path.name, tuple(items), tuple(places[name] for name in names), limits)


def _wanted(name: str) -> bool:
    place = PurePosixPath(name)
    return place.suffix.lower() in SUFFIXES and not place.name.startswith(".")


def _checked(count: int, path: Path, limits: CorpusLimits) -> None:
    if count > limits.max_images:
        raise CorpusError(f"{path}: holds more than {limits.max_images} images")


def _in_folder(folder: Path, limits: CorpusLimits) -> dict[str, _Place]:
    places: dict[str, _Place] = {}
    for parent, folders, files in os.walk(folder, followlinks=False):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for file in sorted(files):
            path = Path(parent, file)
            name = path.relative_to(folder).as_posix()
            if not _wanted(name):
                continue
            status = path.lstat()
            # Not a link, which may lead anywhere, nor a pipe or device, which may never end.
            if stat.S_ISREG(status.st_mode) and status.st_size <= limits.image.max_bytes:
                places[name] = _Place(path, 0, status.st_size)
                _checked(len(places), folder, limits)
    return places


def _in_tar(path: Path, limits: CorpusLimits) -> dict[str, _Place]:
    places: dict[str, _Place] = {}
    try:
        # "r:" refuses compression: a compressed tar unpacks to any size and cannot be sought in.
        with tarfile.open(path, "r:") as tar:
            for member in tar:
                # A sparse member's size is a claim that costs nothing to make.
                plain = member.isreg() and member.sparse is None
                if plain and member.size <= limits.image.max_bytes and _wanted(member.name):
                    # Where a name comes twice the later one counts, as for tar itself.
                    places[member.name] = _Place(path, member.offset_data, member.size)
                    _checked(len(places), path, limits)
    except (tarfile.TarError, OSError, ValueError) as error:
        raise CorpusError(f"{path}: not a readable, uncompressed tar ({error})") from error
    return places


def _from_folders(names: list[str]) -> Mapping[str, _Label]:
    labels = {}
    kinds: dict[str, Kind] = {"photo": "photo", "nonphoto": "nonphoto"}
    for name in names:
        top = name.removeprefix("./").split("/", 1)[0]
        if "/" in name and top in kinds:
            labels[name] = _Label(kinds[top], "", "")
    return labels


def _from_manifest(path: Path, names: list[str]) -> Mapping[str, _Label]:
    labels: dict[str, _Label] = {}
    try:
        if path.stat().st_size > _MANIFEST_BYTES:
            raise ManifestError(f"{path}: larger than {_MANIFEST_BYTES} bytes")
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file, strict=True)
            missing = {"name", "kind"} - set(rows.fieldnames or ())
            if missing:
                raise ManifestError(f"{path}: has no column {', '.join(sorted(missing))}")
            for row in rows:
                name, label = _row(row, path, rows.line_num)
                if name in labels:
                    raise ManifestError(f"{path}, line {rows.line_num}: {name!a} comes twice")
                labels[name] = label
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ManifestError(f"{path}: not a readable CSV in UTF-8 ({error})") from error
    if labels.keys().isdisjoint(names):
        raise ManifestError(f"{path}: names none of the images")
    return labels


def _row(row: Mapping[str | None, str | None], path: Path, line: int) -> tuple[str, _Label]:
    name, kind = row["name"], row["kind"]
    if not name:
        raise ManifestError(f"{path}, line {line}: no name")
    for known in KINDS:
        if kind == known or (known == "unknown" and not kind):
            return name, _Label(known, row.get("style") or "", row.get("source") or "")
    raise ManifestError(f"{path}, line {line}: kind must be photo or nonphoto, not {kind!a}")
