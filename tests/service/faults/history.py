"""What was written under a fault and how it was answered, and what a server makes of it after."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import httpx

KEPT, REFUSED = frozenset({201, 409}), frozenset({503, 507})


def signals(number: int) -> dict[str, Any]:
    """Those of an item, by its number."""
    some = random.Random(number)
    return {"sha256": some.randbytes(32).hex(), "pdq": some.randbytes(32).hex()}


@dataclass
class History:
    """The writes of one test, by clients that wait for each answer."""

    client: httpx.Client
    kept: set[int] = field(default_factory=set)
    """Items whose writing was acknowledged."""

    def begin(self) -> None:
        """Make the bank."""
        self.client.post("/v1/banks", json={"name": "a"}).raise_for_status()

    def write(self, number: int) -> bool:
        """List an item; whether that was acknowledged. Anything but that or a named refusal is an
        error of the test."""
        body = {"provider_id": str(number), "signals": signals(number)}
        answer = self.client.post("/v1/banks/a/entries", json=body)
        assert answer.status_code in KEPT | REFUSED, answer.text
        if answer.status_code in REFUSED:
            assert answer.json()["code"] in {"storage_full", "store_busy", "store_away"}
            return False
        self.kept.add(number)
        return True

    def missed(self, numbers: Iterable[int] | None = None) -> list[int]:
        """Those of what was acknowledged (or of ``numbers``) that are answered as if they were not
        listed, by any one signal."""
        lost = []
        for number in sorted(self.kept if numbers is None else numbers):
            for name, value in signals(number).items():
                asked: dict[str, Any] = {"signals": {name: value}}
                if name == "pdq":
                    asked["signals"]["pdq_quality"] = 90
                answer = self.client.post("/v1/match", json=asked)
                answer.raise_for_status()
                body = answer.json()
                if body["verdict"] == "none" and body["coverage"] != "none":
                    lost.append(number)
        return lost
