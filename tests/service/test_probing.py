"""A key that feels its way along the edge of a radius is noticed."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from service.http.door.near_radius import CHECK, WINDOW
from service.store import Role

if TYPE_CHECKING:
    import httpx

    from tests.service.conftest import Served

RADIUS = 40


def flipped(code: bytes, bits: list[int]) -> bytes:
    value = int.from_bytes(code)
    for bit in bits:
        value ^= 1 << bit
    return value.to_bytes(len(code))


def found(client: httpx.Client, codes: list[bytes]) -> list[bool]:
    items = [{"signals": {"pdq": code.hex(), "pdq_quality": 100}} for code in codes]
    answer = client.post("/v1/match/batch", json={"items": items}).raise_for_status().json()
    return [bool(item["matches"]) for item in answer["items"]]


def recovered(client: httpx.Client, near: bytes) -> bytes:
    """A listed hash, from one that matches it, by 512 questions and no distance."""
    outward = [flipped(near, list(range(n))) for n in range(256)]
    edge = outward[found(client, outward).index(False) - 1]
    matches = found(client, [flipped(edge, [bit]) for bit in range(256)])
    # Just within the radius: who flips a bit that is right goes beyond it.
    return flipped(edge, [bit for bit in range(256) if matches[bit]])


def check(client: httpx.Client) -> dict[str, Any]:
    checks = client.get("/v1/status").json()["checks"]
    (one,) = [check for check in checks if check["name"] == CHECK]
    return dict(one)


def listed(served: Served, count: int = 1) -> list[bytes]:
    hashes = [secrets.token_bytes(32) for _ in range(count)]
    with served.client() as admin:
        policy = {"name": "A", "radius": {"pdq": RADIUS}}
        admin.post("/v1/banks", json=policy).raise_for_status()
        for one in hashes:
            signals = {"pdq": one.hex(), "pdq_quality": 100}
            admin.post("/v1/banks/A/entries", json={"signals": signals}).raise_for_status()
    return hashes


def test_who_recovers_a_hash_without_distances_raises_an_alarm(served: Served) -> None:
    """The attack works, as the documents say; what it does not do is pass unseen."""
    (secret,) = listed(served)
    with served.client_with(Role.MATCHER) as matcher, served.client() as admin:
        assert check(admin)["severity"] == "sound"
        assert recovered(matcher, flipped(secret, [3, 77, 200])) == secret
        alarm = check(admin)
        assert alarm["severity"] == "degraded"
        keys = [key["key_id"] for key in admin.get("/v1/keys").json()["keys"]]
        assert keys[0] in alarm["detail"]
        assert admin.get("/readyz").status_code == 200  # shown, and still ready
        assert keys[0] not in admin.get("/readyz").text
        assert "lookalike_probing_alarms_total 1.0" in admin.get("/metrics").text


def test_ordinary_questions_raise_none(served: Served) -> None:
    """Copies near and far, the same one at the edge a thousand times, and chance matches at the
    edges of many entries; nor do those who are shown distances anyway."""
    hashes = listed(served, 40)
    with served.client_with(Role.MATCHER) as matcher, served.client() as admin:
        near = [flipped(hashes[0], list(range(n, n + 20))) for n in range(200)]
        assert all(found(matcher, near))
        same = flipped(hashes[1], list(range(RADIUS)))
        assert all(found(matcher, [same] * 250))
        assert all(found(matcher, [flipped(one, list(range(RADIUS))) for one in hashes]))
        beyond = [flipped(hashes[2], list(range(n, n + RADIUS + 1))) for n in range(200)]
        assert not any(found(matcher, beyond))
        recovered(admin, hashes[3])
        assert check(admin)["severity"] == "sound"


def test_an_alarm_ends_after_an_hour(serve: Callable[..., Served]) -> None:
    """Unless it goes on."""
    served = serve()
    probing, now = served.services.probing, [0.0]
    probing._clock = lambda: now[0]
    (secret,) = listed(served)
    with served.client_with(Role.MATCHER) as matcher, served.client() as admin:
        recovered(matcher, secret)
        now[0] = WINDOW - 1
        probing.calm()
        assert check(admin)["severity"] == "degraded"
        now[0] = WINDOW + 1
        probing.calm()
        assert check(admin)["severity"] == "sound"
        recovered(matcher, secret)
        assert check(admin)["severity"] == "degraded"


def test_it_can_be_switched_off(serve: Callable[..., Served]) -> None:
    served = serve(probing_questions=0)
    (secret,) = listed(served)
    with served.client_with(Role.MATCHER) as matcher, served.client() as admin:
        recovered(matcher, secret)
        assert check(admin)["severity"] == "sound"
