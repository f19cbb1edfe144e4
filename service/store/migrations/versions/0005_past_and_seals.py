"""Signals as packed bytes, earlier states, seals, and who wrote.

Revision ID: 0005
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import context, op

from service.store.migrations import conversion

revision = "0005"
down_revision = "0004"

_SEALED = ("banks", "lists", "list_versions", "keys")


def upgrade() -> None:
    """Convert what is not converted yet, then put it in the place of what was."""
    op.add_column(
        "counter", sa.Column("past_from", sa.BigInteger(), nullable=False, server_default="0")
    )
    op.add_column("commits", sa.Column("actor", sa.String(64), nullable=False, server_default=""))
    for table in _SEALED:
        op.add_column(table, sa.Column("seal", sa.LargeBinary(), nullable=False, server_default=""))
    op.add_column("lists", sa.Column("entries", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("lists", sa.Column("kinds", sa.Text(), nullable=False, server_default=""))
    op.add_column("list_versions", sa.Column("restores", sa.String(128)))
    if context.is_offline_mode():  # nothing can be read, so only say what would be written
        op.execute("-- entries: each row's signals packed, its old hash checked, a new one made;")
        op.execute("-- earlier_states: what was listed before it was removed;")
        op.execute("-- commits: other marks, since every index is built anew;")
        op.execute("-- banks, lists, list_versions, keys: a seal for each row; bank_spaces goes")
        return
    connection = op.get_bind()
    conversion.begin(connection)
    while conversion.step(connection):
        pass
    conversion.finish(connection)
    op.create_index("entries_identity", "entries", ["list_id", "provider_id"], unique=True)
    op.create_index("entries_by_bank", "entries", ["bank_id", "id"])
    op.create_index("entries_by_sequence", "entries", ["sequence", "id"])
    op.drop_table("bank_spaces")
    conversion.seal(connection)
