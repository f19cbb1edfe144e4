"""How the app is served: uvicorn's configuration, with our own protocol for each connection."""

from __future__ import annotations

import contextlib
import logging
from dataclasses import replace
from typing import Any, Final

import uvicorn
from fastapi import FastAPI

from service.http.connections.connections import RESERVED
from service.http.connections.entrance import Entrance, Limits
from service.http.connections.protocol import protocol_for
from service.http.door.services import Services

log = logging.getLogger(__name__)

_OTHER_FILES: Final = 128
"""Files that the process needs beside its connections: the database, the indexes, lists on their
way in."""


def listening(app: FastAPI, **more: Any) -> uvicorn.Config:  # noqa: ANN401 (uvicorn's own options)
    """How to serve ``app``, made by ``create_app``: ``uvicorn.Server(listening(app)).run()``.

    ``more`` are options of uvicorn's, such as ``host`` and ``port``.
    """
    services: Services = app.state.services
    entrance = Entrance(_within_files(Limits.of(services.settings)))
    services.metrics.registry.register(entrance.collector())
    return uvicorn.Config(
        app,
        http=protocol_for(entrance),  # type: ignore[arg-type] # uvicorn only ever calls it
        ws="none",
        # Whom a proxy speaks for is the protocol's to say, which trusts no address by default.
        proxy_headers=False,
        access_log=False,  # its lines hold query strings, and these hold listed hashes
        server_header=False,
        **more,
    )


def _within_files(limits: Limits) -> Limits:
    """``limits`` with no more connections than files may be open, having asked for enough of
    them."""
    most = _files(limits.connections + _OTHER_FILES) - _OTHER_FILES
    if limits.connections <= most:
        return limits
    most = max(most, 2 * RESERVED)
    log.warning(
        "too few files may be open: %d connections instead of LOOKALIKE_CONNECTIONS=%d",
        most,
        limits.connections,
    )
    return replace(limits, connections=most)


def _files(wanted: int) -> int:
    """How many files this process may have open, once it has asked for ``wanted``."""
    try:
        import resource
    except ImportError:  # a system without such limits
        return wanted
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return wanted
    soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]
