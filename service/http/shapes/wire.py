"""From values to the JSON of answers, each caller seeing what its roles need.

A ``matcher`` sees verdicts, banks and provenance; distances, radii and entry ids only those who
curate or review, since they tell somebody who probes how close a probe came. Listed hashes are
shown to curators alone. It knows fields and roles; no routes.
"""

from __future__ import annotations

from typing import Any, Final

import orjson
from starlette.responses import Response

from service.domain.health import Check
from service.domain.signals import Signals
from service.http.door.auth import CURATORS, READERS, Caller
from service.policy.matching import Row
from service.replica.matcher import Answer
from service.store import Bank, Entry, EntryPage, ImportDiff, Key, ListVersion, NewKey

Json = dict[str, Any]

_OPTIONS: Final = orjson.OPT_UTC_Z | orjson.OPT_NAIVE_UTC


def json_response(
    value: Json | list[Any], status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    """``value`` as an answer."""
    return Response(orjson.dumps(value, option=_OPTIONS), status, headers, "application/json")


def match_answer(answer: Answer, caller: Caller, fingerprint: Json | None) -> Json:
    """The answer to a query; ``fingerprint`` where it was asked for."""
    detailed = caller.may(READERS)
    rows = [
        _match_row(row, answer.entries[row.found.id], detailed)
        for row in answer.decision.rows
        if row.found.id in answer.entries
    ]
    out: Json = {
        "verdict": answer.decision.verdict,
        "truncated": answer.decision.truncated,
        "matches": rows,
        "imagery": None,
        "coverage": answer.coverage,
    }
    if answer.imagery is not None:
        out["imagery"] = {
            "photographic": round(answer.imagery.photographic, 4),
            "label": answer.imagery.label,
        }
    if fingerprint is not None:
        out["fingerprint"] = fingerprint
    out["not_matched"] = [
        {"signal": one.signal, **_space(one.space), "reason": one.reason}
        for one in answer.not_matched
    ]
    out["index"] = {
        "sequence": answer.freshness.sequence,
        "age_seconds": round(answer.freshness.age_seconds, 3),
    }
    return out


def check(value: Check, *, detailed: bool) -> Json:
    """One check of the server's health."""
    return {
        "name": value.name,
        "severity": value.severity,
        "said": value.said,
        **({"detail": value.detail} if detailed else {}),
        "incomplete": value.incomplete,
        "since": value.since,
    }


def bank(value: Bank) -> Json:
    """A bank and its policy."""
    policy = value.policy
    return {
        "name": value.name,
        "action": policy.action,
        "imagery": policy.imagery,
        "radius": {
            "pdq": policy.radius.pdq,
            "code": {kind.value: radius for kind, radius in policy.radius.code.items()},
        },
        "score": {"code": {kind.value: least for kind, least in policy.score.code.items()}},
        "enabled": policy.enabled,
        "created_at": value.created_at,
        "updated_at": value.updated_at,
    }


def entry(value: Entry, caller: Caller) -> Json:
    """An entry, its hashes only for those who may see them."""
    out: Json = {
        "entry_id": value.entry_id,
        "bank": value.bank,
        "provider": value.provider,
        "list": value.list,
        "provider_id": value.provider_id,
        "labels": value.labels,
        "list_version": value.list_version,
        "enabled": value.enabled,
        "digest_only": value.signals.digest_only,
        "signal_types": _types(value.signals),
        "created_at": value.created_at,
        "updated_at": value.updated_at,
    }
    if caller.may(CURATORS):
        out["signals"] = value.signals.to_json()
    return out


def entry_page(page: EntryPage, caller: Caller) -> Json:
    """A page of entries, and the cursor of the next."""
    return {
        "entries": [entry(one, caller) for one in page.entries],
        "next_cursor": page.entries[-1].entry_id if page.more else None,
    }


def import_diff(diff: ImportDiff) -> Json:
    """What an import did, or would do."""
    return {
        "bank": diff.bank,
        "provider": diff.provider,
        "list": diff.list,
        "list_version": diff.list_version,
        "dry_run": diff.dry_run,
        "refused": diff.refused,
        "added": diff.added,
        "updated": diff.updated,
        "held": diff.held,
        "removed": diff.removed,
        "unchanged": diff.unchanged,
        "duplicates": diff.duplicates,
        "digest_only": diff.digest_only,
        "rejected": [{"line": one.line, "reason": one.reason} for one in diff.rejected],
        "rejected_count": diff.rejected_count,
        "max_rejected": diff.max_rejected,
        "shrinks": diff.shrinks,
        "sequence": diff.sequence,
    }


def version(value: ListVersion) -> Json:
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
    }


def key(value: Key) -> Json:
    """A key, without its text."""
    return {
        "key_id": value.id,
        "name": value.name,
        "roles": sorted(value.roles),
        "created_at": value.created_at,
        "revoked_at": value.revoked_at,
    }


def new_key(value: NewKey) -> Json:
    """A key with its text: the only time it is shown."""
    return {**key(value.key), "key": value.text}


def _match_row(row: Row, entry: Entry, detailed: bool) -> Json:
    out: Json = {"bank": row.bank}
    if detailed:
        out["entry_id"] = entry.entry_id
    out |= {"signal": row.found.signal, **_space(row.found.space)}
    if row.found.view:
        out["view"] = row.found.view
    if detailed:
        out |= {"distance": row.found.distance, "radius": row.found.radius}
        if row.found.score is not None:
            out |= {"score": row.found.score, "threshold": row.found.threshold}
    out["verdict"] = row.verdict
    out["provenance"] = {
        "provider": entry.provider,
        "list": entry.list,
        "list_version": entry.list_version,
        "provider_id": entry.provider_id,
        "labels": entry.labels,
    }
    return out


def _space(space: str) -> Json:
    return {"space": space} if space else {}


def _types(signals: Signals) -> list[str]:
    fields = signals.to_json()
    kinds = [kind for kind in ("md5", "sha1", "sha256", "pdq", "url") if kind in fields]
    return kinds + (["code"] if signals.codes else [])
