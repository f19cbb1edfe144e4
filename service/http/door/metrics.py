"""What Prometheus reads: counts, latencies, and the state of the replica.

One registry per app, so that two apps in one process do not mix. It names routes, verdicts, signal
types, banks and lists; never keys or content, which are not for whoever reads a dashboard.
docs/metrics.md names every metric; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from time import perf_counter

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.domain.exchanges import ExchangeRecord, ExchangeRun
from service.domain.health import Severity
from service.http.door.load.pool import WorkPool
from service.replica.replica import Replica
from service.store import ListVersion

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))

_GRAVITY = {Severity.SOUND: 0, Severity.DEGRADED: 1, Severity.FAILING: 2}

STAGES = ("wait", "work", "fingerprint", "search", "provenance")

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Stages:
    """Where the time of requests goes: seconds by stage, observed from any thread."""

    def __init__(self) -> None:
        """Count from zero; ``Metrics`` shows it."""
        self.histogram = Histogram(
            "lookalike_stage_seconds",
            "Seconds by stage: wait for a worker, fingerprint, search, provenance, and work in all",
            ("stage",),
            buckets=_BUCKETS,
            registry=None,
        )
        self._known = {stage: self.histogram.labels(stage) for stage in STAGES}

    def __call__(self, stage: str, seconds: float) -> None:
        """One request spent so long in a stage."""
        self._known[stage].observe(seconds)


class Metrics:
    """The metrics of one app."""

    def __init__(self, replica: Replica, pool: WorkPool, stages: Stages) -> None:
        """Count from zero; gauges are read from ``replica`` and ``pool`` when asked for."""
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "lookalike_http_requests",
            "Requests answered",
            ("method", "route", "status"),
            registry=self.registry,
        )
        self.seconds = Histogram(
            "lookalike_http_request_seconds",
            "Seconds from the request's head to its answer's end",
            ("route",),
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self.verdicts = Counter(
            "lookalike_verdicts",
            "Queries by verdict and coverage",
            ("verdict", "coverage"),
            registry=self.registry,
        )
        self.matches = Counter(
            "lookalike_matches", "Rows of answers", ("signal",), registry=self.registry
        )
        self.probing = Counter(
            "lookalike_probing_alarms",
            "Keys that asked again and again at the edge of a radius",
            registry=self.registry,
        )
        self.bank_matches = Counter(
            "lookalike_bank_matches",
            "Queries that a bank matched, by the most severe verdict it asked for",
            ("bank", "verdict"),
            registry=self.registry,
        )
        self.refusals = Counter(
            "lookalike_refusals",
            "Requests refused, by the code of the problem",
            ("code",),
            registry=self.registry,
        )
        self.lists = Gauge(
            "lookalike_list_activated_timestamp_seconds",
            "When the version of a list that is in force came, in seconds since 1970",
            ("bank", "provider", "list"),
            registry=self.registry,
        )
        self.exchange_synced = self._of_exchange(
            "synced_timestamp_seconds", "When a sync last came to its end, in seconds since 1970"
        )
        self.exchange_failures = self._of_exchange("failures", "Syncs that failed in a row")
        self.exchange_trouble = self._of_exchange(
            "trouble", "1 while its last sync failed, left lines out, or is late"
        )
        self.exchange_entries = self._of_exchange("entries", "Entries of the list it brings")
        self.exchange_runs = Counter(
            "lookalike_exchange_runs",
            "Syncs that this replica did, by how they ended and the code of what went wrong",
            ("exchange", "state", "code"),
            registry=self.registry,
        )
        self.registry.register(stages.histogram)
        self.registry.register(_Replica(replica, pool))

    def note_lists(self, versions: Mapping[str, Iterable[ListVersion]]) -> None:
        """Show the versions of lists that are in force, by bank; those that are gone no more."""
        self.lists.clear()
        for bank, every in versions.items():
            for one in every:
                if one.superseded_at is None:
                    gauge = self.lists.labels(bank, one.provider, one.list)
                    gauge.set(one.activated_at.timestamp())

    def note_exchanges(self, records: Sequence[ExchangeRecord]) -> None:
        """Show where exchanges stand; those that are gone no more."""
        now = datetime.now(UTC)
        shown = (
            (self.exchange_synced, lambda one: one.synced_at and one.synced_at.timestamp()),
            (self.exchange_failures, lambda one: one.failures),
            (self.exchange_trouble, lambda one: bool(one.trouble(now))),
            (self.exchange_entries, lambda one: one.entries),
        )
        for gauge, value in shown:
            gauge.clear()
            for one in records:
                gauge.labels(one.name).set(value(one) or 0)

    def note_run(self, record: ExchangeRecord, run: ExchangeRun) -> None:
        """Count a sync."""
        self.exchange_runs.labels(record.name, run.state, run.code).inc()

    def _of_exchange(self, name: str, said: str) -> Gauge:
        return Gauge(f"lookalike_exchange_{name}", said, ("exchange",), registry=self.registry)

    def text(self) -> bytes:
        """Everything, in Prometheus' text form."""
        return generate_latest(self.registry)


class _Replica(Collector):
    def __init__(self, replica: Replica, pool: WorkPool) -> None:
        self._replica, self._pool = replica, pool

    def describe(self) -> Iterator[GaugeMetricFamily]:
        return iter(())  # names are fixed; nothing to look up at registration

    def collect(self) -> Iterator[GaugeMetricFamily]:
        fresh = self._replica.freshness()
        yield _gauge("lookalike_index_loaded", "1 once answers can be given", self._replica.loaded)
        yield _gauge("lookalike_index_sequence", "Newest change applied", fresh.sequence)
        yield _gauge(
            "lookalike_index_age_seconds",
            "Seconds since the replica was last known to hold every commit",
            fresh.age_seconds,
        )
        yield _gauge("lookalike_work_pending", "Work running or waiting", self._pool.pending)
        ready = self._replica.health.ready
        yield _gauge("lookalike_ready", "1 while /readyz would answer 200", ready)
        entries = GaugeMetricFamily(
            "lookalike_index_entries", "Entries in an index", labels=("signal", "space")
        )
        size = GaugeMetricFamily(
            "lookalike_index_bytes",
            "Memory of a part of an index",
            labels=("signal", "space", "part"),
        )
        kind = GaugeMetricFamily(
            "lookalike_index_info",
            "1 for the index that answers",
            labels=("signal", "space", "kind"),
        )
        applied = GaugeMetricFamily(
            "lookalike_index_applied", "Newest change an index holds", labels=("signal", "space")
        )
        checks = GaugeMetricFamily(
            "lookalike_health_check",
            "A check of /readyz: 0 sound, 1 degraded, 2 failing",
            labels=("check",),
        )
        for check in self._replica.health.checks():
            checks.add_metric((check.name,), _GRAVITY[check.severity])
        trouble = GaugeMetricFamily(
            "lookalike_index_trouble",
            "1 where /v1/status tells of trouble, such as a snapshot that cannot be written",
            labels=("signal", "space"),
        )
        for one in self._replica.stats():
            name, stats = (one.name.signal, one.name.space), one.stats
            entries.add_metric(name, stats.entries)
            for part, count in stats.bytes.items():
                size.add_metric((*name, part), count)
            kind.add_metric((*name, stats.kind), 1)
            applied.add_metric(name, stats.sequence)
            trouble.add_metric(name, bool(stats.trouble))
        yield from (entries, size, kind, applied, trouble, checks)


class MeasuringMiddleware:
    """Counts and times every request by its route, whose names are few, not by its path."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        """Wrap ``app``."""
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer through the app inside."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = perf_counter(), 500

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noting)
        finally:
            route = getattr(scope.get("route"), "path", "unknown")
            # Anybody may send any word for a method, and each would stay in memory.
            known = route != "unknown" and scope["method"] in _METHODS
            method = scope["method"] if known else "unknown"
            self._metrics.requests.labels(method, route, str(status)).inc()
            self._metrics.seconds.labels(route).observe(perf_counter() - started)


def _gauge(name: str, help_: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, help_, value=float(value))
