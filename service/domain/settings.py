"""Every setting, read from the environment; a bad value fails at start, naming key and value.

It knows names, types and ranges; not what the parts make of them.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from embeddings.cores import available_cores
from service.domain.allowlist import AllowList
from service.domain.deadlines import Deadlines
from service.domain.errors import SettingsError
from service.domain.values import Role

PREFIX: Final = "LOOKALIKE_"

MEBIBYTE: Final = 2**20

MOST_PIXELS: Final = 178_956_970
"""The largest limit that the decoder can keep (``embeddings.files.images``)."""


class Settings(BaseSettings):
    """What the service runs with; each field is ``LOOKALIKE_`` and its name in capitals.

    ``docs/settings.md`` lists them for operators.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid")

    data_dir: Path = Path("data")
    """Where the store lives, unless ``database_url`` says otherwise."""
    database_url: SecretStr | None = None
    """``sqlite:///PATH`` or ``postgresql://…``; ``None``: SQLite in the data folder."""
    admin_key: SecretStr | None = None
    """A bearer key with the role ``admin``, kept nowhere."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """What runs the model."""
    max_upload_bytes: int = Field(default=32 * MEBIBYTE, ge=1024, le=1024 * MEBIBYTE)
    """Of an image."""
    max_pixels: int = Field(default=2**26, ge=2**12, le=MOST_PIXELS)
    """Of an image, by its header."""
    max_list_bytes: int = Field(default=2048 * MEBIBYTE, ge=1024)
    """Of a hash list that is imported over HTTP."""
    upload_memory_bytes: int = Field(default=512 * MEBIBYTE, ge=1024)
    """All images together that are being received or wait for a worker."""
    workers: int = Field(default_factory=available_cores, ge=1, le=256)
    """Threads that decode, encode and search; by default as many as there are cores to use."""
    queue: int = Field(default=64, ge=0, le=100_000)
    """Requests that may wait for a worker; beyond them the answer is 503."""
    queue_pixels: int = Field(default=2**29, ge=2**20)
    """That may wait for a worker, by the headers of their images."""
    queue_seconds: float = Field(default=20.0, gt=0, le=3600)
    """That a request may wait for a worker."""
    decode_memory_bytes: int = Field(default=2048 * MEBIBYTE, ge=MEBIBYTE)
    """All images together that are being decoded; one alone may take more."""
    key_rate: float = Field(default=1000.0, ge=0, le=1_000_000)
    """Queries a second that one key may send; 0: as many as it likes."""
    key_burst: int = Field(default=5000, ge=256, le=10_000_000)
    """Queries that one key may send at once, after a pause."""
    probing_questions: int = Field(default=32, ge=0, le=256)
    """Different ones of one key at the edge of one entry's radius within an hour, to raise an
    alarm; 0: none ever."""
    body_seconds: float = Field(default=10.0, gt=0, le=300)
    """In which a body brings ``body_bytes``, or its end."""
    body_bytes: int = Field(default=32 * 1024, ge=1, le=1024 * MEBIBYTE)
    """That a body brings at least every ``body_seconds``."""
    busy_timeout: float = Field(default=10.0, ge=0, le=300)
    """Seconds that a writer waits for another, its wait for a thread included."""
    connect_timeout: float = Field(default=5.0, ge=2, le=300)
    """Seconds until PostgreSQL must have let us in."""
    statement_timeout: float = Field(default=10.0, gt=0, le=3600)
    """Seconds that a statement of a request may take in PostgreSQL."""
    bulk_timeout: float = Field(default=3600.0, gt=0, le=604_800)
    """The same for imports, migrations, and whatever else goes through a whole table."""
    lookup_timeout: float = Field(default=2.0, gt=0, le=60)
    """Seconds until a match is answered without its provenance."""
    shutdown_timeout: float = Field(default=25.0, ge=2, le=3600)
    """Seconds from a signal to end until the process is gone, whatever it waits for."""
    retention_days: float | None = Field(default=90.0, ge=1, le=36_500)
    """Days that what was removed from lists is kept as a tombstone; ``None``: for ever."""
    poll_seconds: float = Field(default=0.3, gt=0, le=1)
    """Between two looks at what other writers changed."""
    stale_after: float = Field(default=30.0, ge=2, le=3600)
    """Seconds without news of the store until the server is not ready."""
    allow_empty: bool = False
    """Whether a server is ready although no enabled bank holds an entry."""
    connections: int = Field(default=1024, ge=16, le=1_000_000)
    """Open at once, in all."""
    connections_per_address: int = Field(default=256, ge=16, le=1_000_000)
    """Open at once from one address, of IPv6 from one /64."""
    header_bytes: int = Field(default=16 * 1024, ge=1024, le=MEBIBYTE)
    """Of all headers of a request."""
    headers: int = Field(default=100, ge=16, le=10_000)
    """Of a request."""
    url_bytes: int = Field(default=8 * 1024, ge=256, le=65_536)
    """Of a request's URL, query included."""
    header_seconds: float = Field(default=10.0, gt=0, le=300)
    """From a request's first byte, or its connection's opening, to the end of its headers."""
    keep_alive_seconds: float = Field(default=65.0, gt=0, le=3600)
    """That a connection may wait for its next request."""
    log_format: Literal["text", "json"] = "text"
    """Of lines in the log."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """From which on lines are written."""
    log_requests: bool = False
    """Whether each request has a line: its route, status and time."""
    trusted_proxies: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode] = ()
    """Proxies whose ``X-Forwarded-For`` says where a request comes from; empty: nobody's does."""
    trusted_networks: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode] = ()
    """Where requests under ``/hma`` without a key come from that are answered; empty: none are."""
    trusted_roles: Annotated[tuple[Role, ...], NoDecode] = (Role.REVIEWER,)
    """What a request that is trusted for where it comes from may do."""
    gate_refuses: Annotated[tuple[Literal["block", "review"], ...], NoDecode] = ("block",)
    """Verdicts on which ``/v1/gate`` refuses a file."""
    shield_harmful_banks: Annotated[tuple[str, ...], NoDecode] = ()
    """Banks whose matches ``/shield`` calls ``harmful-abusive-material``; the rest are ``csam``."""
    fetch_allowlist: Annotated[tuple[str, ...], NoDecode] = ()
    """Hosts from which an image may be fetched; empty: no URL is ever fetched."""
    fetch_seconds: float = Field(default=10.0, gt=0, le=300)
    """From a URL to the last byte of its file, redirects included."""
    fetches: int = Field(default=16, ge=1, le=1024)
    """Files that are fetched at once; beyond them the answer is 503."""

    exchange_hosts: Annotated[tuple[str, ...], NoDecode] = ()
    """Hosts from which lists may be fetched, beside the documented ones of hotlines."""
    exchange_folders: Annotated[tuple[Path, ...], NoDecode] = ()
    """Folders in or below which lists may be watched for; empty: none may."""
    exchange_secrets: Annotated[tuple[Path, ...], NoDecode] = (
        Path("/run/secrets"),
        Path("/run/credentials"),
    )
    """Folders in or below which exchanges' credentials may be read."""
    sync: bool = True
    """Whether this server fetches from exchanges."""

    @field_validator(
        "exchange_folders",
        "exchange_hosts",
        "exchange_secrets",
        "fetch_allowlist",
        "gate_refuses",
        "shield_harmful_banks",
        "trusted_networks",
        "trusted_proxies",
        "trusted_roles",
        mode="before",
    )
    @classmethod
    def _hosts(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        return tuple(host.strip() for host in value.split(",") if host.strip())

    @field_validator("exchange_folders", "exchange_secrets")
    @classmethod
    def _are_absolute(cls, value: tuple[Path, ...]) -> tuple[Path, ...]:
        if not all(path.is_absolute() for path in value):
            raise ValueError("a folder must be absolute")
        return value

    @field_validator("fetch_allowlist", "exchange_hosts")
    @classmethod
    def _is_allowlist(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        AllowList(value)
        return value

    @field_validator("gate_refuses")
    @classmethod
    def _refuses_something(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if "block" not in value:
            raise ValueError("a gate refuses at least what is blocked")
        return value

    @field_validator("trusted_roles")
    @classmethod
    def _not_admin(cls, value: tuple[Role, ...]) -> tuple[Role, ...]:
        if Role.ADMIN in value:
            raise ValueError("an administrator must have a key")
        return value

    @field_validator("database_url", "admin_key", "retention_days", mode="before")
    @classmethod
    def _unset_if_empty(cls, value: object) -> object:
        return None if value == "" else value

    @field_validator("admin_key")
    @classmethod
    def _long_enough(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value()) < 8:
            raise ValueError("a key has at least 8 characters")
        return value

    @property
    def deadlines(self) -> Deadlines:
        """How long anything may wait for the store."""
        return Deadlines(
            connect=self.connect_timeout,
            statement=self.statement_timeout,
            bulk=max(self.bulk_timeout, self.statement_timeout),
            busy=self.busy_timeout,
            lookup=self.lookup_timeout,
        )

    @property
    def store_url(self) -> str | None:
        """The store's URL in the clear, for whoever opens it."""
        return None if self.database_url is None else self.database_url.get_secret_value()


_SECRET: Final = frozenset({"database_url", "admin_key"})


def load_settings(**given: Any) -> Settings:  # noqa: ANN401 (each is checked by its field)
    """The settings of the environment, under those ``given`` (``None`` counts as not given).

    Raises ``SettingsError`` naming every key that cannot be used, and its value unless it is
    secret."""
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        raise SettingsError("; ".join(map(_sentence, error.errors()))) from None


def _sentence(error: ErrorDetails) -> str:
    name = str(error["loc"][0])
    key, message = f"{PREFIX}{name.upper()}", error["msg"].removeprefix("Value error, ")
    if name in _SECRET:
        return f"{key}: {message}"
    return f"{key}: {message}; not {str(error['input'])[:200]!r}"


CREDENTIALS: Final = f"{PREFIX}EXCHANGE_"
"""How the names of variables begin that hold exchanges' credentials."""

_ELSEWHERE: Final = frozenset(
    PREFIX + name for name in ("CORPUS", "IMAGES", "MANIFEST", "NOTEBOOK_SMALL")
)
"""Variables that benchmarks and notebooks read."""


def unknown_variables() -> Iterator[str]:
    """A sentence for each ``LOOKALIKE_`` variable of the environment that nobody reads."""
    known = {PREFIX + name.upper() for name in Settings.model_fields} | _ELSEWHERE
    for name in sorted(os.environ):
        # The settings are read whatever the case.
        plain = name.upper()
        if plain.startswith(PREFIX) and plain not in known and not plain.startswith(CREDENTIALS):
            near = difflib.get_close_matches(name.upper(), known, 1, 0.8)
            meant = f"; did you mean {near[0]}?" if near else ""
            yield f"{name} is no setting, so nothing reads it{meant}"
