"""Worked examples that OpenAPI shows; a test holds them to the shapes they are examples of.

It knows nothing but plausible values; every hash here is made up.
"""

from __future__ import annotations

from typing import Any, Final

from service.http.shapes.schemas import SIGNALS_EXAMPLE

MOMENT: Final = "2026-11-20T06:00:00Z"

SIGNALS: Final[dict[str, Any]] = SIGNALS_EXAMPLE

FINGERPRINT: Final[dict[str, Any]] = {
    "md5": "098f6bcd4621d373cade4e832627b4f6",
    "sha1": "a94a8fe5ccb19ba61c4c0873d391e987982fbbd3",
    **SIGNALS,
    "pdq_quality": 97,
    "code_role": "query",
    "descriptors": {"lite0-256-7": "1ff3" * 128},
    "quality": 0.81,
    "photographic": 0.04,
    "width": 1280,
    "height": 960,
}

MATCH: Final[dict[str, Any]] = {
    "verdict": "review",
    "truncated": False,
    "matches": [
        {
            "bank": "iwf-npi",
            "entry_id": "e_00000000qf",
            "signal": "code",
            "space": "lite0-256-7",
            "distance": 71,
            "radius": 96,
            "score": 3912,
            "threshold": 3300,
            "verdict": "review",
            "provenance": {
                "provider": "iwf",
                "list": "npi",
                "list_version": "2026-11-20",
                "provider_id": "A-118",
                "labels": ["A"],
            },
        }
    ],
    "imagery": {"photographic": 0.04, "label": "non_photographic"},
    "coverage": "full",
    "not_matched": [{"signal": "pdq", "reason": "low_quality"}],
    "index": {"sequence": 81234, "age_seconds": 0.2},
}

URLS: Final[dict[str, Any]] = {
    "results": [
        {
            "url": "https://redirect.example/?to=https%3A%2F%2FEXAMPLE.org%2Fa%2Fb",
            "canonical": "redirect.example/?to=https://EXAMPLE.org/a/b",
            "wrapped": ["example.org/a/b"],
            "verdict": "block",
            "truncated": False,
            "matches": [
                {
                    "bank": "pages",
                    "entry_id": "e_00000000qg",
                    "signal": "url",
                    "rule": "prefix",
                    "through": "example.org/a/b",
                    "distance": 0,
                    "radius": 0,
                    "verdict": "block",
                    "provenance": {
                        "provider": "iwf",
                        "list": "urls",
                        "list_version": "2026-11-20",
                        "provider_id": "U-7",
                        "labels": [],
                    },
                }
            ],
            "coverage": "full",
            "not_matched": [],
        },
        {
            "url": "https://bit.ly/x",
            "canonical": "bit.ly/x",
            "verdict": "none",
            "truncated": False,
            "matches": [],
            "coverage": "none",
            "not_matched": [{"signal": "url", "reason": "shortener"}],
        },
    ],
    "index": {"sequence": 81234, "age_seconds": 0.2},
}

BANK: Final[dict[str, Any]] = {
    "name": "iwf-npi",
    "action": "review",
    "imagery": "non_photographic",
    "radius": {"pdq": None, "code": {"non_photographic": 44}},
    "score": {"code": {"non_photographic": 3300}},
    "enabled": True,
}

BANK_ANSWER: Final[dict[str, Any]] = {**BANK, "created_at": MOMENT, "updated_at": MOMENT}

NEW_ENTRY: Final[dict[str, Any]] = {
    "signals": SIGNALS,
    "provider": "iwf",
    "list": "npi",
    "provider_id": "A-118",
    "labels": ["A"],
}

ENTRY: Final[dict[str, Any]] = {
    "entry_id": "e_00000000qf",
    "bank": "iwf-npi",
    "provider": "iwf",
    "list": "npi",
    "provider_id": "A-118",
    "labels": ["A"],
    "list_version": "2026-11-20",
    "enabled": True,
    "digest_only": False,
    "signal_types": ["sha256", "pdq", "code"],
    "signals": SIGNALS,
    "created_at": MOMENT,
    "updated_at": MOMENT,
}

IMPORT: Final[dict[str, Any]] = {
    "bank": "iwf-npi",
    "provider": "iwf",
    "list": "npi",
    "list_version": "2026-11-20",
    "dry_run": False,
    "mode": "replace",
    "refused": False,
    "added": 120,
    "updated": 3,
    "held": 60220,
    "removed": 7,
    "unchanged": 60210,
    "withdrawn": 0,
    "duplicates": 0,
    "digest_only": 1,
    "rejected": [
        {
            "line": 17,
            "field": "md5",
            "reason": "md5 must be 32 hex digits, not 31 characters like this",
        }
    ],
    "rejected_count": 1,
    "max_rejected": 5,
    "shrinks": False,
    "sequence": 81234,
    "passed_over": {"netclean fingerprint": 4},
    "ignored": ["comment"],
}

VERSION: Final[dict[str, Any]] = {
    "provider": "iwf",
    "list": "npi",
    "version": "2026-11-20",
    "activated_at": MOMENT,
    "superseded_at": None,
    "entries": 60333,
    "added": 120,
    "updated": 3,
    "removed": 7,
    "unchanged": 60210,
    "rejected": 1,
    "sequence": 81234,
    "restores": None,
    "actor": "key:0a1b2c3d",
}

ROLLED_BACK: Final[dict[str, Any]] = {
    **IMPORT,
    "list_version": "2026-11-27T10:12:05Z",
    "mode": "append",
    "added": 0,
    "updated": 10,
    "removed": 120,
    "withdrawn": 120,
    "digest_only": 0,
    "rejected": [],
    "rejected_count": 0,
    "max_rejected": 0,
    "passed_over": {},
    "ignored": [],
}

STATE: Final[dict[str, Any]] = {
    "state": "in_force",
    "labels": ["A"],
    "list_version": "2026-11-20",
    "signal_types": ["sha256"],
    "since": 81234,
    "until": None,
    "began_at": MOMENT,
    "ended_at": None,
    "actor": "key:0a1b2c3d",
}

KEY: Final[dict[str, Any]] = {
    "key_id": "0a1b2c3d",
    "name": "upload service",
    "roles": ["matcher"],
    "created_at": MOMENT,
    "revoked_at": None,
}

_SOUND: Final = {
    "severity": "sound",
    "said": "",
    "incomplete": False,
    "since": "2026-11-20T08:00:00Z",
}

READY: Final[dict[str, Any]] = {
    "status": "ready",
    "checks": [
        {"name": name, **_SOUND}
        for name in ("banks", "exchanges", "fresh", "index", "probing", "scrub", "store")
    ],
}

EXCHANGE: Final[dict[str, Any]] = {
    "name": "ncmec-industry",
    "kind": "ncmec",
    "bank": "ncmec",
    "settings": {
        "environment": "industry",
        "user": "1234",
        "password": "env:LOOKALIKE_EXCHANGE_NCMEC_PASSWORD",
    },
    "every": 3600,
}

RUN_QUEUED: Final[dict[str, Any]] = {
    "id": 118,
    "state": "queued",
    "actor": "key:0a1b2c3d",
    "asked_at": "2026-11-20T08:00:00Z",
    "ended_at": None,
    "allow_shrink": False,
    "code": "",
    "said": "",
    "pages": 0,
    "bytes": 0,
    "added": 0,
    "updated": 0,
    "removed": 0,
    "unchanged": 0,
    "rejected": 0,
    "version": None,
}

RUN: Final[dict[str, Any]] = {
    **RUN_QUEUED,
    "state": "done",
    "actor": "job:sync",
    "ended_at": "2026-11-20T08:00:12Z",
    "pages": 3,
    "bytes": 1843200,
    "added": 2412,
    "removed": 17,
    "version": "2026-11-20T08:00:12.104Z",
}

EXCHANGE_ANSWER: Final[dict[str, Any]] = {
    **EXCHANGE,
    "provider": "ncmec",
    "list": "ncmec-industry",
    "max_rejected": 100,
    "enabled": True,
    "trouble": "",
    "entries": 81234,
    "version": "2026-11-20T08:00:12.104Z",
    "checkpoint": "2026-11-20T07:58:31Z",
    "synced_at": "2026-11-20T08:00:12Z",
    "next_at": "2026-11-20T09:00:12Z",
    "failures": 0,
    "created_at": "2026-11-01T12:00:00Z",
    "updated_at": "2026-11-01T12:00:00Z",
    "last_run": RUN,
    "current_run": None,
}

STATUS: Final[dict[str, Any]] = {
    "version": "0.1.0",
    "loaded": True,
    "sequence": 81234,
    "age_seconds": 0.2,
    "banks": 3,
    "signals": [
        {
            "signal": "code",
            "space": "lite0-256-7",
            "kind": "segmented",
            "entries": 60333,
            "enabled": 60330,
            "bytes": 5321728,
            "parts": {"words": 1930656, "tables": 3287360, "bitmaps": 15084, "delta": 88628},
            "sequence": 81234,
            "age_seconds": 0.2,
            "trouble": "",
            "rebuilt": "",
        }
    ],
    "code_spaces": [
        {
            "space": "lite0-256-7",
            "device": "cpu (OpenVINO, float32)",
            "radii": {"photographic": 52, "non_photographic": 44, "any": 48},
        }
    ],
    "exchanges": [
        {
            "name": "ncmec-industry",
            "trouble": "",
            "synced_at": "2026-11-20T08:00:12Z",
            "failures": 0,
            "entries": 81234,
        }
    ],
    "pending": 0,
    "ready": True,
    "checks": [{**check, "detail": ""} for check in READY["checks"]],
}
