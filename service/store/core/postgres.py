"""PostgreSQL's side of the connection: deadlines that hold even where the server is frozen.

``statement_timeout`` is kept by the server, so it ends what is slow and not what hangs with the
server itself. Therefore each wait of a connection has an end on this side too, after which the
connection is closed: what it would have answered nobody can know any more. It knows no table.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final, TypeVar

import psycopg
from psycopg.errors import OperationalError
from sqlalchemy import Connection, Dialect, Engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

from service.domain.deadlines import Deadlines

if TYPE_CHECKING:
    from psycopg.abc import PQGen

_T = TypeVar("_T")

_GRACE: Final = 1.0
"""Seconds after a deadline of the server's own, so that a server that answers says it itself."""

_KEEPALIVE: Final = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3}
"""Seconds and probes until an idle connection to a host that is gone is given up, on each side."""

_CHECKS_CLIENT: Final = 140_000
"""The server version from which one looks, during a statement, whether anybody still waits."""


class ServerSilentError(OperationalError):
    """The server did not answer in time; the connection was closed."""


class BoundedConnection(psycopg.Connection[Any]):
    """A connection of which no wait is longer than ``limit``."""

    limit: float = Deadlines.statement
    """Seconds that a statement may take by the server's clock; by ours a little more."""

    def wait(self, gen: PQGen[_T], interval: float = 0.1, timeout: float | None = None) -> _T:
        """Finish ``gen``. Raises ``ServerSilentError``."""
        allowed = self.limit + _GRACE if timeout is None else timeout
        try:
            return super().wait(gen, interval, allowed)
        except psycopg.errors._WaitTimeout:
            self.pgconn.finish()
            raise ServerSilentError(f"no answer within {allowed:g} s") from None

    def cut(self) -> None:
        """End whatever waits on this connection, in whichever thread; nobody may use it again."""
        with (
            contextlib.suppress(OSError, OperationalError),
            # The descriptor is duplicated: its owner may close it, and the number be another's.
            socket.socket(fileno=os.dup(self.pgconn.socket)) as ours,
        ):
            ours.shutdown(socket.SHUT_RDWR)


def prepare(engine: Engine, deadlines: Deadlines) -> None:
    """Make ``engine``'s connections keep ``deadlines``; what its URL says of them comes first."""
    defaults: dict[str, Any] = {
        "connect_timeout": max(2, round(deadlines.connect)),
        "keepalives": 1,
        **_KEEPALIVE,
        # What was sent and never acknowledged: the host, or the way to it, is gone.
        "tcp_user_timeout": round(1000 * (deadlines.statement + _GRACE)),
        "application_name": "lookalike",
    }

    def do_connect(
        dialect: Dialect, record: ConnectionPoolEntry, args: list[Any], named: dict[str, Any]
    ) -> Any:  # noqa: ANN401 (SQLAlchemy's own type is narrower than what it takes)
        del dialect, record
        connection = BoundedConnection.connect(*args, **{**defaults, **named})
        connection.limit = deadlines.statement
        return connection

    def on_connect(connection: DBAPIConnection, record: ConnectionPoolEntry) -> None:
        del record
        assert isinstance(connection, BoundedConnection)
        settings = {
            "statement_timeout": _milliseconds(deadlines.statement),
            "lock_timeout": _milliseconds(deadlines.busy),
            # A writer that is frozen would hold the counter, and with it every other writer.
            "idle_in_transaction_session_timeout": _milliseconds(deadlines.statement),
            "tcp_user_timeout": _milliseconds(deadlines.statement + _GRACE),
            **{f"tcp_{name}": str(value) for name, value in _KEEPALIVE.items()},
        }
        if connection.info.server_version >= _CHECKS_CLIENT:
            settings["client_connection_check_interval"] = "10s"
        connection.execute(
            "SELECT " + ", ".join(["set_config(%s, %s, false)"] * len(settings)),
            [part for pair in settings.items() for part in pair],
        )
        connection.commit()

    event.listen(engine, "do_connect", do_connect)
    event.listen(engine, "connect", on_connect)


def allow_statements(connection: Connection, seconds: float) -> None:
    """Let each statement of the transaction on ``connection`` take ``seconds``."""
    _set(connection, "statement_timeout", seconds)


def allow_pauses(connection: Connection, seconds: float) -> None:
    """Let the transaction on ``connection`` pause for ``seconds`` between statements."""
    _set(connection, "idle_in_transaction_session_timeout", seconds)


@contextlib.contextmanager
def limited(connection: Connection, seconds: float) -> Iterator[None]:
    """Within it, no statement on ``connection`` is waited for longer than ``seconds``."""
    raw = connection.connection.driver_connection
    assert isinstance(raw, BoundedConnection)
    before, raw.limit = raw.limit, seconds
    try:
        yield
    finally:
        raw.limit = before


def wait_for_locks(connection: Connection, seconds: float) -> None:
    """Let the transaction on ``connection`` wait for each lock no longer than ``seconds``."""
    _set(connection, "lock_timeout", seconds)


def _set(connection: Connection, name: str, seconds: float) -> None:
    connection.exec_driver_sql(f"SET LOCAL {name} = {_milliseconds(seconds)}")


def _milliseconds(seconds: float) -> str:
    return str(max(1, round(1000 * seconds)))  # to the server, 0 means no end
