"""``/docs``: the OpenAPI document as a page to read and try, all of it from files in this folder.

The page is Swagger UI 5.35.0 (Apache-2.0: ``LICENSE``, ``NOTICE`` and
``swagger-ui-bundle.js.LICENSE.txt`` beside it), as published but for the comment that names its
source map. Its browser may fetch from this service and from nowhere else.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from fastapi import APIRouter
from starlette.responses import FileResponse, Response

router = APIRouter(include_in_schema=False)

_FOLDER: Final = Path(__file__).parent
_TYPES: Final = {
    "index.html": "text/html",
    "start.js": "text/javascript",
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
}
_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'self'; style-src 'self' 'unsafe-inline';"
    " img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


@router.get("/docs")
async def page() -> Response:
    """The page."""
    return _file("index.html")


@router.get("/docs/{name}")
async def file(name: str) -> Response:
    """One of the page's files."""
    return _file(name) if name in _TYPES else Response(status_code=404)


def _file(name: str) -> Response:
    return FileResponse(_FOLDER / name, media_type=_TYPES[name], headers=_HEADERS)
