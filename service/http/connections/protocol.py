"""One connection: uvicorn's HTTP/1.1 protocol, with a bound on all that precedes a request.

The parser keeps a header in memory until its end, and copies what it has at every piece that comes;
so bytes are counted here, before and while it works. What uvicorn has no time limit for has one
here: headers that do not end, and a client that neither sends the rest of a body nobody wants nor
takes its answer. Bodies are the routes' (``service.http.door.uploads``), which know what they wait
for.
"""

from __future__ import annotations

from asyncio import BaseTransport, TimerHandle, Transport
from collections import deque
from collections.abc import Callable
from typing import Any, Final, cast

import httptools
import orjson
from uvicorn._types import ASGIReceiveCallable, ASGISendCallable, Scope
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from service.http.connections.addresses import counted_as
from service.http.connections.entrance import Entrance, Refusal
from service.http.door import problems
from service.http.door.uploads import GONE

HEALTH: Final = frozenset({b"/livez", b"/readyz", b"/metrics"})
"""What must be answered however full the house is."""

_LINGER: Final = 5.0
"""Seconds that a client has to take an answer, or to end a body that nobody reads: closed at once,
it might never see the answer that says why."""

_TAKEN: Final = 2**14
"""Bytes of an answer that such a client takes in that time, at least."""

_AT_ONCE: Final = 8
"""Requests of one connection that may be under way: those after the first wait for it, and cost
memory and a place while they do. Browsers send one."""

_DISCARDED: Final = 2**20
"""Bytes that are taken and dropped from a client that was refused, so that it comes to read why."""


class _RefusedError(Exception):
    """Raised inside the parser's callbacks, to stop it."""


class DoorProtocol(HttpToolsProtocol):
    """A connection that keeps to the limits of an entrance."""

    def __init__(self, *args: Any, entrance: Entrance, **named: Any) -> None:  # noqa: ANN401
        """As uvicorn makes it."""
        super().__init__(*args, **named)
        self._entrance = entrance
        self._limits = entrance.limits
        self._inside = self.app
        # uvicorn's says int, and hands it to a timer.
        self.timeout_keep_alive = self._limits.keep_alive_seconds  # type: ignore[assignment]
        self._peer = ""  # what its connections are counted under
        self._speaks_for_others = False
        self._addresses: deque[str] = deque()  # of the requests under way, oldest first
        self._in_head = self._in_body = False
        self._head_bytes = 0
        self._moved = False  # whether the parser got anywhere with the last piece
        self._unparsed = 0  # bytes since it last did
        self._refusal: Refusal | None = None  # of what the parser is being stopped for
        self._discarded = 0
        self._closing_for: Refusal | None = None  # what was answered; the rest is dropped
        self._head_timer: TimerHandle | None = None
        self._linger_timer: TimerHandle | None = None
        self._unsent = 0

    # What the transport tells.

    def connection_made(self, transport: BaseTransport) -> None:
        """A client has come."""
        super().connection_made(cast(Transport, transport))
        host = self.client[0] if self.client else ""
        self._speaks_for_others = self._entrance.proxies.trusts(host)
        self._peer = counted_as(host)
        room, victim = self._entrance.connections.open(
            self, self._peer, counted=not self._speaks_for_others
        )
        if victim is not None:
            self._entrance.closed += 1
            victim.transport.abort()
        if room:
            self._wait_for_head()
        else:
            self._refuse(Refusal.NO_ROOM)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client has gone."""
        connections = self._entrance.connections
        if self._addresses:
            connections.end(self._addresses[0])
        self._addresses.clear()
        connections.close(self)
        self._stop_timers()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """A piece of a request, or several requests."""
        if self._closing_for is not None:
            self._discarded += len(data)
            if self._discarded > _DISCARDED:
                self.transport.abort()
            return
        self._unset_keepalive_if_required()
        self._moved = False
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError:
            self._refuse(self._refusal or Refusal.MALFORMED)
            return
        except httptools.HttpParserUpgrade:
            # Nothing is spoken here but HTTP/1.1: the request is answered, and is the last.
            self.cycle.keep_alive = False
        self._unparsed = 0 if self._moved else self._unparsed + len(data)
        if self._unparsed > self._limits.header_bytes:
            # A header, or what follows a body in pieces, that does not end.
            in_url = self._in_head and not self.headers and len(self.url) >= self._unparsed
            self._refuse(Refusal.URL_TOO_LONG if in_url else Refusal.HEADERS_TOO_LARGE)
        elif self._in_head:
            if self._head_timer is None:
                self._wait_for_head()
        elif self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def pause_writing(self) -> None:
        """The client takes its answer more slowly than it is given."""
        super().pause_writing()
        self._linger()

    def resume_writing(self) -> None:
        """It has taken most of it."""
        super().resume_writing()
        self._linger()

    def shutdown(self) -> None:
        """The server ends: answer what is under way, and no more."""
        super().shutdown()
        self._linger()

    # What the parser tells.

    def on_message_begin(self) -> None:
        """The first byte of a request."""
        self._moved = self._in_head = True
        self._head_bytes = 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """A piece of the URL."""
        if len(self.url) + len(url) > self._limits.url_bytes:
            self._stop(Refusal.URL_TOO_LONG)
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or what follows a body in pieces."""
        self._head_bytes += len(name) + len(value)
        if (
            self._head_bytes > self._limits.header_bytes
            or len(self.headers) >= self._limits.headers
        ):
            self._stop(Refusal.HEADERS_TOO_LARGE)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """A request whose headers are all there: it is answered, if there is room."""
        if len(self._addresses) >= _AT_ONCE:
            self._stop(Refusal.NO_ROOM)
        self._moved = self._in_body = True
        self._in_head = False
        address = self._address()
        connections = self._entrance.connections
        health = self.url.partition(b"?")[0] in HEALTH
        self.app = self._inside if health or connections.room(address) else self._full
        super().on_headers_complete()
        self._addresses.append(address)
        if len(self._addresses) == 1:
            connections.begin(self, address)
        cycle = self.cycle
        self.scope[GONE] = lambda: cycle.disconnected  # type: ignore[typeddict-unknown-key]

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        self._moved = True
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The last byte of a request."""
        self._moved = True
        self._in_body = False
        super().on_message_complete()

    # What uvicorn tells.

    def on_response_complete(self) -> None:
        """An answer was written, though perhaps not sent."""
        connections = self._entrance.connections
        if self._addresses:
            connections.end(self._addresses.popleft())
        if self._addresses:
            connections.begin(self, self._addresses[0])
        super().on_response_complete()
        if not self._addresses:
            connections.wait(self)
            self._linger()

    def timeout_keep_alive_handler(self) -> None:
        """The next request did not come in time."""
        super().timeout_keep_alive_handler()
        self._linger()

    # Ends.

    def _address(self) -> str:
        if self._speaks_for_others:
            forwarded = [value for name, value in self.headers if name == b"x-forwarded-for"]
            client = self._entrance.proxies.client(forwarded) if forwarded else None
            if client is not None:
                self.scope["client"] = (client, 0)
                return counted_as(client)
        return self._peer

    def _stop(self, refusal: Refusal) -> None:
        self._refusal = refusal
        raise _RefusedError

    def _refuse(self, refusal: Refusal) -> None:
        """Say why, if nothing else is being said, and take nothing more."""
        if self._closing_for is not None:
            return
        self._closing_for = refusal
        self._entrance.refused[refusal.code] += 1
        self._stop_timers()
        if self.transport.is_closing():
            return
        if self._addresses:  # an answer to an earlier request is under way; it is the last
            self.transport.abort()
            return
        body, headers = _problem(refusal)
        lines = [STATUS_LINE[refusal.status]]
        lines += [b"%s: %s\r\n" % pair for pair in (*self.server_state.default_headers, *headers)]
        self.transport.write(b"".join([*lines, b"\r\n", body]))
        if self.transport.can_write_eof():
            self.transport.write_eof()
            self._linger_timer = self.loop.call_later(_LINGER, self.transport.abort)
        else:
            self.transport.close()

    async def _full(
        self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> None:
        """What answers a request for which there is no room."""
        del scope, receive
        self._entrance.refused[Refusal.NO_ROOM.code] += 1
        body, headers = _problem(Refusal.NO_ROOM)
        await send(
            {
                "type": "http.response.start",
                "status": Refusal.NO_ROOM.status,
                "headers": list(headers),
            }
        )
        await send({"type": "http.response.body", "body": body, "more_body": False})

    def _wait_for_head(self) -> None:
        self._head_timer = self.loop.call_later(self._limits.header_seconds, self._head_is_late)

    def _head_is_late(self) -> None:
        self._head_timer = None
        if self._in_head:
            self._refuse(Refusal.HEADER_TIMEOUT)
        elif not self._addresses:
            self.transport.abort()  # it never said a word

    def _linger(self) -> None:
        """See that a client which has its answer, or could have it, does not stay for ever."""
        if self._closing_for is not None:
            return  # its time is set
        self._stop_lingering()
        self._unsent = self.transport.get_write_buffer_size()
        if self._in_body or self._unsent:
            self._linger_timer = self.loop.call_later(_LINGER, self._lingered)

    def _lingered(self) -> None:
        self._linger_timer = None
        unsent = self.transport.get_write_buffer_size()
        # A body that comes while its request is being answered is what the route waits for.
        nobody_reads = self._in_body and not self._addresses
        if nobody_reads or (unsent and self._unsent - unsent < _TAKEN):
            self.transport.abort()
        elif unsent:
            self._linger()

    def _stop_lingering(self) -> None:
        if self._linger_timer is not None:
            self._linger_timer.cancel()
            self._linger_timer = None

    def _stop_timers(self) -> None:
        self._stop_lingering()
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _unsupported_upgrade_warning(self) -> None:
        """Say nothing: strangers could fill the log."""


def protocol_for(entrance: Entrance) -> Callable[..., DoorProtocol]:
    """What makes a connection's protocol."""

    def make(**named: Any) -> DoorProtocol:  # noqa: ANN401
        return DoorProtocol(entrance=entrance, **named)

    return make


def _problem(refusal: Refusal) -> tuple[bytes, tuple[tuple[bytes, bytes], ...]]:
    body = orjson.dumps(problems.plain(refusal.status, refusal.code, refusal.detail))
    headers = [
        (b"content-type", problems.MEDIA_TYPE.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    if refusal.status == 503:
        headers.append((b"retry-after", b"1"))
    return body, tuple(headers)
