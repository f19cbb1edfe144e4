"""Lists that lie somewhere as files: a watched folder, or an address that is asked now and then.

Both are the whole list each time. A folder's files together are one list, as sets of several files
are shipped; the address is asked only for what is newer than the copy fetched last (``ETag``).
"""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import BinaryIO, Final

from service.lists.exchanges.contract import Turn
from service.lists.exchanges.errors import ExchangeAwayError, ExchangeOddError
from service.lists.exchanges.web import Web

_UNFINISHED: Final = (".part", ".tmp", ".crdownload", ".filepart", "~")


class WatchedFolder:
    """The files of one folder."""

    whole: Final = True

    def __init__(self, folder: Path, format: str | None = None) -> None:  # noqa: A002
        """Look into ``folder``; ``format`` of its files, ``None``: by their names."""
        self._folder, self.format = folder, format

    def page(self, since: str | None, place: str | None, out: BinaryIO) -> Turn | None:
        """One file; ``place`` is the folder's state and how many files went before."""
        files, state = self._seen()
        if place is None:
            if state == since:
                return None
            number = 0
        else:
            before, _, told = place.partition(" ")
            if before != state:
                raise ExchangeOddError(
                    "the folder's files changed while they were read: is somebody still writing"
                    " them? They are read at the next sync"
                )
            number = int(told)
        with files[number].open("rb") as file:
            shutil.copyfileobj(file, out, 1 << 20)
        if self._seen()[1] != state:
            raise ExchangeOddError("the folder's files changed while they were read")
        number += 1
        following = f"{state} {number}" if number < len(files) else None
        return Turn(following, state, files[number - 1].name)

    def later(self, one: str, other: str) -> str:
        """The state of the folder, which is the same for all pages of one fetch."""
        del one
        return other

    def _seen(self) -> tuple[list[Path], str]:
        """The files, in order of their names, and a digest of what can be told of all."""
        try:
            files = sorted(
                path
                for path in self._folder.iterdir()
                if path.is_file()
                and not path.name.startswith(".")
                and not path.name.endswith(_UNFINISHED)
            )
            stats = [path.stat() for path in files]
        except OSError as error:
            raise ExchangeAwayError(f"the folder cannot be read: {error.strerror}") from None
        if not files:
            # Lists do not end by a folder that is empty: it may not be mounted.
            raise ExchangeAwayError("the folder holds no file")
        state = hashlib.blake2b(digest_size=16)
        for path, stat in zip(files, stats, strict=True):
            state.update(
                f"{path.name!r} {stat.st_size} {stat.st_mtime_ns} {stat.st_ino}\n".encode()
            )
        return files, state.hexdigest()


class HttpsFile:
    """A list at one address."""

    whole: Final = True

    def __init__(self, web: Web, name: str, format: str | None = None) -> None:  # noqa: A002
        """The file ``name`` below the address of ``web``."""
        self._web, self._name, self.format = web, name, format

    def page(self, since: str | None, place: str | None, out: BinaryIO) -> Turn | None:
        """The whole file, unless it is the one that was fetched last."""
        del place
        headers = {"if-none-match": since} if since and _is_etag(since) else {}
        start = out.tell()
        response = self._web.fetch(self._name, out, (), headers=headers)
        if response.status_code == 304:
            return None
        if response.headers.get("content-type", "").lower().startswith("text/html"):
            raise ExchangeOddError(f"{self._web.host} sends a web page where a list was asked for")
        etag = response.headers.get("etag", "").strip()
        if not _is_etag(etag):
            etag = _digest(out, start)  # sent by nobody, but tells an unchanged file
            if etag == since:
                return None
        return Turn(None, etag, self._name)

    def later(self, one: str, other: str) -> str:
        """There is one page."""
        del one
        return other


def _is_etag(text: str) -> bool:
    return len(text) <= 512 and text.isascii() and text.isprintable() and text.endswith('"')


def _digest(out: BinaryIO, start: int) -> str:
    out.seek(start)
    digest = hashlib.sha256()
    while chunk := out.read(1 << 20):
        digest.update(chunk)
    return digest.hexdigest()
