"""Leases: of many replicas, one does what should be done once.

A lease ends by itself, so that another takes over from a holder that died. Times are those of
whoever asks: clocks that disagree shift who does the work, so it must be harmless to do it twice.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import delete, insert, select, update

from service.store.core.database import Database
from service.store.core.models import LeaseRow


def take_lease(database: Database, name: str, holder: str, seconds: float) -> bool:
    """Take the lease ``name``, or keep it, for ``seconds``; whether ``holder`` has it now."""
    now = datetime.now(UTC)
    values = {"holder": holder, "until": now + timedelta(seconds=seconds)}
    held = select(LeaseRow.holder, LeaseRow.until).where(LeaseRow.name == name)
    with database.connect() as connection, database.altering(connection):
        database.lock(connection)
        row = connection.execute(held).one_or_none()
        if row is None:
            connection.execute(insert(LeaseRow).values(name=name, **values))
            return True
        # One that ends far later than it could was taken while a clock was ahead, and must not
        # hold until then.
        if row.holder != holder and now < row.until < now + timedelta(seconds=2 * seconds):
            return False
        connection.execute(update(LeaseRow).where(LeaseRow.name == name).values(**values))
        return True


def drop_lease(database: Database, name: str, holder: str) -> None:
    """Let go of the lease ``name``, if ``holder`` has it."""
    mine = (LeaseRow.name == name, LeaseRow.holder == holder)
    with database.connect() as connection, database.altering(connection):
        connection.execute(delete(LeaseRow).where(*mine))
