"""The parts that routes work with, built once per app, and how a route gets hold of them.

It knows who is who; not what a route does with them.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from typing import Annotated, Any, cast

from fastapi import Depends, Request

from embeddings.files.images import ImageLimits
from service.domain.deadlines import writing_begins_within
from service.domain.health import Health
from service.domain.settings import Settings
from service.http.door.auth import ADMINS, CURATORS, EVERYONE, MATCHERS, READERS, Caller, Doorman
from service.http.door.fetching import Fetcher
from service.http.door.load.pool import T, Task, WorkPool
from service.http.door.load.rates import Rates
from service.http.door.load.weights import SIGNALS, owed, weigh
from service.http.door.metrics import Metrics
from service.http.door.near_radius import Probing
from service.http.door.uploads import CALLER, GONE, Uploads
from service.replica.matcher import Matcher
from service.replica.replica import Replica
from service.store import Role, Store
from service.work.sync import Sync

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Services:
    """The parts of one app."""

    settings: Settings
    store: Store
    replica: Replica
    health: Health
    """What every part reports its faults to."""
    matcher: Matcher
    doorman: Doorman
    uploads: Uploads
    fetcher: Fetcher
    metrics: Metrics
    sync: Sync
    """Fetches from exchanges."""
    rates: Rates
    """Of queries, by key."""
    probing: Probing
    limits: ImageLimits
    heads: WorkPool
    """Reads the headers of images: quick, so that what they announce is known before they wait."""
    compute: WorkPool
    """Decodes, encodes and searches; its costs are pixels."""
    reads: WorkPool
    """Reads the store; never waits for a writer."""
    writes: WorkPool
    """Writes to the store, and waits for the indexes to have it."""
    imports: WorkPool
    """Reads lists: slow, so that they are not in others' way."""

    async def matching(self, request: Request, work: Callable[[], T], queries: int = 1) -> T:
        """Do ``work``, which matches so many ``queries`` by signals, when its turn has come.

        Raises what ``work`` raises, ``OverloadedError``, ``TooLateError`` and
        ``CallerGoneError``.
        """
        return await self.compute.run(work, self._task(request, SIGNALS * queries, 0))

    async def decoding(
        self,
        request: Request,
        data: bytes,
        work: Callable[[], tuple[T, int]],
        *,
        views: bool = False,
        listed: bool = False,
    ) -> T:
        """Do ``work``, which fingerprints the image in ``data``, when its turn has come; what it
        answers with, beside how many further pictures it found. ``listed``: not to ask with.

        Raises what ``work`` raises, and what ``matching`` raises.
        """
        looking = self._task(request, 1.0 + len(data), 0)
        weight = await self.heads.run(lambda: weigh(data, self.limits, views, listed), looking)
        task = self._task(request, weight.cost, weight.memory)
        task = replace(task, owed=lambda done: owed(done[1]))
        answer, _ = await self.compute.run(work, task)
        return answer

    def _task(self, request: Request, cost: float, memory: int) -> Task:
        scope = request.scope
        seconds = self.settings.queue_seconds
        return Task(scope.get(CALLER, ""), cost, memory, seconds, scope.get(GONE))

    async def changing(
        self, key_id: str, work: Callable[[Store], T], pool: WorkPool | None = None
    ) -> T:
        """Do ``work``, which writes to the store it is given as the key ``key_id``, and see it in
        force here before returning.

        Where that cannot be seen to, the answer is the same: what is committed must not look as if
        it were not, and the index's age tells. Raises what ``work`` raises, and
        ``OverloadedError``.
        """

        # A wait for a thread, behind others that wait for the same writer, counts as well.
        until = time.monotonic() + self.settings.busy_timeout
        store = self.store.acting(f"key:{key_id}")

        def and_catch_up() -> T:
            with writing_begins_within(until - time.monotonic()):
                result = work(store)
            try:
                self.replica.catch_up()
            except Exception as error:  # noqa: BLE001 - whatever it is, the write was committed
                log.warning("committed, and not in force here yet: %s", type(error).__name__)
            return result

        return await (pool or self.writes).run(and_catch_up)


async def services(request: Request) -> Services:
    """The parts of the app that answers ``request``."""
    # A coroutine although it waits for nothing: FastAPI would run a function in a thread.
    return services_of(request)


def allow(roles: frozenset[Role]) -> Callable[[Request], Coroutine[Any, Any, Caller]]:
    """A dependency that admits callers with one of ``roles``."""

    async def admit(request: Request) -> Caller:
        return _admitted(request, roles)

    return admit


def querying(request: Request) -> Caller:
    """Admits callers who may query, and counts the query.

    To be called before the body is read: one too many should cost nothing. No dependency, since
    FastAPI takes as long to work out a request's dependencies as the search takes.
    """
    caller = _admitted(request, MATCHERS)
    services_of(request).rates.take(caller.key_id)
    return caller


def _admitted(request: Request, roles: frozenset[Role]) -> Caller:
    header = request.headers.get("authorization", "")
    return known(request, services_of(request).doorman.admit(header, roles))


def known(request: Request, caller: Caller) -> Caller:
    """``caller``, who from now on is known to have sent ``request``."""
    # Whose body is received and whose work waits: room and turns are shared fairly between keys.
    request.scope[CALLER] = caller.key_id
    return caller


def services_of(request: Request) -> Services:
    """The parts of the app that answers ``request``, for what is no route."""
    return cast(Services, request.app.state.services)


Parts = Annotated[Services, Depends(services)]
Anyone = Annotated[Caller, Depends(allow(EVERYONE))]
Reading = Annotated[Caller, Depends(allow(READERS))]
Curating = Annotated[Caller, Depends(allow(CURATORS))]
Administering = Annotated[Caller, Depends(allow(ADMINS))]
