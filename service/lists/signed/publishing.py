"""A list is signed and written: the whole of it, and how it differs from the one before."""

from __future__ import annotations

import base64
import hashlib
import os
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Final

import orjson

from service.domain.errors import EmptyListError, EntryExistsError
from service.domain.values import ImportRow
from service.lists.formats.writer import Listed, json_line
from service.lists.signed.errors import OtherSignerError
from service.lists.signed.keys import SigningKey, public_text
from service.lists.signed.manifest import (
    DELTA,
    ENTRIES,
    MANIFEST,
    MOST_EARLIER,
    PARTS,
    SIGNATURE,
    Earlier,
    Manifest,
    Part,
)
from service.lists.signed.package import SignedList

_DATE: Final = (1980, 1, 1, 0, 0, 0)
_DIGEST: Final = 16


@dataclass(frozen=True)
class Published:
    """What was written."""

    manifest: Manifest
    public_key: str
    repeated: int
    """Entries that were given more than once, and are in the list once."""


class _Written:
    """A part as it is written."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._digest = file, hashlib.sha256()
        self._bytes = self._lines = 0

    def line(self, raw: bytes) -> None:
        self._file.write(raw)
        self._digest.update(raw)
        self._bytes += len(raw)
        self._lines += 1

    def part(self) -> Part:
        return Part(self._digest.hexdigest(), self._bytes, self._lines)


def publish(
    entries: Iterable[Listed],
    key: SigningKey,
    out: Path,
    provider: str,
    name: str,
    version: str | None = None,
    before: SignedList | None = None,
) -> Published:
    """Write ``entries`` to ``out`` as a signed list, in one step: ``out`` is the old file or the
    new one, never half of it.

    ``before``: the list published last, which ``key`` must have signed too. Raises
    ``OtherSignerError``, ``TamperedListError`` of ``before``, ``EntryExistsError`` where two
    entries have one id and differ, ``EmptyListError`` and ``OSError``.
    """
    held = {} if before is None else _digests(before, key)
    now = datetime.now(UTC)
    moment = now.isoformat(timespec="microseconds").replace("+00:00", "Z")
    number = int(1000 * time.time())
    if before is not None:
        number = max(number, before.manifest.number + 1)
    changes, signals = Counter(added=0, changed=0, removed=0), Counter[str]()
    spaces, given, repeated = set[str](), dict[str, bytes](), 0
    folder = out.resolve().parent
    handle, draft = tempfile.mkstemp(dir=folder, prefix=f".{out.name}.", suffix=".tmp")
    try:
        with os.fdopen(handle, "w+b") as file, tempfile.TemporaryFile(dir=folder) as beside:
            with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
                delta = _Written(beside)
                with archive.open(_info(ENTRIES), "w", force_zip64=True) as stream:
                    whole = _Written(stream)
                    for one in entries:
                        entry = _named(one)
                        line = json_line(entry).encode()
                        digest = hashlib.blake2b(line, digest_size=_DIGEST).digest()
                        named = str(entry.provider_id)
                        if named in given:
                            if given[named] != digest:
                                raise EntryExistsError(
                                    "two entries have one id and differ: nothing was written"
                                )
                            repeated += 1
                            continue
                        given[named] = digest
                        whole.line(line)
                        types = {signal.type for signal in entry.signals.items}
                        signals.update(types)
                        spaces.update(s.space for s in entry.signals.items if s.space)
                        earlier = held.pop(named, None)
                        if earlier != digest:
                            changes["added" if earlier is None else "changed"] += 1
                            delta.line(b'{"set":' + line.rstrip(b"\n") + b"}\n")
                if not given:
                    raise EmptyListError("there is no entry to publish")
                for gone in sorted(held):
                    changes["removed"] += 1
                    delta.line(orjson.dumps({"remove": gone}) + b"\n")
                beside.seek(0)
                with archive.open(_info(DELTA), "w", force_zip64=True) as stream:
                    while chunk := beside.read(1 << 20):
                        stream.write(chunk)
                manifest = Manifest(
                    provider=provider,
                    list=name,
                    version=version or moment,
                    number=number,
                    created_at=moment,
                    entries=len(given),
                    signals=dict(sorted(signals.items())),
                    code_spaces=tuple(sorted(spaces)),
                    parts=dict(zip(PARTS, (whole.part(), delta.part()), strict=True)),
                    delta=dict(changes),
                    previous=_earlier(before),
                )
                raw = manifest.to_bytes()
                public = public_text(key.public)
                signature = {
                    "algorithm": "ed25519",
                    "public_key": public,
                    "signature": base64.b64encode(key.sign(raw)).decode(),
                }
                archive.writestr(_info(MANIFEST), raw)
                archive.writestr(
                    _info(SIGNATURE), orjson.dumps(signature, option=orjson.OPT_INDENT_2) + b"\n"
                )
            file.flush()
            os.fsync(file.fileno())
        Path(draft).replace(out)
    except BaseException:
        with suppress(OSError):
            Path(draft).unlink()
        raise
    return Published(manifest, public, repeated)


def _earlier(before: SignedList | None) -> tuple[Earlier, ...]:
    if before is None:
        return ()
    last = Earlier(before.manifest.number, before.digest.hex())
    return (last, *before.manifest.previous)[:MOST_EARLIER]


def _digests(before: SignedList, key: SigningKey) -> dict[str, bytes]:
    """Id to the digest of its line, of the list before."""
    if before.public_key != key.public:
        raise OtherSignerError(
            f"the list before is signed by {public_text(before.public_key)}, not by this key"
        )
    found = {}
    for row in before.rows():
        if isinstance(row, ImportRow):
            line = json_line(row).encode()
            found[str(row.provider_id)] = hashlib.blake2b(line, digest_size=_DIGEST).digest()
    return found


@dataclass(frozen=True)
class _Named:
    """An entry with an id."""

    provider_id: str
    signals: Any
    labels: tuple[str, ...]


def _named(one: Listed) -> Listed:
    """The entry with an id: its SHA-256 where it has none, else a digest of what it says."""
    if one.provider_id is not None:
        return one
    entry = _Named("", one.signals, one.labels)
    digest = one.signals.sha256
    if digest is None:
        digest = hashlib.blake2b(json_line(entry).encode(), digest_size=_DIGEST).digest()
    return replace(entry, provider_id=digest.hex())


def _info(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, _DATE)
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = 0o600 << 16
    return info
