"""From values to the JSON of answers, each caller seeing what its roles need.

A ``matcher`` sees verdicts, banks and provenance; distances, radii and entry ids only those who
curate or review, since they tell somebody who probes how close a probe came. Listed hashes are
shown to curators alone. It knows fields and roles; no routes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, cast

import orjson
from starlette.responses import Response

from service.domain.errors import ServiceError
from service.domain.exchanges import ExchangeRecord, ExchangeRun
from service.domain.health import Check
from service.domain.signals import Signals, signal_types
from service.domain.urls.keys import kind_of
from service.domain.values import Imagery as Kind
from service.http.door.auth import CURATORS, READERS, Caller
from service.http.shapes.answers import (
    BankAnswer,
    ByImagery,
    CheckAnswer,
    EntriesAnswer,
    EntryAnswer,
    ExchangeAnswer,
    ExchangeStatus,
    ImageryAnswer,
    IndexAnswer,
    KeyAnswer,
    MatchAnswer,
    MatchRow,
    NotMatchedAnswer,
    Reason,
    RunAnswer,
    SignalStatus,
    UrlAnswer,
    UrlsAnswer,
)
from service.policy.matching import JudgedMatch, NotMatched
from service.replica.indexes import SignalStats
from service.replica.known import Freshness
from service.replica.matcher import Answer, ImageryScore
from service.replica.url_matching import UrlAnswers, UrlFailure, UrlResult
from service.store import Bank, Entry, EntryPage, Key, NewKey

Json = dict[str, Any]

_OPTIONS: Final = orjson.OPT_UTC_Z | orjson.OPT_NAIVE_UTC


def json_response(
    value: Mapping[str, object] | Sequence[object],
    status: int = 200,
    headers: dict[str, str] | None = None,
) -> Response:
    """``value`` as an answer."""
    return Response(orjson.dumps(value, option=_OPTIONS), status, headers, "application/json")


def match_answer(answer: Answer, caller: Caller, fingerprint: Json | None) -> MatchAnswer:
    """The answer to a query; ``fingerprint`` where it was asked for."""
    detailed = caller.may(READERS)
    rows = [
        _match_row(row, answer.entries[row.found.id], detailed)
        for row in answer.decision.rows
        if row.found.id in answer.entries
    ]
    out: MatchAnswer = {
        "verdict": answer.decision.verdict,
        "truncated": answer.decision.truncated,
        "matches": rows,
        "imagery": _imagery(answer.imagery),
        "coverage": answer.coverage,
        "not_matched": [_not_matched(one) for one in answer.not_matched],
        "index": _index(answer.freshness),
    }
    if fingerprint is not None:
        out["fingerprint"] = fingerprint
    return out


def urls_answer(
    found: UrlAnswers, caller: Caller, told: Callable[[ServiceError], dict[str, object]]
) -> UrlsAnswer:
    """The answers to many URLs; ``told``: an error as JSON."""
    detailed = caller.may(READERS)
    return {
        "results": [
            {"url": one.asked.text, "error": told(one.error)}
            if isinstance(one, UrlFailure)
            else _url_answer(one, found.entries, detailed)
            for one in found.answers
        ],
        "index": _index(found.freshness),
    }


def _url_answer(one: UrlResult, entries: Mapping[int, Entry], detailed: bool) -> UrlAnswer:
    rows: list[MatchRow] = []
    for row in one.decision.rows:
        if (entry := entries.get(row.found.id)) is None:
            continue
        shown = _match_row(row, entry, detailed)
        through = one.question.through(row.found.key)
        if through != one.question.url:
            shown["through"] = through.text
        rows.append(shown)
    out: UrlAnswer = {
        "url": one.asked.text,
        "canonical": one.question.url.text,
        "verdict": one.decision.verdict,
        "truncated": one.decision.truncated,
        "matches": rows,
        "coverage": one.coverage,
        "not_matched": [_not_matched(why) for why in one.not_matched],
    }
    if len(one.question.urls) > 1:
        out["wrapped"] = [url.text for url in one.question.urls[1:]]
    return out


def _index(freshness: Freshness) -> IndexAnswer:
    return {
        "sequence": freshness.sequence,
        "age_seconds": round(freshness.age_seconds, 3),
    }


def _by_imagery(value: Mapping[Kind, int]) -> ByImagery:
    return cast("ByImagery", {kind.value: number for kind, number in value.items()})


def _imagery(value: ImageryScore | None) -> ImageryAnswer | None:
    if value is None:
        return None
    return {"photographic": round(value.photographic, 4), "label": value.label}


def _not_matched(value: NotMatched) -> NotMatchedAnswer:
    reason = cast("Reason", value.reason)
    if value.space:
        return {"signal": value.signal, "space": value.space, "reason": reason}
    return {"signal": value.signal, "reason": reason}


def check(value: Check, *, detailed: bool) -> CheckAnswer:
    """One check of the server's health."""
    out: CheckAnswer = {
        "name": value.name,
        "severity": value.severity,
        "said": value.said,
        "incomplete": value.incomplete,
        "since": value.since,
    }
    if detailed:
        out["detail"] = value.detail
    return out


def index_status(value: SignalStats, age: float) -> SignalStatus:
    """One index; ``age``: seconds since it was last known to hold every commit."""
    out: SignalStatus = {
        "signal": value.name.signal,
        "kind": value.stats.kind,
        "entries": value.stats.entries,
        "enabled": value.stats.enabled,
        "bytes": sum(value.stats.bytes.values()),
        "parts": dict(value.stats.bytes),
        "sequence": value.stats.sequence,
        "age_seconds": age,
        "trouble": value.stats.trouble,
        "rebuilt": value.rebuilt,
    }
    if value.name.space:
        out["space"] = value.name.space
    return out


def bank(value: Bank) -> BankAnswer:
    """A bank and its policy."""
    policy = value.policy
    return {
        "name": value.name,
        "action": policy.action,
        "imagery": policy.imagery,
        "radius": {
            "pdq": policy.radius.pdq,
            "code": _by_imagery(policy.radius.code),
        },
        "score": {"code": _by_imagery(policy.score.code)},
        "enabled": policy.enabled,
        "created_at": value.created_at,
        "updated_at": value.updated_at,
    }


def entry(value: Entry, caller: Caller) -> EntryAnswer:
    """An entry, its hashes only for those who may see them."""
    out: EntryAnswer = {
        "entry_id": value.entry_id,
        "bank": value.bank,
        "provider": value.provider,
        "list": value.list,
        "provider_id": value.provider_id,
        "labels": list(value.labels),
        "list_version": value.list_version,
        "enabled": value.enabled,
        "digest_only": value.signals.digest_only,
        "signal_types": types_of(value.signals),
        "created_at": value.created_at,
        "updated_at": value.updated_at,
    }
    if caller.may(CURATORS):
        out["signals"] = value.signals.to_json()
    return out


def entry_page(page: EntryPage, caller: Caller) -> EntriesAnswer:
    """A page of entries, and the cursor of the next."""
    return {
        "entries": [entry(one, caller) for one in page.entries],
        "next_cursor": page.entries[-1].entry_id if page.more else None,
    }


def exchange(value: ExchangeRecord) -> ExchangeAnswer:
    """An exchange, and where its syncs stand."""
    new = value.new
    return {
        "name": new.name,
        "kind": new.kind,
        "bank": new.bank,
        "provider": new.provider,
        "list": new.list,
        "settings": dict(new.settings),
        "every": new.every,
        "max_rejected": new.max_rejected,
        "enabled": new.enabled,
        "trouble": value.trouble(datetime.now(UTC)),
        "entries": value.entries,
        "version": value.version,
        "checkpoint": value.checkpoint,
        "synced_at": value.synced_at,
        "next_at": value.next_at,
        "failures": value.failures,
        "created_at": value.created_at,
        "updated_at": value.updated_at,
        "last_run": None if value.last is None else run(value.last),
        "current_run": None if value.current is None else run(value.current),
    }


def exchange_status(value: ExchangeRecord) -> ExchangeStatus:
    """Where one exchange stands, for whoever watches."""
    return {
        "name": value.name,
        "trouble": value.trouble(datetime.now(UTC)),
        "synced_at": value.synced_at,
        "failures": value.failures,
        "entries": value.entries,
    }


def run(value: ExchangeRun) -> RunAnswer:
    """One sync."""
    return {
        "id": value.id,
        "state": value.state,
        "actor": value.actor,
        "asked_at": value.asked_at,
        "ended_at": value.ended_at,
        "allow_shrink": value.allow_shrink,
        "code": value.code,
        "said": value.said,
        "pages": value.pages,
        "bytes": value.bytes,
        "added": value.added,
        "updated": value.updated,
        "removed": value.removed,
        "unchanged": value.unchanged,
        "rejected": value.rejected,
        "version": value.version,
    }


def key(value: Key) -> KeyAnswer:
    """A key, without its text."""
    return {
        "key_id": value.id,
        "name": value.name,
        "roles": sorted(value.roles),
        "created_at": value.created_at,
        "revoked_at": value.revoked_at,
    }


def new_key(value: NewKey) -> KeyAnswer:
    """A key with its text: the only time it is shown."""
    out = key(value.key)
    out["key"] = value.text
    return out


def _match_row(row: JudgedMatch, entry: Entry, detailed: bool) -> MatchRow:
    out: MatchRow = {
        "bank": row.bank,
        "signal": row.found.signal,
        "verdict": row.verdict,
        "provenance": {
            "provider": entry.provider,
            "list": entry.list,
            "list_version": entry.list_version,
            "provider_id": entry.provider_id,
            "labels": list(entry.labels),
        },
    }
    if row.found.space:
        out["space"] = row.found.space
    one = entry.signals.at(row.found.signal, row.found.space, row.found.ordinal)
    if one is not None and one.ms is not None:
        out["ms"] = one.ms
    if row.found.key:
        out["rule"] = kind_of(row.found.key)
    if row.found.view:
        out["view"] = row.found.view
    if detailed:
        out["entry_id"] = entry.entry_id
        out["distance"] = row.found.distance
        out["radius"] = row.found.radius
        if row.found.score is not None and row.found.threshold is not None:
            out["score"] = row.found.score
            out["threshold"] = row.found.threshold
    return out


def types_of(signals: Signals) -> list[str]:
    """The types of which there are signals, in the order of the registry."""
    there = {one.type for one in signals.items}
    return [known.name for known in signal_types() if known.name in there]
