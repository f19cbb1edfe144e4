"""What a request carries, read with its limits before its weight is felt.

Images are held in memory and never touch a disk; all that are in flight share one room. Lists,
which may be larger than memory, go through a nameless file in the data folder, and share another.
Room is taken as bytes arrive. A body that stops coming is given up after a time, and at once where
another needs its room. It knows bytes and fields, nothing of what they mean.
"""

from __future__ import annotations

import asyncio
import errno
import tempfile
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, Self

from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from embeddings.errors import FileTooLargeError
from service.domain.errors import (
    BadMediaTypeError,
    BodyStalledError,
    BodyTooLargeError,
    MalformedRequestError,
    OverloadedError,
    StorageFullError,
)
from service.domain.settings import Settings

MAX_JSON: Final = 2**20
"""Bytes of a JSON body."""

CALLER: Final = "lookalike.caller"
"""Key of a request's scope: the id of the key it came with, once that was admitted."""

GONE: Final = "lookalike.gone"
"""Key of a request's scope: a function that says whether its client has gone away."""

_STALLED: Final = 1.0
"""Seconds without ``body_bytes``: then a body makes way for one that comes."""

_FIELD_BYTES: Final = 64 * 1024
_MULTIPART_ROOM: Final = 256 * 1024  # boundaries, headers and fields around one file


@dataclass(frozen=True)
class Form:
    """A multipart body: one file and some fields."""

    file: bytes
    fields: dict[str, list[str]]
    name: str = "file"
    """Of the file's field."""


class Reception:
    """One body that is being received, and what it holds until it is done with."""

    def __init__(self, room: Room, key: str, seconds: float, size: int) -> None:
        """Bytes of ``room``, for ``key``; ``size`` bytes must come every ``seconds``."""
        self._room, self.key = room, key
        self._seconds, self._size = seconds, size
        self._came = 0  # since then
        self.since = 0.0  # on the loop's clock
        self.held = 0
        self._timeout: asyncio.Timeout | None = None

    async def __aenter__(self) -> Self:
        """Receive the body within its time. Raises ``BodyStalledError``."""
        self.since = asyncio.get_running_loop().time()
        self._timeout = asyncio.timeout_at(self.since + self._seconds)
        await self._timeout.__aenter__()
        self._room.receiving[self] = None
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """It is all there, or given up."""
        self._room.receiving.pop(self, None)
        timeout, self._timeout = self._timeout, None
        assert timeout is not None
        try:
            await timeout.__aexit__(kind, error, trace)
        except TimeoutError:
            raise BodyStalledError("the body stopped coming, or comes too slowly") from None

    def came(self, size: int) -> None:
        """So many bytes more are held. Raises ``OverloadedError``."""
        self._room.take(self, size)
        self._came += size
        if self._came >= self._size and self._timeout is not None:
            self._came, self.since = 0, asyncio.get_running_loop().time()
            self._timeout.reschedule(self.since + self._seconds)

    def give_up(self) -> None:
        """End it now, in favour of another that comes."""
        self._room.give(self)
        if self._timeout is not None:
            self._timeout.reschedule(0)


class Room:
    """What bodies may hold together, in bytes. Belongs to one event loop."""

    def __init__(self, total: int) -> None:
        """``total`` of them."""
        self._free = total
        self.receiving: dict[Reception, None] = {}

    def take(self, reception: Reception, size: int) -> None:
        """Claim ``size`` bytes; where they are not there, a body that stalls makes way.

        Raises ``OverloadedError``.
        """
        while size > self._free:
            stalled = self._stalled(reception)
            if stalled is None:
                raise OverloadedError("too many uploads at once; try again in a moment")
            stalled.give_up()
        self._free -= size
        reception.held += size

    def give(self, reception: Reception) -> None:
        """Return what it holds."""
        self._free += reception.held
        reception.held = 0

    def _stalled(self, newcomer: Reception) -> Reception | None:
        """Of the key that holds most, the body that has brought too little for longest."""
        now = asyncio.get_running_loop().time()
        slow = [
            one
            for one in self.receiving
            if one is not newcomer and one.held and now - one.since >= _STALLED
        ]
        held = Counter[str]()
        for one in slow:
            held[one.key] += one.held
        return min(slow, key=lambda one: (-held[one.key], one.since), default=None)


class Uploads:
    """Reads bodies within their limits."""

    def __init__(self, settings: Settings, lists: int, folder: Path | None) -> None:
        """Limits as ``settings`` say; as many lists as ``lists`` of the largest size, in
        ``folder``."""
        self._max_file = settings.max_upload_bytes
        self._max_list = settings.max_list_bytes
        self._memory = Room(settings.upload_memory_bytes)
        self._disk = Room(lists * settings.max_list_bytes)
        self._pace = (settings.body_seconds, settings.body_bytes)
        self._folder = folder

    @asynccontextmanager
    async def form(self, request: Request, name: str | None = "file") -> AsyncIterator[Form]:
        """The multipart body with its one file, the field ``name`` (``None``: of whatever name);
        its memory is given back at the end.

        Raises ``FileTooLargeError``, ``MalformedRequestError``, ``BodyStalledError``,
        ``OverloadedError``.
        """
        limit = self._max_file + _MULTIPART_ROOM
        with self._reception(request, self._memory) as reception:
            async with reception:
                stream = _limited(request, reception, limit, FileTooLargeError)
                form = await self._parsed(request.headers, stream, name)
            yield form

    @asynccontextmanager
    async def raw(self, request: Request) -> AsyncIterator[bytes]:
        """The whole body as a file; its memory is given back at the end.

        Raises ``FileTooLargeError``, ``BodyStalledError``, ``OverloadedError``.
        """
        with self._reception(request, self._memory) as reception:
            async with reception:
                chunks = [
                    chunk
                    async for chunk in _limited(
                        request, reception, self._max_file, FileTooLargeError
                    )
                ]
            yield b"".join(chunks)

    @asynccontextmanager
    async def elsewhere(
        self, request: Request, chunks: AsyncIterator[bytes]
    ) -> AsyncIterator[bytes]:
        """A file that comes from elsewhere on behalf of ``request``: it takes room as a body does,
        and its memory is given back at the end.

        Raises ``FileTooLargeError``, ``OverloadedError`` and what ``chunks`` raise.
        """
        with self._reception(request, self._memory) as reception:
            taken: list[bytes] = []
            async for chunk in chunks:
                reception.came(len(chunk))
                if reception.held > self._max_file:
                    raise FileTooLargeError(f"the file has more than {self._max_file} bytes")
                taken.append(chunk)
            yield b"".join(taken)

    @asynccontextmanager
    async def list_file(self, request: Request) -> AsyncIterator[BinaryIO]:
        """The whole body, in a file without a name that only this process can read.

        Raises ``BodyTooLargeError``, ``BodyStalledError``, ``OverloadedError`` and
        ``StorageFullError``.
        """
        with (
            self._reception(request, self._disk) as reception,
            _storage(),
            tempfile.TemporaryFile(dir=self._folder) as file,
        ):
            async with reception:
                async for chunk in _limited(request, reception, self._max_list):
                    file.write(chunk)
            file.seek(0)
            yield file

    async def json(self, request: Request) -> bytes:
        """A JSON body as bytes. Raises ``BodyTooLargeError``, ``BodyStalledError``."""
        reception = self._received(request, self._memory)
        try:
            async with reception:
                chunks = [chunk async for chunk in _limited(request, reception, MAX_JSON)]
        finally:
            self._memory.give(reception)
        return b"".join(chunks)

    @contextmanager
    def _reception(self, request: Request, room: Room) -> Iterator[Reception]:
        reception = self._received(request, room)
        try:
            yield reception
        finally:
            room.give(reception)

    def _received(self, request: Request, room: Room) -> Reception:
        return Reception(room, request.scope.get(CALLER, ""), *self._pace)

    async def _parsed(
        self, headers: Headers, stream: AsyncGenerator[bytes, None], wanted: str | None
    ) -> Form:
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
        called = ""
        fields: dict[str, list[str]] = {}
        async with form_closing(form.multi_items()) as items:
            for name, value in items:
                if isinstance(value, str):
                    fields.setdefault(name, []).append(value)
                elif wanted in (None, name):
                    file, called = await value.read(), name
                else:
                    raise MalformedRequestError(
                        f"the file must be the field {wanted!r}, not {name[:64]!r}"
                    )
        if file is None:
            raise MalformedRequestError(
                f"the form has no file: send it as the field {wanted or 'photo'!r}, with a file"
                " name"
            )
        if len(file) > self._max_file:
            raise FileTooLargeError(
                f"the file has {len(file)} bytes; at most {self._max_file} are taken"
            )
        return Form(file, fields, called)


@contextmanager
def _storage() -> Iterator[None]:
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
    request: Request,
    reception: Reception,
    limit: int,
    too_large: type[Exception] = BodyTooLargeError,
) -> AsyncGenerator[bytes, None]:
    announced = request.headers.get("content-length", "0")
    # Refused by what it says of itself, before a byte of it is taken.
    if announced.isdecimal() and int(announced[:20]) > limit:
        raise too_large(f"the body has {announced[:20]} bytes; at most {limit} are taken")
    seen = 0
    async for chunk in request.stream():
        seen += len(chunk)
        if seen > limit:
            raise too_large(f"the body has more than {limit} bytes")
        if chunk:
            reception.came(len(chunk))
        yield chunk
