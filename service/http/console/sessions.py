"""Who sits at the console: a session that begins with a key and ends with it.

The cookie names the key and an end, and is sealed with what the service knows of that key: any
replica can check it, nothing is kept of it, and a revoked key ends its sessions as fast as a
replica follows the store. Forms carry a token made from the cookie: another site can neither read
nor guess it. It knows keys; no pages.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from service.domain.errors import KeyRefusedError
from service.http.door.auth import Caller, Doorman

COOKIE: Final = "lookalike_session"
PATH: Final = "/console"
SECONDS: Final = 8 * 3600
"""A working day: then the key is asked for again."""

_COOKIE: Final = re.compile(r"([a-z0-9]{1,32})\.([0-9]{1,12})\.([0-9a-f]{32})\.([0-9a-f]{64})")


@dataclass(frozen=True)
class Session:
    """Somebody who logged in."""

    caller: Caller
    token: str
    """Every form that changes something sends it back."""


class Sessions:
    """Begins sessions and recognises them."""

    def __init__(self, doorman: Doorman) -> None:
        """For the keys that ``doorman`` admits."""
        self._doorman = doorman

    def begin(self, key: str) -> str:
        """The cookie of a new session. Raises ``KeyRefusedError``."""
        caller = self._doorman.caller(key)
        end = int(time.time()) + SECONDS
        text = f"{caller.key_id}.{end}.{secrets.token_hex(16)}"
        return f"{text}.{self._seal(caller.key_id, text)}"

    def session(self, request: Request) -> Session | None:
        """The session that ``request`` belongs to; ``None`` where there is none, or no longer."""
        cookie = request.cookies.get(COOKIE, "")
        parts = _COOKIE.fullmatch(cookie)
        if parts is None:
            return None
        key_id, end, _, sealed = parts.groups()
        left = int(end) - time.time()
        # One that ends later than it could was made while a clock was ahead.
        if not 0 < left <= SECONDS + 300:
            return None
        try:
            caller = self._doorman.known(key_id)
            expected = self._seal(key_id, cookie.rpartition(".")[0])
        except KeyRefusedError:
            return None
        if not hmac.compare_digest(sealed, expected):
            return None
        return Session(caller, self._token(key_id, cookie))

    def _seal(self, key_id: str, text: str) -> str:
        return self._mac(key_id, f"session {text}")

    def _token(self, key_id: str, cookie: str) -> str:
        return self._mac(key_id, f"form {cookie}")

    def _mac(self, key_id: str, text: str) -> str:
        secret = self._doorman.secret_hash_of(key_id)
        return hmac.new(secret, f"lookalike console {text}".encode(), hashlib.sha256).hexdigest()


def keep(response: Response, cookie: str, request: Request) -> None:
    """Give the browser its session."""
    response.set_cookie(
        COOKIE,
        cookie,
        max_age=SECONDS,
        path=PATH,
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )


def forget(response: Response) -> None:
    """End the browser's session."""
    response.delete_cookie(COOKIE, path=PATH, httponly=True, samesite="strict")


def is_from_here(request: Request) -> bool:
    """Whether a form was sent from a page of ours, as far as the browser says."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = request.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == request.headers.get("host")
