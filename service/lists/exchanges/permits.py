"""What an exchange may reach: hosts, folders and credentials that the operator named.

An exchange is made over HTTP by whoever holds an administrator's key, and fetched by a server that
may stand in a trusted network: so it must not be a way to read that network, this machine's files
or its environment. The documented addresses of hotlines need no permit. It knows rules; no wire.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

import httpx

from service.domain.allowlist import AllowList
from service.domain.settings import CREDENTIALS
from service.lists.exchanges.errors import BadExchangeError

_ADDRESSES: Final = ("base", "url")


@dataclass(frozen=True)
class Permits:
    """What an operator allows."""

    hosts: AllowList
    folders: tuple[Path, ...]
    secrets: tuple[Path, ...]
    """Folders."""

    def check(self, settings: Mapping[str, str], secrets: frozenset[str]) -> None:
        """Raise ``BadExchangeError`` for settings that reach what is not allowed; ``secrets``:
        those that say where a credential is."""
        for name in _ADDRESSES:
            if name in settings:
                self._check_host(name, settings[name])
        if "path" in settings and not _lies_below(Path(settings["path"]), self.folders):
            raise BadExchangeError(
                "path lies below none of the folders in LOOKALIKE_EXCHANGE_FOLDERS"
            )
        for name in secrets & settings.keys():
            self._check_secret(name, settings[name])

    def _check_host(self, name: str, address: str) -> None:
        url = httpx.URL(address)
        port = url.port or (443 if url.scheme == "https" else 80)
        if not self.hosts.names(url.host, port):
            raise BadExchangeError(
                f"{name}: LOOKALIKE_EXCHANGE_HOSTS does not list {url.host[:253]}, port {port}"
            )

    def _check_secret(self, name: str, where: str) -> None:
        kind, _, rest = where.partition(":")
        if kind == "env":
            if not rest.startswith(CREDENTIALS) or rest in _SETTINGS:
                raise BadExchangeError(
                    f"{name}: a credential's variable must begin with {CREDENTIALS}, as"
                    f" env:{CREDENTIALS}NAME_{name.upper()}"
                )
        elif ".." in PurePosixPath(rest).parts or not any(
            PurePosixPath(rest).is_relative_to(folder) for folder in self.secrets
        ):
            raise BadExchangeError(
                f"{name}: a credential's file must lie below a folder in LOOKALIKE_EXCHANGE_SECRETS"
            )


_SETTINGS: Final = frozenset(f"{CREDENTIALS}{name}" for name in ("HOSTS", "FOLDERS", "SECRETS"))


def _lies_below(path: Path, folders: tuple[Path, ...]) -> bool:
    # Links are followed first: one that leads out of a folder is not in it.
    try:
        real = path.resolve()
        return any(real.is_relative_to(folder.resolve()) for folder in folders)
    except OSError:
        return False
