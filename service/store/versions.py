"""The versions a bank's lists went through.

It knows what imports recorded; not the entries of a version.
"""

from __future__ import annotations

from sqlalchemy import select

from service.domain.values import ListVersion
from service.store.banks import find_bank
from service.store.database import Database
from service.store.models import ListRow, VersionRow


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
            )
            .join(ListRow, ListRow.id == VersionRow.list_id)
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
            )
            for row in rows
        ]
