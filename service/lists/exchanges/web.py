"""Asking an exchange over HTTPS: patience with failures, none with what could harm.

Time-outs, broken connections, 429 and 5xx are tried again, after as long as the exchange asks for
or twice as long each time; what is received is bounded; redirects are not followed, since
credentials must not be carried elsewhere. It knows HTTP; not what any exchange says.
"""

from __future__ import annotations

import email.utils
import io
import ipaddress
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, BinaryIO, Final
from urllib.parse import urljoin

import httpx
import orjson

from service.lists.exchanges.errors import (
    BadExchangeError,
    ExchangeAwayError,
    ExchangeOddError,
    ExchangeRefusedError,
    PlaceExpiredError,
)

MAX_PAGE: Final = 128 * 2**20
"""Bytes of one page, unpacked."""

_TRIES: Final = 5
_FIRST_WAIT: Final = 1.0
_LONGEST_WAIT: Final = 120.0
"""Seconds. Whoever asks for more is asked again at the next sync."""
_TIMEOUT: Final = httpx.Timeout(60.0, connect=10.0)
_LONGEST_ANSWER: Final = 3600.0
"""Seconds, from an answer's head to its end: a byte now and then is no answer."""
_AGAIN: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
_CHUNK: Final = 1 << 16

Pause = Callable[[float], object]
"""Waits so many seconds; may raise to give up."""


class Web:
    """One exchange's server."""

    def __init__(
        self,
        base: str,
        pause: Pause,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        max_page: int = MAX_PAGE,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """Ask what is under ``base``. Raises ``BadExchangeError`` for what is no HTTPS address.

        Plain HTTP is for this machine alone: credentials and hashes would pass in the clear.
        """
        self.base: Final = checked_base(base)
        self.host: Final = httpx.URL(base).host
        self._pause, self._max_page = pause, max_page
        self._client = httpx.Client(
            headers={"user-agent": "lookalike", **(headers or {})},
            auth=auth,
            timeout=_TIMEOUT,
            follow_redirects=False,
            transport=transport,
        )

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()

    def address(self, path: str) -> str:
        """The address of ``path``, which may be one in itself, if it is on this server.

        Raises ``ExchangeOddError``: what an exchange says comes next must not lead elsewhere.
        """
        found = httpx.URL(urljoin(self.base, path))
        ours = httpx.URL(self.base)
        if (found.scheme, found.host, found.port) != (ours.scheme, ours.host, ours.port):
            raise ExchangeOddError(f"{self.host} names a page that is on another server")
        return str(found)

    def fetch(
        self,
        path: str,
        out: BinaryIO,
        media: tuple[str, ...],
        params: Mapping[str, str | int] | None = None,
        headers: Mapping[str, str] | None = None,
        expires: bool = False,
    ) -> httpx.Response:
        """Write the body of ``path`` to ``out``; the response, whose body is spent.

        ``media``: the types it may have. ``expires``: the address is one that may have expired.
        304 writes nothing. Raises ``ExchangeError``.
        """
        url, start = self.address(path), out.tell()

        def attempt() -> httpx.Response:
            out.seek(start)
            out.truncate()
            with self._client.stream("GET", url, params=params, headers=headers) as response:
                if response.status_code != httpx.codes.NOT_MODIFIED:
                    self._check(response, expires)
                    self._check_media(response, media)
                    self._receive(response, out)
                return response

        return self._patiently(attempt)

    def json(self, method: str, path: str, **request: Any) -> Any:  # noqa: ANN401 (JSON)
        """The JSON that a small request is answered with. Raises ``ExchangeError``."""
        url = self.address(path)

        def attempt() -> httpx.Response:
            with self._client.stream(method, url, **request) as response:
                self._check(response, expires=False)
                body = io.BytesIO()
                self._receive(response, body)
                return httpx.Response(response.status_code, content=body.getvalue())

        content = self._patiently(attempt).content
        try:
            return orjson.loads(content) if content else None
        except orjson.JSONDecodeError:
            raise ExchangeOddError(f"{self.host} answers what is not JSON") from None

    def _patiently(self, attempt: Callable[[], httpx.Response]) -> httpx.Response:
        wait = _FIRST_WAIT
        for tried in range(1, _TRIES + 1):
            try:
                return attempt()
            except _AskAgainError as error:
                said, asked = str(error), error.seconds
            except httpx.TransportError as error:
                said, asked = f"{self.host}: {type(error).__name__}", None
            except httpx.DecodingError:
                raise ExchangeOddError(f"{self.host} packs its answer wrongly") from None
            if tried == _TRIES or (asked or 0) > _LONGEST_WAIT:
                raise ExchangeAwayError(f"{said}, after {tried} tries", asked)
            self._pause(wait if asked is None else asked)
            wait = min(2 * wait, _LONGEST_WAIT)
        raise AssertionError

    def _check(self, response: httpx.Response, expires: bool) -> None:
        status = response.status_code
        if status in _AGAIN:
            raise _AskAgainError(f"{self.host} answers {status}", _retry_after(response))
        if status in (401, 403) and not expires:
            raise ExchangeRefusedError(f"{self.host} answers {status}: it refuses our credentials")
        if expires and status in (400, 401, 403, 404, 410):
            raise PlaceExpiredError(f"{self.host} no longer knows the next page ({status})")
        if not response.is_success:
            raise ExchangeOddError(f"{self.host} answers {status}")

    def _check_media(self, response: httpx.Response, media: tuple[str, ...]) -> None:
        said = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media and said not in media:
            raise ExchangeOddError(
                f"{self.host} answers {said[:64]!a} where {' or '.join(media)} was asked for"
            )

    def _receive(self, response: httpx.Response, out: BinaryIO) -> None:
        size, until = 0, time.monotonic() + _LONGEST_ANSWER
        for chunk in response.iter_bytes(_CHUNK):
            size += len(chunk)
            if size > self._max_page:
                raise ExchangeOddError(
                    f"{self.host} sends a page of more than {self._max_page} bytes"
                )
            if time.monotonic() > until:
                raise ExchangeAwayError(f"{self.host} sends a page too slowly")
            out.write(chunk)


class _AskAgainError(Exception):
    """It may go well another time, after ``seconds`` if it said so."""

    def __init__(self, said: str, seconds: float | None) -> None:
        super().__init__(said)
        self.seconds = seconds


def checked_base(base: str) -> str:
    """``base`` with a slash at its end. Raises ``BadExchangeError``."""
    try:
        url = httpx.URL(base)
    except httpx.InvalidURL:
        raise BadExchangeError("an exchange's address must be a URL") from None
    if url.scheme != "https" and not (url.scheme == "http" and _is_this_machine(url.host)):
        raise BadExchangeError("an exchange's address must begin with https://")
    if url.userinfo or url.query or url.fragment:
        raise BadExchangeError("an exchange's address has no user, query or fragment")
    return base if base.endswith("/") else base + "/"


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _retry_after(response: httpx.Response) -> float | None:
    said = response.headers.get("retry-after", "").strip()
    if said.isascii() and said.isdigit():
        return float(said[:9])
    try:
        moment = email.utils.parsedate_to_datetime(said)
    except ValueError:
        return None
    # By the server's own clock where it tells it: ours may differ.
    try:
        now = email.utils.parsedate_to_datetime(response.headers.get("date", ""))
    except ValueError:
        now = datetime.now(UTC)
    if moment.tzinfo is None or now.tzinfo is None:
        return None
    return max(0.0, (moment - now).total_seconds())
