"""The lists of banks: found or made, and what is written down of what they hold.

How many entries a list holds, and signals of which types, is kept with it: a row that is lost is
missed, and an index is opened for whatever there is. It knows lists; not the entries on them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from sqlalchemy import Connection, select

from service.domain.errors import BadSignalError, StoreDamagedError
from service.domain.values import check_text
from service.store.core.models import EntryRow, ListRow
from service.store.core.seals import columns_of, insert_sealed, is_whole, update_sealed
from service.store.entries.packing import parsed
from service.store.entries.rows import REMOVED

MAX_STORE_SPACES: Final = 64
"""Types and code spaces of all entries together, of those types that have spaces."""


def find_list(connection: Connection, bank_id: int, provider: str, name: str) -> int:
    """The id of a bank's list, made if it is new, within a writing transaction. Raises
    ``BadNameError``, ``StoreDamagedError``."""
    check_text("provider", provider, 128)
    check_text("list", name, 128)
    known = connection.execute(
        select(*columns_of(ListRow)).where(
            ListRow.bank_id == bank_id, ListRow.provider == provider, ListRow.name == name
        )
    ).one_or_none()
    if known is not None:
        if not is_whole(ListRow, known):
            raise StoreDamagedError(f"the list {name!r} is not what was written")
        return int(known.id)
    values = {"bank_id": bank_id, "provider": provider, "name": name, "entries": 0, "kinds": ""}
    return int(insert_sealed(connection, ListRow, values))


def note(
    connection: Connection,
    list_id: int,
    kinds: Iterable[str],
    more: int | None = None,
    held: int | None = None,
    version: str | None = None,
) -> None:
    """Write down of a list, within a writing transaction, that it has entries of ``kinds``; that
    it holds so many ``more`` than before, or ``held``; and its version.

    Raises ``BadSignalError`` for one space too many: each has an index of its own. Spaces of which
    no code is left, such as those of a typing mistake that was deleted, do not count.
    """
    row = connection.execute(
        select(ListRow.kinds, ListRow.entries).where(ListRow.id == list_id)
    ).one()
    there = kinds_of(row.kinds)
    if new := frozenset(kinds) - there:
        _refuse_too_many(connection, new)
        row = connection.execute(
            select(ListRow.kinds, ListRow.entries).where(ListRow.id == list_id)
        ).one()
    values: dict[str, object] = {
        "kinds": ",".join(sorted(kinds_of(row.kinds) | new)),
        "entries": row.entries + more if held is None and more is not None else held,
    }
    if version is not None:
        values["version"] = version
    update_sealed(connection, ListRow, ListRow.id == list_id, values)


def kinds_of(text: str) -> frozenset[str]:
    """What ``ListRow.kinds`` says."""
    return frozenset(filter(None, text.split(",")))


def live_kinds(connection: Connection) -> Mapping[int, frozenset[str]]:
    """List id to the kinds of signals that its entries have now; goes through all entries."""
    live = (
        select(EntryRow.list_id, EntryRow.layout)
        .where(EntryRow.state != REMOVED)
        .group_by(EntryRow.list_id, EntryRow.layout)
    )
    found: dict[int, frozenset[str]] = {}
    for list_id, layout in connection.execute(live):
        found[list_id] = found.get(list_id, frozenset()) | parsed(layout).kinds
    return found


def _refuse_too_many(connection: Connection, new: frozenset[str]) -> None:
    texts = connection.execute(select(ListRow.kinds)).scalars().all()
    if _spaces(new.union(*map(kinds_of, texts))) <= MAX_STORE_SPACES:
        return
    # Goes through all entries, so only when it must be known; what it finds is kept.
    live = live_kinds(connection)
    for number in connection.execute(select(ListRow.id)).scalars().all():
        text = ",".join(sorted(live.get(number, ())))
        update_sealed(connection, ListRow, ListRow.id == number, {"kinds": text})
    if _spaces(new.union(*live.values())) > MAX_STORE_SPACES:
        raise BadSignalError(f"codes: a store holds codes of at most {MAX_STORE_SPACES} spaces")


def _spaces(kinds: frozenset[str]) -> int:
    return sum("@" in kind for kind in kinds)
