"""Commits with their marks, and the code spaces of banks.

Revision ID: 0002
"""

from __future__ import annotations

import secrets

import orjson
import sqlalchemy as sa
from alembic import context, op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Give the store and its newest commit a mark; find out which spaces each bank holds."""
    commits = op.create_table(
        "commits",
        sa.Column("sequence", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("mark", sa.String(32), nullable=False),
    )
    bank_spaces = op.create_table(
        "bank_spaces",
        sa.Column("bank_id", sa.Integer(), sa.ForeignKey("banks.id"), primary_key=True),
        sa.Column("space", sa.String(64), primary_key=True),
    )
    if context.is_offline_mode():  # nothing can be read, so only say what would be written
        op.execute("-- commits: one row for sequence 0, one for the newest")
        op.execute("-- bank_spaces: what the codes of each bank's entries say")
        return
    connection = op.get_bind()
    newest = connection.execute(sa.text("SELECT value FROM counter")).scalar_one()
    op.bulk_insert(
        commits,
        [{"sequence": number, "mark": secrets.token_hex(16)} for number in sorted({0, newest})],
    )
    held = connection.execute(
        sa.text("SELECT bank_id, codes FROM entries WHERE codes IS NOT NULL"),
        execution_options={"yield_per": 10_000},
    )
    spaces = {(row.bank_id, space) for row in held for space in orjson.loads(row.codes)}
    op.bulk_insert(
        bank_spaces, [{"bank_id": bank, "space": space} for bank, space in sorted(spaces)]
    )
