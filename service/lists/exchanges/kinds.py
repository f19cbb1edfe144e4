"""The kinds of exchanges, and how one is opened from its settings.

Settings are plain values that a store may keep and a backup may hold. A credential is never among
them: its setting names where it is found, ``env:NAME`` or ``file:/path``, on each machine that
syncs.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import httpx

from service.lists.exchanges import ncmec, stopncii, tech_against_terrorism
from service.lists.exchanges.contract import Exchange
from service.lists.exchanges.errors import BadExchangeError
from service.lists.exchanges.files import HttpsFile, WatchedFolder
from service.lists.exchanges.lookalike import LookalikeExchange
from service.lists.exchanges.permits import Permits
from service.lists.exchanges.web import Pause, Web, checked_base
from service.lists.formats import reading_format
from service.lists.signed.keys import public_key_of

Settings = Mapping[str, str]

_SECRET_BYTES: Final = 64 * 1024


@dataclass(frozen=True)
class Opened:
    """An exchange that can be asked; leave the context to let go of its connections."""

    exchange: Exchange
    context: AbstractContextManager[Any]

    def __enter__(self) -> Exchange:
        """The exchange."""
        self.context.__enter__()
        return self.exchange

    def __exit__(self, *error: object) -> None:
        """Let go of its connections."""
        self.context.__exit__(None, None, None)


@dataclass(frozen=True)
class ExchangeKind:
    """One kind of exchange."""

    said: str
    """A sentence for people."""
    required: Mapping[str, str]
    """Settings that must be given, each with a sentence."""
    optional: Mapping[str, str]
    secrets: frozenset[str]
    """Those of them that name a credential."""
    open: Callable[[Settings, Pause, httpx.BaseTransport | None], Opened]


def open_exchange(
    kind: str,
    settings: Settings,
    pause: Pause,
    permits: Permits | None = None,
    transport: httpx.BaseTransport | None = None,
) -> Opened:
    """The exchange of ``kind`` that ``settings`` describe. Raises ``BadExchangeError``.

    ``permits``: what an operator allows; ``None``: whoever asks may read anything here anyway.
    """
    check_settings(kind, settings)
    known = KINDS[kind]
    if permits is not None:
        permits.check(settings, known.secrets)
    found = {
        name: _secret(name, value) if name in known.secrets else value
        for name, value in settings.items()
    }
    return known.open(found, pause, transport)


def check_settings(kind: str, settings: Settings) -> None:
    """Raise ``BadExchangeError`` for settings that ``kind`` cannot be opened with."""
    if kind not in KINDS:
        raise BadExchangeError(f"kind must be one of {', '.join(KINDS)}, not {kind[:64]!r}")
    known = KINDS[kind]
    for name, value in settings.items():
        if name not in known.required and name not in known.optional:
            names = ", ".join((*known.required, *known.optional))
            raise BadExchangeError(f"{kind} has no setting {name[:64]!r}; it has {names}")
        if not 1 <= len(value) <= 2048 or not value.isprintable():
            raise BadExchangeError(f"{name} must have 1 to 2048 printable characters")
        if name in known.secrets and not value.startswith(("env:", "file:/")):
            raise BadExchangeError(
                f"{name} must say where the credential is, env:NAME or file:/path, and not be it"
            )
        if name == "base":
            checked_base(value)
    if missing := [name for name in known.required if name not in settings]:
        raise BadExchangeError(f"{kind} needs {', '.join(missing)}")
    if kind == "ncmec" and ("environment" in settings) == ("base" in settings):
        raise BadExchangeError("ncmec needs environment or base, and not both")
    environment = settings.get("environment")
    if kind == "ncmec" and environment is not None and environment not in ncmec.ENVIRONMENTS:
        names = ", ".join(ncmec.ENVIRONMENTS)
        raise BadExchangeError(f"environment must be one of {names}; others are given as base")
    if kind == "folder" and not Path(settings["path"]).is_absolute():
        raise BadExchangeError("path must be absolute")
    if kind == "https":
        checked_base(settings["url"].rpartition("/")[0])
        if not settings["url"].rpartition("/")[2] or set("?#") & set(settings["url"]):
            # A query would be kept with the settings, and often is a credential.
            raise BadExchangeError("url must name a file, and have no query or fragment")
    if "format" in settings:
        reading_format(settings["format"])
    if "signed_by" in settings:
        public_key_of(settings["signed_by"])


def _secret(name: str, value: str) -> str:
    where, _, rest = value.partition(":")
    if where == "env":
        found = os.environ.get(rest)
        if not found:
            raise BadExchangeError(f"{name}: the environment has no {rest}")
        return found
    try:
        with Path(rest).open("rb") as file:
            found = file.read(_SECRET_BYTES).decode().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise BadExchangeError(f"{name}: its file cannot be read ({error})") from None
    if not found or not found.isprintable():
        raise BadExchangeError(f"{name}: its file holds no credential")
    return found


def _over(web: Web, exchange: Exchange) -> Opened:
    return Opened(exchange, closing(web))


def _ncmec(said: Settings, pause: Pause, transport: httpx.BaseTransport | None) -> Opened:
    base = said.get("base") or ncmec.ENVIRONMENTS[said["environment"]]
    web = Web(base, pause, auth=(said["user"], said["password"]), transport=transport)
    return _over(web, ncmec.Ncmec(web))


def _stopncii(said: Settings, pause: Pause, transport: httpx.BaseTransport | None) -> Opened:
    headers = {
        "x-functions-key": said["fetch_key"],
        "Ocp-Apim-Subscription-Key": said["subscription_key"],
    }
    web = Web(said.get("base", stopncii.BASE), pause, headers, transport=transport)
    return _over(web, stopncii.StopNcii(web))


def _tat(said: Settings, pause: Pause, transport: httpx.BaseTransport | None) -> Opened:
    web = Web(said.get("base", tech_against_terrorism.BASE), pause, transport=transport)
    return _over(
        web, tech_against_terrorism.TechAgainstTerrorism(web, said["user"], said["password"])
    )


def _folder(said: Settings, pause: Pause, transport: httpx.BaseTransport | None) -> Opened:
    del pause, transport
    return Opened(WatchedFolder(Path(said["path"]), said.get("format")), nullcontext())


def _https(said: Settings, pause: Pause, transport: httpx.BaseTransport | None) -> Opened:
    folder, _, name = said["url"].rpartition("/")
    headers = {"authorization": f"Bearer {said['token']}"} if "token" in said else {}
    web = Web(folder, pause, headers, max_page=_LONGEST_FILE, transport=transport)
    return _over(web, HttpsFile(web, name, said.get("format")))


def _lookalike(said: Settings, pause: Pause, transport: httpx.BaseTransport | None) -> Opened:
    web = Web(said["base"], pause, {"authorization": f"Bearer {said['key']}"}, transport=transport)
    return _over(web, LookalikeExchange(web, said["bank"]))


_LONGEST_FILE: Final = 16 * 2**30

_BASE: Final = "its address, https://…"
_SIGNED_BY: Final = "the public key of a signed list's publisher, ed25519:…"

KINDS: Final[Mapping[str, ExchangeKind]] = MappingProxyType(
    {
        "ncmec": ExchangeKind(
            "NCMEC's hash sharing",
            {"user": "the member's name", "password": "the member's password"},
            {"environment": f"one of {', '.join(ncmec.ENVIRONMENTS)}", "base": _BASE},
            frozenset({"password"}),
            _ncmec,
        ),
        "stopncii": ExchangeKind(
            "StopNCII.org",
            {"fetch_key": "the key of FetchHashes", "subscription_key": "the subscription's key"},
            {"base": _BASE},
            frozenset({"fetch_key", "subscription_key"}),
            _stopncii,
        ),
        "tech-against-terrorism": ExchangeKind(
            "Tech Against Terrorism's hash list",
            {"user": "the user's name", "password": "the user's password"},
            {"base": _BASE},
            frozenset({"password"}),
            _tat,
        ),
        "folder": ExchangeKind(
            "the files of a folder, together one list",
            {"path": "the folder, absolute"},
            {"format": "of its files; by default each is recognised", "signed_by": _SIGNED_BY},
            frozenset(),
            _folder,
        ),
        "https": ExchangeKind(
            "a file at an address",
            {"url": "https://…"},
            {
                "format": "of the file; by default it is recognised",
                "token": "a bearer token",
                "signed_by": _SIGNED_BY,
            },
            frozenset({"token"}),
            _https,
        ),
        "lookalike": ExchangeKind(
            "a bank of another Lookalike",
            {"base": _BASE, "bank": "the bank's name there", "key": "a key with the role curator"},
            {},
            frozenset({"key"}),
            _lookalike,
        ),
    }
)
"""By name."""
