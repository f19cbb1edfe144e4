"""A signed list as a file: its signature verified first, its parts while they are read."""

from __future__ import annotations

import base64
import binascii
import hashlib
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Final

import orjson

from service.domain.values import ImportRow, RejectedLine, SignedVersion
from service.lists.formats.archives import Meter, PackingLimits, opened_zip, unpacked_member
from service.lists.formats.reader import ListReader, ReadOptions
from service.lists.signed.errors import (
    BadSignatureError,
    BadSigningKeyError,
    TamperedListError,
    UnsignedListError,
)
from service.lists.signed.keys import is_signed, public_key_of
from service.lists.signed.manifest import (
    DELTA,
    ENTRIES,
    MANIFEST,
    MOST_BYTES,
    PARTS,
    SIGNATURE,
    Manifest,
    parsed,
)

_MAGIC: Final = b"PK\x03\x04"
_DEFAULT: Final = ReadOptions()


class SignedList:
    """A signed list whose signature was verified. Its file stays open as long as it is read."""

    def __init__(
        self,
        archive: zipfile.ZipFile,
        raw: bytes,
        public_key: bytes,
        size: int,
        options: ReadOptions,
    ) -> None:
        """``raw``: the manifest, which ``public_key`` signed."""
        self.manifest: Manifest = parsed(raw)
        self.public_key = public_key
        self.digest = hashlib.sha256(raw).digest()
        """Of the manifest."""
        self._archive, self._meter = archive, Meter(options.packing, size)
        self._read = dict.fromkeys(PARTS, False)
        self.reader = ListReader(self.part(ENTRIES), "jsonl", options)
        """Of the entries; use ``rows``."""

    @property
    def version(self) -> SignedVersion:
        """What a store holds against the pin."""
        before = tuple(
            (one.number, bytes.fromhex(one.manifest_sha256)) for one in self.manifest.previous
        )
        return SignedVersion(self.public_key, self.manifest.number, self.digest, before)

    def rows(self) -> Iterator[ImportRow | RejectedLine]:
        """The entries, once. Raises ``TamperedListError``, at the latest after the last one:
        nothing may be committed before."""
        seen = 0
        for row in self.reader.present():
            seen += 1
            yield row
        if not self._read[ENTRIES] or seen != self.manifest.entries:
            raise TamperedListError("the entries are not those that were signed")
        for _ in self.part(DELTA):
            pass

    def part(self, name: str) -> Iterator[bytes]:
        """A file of the list, in chunks. Raises ``TamperedListError`` at its end, if it is not what
        was signed, and ``UnreadableListError``."""
        said = self.manifest.parts[name]
        digest, size = hashlib.sha256(), 0
        for chunk in unpacked_member(self._archive, self._archive.getinfo(name), self._meter):
            digest.update(chunk)
            size += len(chunk)
            if size > said.bytes:
                break
            yield chunk
        if (digest.hexdigest(), size) != (said.sha256, said.bytes):
            raise TamperedListError(f"{name} is not what was signed")
        self._read[name] = True


def signed_list(file: IO[bytes], options: ReadOptions = _DEFAULT) -> SignedList | None:
    """The signed list that ``file``, which can be gone back in, is; ``None`` where it is none, and
    the file is then at its start.

    Raises ``BadSignatureError`` where it is one and not as it was signed, ``UnreadableListError``.
    """
    file.seek(0)
    head = file.read(len(_MAGIC))
    size = file.seek(0, 2)
    file.seek(0)
    if head != _MAGIC:
        return None
    archive = opened_zip(file)
    names = {info.filename for info in archive.infolist()}
    if names.isdisjoint({MANIFEST, SIGNATURE}) or not names & {*PARTS}:
        file.seek(0)
        return None
    wanted = {MANIFEST, SIGNATURE, *PARTS}
    if names != wanted:
        odd = sorted(wanted - names) or sorted(names - wanted)
        where = "is not in" if wanted - names else "does not belong into"
        raise BadSignatureError(f"{odd[0][-100:]} {where} a signed list")
    raw = _small(archive, MANIFEST, options.packing, size)
    public, signature = _signature(_small(archive, SIGNATURE, options.packing, size))
    if not is_signed(public, signature, raw):
        raise BadSignatureError("the signature is not that of the manifest")
    return SignedList(archive, raw, public, size, options)


@contextmanager
def newest_signed(paths: Iterable[Path], options: ReadOptions) -> Iterator[SignedList | None]:
    """Of files the signed list with the highest number, open; ``None`` where none is a signed list.

    Raises as ``signed_list`` does, and ``UnsignedListError`` for signed lists beside others:
    together they are no list.
    """
    with ExitStack() as stack:
        signed, plain = list[SignedList](), False
        for path in paths:
            with ExitStack() as opened:
                found = signed_list(opened.enter_context(path.open("rb")), options)
                if found is None:
                    plain = True
                else:
                    signed.append(found)
                    stack.push(opened.pop_all())
        if signed and plain:
            raise UnsignedListError("signed lists and others lie together: nothing is imported")
        yield max(signed, key=lambda one: one.manifest.number, default=None)


def _small(archive: zipfile.ZipFile, name: str, limits: PackingLimits, size: int) -> bytes:
    raw = b""
    for chunk in unpacked_member(archive, archive.getinfo(name), Meter(limits, size)):
        raw += chunk
        if len(raw) > MOST_BYTES:
            raise BadSignatureError(f"{name} has more than {MOST_BYTES} bytes")
    return raw


def _signature(raw: bytes) -> tuple[bytes, bytes]:
    """The public key, and the signature."""
    try:
        said = orjson.loads(raw)
        signature = base64.b64decode(said["signature"], validate=True)
        return public_key_of(said["public_key"]), signature
    except (
        orjson.JSONDecodeError,
        binascii.Error,
        AttributeError,
        KeyError,
        TypeError,
        ValueError,
        BadSigningKeyError,
    ):
        raise BadSignatureError(f"{SIGNATURE} holds no signature") from None
