"""When commits were made, up to which tombstones were purged, and leases.

Revision ID: 0004
"""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import context, op

from service.store.core.models import UtcTime

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Nobody knows when the commits so far were made: their time begins now."""
    op.add_column("commits", sa.Column("committed_at", UtcTime()))
    op.add_column(
        "counter", sa.Column("purged", sa.BigInteger(), nullable=False, server_default="0")
    )
    op.create_table(
        "leases",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("holder", sa.String(128), nullable=False),
        sa.Column("until", UtcTime(), nullable=False),
    )
    if context.is_offline_mode():
        op.execute("-- commits: committed_at of every row is now")
        return
    commits = sa.table("commits", sa.column("committed_at", UtcTime()))
    op.execute(commits.update().values(committed_at=datetime.now(UTC)))
