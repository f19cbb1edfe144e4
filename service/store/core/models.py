"""The tables, on SQLAlchemy 2, in the SQL that SQLite and PostgreSQL share.

``counter`` has one row. Every writing transaction first adds one to it, which serialises writers,
and stamps what it changes with the new value: the *sequence*. So the order of sequences is the
order of commits, and "what changed since" is a range of an index; what goes is tombstoned, so that
replicas learn of removals in the same way, and deleted for good only much later (``purge``).

``entries`` says what is, ``earlier_states`` what was before: a change first copies the rows that it
is about to change there, so that a list which only ever grew has no history to keep.

It knows the layout; what may be written when is decided by its neighbours.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from sqlalchemy import (
    BigInteger,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Text,
    TypeDecorator,
    UniqueConstraint,
    false,
    literal_column,
    select,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

BigId = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows only for INTEGER keys


class UtcTime(TypeDecorator[datetime]):
    """An aware UTC time; SQLite, which keeps no zone, gets it without one."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """To the database."""
        if value is None or dialect.name != "sqlite":
            return value
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """From the database."""
        del dialect
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """All tables of the store."""


class CounterRow(Base):
    """The sequence of the newest committed change."""

    __tablename__ = "counter"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    value: Mapped[int] = mapped_column(BigInteger)
    purged: Mapped[int] = mapped_column(BigInteger, server_default="0")
    """The sequence up to which tombstones and earlier states, and commits but this one, may be gone
    for good."""
    past_from: Mapped[int] = mapped_column(BigInteger, server_default="0")
    """From this sequence on the past is known: where the store kept none before."""
    secret: Mapped[bytes] = mapped_column(LargeBinary, server_default="")
    """32 random bytes of this store and its backups, written to no index: by them an index hashes
    what nobody who finds it alone shall guess."""


RESTORED: Final = "cli:restore"
"""The actor of a commit that says that a backup was restored over what was there."""


class CommitRow(Base):
    """One commit, and a random mark that makes it this one and no other.

    A backup that was restored gives the same sequences again, under other marks: so whoever
    followed the store can tell. The mark of sequence 0 names the store.
    """

    __tablename__ = "commits"

    sequence: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    mark: Mapped[str] = mapped_column(String(32))
    committed_at: Mapped[datetime | None] = mapped_column(UtcTime)
    actor: Mapped[str] = mapped_column(String(64), server_default="")
    """Who: ``key:ID``, ``cli:import``, ``job:retention``; empty where nobody wrote it down yet."""


class BankRow(Base):
    """A bank and its policy."""

    __tablename__ = "banks"
    __table_args__ = (
        # A name may be used again once its bank is deleted.
        Index(
            "banks_live_name",
            "name",
            unique=True,
            sqlite_where=text("NOT deleted"),
            postgresql_where=text("NOT deleted"),
        ),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    name: Mapped[str] = mapped_column(String(64))
    action: Mapped[str] = mapped_column(String(16))
    imagery: Mapped[str] = mapped_column(String(32))
    radius: Mapped[str] = mapped_column(Text)
    enabled: Mapped[bool]
    deleted: Mapped[bool]
    sequence: Mapped[int] = mapped_column(BigInteger)
    created_at: Mapped[datetime] = mapped_column(UtcTime)
    updated_at: Mapped[datetime] = mapped_column(UtcTime)
    seal: Mapped[bytes] = mapped_column(LargeBinary, server_default="")
    """Over all other columns (``seals``)."""


class ListRow(Base):
    """One provider's list in one bank, and the version of it in force."""

    __tablename__ = "lists"
    __table_args__ = (UniqueConstraint("bank_id", "provider", "name", name="lists_identity"),)

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    bank_id: Mapped[int] = mapped_column(ForeignKey("banks.id"))
    provider: Mapped[str] = mapped_column(String(128))
    name: Mapped[str] = mapped_column(String(128))
    version: Mapped[str | None] = mapped_column(String(128))
    """``None`` until the list is imported: entries added one by one then say when they were
    added."""
    entries: Mapped[int] = mapped_column(server_default="0")
    """How many it holds, disabled ones too: so that a row that is lost is missed."""
    kinds: Mapped[str] = mapped_column(Text, server_default="")
    """The types of signals its entries have or had, with their spaces, comma-separated, sorted."""
    seal: Mapped[bytes] = mapped_column(LargeBinary, server_default="")


class VersionRow(Base):
    """One import of a list."""

    __tablename__ = "list_versions"
    __table_args__ = (UniqueConstraint("list_id", "version", name="list_versions_identity"),)

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    list_id: Mapped[int] = mapped_column(ForeignKey("lists.id"))
    version: Mapped[str] = mapped_column(String(128))
    sequence: Mapped[int] = mapped_column(BigInteger)
    activated_at: Mapped[datetime] = mapped_column(UtcTime)
    superseded_at: Mapped[datetime | None] = mapped_column(UtcTime)
    entries: Mapped[int]
    added: Mapped[int]
    updated: Mapped[int]
    removed: Mapped[int]
    unchanged: Mapped[int]
    rejected: Mapped[int]
    restores: Mapped[str | None] = mapped_column(String(128))
    """The version that this one went back to."""
    seal: Mapped[bytes] = mapped_column(LargeBinary, server_default="")


class EntryRow(Base):
    """One known item: signals, provenance and state."""

    __tablename__ = "entries"
    __table_args__ = (
        Index("entries_identity", "list_id", "provider_id", unique=True),
        Index("entries_by_bank", "bank_id", "id"),
        Index("entries_by_sequence", "sequence", "id"),
        {"sqlite_autoincrement": True},  # an id is never given twice, not even after a purge
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    bank_id: Mapped[int] = mapped_column(ForeignKey("banks.id"))
    """Repeats the list's bank, so that a bank's entries are one range of an index."""
    list_id: Mapped[int] = mapped_column(ForeignKey("lists.id"))
    provider_id: Mapped[str] = mapped_column(String(256))
    layout: Mapped[str] = mapped_column(Text)
    """What ``signals`` holds (``entries.packing``); empty once it is removed."""
    signals: Mapped[bytes | None] = mapped_column(LargeBinary)
    """``None`` once it is removed."""
    labels: Mapped[str] = mapped_column(Text)
    """JSON: a list of texts."""
    content: Mapped[bytes | None] = mapped_column(LargeBinary)
    """XXH3-128 of state, layout, provider's id, labels and signals: whether the row is what was
    written, and whether an import changes it, is one comparison. ``None`` once it is removed."""
    version: Mapped[str] = mapped_column(String(128))
    """The list version, or the time, in which the content came to be what it is."""
    state: Mapped[str] = mapped_column(String(16))
    """``in_force``, ``disabled`` or ``removed``; anything else is damage."""
    sequence: Mapped[int] = mapped_column(BigInteger)
    created_at: Mapped[datetime] = mapped_column(UtcTime)
    updated_at: Mapped[datetime] = mapped_column(UtcTime)


class EarlierRow(Base):
    """What an entry was from one change to another; columns as in ``entries``."""

    __tablename__ = "earlier_states"
    __table_args__ = (
        Index("earlier_states_by_until", "until"),
        {"sqlite_with_rowid": False},
    )

    entry_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    until: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    """The sequence of the change that ended it."""
    since: Mapped[int] = mapped_column(BigInteger)
    """The sequence of the change that began it; 0 where that was before the past was kept."""
    list_id: Mapped[int]
    layout: Mapped[str] = mapped_column(Text)
    signals: Mapped[bytes | None] = mapped_column(LargeBinary)
    labels: Mapped[str] = mapped_column(Text)
    content: Mapped[bytes | None] = mapped_column(LargeBinary)
    version: Mapped[str] = mapped_column(String(128))
    state: Mapped[str] = mapped_column(String(16))
    updated_at: Mapped[datetime] = mapped_column(UtcTime)
    """When it began."""


class KeyRow(Base):
    """A bearer key: its hash, never itself."""

    __tablename__ = "keys"

    id: Mapped[str] = mapped_column(String(16), primary_key=True)
    name: Mapped[str] = mapped_column(String(128))
    roles: Mapped[str] = mapped_column(String(128))
    """Names, comma-separated, sorted."""
    secret_hash: Mapped[bytes] = mapped_column(LargeBinary)
    """SHA-256: the secret has 256 random bits, so a slow hash would add nothing."""
    created_at: Mapped[datetime] = mapped_column(UtcTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcTime)
    seal: Mapped[bytes] = mapped_column(LargeBinary, server_default="")


class PinRow(Base):
    """Who signs a list, and which of its signed versions was imported last."""

    __tablename__ = "pins"

    list_id: Mapped[int] = mapped_column(ForeignKey("lists.id"), primary_key=True)
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    """Ed25519, 32 bytes: whatever another signs, or nobody, is refused."""
    number: Mapped[int] = mapped_column(BigInteger)
    """Of the signed version; one that is not higher is refused."""
    manifest: Mapped[bytes] = mapped_column(LargeBinary)
    """SHA-256 of its manifest, 32 bytes; empty before the first."""
    seal: Mapped[bytes] = mapped_column(LargeBinary, server_default="")


class ExchangeRow(Base):
    """Where a list is fetched from, how often, and up to where that was done."""

    __tablename__ = "exchanges"
    # A checkpoint must never be taken for that of another exchange.
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    name: Mapped[str] = mapped_column(String(64), unique=True)
    kind: Mapped[str] = mapped_column(String(64))
    bank: Mapped[str] = mapped_column(String(64))
    """By name: a bank that is deleted and made anew goes on being filled."""
    provider: Mapped[str] = mapped_column(String(128))
    list: Mapped[str] = mapped_column(String(128))
    settings: Mapped[str] = mapped_column(Text)
    """JSON: texts by name; no credential, but where one is found."""
    every: Mapped[int]
    """Seconds."""
    max_rejected: Mapped[int]
    enabled: Mapped[bool]
    created_at: Mapped[datetime] = mapped_column(UtcTime)
    updated_at: Mapped[datetime] = mapped_column(UtcTime)
    checkpoint: Mapped[str | None] = mapped_column(Text)
    """It moves in the transaction that puts what was fetched in force."""
    synced_at: Mapped[datetime | None] = mapped_column(UtcTime)
    next_at: Mapped[datetime | None] = mapped_column(UtcTime)
    failures: Mapped[int] = mapped_column(server_default="0")
    version: Mapped[str | None] = mapped_column(String(128))
    seal: Mapped[bytes] = mapped_column(LargeBinary, server_default="")


class ExchangeRunRow(Base):
    """One sync of an exchange, as ``ExchangeRun`` has it."""

    __tablename__ = "exchange_runs"
    __table_args__ = (
        Index("exchange_runs_by_exchange", "exchange_id", "id"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    exchange_id: Mapped[int] = mapped_column(ForeignKey("exchanges.id"))
    actor: Mapped[str] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(16))
    asked_at: Mapped[datetime] = mapped_column(UtcTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcTime)
    allow_shrink: Mapped[bool]
    code: Mapped[str] = mapped_column(String(64), server_default="")
    said: Mapped[str] = mapped_column(Text, server_default="")
    pages: Mapped[int] = mapped_column(server_default="0")
    bytes: Mapped[int] = mapped_column(BigInteger, server_default="0")
    added: Mapped[int] = mapped_column(server_default="0")
    updated: Mapped[int] = mapped_column(server_default="0")
    removed: Mapped[int] = mapped_column(server_default="0")
    unchanged: Mapped[int] = mapped_column(server_default="0")
    rejected: Mapped[int] = mapped_column(server_default="0")
    version: Mapped[str | None] = mapped_column(String(128))


class LeaseRow(Base):
    """Who does what only one replica should do, and until when."""

    __tablename__ = "leases"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    holder: Mapped[str] = mapped_column(String(128))
    until: Mapped[datetime] = mapped_column(UtcTime)


EVERY_TABLE: Final = select(
    *(
        select(literal_column("1")).select_from(table).where(false()).scalar_subquery()
        for table in Base.metadata.sorted_tables
    )
)
"""Reads no row, and fails where a table is missing or may not be read."""
