"""What drivers and rows say that is wrong, told apart: damage, or a broken connection."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DatabaseError, OperationalError

from service.domain.errors import StoreDamagedError


@contextmanager
def readable(*more: type[Exception]) -> Iterator[None]:
    """Where rows are read: that one makes no sense is the database's damage, and no fault of ours.

    ``more``: errors that say so besides Python's own.
    """
    try:
        yield
    except (ValueError, TypeError, KeyError) as error:
        raise damaged(f"a row holds what nobody wrote ({type(error).__name__})") from error
    except more as error:
        raise damaged(f"a row holds what nobody wrote ({type(error).__name__})") from error


@contextmanager
def driver_errors() -> Iterator[None]:
    """Where SQLite's own connection is used within ``Database.connect``, which names its errors."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise OperationalError(None, None, error) from None
    except sqlite3.DatabaseError as error:
        raise DatabaseError(None, None, error) from None


def damaged(said: str) -> StoreDamagedError:
    """The error for a database that holds what nobody wrote, by what the driver says of it."""
    return StoreDamagedError(
        f"the database is damaged: {said}; `lookalike verify` says where, and a backup mends it"
    )


def unreachable(error: OperationalError) -> bool:
    """Whether PostgreSQL's error tells of the connection and not of a statement."""
    # Those of a connection that broke, or was never made, have no code; but for the server's last
    # words before it closes one (class 57P) and where it has no place for another (class 53).
    state = getattr(error.orig, "sqlstate", None)
    return error.connection_invalidated or state is None or state[:3] in ("57P", "533")
