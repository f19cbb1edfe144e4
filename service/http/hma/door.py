"""The way in under ``/hma``: its routes, and keys taken out of paths.

A client that can send no header has its key in the base URL, ``/hma/k/KEY/``. Everything else in
this folder finds it in the header.
"""

from __future__ import annotations

import re
from typing import Final

from starlette.types import Scope

from service.http.door.protocols import Protocol, flatten
from service.http.hma import banks, contents, exchanges, hashing, lookups, status
from service.http.hma.refusals import refusal

_KEYED: Final = re.compile(r"/hma/k/([^/]+)(/.*)?", re.DOTALL)


def _take_key(scope: Scope) -> None:
    keyed = _KEYED.fullmatch(scope["path"])
    if keyed is None:
        return
    flatten(scope, "/hma" + (keyed[2] or ""))
    if all(name != b"authorization" for name, _ in scope["headers"]):
        header = b"Bearer " + keyed[1].encode("utf-8", "replace")
        scope["headers"] = [*scope["headers"], (b"authorization", header)]


PROTOCOL: Final = Protocol(
    "/hma",
    (
        *status.ROUTES,
        *hashing.ROUTES,
        *lookups.ROUTES,
        *banks.ROUTES,
        *contents.ROUTES,
        *exchanges.ROUTES,
    ),
    refusal,
    _take_key,
)
