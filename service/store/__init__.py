"""The store: the truth about banks, entries, list versions and keys.

``open_store`` gives a ``Store``; the values it takes and answers with are here too.
"""

from service.domain.values import (
    DEFAULT_LIST,
    LOCAL_PROVIDER,
    MANUAL_LIST,
    Action,
    Bank,
    Commit,
    Entry,
    EntryBatch,
    Imagery,
    ImportRow,
    Key,
    ListVersion,
    NewEntry,
    NewKey,
    Policy,
    Radii,
    RejectedLine,
    Role,
    Thresholds,
)
from service.store.changes import View
from service.store.diffs import (
    ImportDiff,
    ListShrinksError,
    NoValidLineError,
    RefusedDiffError,
    TooManyRejectedError,
)
from service.store.entries import EntryPage
from service.store.flaws import Flaw
from service.store.imports import ImportTarget
from service.store.schema import Migration, MigrationPlan
from service.store.store import Store, backup, migrate, open_store, restore

__all__ = [
    "DEFAULT_LIST",
    "LOCAL_PROVIDER",
    "MANUAL_LIST",
    "Action",
    "Bank",
    "Commit",
    "Entry",
    "EntryBatch",
    "EntryPage",
    "Flaw",
    "Imagery",
    "ImportDiff",
    "ImportRow",
    "ImportTarget",
    "Key",
    "ListShrinksError",
    "ListVersion",
    "Migration",
    "MigrationPlan",
    "NewEntry",
    "NewKey",
    "NoValidLineError",
    "Policy",
    "Radii",
    "RefusedDiffError",
    "RejectedLine",
    "Role",
    "Store",
    "Thresholds",
    "TooManyRejectedError",
    "View",
    "backup",
    "migrate",
    "open_store",
    "restore",
]
