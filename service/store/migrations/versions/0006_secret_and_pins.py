"""A secret by which indexes hide what they hold, and who signs which list.

Revision ID: 0006
"""

from __future__ import annotations

import secrets

import sqlalchemy as sa
from alembic import context, op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Each store draws a secret of its own; no list is signed yet."""
    op.add_column(
        "counter", sa.Column("secret", sa.LargeBinary(), nullable=False, server_default="")
    )
    op.create_table(
        "pins",
        sa.Column("list_id", sa.Integer(), sa.ForeignKey("lists.id"), primary_key=True),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("manifest", sa.LargeBinary(), nullable=False),
        sa.Column("seal", sa.LargeBinary(), nullable=False, server_default=""),
    )
    if context.is_offline_mode():
        op.execute("-- counter: secret is 32 random bytes")
        return
    counter = sa.table("counter", sa.column("secret", sa.LargeBinary()))
    op.execute(counter.update().values(secret=secrets.token_bytes(32)))
