"""The versions a bank's lists went through.

It knows what imports recorded; not the entries of a version.
"""

from __future__ import annotations

from sqlalchemy import select

from service.domain.values import ListVersion
from service.store.banks.rows import find_bank
from service.store.core.database import Database
from service.store.core.models import CommitRow, ListRow, VersionRow


def list_versions(database: Database, bank: str, limit: int = 1000) -> list[ListVersion]:
    """The newest ``limit`` versions of a bank's lists, newest first. Raises
    ``BankNotFoundError``."""
    with database.read() as connection:
        rows = connection.execute(
            select(
                ListRow.provider,
                ListRow.name,
                VersionRow.version,
                VersionRow.activated_at,
                VersionRow.superseded_at,
                VersionRow.entries,
                VersionRow.added,
                VersionRow.updated,
                VersionRow.removed,
                VersionRow.unchanged,
                VersionRow.rejected,
                VersionRow.sequence,
                VersionRow.restores,
                CommitRow.actor,
            )
            .join(ListRow, ListRow.id == VersionRow.list_id)
            .outerjoin(CommitRow, CommitRow.sequence == VersionRow.sequence)
            .where(ListRow.bank_id == find_bank(connection, bank).id)
            .order_by(VersionRow.sequence.desc(), VersionRow.id.desc())
            .limit(limit)
        )
        return [
            ListVersion(
                provider=row.provider,
                list=row.name,
                version=row.version,
                activated_at=row.activated_at,
                superseded_at=row.superseded_at,
                entries=row.entries,
                added=row.added,
                updated=row.updated,
                removed=row.removed,
                unchanged=row.unchanged,
                rejected=row.rejected,
                sequence=row.sequence,
                restores=row.restores,
                actor=row.actor or "",
            )
            for row in rows
        ]
