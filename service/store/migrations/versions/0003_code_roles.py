"""What an entry's codes were made for: to be listed, or to ask with.

Revision ID: 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the column; of what is listed already nobody said."""
    op.add_column("entries", sa.Column("code_role", sa.String(16)))
