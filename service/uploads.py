"""What a request carries, read with its limits before its weight is felt.

Images are held in memory and never touch a disk; all that are in flight share one budget. Lists,
which may be larger than memory, go through a nameless file in the data folder. It knows bytes and
fields, nothing of what they mean.
"""

from __future__ import annotations

import errno
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from embeddings.errors import FileTooLargeError
from service.errors import (
    BadMediaTypeError,
    BodyTooLargeError,
    MalformedRequestError,
    OverloadedError,
    StorageFullError,
)

MAX_JSON: Final = 2**20
"""Bytes of a JSON body."""

_FIELD_BYTES: Final = 64 * 1024
_MULTIPART_ROOM: Final = 256 * 1024  # boundaries, headers and fields around one file


@dataclass(frozen=True)
class Form:
    """A multipart body: one file and some fields."""

    file: bytes
    fields: dict[str, list[str]]


class Budget:
    """What uploads may hold together: bytes, or places. Belongs to one event loop."""

    def __init__(self, total: int) -> None:
        """``total`` of them."""
        self._free = total

    def take(self, size: int) -> None:
        """Claim ``size`` of them. Raises ``OverloadedError``."""
        if size > self._free:
            raise OverloadedError("too many uploads at once; try again in a moment")
        self._free -= size

    def give(self, size: int) -> None:
        """Return ``size`` of them."""
        self._free += size


class Uploads:
    """Reads bodies within their limits."""

    def __init__(
        self, max_file: int, max_list: int, memory: int, lists: int, folder: Path | None
    ) -> None:
        """Limits in bytes: of an image, of a list, of all images in flight; at most ``lists`` lists
        at once, in ``folder``."""
        self._max_file = max_file
        self._max_list = max_list
        self._budget = Budget(memory)
        self._lists = Budget(lists)
        self._folder = folder

    @asynccontextmanager
    async def form(self, request: Request) -> AsyncIterator[Form]:
        """The multipart body with its one file, the field ``file``; its memory is given back at
        the end.

        Raises ``FileTooLargeError``, ``MalformedRequestError``, ``OverloadedError``.
        """
        taken = 0

        async def stream() -> AsyncGenerator[bytes, None]:
            nonlocal taken
            limit = self._max_file + _MULTIPART_ROOM
            async for chunk in _limited(request, limit, FileTooLargeError):
                self._budget.take(len(chunk))
                taken += len(chunk)
                yield chunk

        try:
            yield await self._parsed(request.headers, stream())
        finally:
            self._budget.give(taken)

    @asynccontextmanager
    async def list_file(self, request: Request) -> AsyncIterator[BinaryIO]:
        """The whole body, in a file without a name that only this process can read.

        Raises ``BodyTooLargeError``, ``OverloadedError`` and ``StorageFullError``.
        """
        # Before a byte is taken: so many lists, each within its limit, bound the disk.
        self._lists.take(1)
        try:
            with _room(), tempfile.TemporaryFile(dir=self._folder) as file:
                async for chunk in _limited(request, self._max_list):
                    file.write(chunk)
                file.seek(0)
                yield file
        finally:
            self._lists.give(1)

    async def _parsed(self, headers: Headers, stream: AsyncGenerator[bytes, None]) -> Form:
        parser = _InMemoryParser(
            headers, stream, max_files=1, max_fields=64, max_part_size=_FIELD_BYTES
        )
        try:
            form = await parser.parse()
        except MultiPartException as error:
            raise MalformedRequestError(f"multipart: {error.message}") from None
        except UnicodeError:  # of a codec that decodes nothing, such as "undefined"
            raise MalformedRequestError("multipart: the charset cannot be read") from None
        file: bytes | None = None
        fields: dict[str, list[str]] = {}
        async with form_closing(form.multi_items()) as items:
            for name, value in items:
                if isinstance(value, str):
                    fields.setdefault(name, []).append(value)
                elif name == "file":
                    file = await value.read()
                else:
                    raise MalformedRequestError(
                        f"the file must be the field 'file', not {name[:64]!r}"
                    )
        if file is None:
            raise MalformedRequestError(
                "the form has no file: send it as the field 'file', with a file name"
            )
        if len(file) > self._max_file:
            raise FileTooLargeError(
                f"the file has {len(file)} bytes; at most {self._max_file} are taken"
            )
        return Form(file, fields)


@contextmanager
def _room() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageFullError("no room for the upload: the disk is full") from None
        raise


class _InMemoryParser(MultiPartParser):
    # Uploads are never stored: the default would spill files above a megabyte to disk.
    spool_max_size = 2**62


@asynccontextmanager
async def form_closing(
    items: list[tuple[str, UploadFile | str]],
) -> AsyncIterator[list[tuple[str, UploadFile | str]]]:
    """``items``, whose files are closed at the end."""
    try:
        yield items
    finally:
        for _, value in items:
            if isinstance(value, UploadFile):
                await value.close()


async def read_json(request: Request, limit: int = MAX_JSON) -> bytes:
    """A JSON body as bytes. Raises ``BodyTooLargeError``."""
    return b"".join([chunk async for chunk in _limited(request, limit)])


def media_type(request: Request) -> str:
    """The body's media type, lower case, without parameters.

    Raises ``BadMediaTypeError`` unless it is JSON or multipart form data.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in ("application/json", "multipart/form-data"):
        sent = f"not {kind[:80]!r}" if kind else "the request has no Content-Type"
        raise BadMediaTypeError(
            f"send multipart/form-data with a field 'file', or application/json; {sent}"
        )
    return kind


async def _limited(
    request: Request, limit: int, too_large: type[Exception] = BodyTooLargeError
) -> AsyncIterator[bytes]:
    announced = request.headers.get("content-length", "0")
    # Refused by what it says of itself, before a byte of it is taken.
    if announced.isdecimal() and int(announced[:20]) > limit:
        raise too_large(f"the body has {announced[:20]} bytes; at most {limit} are taken")
    seen = 0
    async for chunk in request.stream():
        seen += len(chunk)
        if seen > limit:
            raise too_large(f"the body has more than {limit} bytes")
        yield chunk
