"""What the connections of one app share: limits, who holds them, how many were refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from service.domain.settings import Settings
from service.http.connections.addresses import Network, Proxies
from service.http.connections.connections import Connections


@dataclass(frozen=True)
class Limits:
    """What a connection may take of us before its request is known."""

    connections: int
    connections_per_address: int
    header_bytes: int
    headers: int
    url_bytes: int
    header_seconds: float
    """From a connection's opening, or a request's first byte, to the end of its headers."""
    keep_alive_seconds: float
    """That a connection may wait for its next request."""
    proxies: tuple[Network, ...] = ()

    @staticmethod
    def of(settings: Settings) -> Limits:
        """Those that ``settings`` say."""
        return Limits(
            connections=settings.connections,
            connections_per_address=settings.connections_per_address,
            header_bytes=settings.header_bytes,
            headers=settings.headers,
            url_bytes=settings.url_bytes,
            header_seconds=settings.header_seconds,
            keep_alive_seconds=settings.keep_alive_seconds,
            proxies=settings.trusted_proxies,
        )


class Refusal(Enum):
    """Why a connection is closed with an answer that no route gave: status, code, words."""

    MALFORMED = (400, "malformed_request", "this is not HTTP/1.1")
    HEADER_TIMEOUT = (408, "header_timeout", "the request's headers did not come in time")
    URL_TOO_LONG = (414, "url_too_long", "the request's URL is too long")
    HEADERS_TOO_LARGE = (431, "headers_too_large", "the request's headers are too many or too long")
    NO_ROOM = (503, "too_many_connections", "too many connections; try again in a moment")

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.value[0]

    @property
    def code(self) -> str:
        """The stable code of the problem."""
        return self.value[1]

    @property
    def detail(self) -> str:
        """For people."""
        return self.value[2]


class Entrance:
    """The limits of one app's connections, and how things stand."""

    def __init__(self, limits: Limits) -> None:
        """No connection is open yet."""
        self.limits = limits
        self.proxies = Proxies(limits.proxies)
        self.connections: Connections[Any] = Connections(
            limits.connections, limits.connections_per_address
        )
        self.refused: Counter[str] = Counter()
        """By code."""
        self.closed = 0
        """Connections that waited and were closed to make room."""

    def collector(self) -> Collector:
        """The same for Prometheus."""
        return _Doors(self)


class _Doors(Collector):
    def __init__(self, entrance: Entrance) -> None:
        self._entrance = entrance

    def describe(self) -> Iterator[Metric]:
        return iter(())  # names are fixed; nothing to look up at registration

    def collect(self) -> Iterator[Metric]:
        entrance = self._entrance
        yield GaugeMetricFamily(
            "lookalike_connections", "Connections open", value=float(len(entrance.connections))
        )
        refused = CounterMetricFamily(
            "lookalike_door_refused", "Requests refused before any route saw them", labels=("code",)
        )
        for kind in Refusal:
            refused.add_metric((kind.code,), entrance.refused[kind.code])
        yield refused
        yield CounterMetricFamily(
            "lookalike_connections_closed_for_others",
            "Waiting connections closed to make room",
            value=entrance.closed,
        )
