"""Files fetched by URL on a caller's behalf, from hosts on an allow-list and nowhere else.

A host's name is resolved once, every address that comes of it is held to the allow-list, and the
connection is made to the address that was looked at: what a name means a moment later no longer
matters. Each redirect is a new URL that passes the same gate. Time, size, redirects and the number
of fetches at once are bounded; nothing is decompressed; neither proxies nor cookies nor netrc of
the environment are used. What a file is, its bytes say, not its headers. It knows URLs; not images.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Final

import httpx
from starlette.requests import Request

from service.domain.allowlist import Address, AllowList, parsed_address
from service.domain.errors import (
    FetchDisabledError,
    FetchFailedError,
    FetchRefusedError,
    OverloadedError,
)
from service.domain.settings import Settings
from service.http.door.uploads import Uploads

_REDIRECTS: Final = 3
_MAX_URL: Final = 2048
_PORTS: Final = {"http": 80, "https": 443}
_HEADERS: Final = {"Accept-Encoding": "identity", "User-Agent": "lookalike", "Accept": "*/*"}

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""From a host's name and port to its addresses."""


@dataclass(frozen=True)
class _Target:
    """Where a URL leads, once that was looked at."""

    url: httpx.URL
    address: str


class Fetcher:
    """Fetches files for one app. Belongs to one event loop."""

    def __init__(
        self, settings: Settings, uploads: Uploads, resolve: Resolve | None = None
    ) -> None:
        """Hosts and limits as ``settings`` say; memory is that of ``uploads``."""
        self._allowed = AllowList(settings.fetch_allowlist)
        self._seconds = settings.fetch_seconds
        self._max_bytes = settings.max_upload_bytes
        self._free = settings.fetches
        self._uploads = uploads
        self._resolve = resolve or _addresses

    @property
    def enabled(self) -> bool:
        """Whether any URL is fetched."""
        return bool(self._allowed)

    @asynccontextmanager
    async def file(self, request: Request, url: str) -> AsyncIterator[bytes]:
        """The file behind ``url``, on behalf of ``request``; its memory is given back at the end.

        Raises ``FetchDisabledError``, ``FetchRefusedError``, ``FetchFailedError``,
        ``FileTooLargeError``, ``OverloadedError``.
        """
        if not self._allowed:
            raise FetchDisabledError(
                "this service fetches no URL: LOOKALIKE_FETCH_ALLOWLIST names no host; to look up a"
                " listed URL send it as signals.url"
            )
        if self._free == 0:
            raise OverloadedError("too many files are being fetched; try again in a moment")
        self._free -= 1
        try:
            async with (
                aclosing(self._chunks(url)) as chunks,
                self._uploads.elsewhere(request, _within(chunks, self._seconds)) as data,
            ):
                yield data
        finally:
            self._free += 1

    async def _chunks(self, url: str) -> AsyncGenerator[bytes, None]:
        # One connection, used once: a pool would keep what another URL resolved to.
        limits = httpx.Limits(max_keepalive_connections=0)
        async with httpx.AsyncClient(
            trust_env=False, follow_redirects=False, limits=limits, timeout=self._seconds
        ) as client:
            target = await self._target(url)
            for _ in range(_REDIRECTS + 1):
                asked = client.build_request(
                    "GET",
                    target.url.copy_with(host=target.address),
                    headers={**_HEADERS, "Host": target.url.netloc.decode("ascii")},
                    # The certificate is that of the name, not of the address.
                    extensions={"sni_hostname": target.url.raw_host.decode("ascii")},
                )
                answer = await client.send(asked, stream=True)
                try:
                    if answer.has_redirect_location:
                        where = target.url.join(answer.headers["location"])
                        target = await self._target(str(where))
                        continue
                    _check(answer)
                    async for chunk in answer.aiter_raw(64 * 1024):
                        yield chunk
                    return
                finally:
                    await answer.aclose()
        raise FetchFailedError(f"the URL leads on more than {_REDIRECTS} times")

    async def _target(self, text: str) -> _Target:
        url = _parsed(text)
        port = url.port or _PORTS[url.scheme]
        host = url.raw_host.decode("ascii")
        if not self._allowed.names(host, port):
            raise FetchRefusedError("the URL's host, or its port, is not on the allow-list")
        literal = parsed_address(host)
        if literal is not None:
            return _Target(url, str(literal))
        found = [parsed_address(one) for one in await self._resolve(host, port)]
        addresses: list[Address] = [one for one in found if one is not None]
        if not addresses or len(addresses) < len(found):
            raise FetchFailedError("the URL's host has no address")
        # One bad address among good ones is how a name is pointed into our network.
        if not all(self._allowed.reaches(one, port) for one in addresses):
            raise FetchRefusedError("the URL's host has an address that is not the public's")
        return _Target(url, str(addresses[0]))


def _parsed(text: str) -> httpx.URL:
    if len(text) > _MAX_URL:
        raise FetchRefusedError(f"a URL has at most {_MAX_URL} characters")
    try:
        url = httpx.URL(text)
        url.raw_host.decode("ascii")
    except (httpx.InvalidURL, UnicodeError, ValueError, TypeError):
        raise FetchRefusedError("this is no URL") from None
    if url.scheme not in _PORTS or not url.host:
        raise FetchRefusedError("only http and https URLs are fetched")
    if url.userinfo:
        raise FetchRefusedError("a URL with a user or a password is not fetched")
    return url


def _check(answer: httpx.Response) -> None:
    if answer.status_code != 200:
        raise FetchFailedError(f"the server of the URL answered {answer.status_code}")
    if answer.headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
        raise FetchFailedError("the server of the URL sent what is compressed, unasked")


async def _within(chunks: AsyncIterator[bytes], seconds: float) -> AsyncIterator[bytes]:
    """``chunks``, all of them within so many seconds; what else fails fails by name."""
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    while True:
        try:
            async with asyncio.timeout_at(until):
                chunk = await anext(chunks)
        except StopAsyncIteration:
            return
        except TimeoutError:
            raise FetchFailedError("the file did not come in time") from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError):
            raise FetchFailedError("the server of the URL did not answer with a file") from None
        yield chunk


async def _addresses(host: str, port: int) -> Sequence[str]:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(
            host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP
        )
    except (OSError, UnicodeError):
        return ()
    return list(dict.fromkeys(str(entry[4][0]).partition("%")[0] for entry in found))
