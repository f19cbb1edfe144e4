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
    Imagery,
    ImportRow,
    Key,
    ListVersion,
    Mode,
    NewEntry,
    NewKey,
    Policy,
    Radii,
    RejectedLine,
    Role,
    Thresholds,
)
from service.store.core.schema import Migration, MigrationPlan
from service.store.entries.counting import ListCounts
from service.store.entries.entries import EntryPage
from service.store.entries.history import EntryState, PastUnknownError
from service.store.imports.diffs import (
    ImportDiff,
    ListShrinksError,
    NoValidLineError,
    RefusedDiffError,
    TooManyRejectedError,
)
from service.store.imports.imports import ImportTarget
from service.store.imports.pins import Signing
from service.store.imports.rollback import VersionNotFoundError
from service.store.store import Store, backup, migrate, open_store, restore
from service.store.views.batches import EntryBatch
from service.store.views.flaws import Flaw
from service.store.views.view import StoreView

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
    "EntryState",
    "Flaw",
    "Imagery",
    "ImportDiff",
    "ImportRow",
    "ImportTarget",
    "Key",
    "ListCounts",
    "ListShrinksError",
    "ListVersion",
    "Migration",
    "MigrationPlan",
    "Mode",
    "NewEntry",
    "NewKey",
    "NoValidLineError",
    "PastUnknownError",
    "Policy",
    "Radii",
    "RefusedDiffError",
    "RejectedLine",
    "Role",
    "Signing",
    "Store",
    "StoreView",
    "Thresholds",
    "TooManyRejectedError",
    "VersionNotFoundError",
    "backup",
    "migrate",
    "open_store",
    "restore",
]
