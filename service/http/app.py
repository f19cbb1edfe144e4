"""``create_app``: the parts put together into an ASGI application.

Nothing is built at import time and nothing global is kept: two apps in one process share nothing.
It knows which parts there are; not what they do.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from fastapi import FastAPI
from starlette.routing import Route

from embeddings.files.images import ImageLimits
from embeddings.fingerprint import Fingerprinter
from embeddings.network.encoder import load_encoder
from embeddings.network.imagery import load_imagery
from service.domain.errors import NotFoundError, ServiceError
from service.domain.health import Health
from service.domain.settings import Settings, load_settings
from service.http import docs
from service.http.console.router import routers as console
from service.http.door import problems
from service.http.door.auth import Doorman
from service.http.door.fetching import Fetcher
from service.http.door.load.pool import WorkPool
from service.http.door.load.rates import Rates
from service.http.door.load.weights import HEAVY
from service.http.door.metrics import MeasuringMiddleware, Metrics, Stages
from service.http.door.near_radius import Probing
from service.http.door.openapi import DocumentedApp
from service.http.door.protocols import ProtocolDoor
from service.http.door.services import Services
from service.http.door.tracing import TracingMiddleware
from service.http.door.uploads import Uploads
from service.http.hma import door as hma
from service.http.routes import (
    banks,
    entries,
    exchanges,
    finding,
    gate,
    imports,
    keys,
    match,
    status,
    urls,
    versions,
)
from service.http.shield import door as shield
from service.replica.matcher import Fingerprints, Matcher
from service.replica.origins import refuse_if_swapped
from service.replica.replica import Replica
from service.replica.shelf import FOLDER, FolderShelf
from service.store import Store, open_store
from service.work.retention import Retention
from service.work.sync import Sync

_DESCRIPTION = """
Finds known images among those people upload, in whatever shape they come back.

Send `Authorization: Bearer KEY`. Errors are `application/problem+json` with a stable `code`.
"""

_STORE_THREADS = 4
_STORE_QUEUE = 256
_IMPORT_QUEUE = 4


def create_app(
    settings: Settings, *, store: Store | None = None, fingerprints: Fingerprints | None = None
) -> FastAPI:
    """The service.

    ``store`` and ``fingerprints`` are made from ``settings`` where they are not given; a store
    that was given is
    left open at shutdown. Raises ``StoreError``, ``CheckpointError`` or ``DeviceError``.
    """
    own_store = None
    if store is None:
        store = own_store = open_store(
            settings.data_dir, settings.store_url, deadlines=settings.deadlines
        )
    try:
        refuse_if_swapped(store, settings.data_dir / FOLDER)
    except BaseException:
        if own_store is not None:
            own_store.close()
        raise
    shelf = FolderShelf(settings.data_dir / FOLDER, lambda: store.identity)
    health = Health()
    replica = Replica(
        store, settings.poll_seconds, shelf, health, settings.stale_after, settings.allow_empty
    )
    retention = Retention(store, settings.retention_days, health)
    stages = Stages()
    compute = WorkPool(
        "compute",
        settings.workers,
        settings.queue,
        cost=settings.queue_pixels,
        heavy=HEAVY,
        memory=settings.decode_memory_bytes,
        observe=stages,
    )
    metrics = Metrics(replica, compute, stages)
    sync = Sync(store, settings, health, metrics.note_exchanges, metrics.note_run)
    uploads = Uploads(
        settings,
        lists=1 + _IMPORT_QUEUE,
        folder=settings.data_dir if settings.data_dir.is_dir() else None,
    )
    services = Services(
        settings=settings,
        store=store,
        replica=replica,
        health=health,
        matcher=Matcher(replica, store, fingerprints or fingerprinter(settings), stages),
        doorman=Doorman(replica, settings),
        uploads=uploads,
        fetcher=Fetcher(settings, uploads),
        metrics=metrics,
        sync=sync,
        rates=Rates(settings.key_rate, settings.key_burst),
        probing=Probing(health, settings.probing_questions, metrics.probing.inc),
        limits=limits_of(settings),
        heads=WorkPool("head", 2, _STORE_QUEUE),
        compute=compute,
        reads=WorkPool("read", _STORE_THREADS, _STORE_QUEUE),
        writes=WorkPool("write", _STORE_THREADS, _STORE_QUEUE),
        imports=WorkPool("import", 1, _IMPORT_QUEUE),
    )

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        del app
        replica.start()
        retention.start()
        sync.start()
        # What is left of a bank whose deletion was cut short matches nothing, and only takes room.
        sweeping = asyncio.ensure_future(_sweep(services))
        calming = asyncio.ensure_future(_calm(services))
        try:
            yield
        finally:
            sweeping.cancel()
            calming.cancel()
            services.matcher.close()
            # Work in a thread cannot be called back, so what it waits for is ended instead: of a
            # list that is not in force yet, and of a database that does not answer, nothing stays.
            cutting = threading.Timer(settings.shutdown_timeout / 4, services.store.interrupt)
            cutting.daemon = True
            cutting.start()
            for pool in (
                services.heads,
                services.compute,
                services.reads,
                services.writes,
                services.imports,
            ):
                pool.close()
            sync.stop()
            retention.stop()
            replica.stop()
            cutting.cancel()
            if own_store is not None:
                own_store.close()

    app = DocumentedApp(
        title="Lookalike",
        version=status.VERSION,
        description=_DESCRIPTION,
        lifespan=lifespan,
        # The pages that FastAPI offers load scripts from elsewhere; ours does not.
        docs_url=None,
        generate_unique_id_function=lambda route: route.name,
        redoc_url=None,
        # A redirect would repeat whatever host the request names.
        redirect_slashes=False,
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    app.state.services = services
    problems.install(app)
    routers = [
        module.router
        for module in (
            match, urls, gate, banks, entries, finding, versions, imports, exchanges, keys, status
        )
    ]  # fmt: skip
    for router in (*routers, status.keyed, docs.router, *console):
        app.include_router(router)
    app.state.routes = [
        route
        for owner in (*routers, status.keyed, docs.router, *console, app)
        for route in owner.routes
        if isinstance(route, Route)
    ]
    for protocol in (hma.PROTOCOL, shield.PROTOCOL):
        app.add_middleware(ProtocolDoor, protocol=protocol)
    app.add_middleware(MeasuringMiddleware, metrics=services.metrics)
    app.add_middleware(TracingMiddleware, log_requests=settings.log_requests)
    return app


async def _sweep(services: Services) -> None:
    with contextlib.suppress(ServiceError):
        await services.imports.run(services.store.banks.sweep)


async def _calm(services: Services) -> None:
    while True:
        await _note_lists(services)
        await asyncio.sleep(60)
        services.probing.calm()


async def _note_lists(services: Services) -> None:
    """See how old the lists in force are; a store that is away is told of elsewhere."""
    with contextlib.suppress(ServiceError):
        banks = await services.reads.run(services.store.banks.all)
        versions = {}
        for bank in banks:
            with contextlib.suppress(NotFoundError):  # it was deleted meanwhile
                versions[bank.name] = await services.reads.run(
                    partial(services.store.versions, bank.name)
                )
        services.metrics.note_lists(versions)


def fingerprinter(settings: Settings) -> Fingerprinter:
    """What ``settings`` say about images: the device that encodes them, and their limits.

    Raises ``CheckpointError`` or ``DeviceError``.
    """
    encoder = load_encoder(settings.device, workers=settings.workers)
    imagery = load_imagery(workers=settings.workers)
    return Fingerprinter([encoder], imagery, limits_of(settings))


def limits_of(settings: Settings) -> ImageLimits:
    """What ``settings`` say an image may have."""
    return ImageLimits(max_bytes=settings.max_upload_bytes, max_pixels=settings.max_pixels)


def from_environment() -> FastAPI:
    """The service as the environment says: a factory for ASGI servers. Raises ``ServiceError``."""
    return create_app(load_settings())
