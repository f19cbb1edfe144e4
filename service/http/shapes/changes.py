"""From what changed of a list, and of an entry, to the JSON of answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from service.http.door.auth import CURATORS, Caller
from service.http.shapes.answers import EntryStateName, ImportAnswer, StateAnswer, VersionAnswer
from service.http.shapes.wire import types_of
from service.store import EntryState, ImportDiff, ListVersion


def import_diff(
    diff: ImportDiff, passed_over: Mapping[str, int], ignored: Sequence[str]
) -> ImportAnswer:
    """What an import did, or would do, and what of the list nobody read."""
    return {
        "bank": diff.bank,
        "provider": diff.provider,
        "list": diff.list,
        "list_version": diff.list_version,
        "dry_run": diff.dry_run,
        "mode": diff.mode.value,
        "refused": diff.refused,
        "added": diff.added,
        "updated": diff.updated,
        "held": diff.held,
        "removed": diff.removed,
        "unchanged": diff.unchanged,
        "withdrawn": diff.withdrawn,
        "duplicates": diff.duplicates,
        "digest_only": diff.digest_only,
        "rejected": [
            {"line": one.line, "field": one.field, "reason": one.reason} for one in diff.rejected
        ],
        "rejected_count": diff.rejected_count,
        "max_rejected": diff.max_rejected,
        "shrinks": diff.shrinks,
        "sequence": diff.sequence,
        "passed_over": dict(passed_over),
        "ignored": [*ignored],
    }


def version(value: ListVersion) -> VersionAnswer:
    """One version of a list."""
    return {
        "provider": value.provider,
        "list": value.list,
        "version": value.version,
        "activated_at": value.activated_at,
        "superseded_at": value.superseded_at,
        "entries": value.entries,
        "added": value.added,
        "updated": value.updated,
        "removed": value.removed,
        "unchanged": value.unchanged,
        "rejected": value.rejected,
        "sequence": value.sequence,
        "restores": value.restores,
        "actor": value.actor,
    }


def entry_state(value: EntryState, caller: Caller) -> StateAnswer:
    """A state of an entry, its hashes only for those who may see them."""
    out: StateAnswer = {
        "state": cast("EntryStateName", value.state),
        "labels": list(value.labels),
        "list_version": value.version,
        "signal_types": types_of(value.signals),
        "since": value.since,
        "until": value.until,
        "began_at": value.began_at,
        "ended_at": value.ended_at,
        "actor": value.actor,
    }
    if caller.may(CURATORS):
        out["signals"] = value.signals.to_json()
    return out
