"""All pages of the console, for ``create_app``."""

from __future__ import annotations

from fastapi import APIRouter

from service.http.console.pages import banks, entrance, exchanges, keys, overview, trying

routers: tuple[APIRouter, ...] = tuple(
    module.router for module in (entrance, overview, banks, exchanges, trying, keys)
)
