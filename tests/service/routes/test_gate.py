"""The gate: 200 or 451 with no body, and no 200 where a listed image could pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import httpx
import numpy as np
import pytest

from service.store import Role

if TYPE_CHECKING:
    from tests.service.conftest import Pictures, Served


def asked(client: httpx.Client, image: bytes, kind: str = "image/png", **query: str) -> int:
    headers = {"Content-Type": kind} if kind else {}
    answer = client.post("/v1/gate", content=image, headers=headers, params=query)
    if answer.status_code in (200, 451):
        assert answer.content == b""
    else:
        assert answer.headers["content-type"] == "application/problem+json"
    return answer.status_code


def stranger(pictures: Pictures) -> bytes:
    return pictures.png(np.ascontiguousarray(pictures.photo[100:, 120:, ::-1]))


def test_a_listed_image_is_refused_and_a_stranger_passes(
    served: Served, pictures: Pictures
) -> None:
    """As a body of any type, or in a form; for a key that may do nothing else."""
    image = pictures.png(pictures.photo)
    with served.client() as admin, served.client_with(Role.MATCHER) as client:
        admin.post("/v1/banks", json={"name": "A"})
        admin.post("/v1/banks/A/entries", files={"file": image})
        for kind in ("image/png", "application/octet-stream", "text/plain", ""):
            assert asked(client, image, kind) == 451
            assert asked(client, stranger(pictures), kind) == 200
        assert client.post("/v1/gate", files={"file": image}).status_code == 451
        assert asked(client, image, banks="A") == 451


@pytest.mark.parametrize(("refuses", "expected"), [("block", 200), ("block,review", 451)])
def test_which_verdicts_refuse_is_a_setting(
    serve: Callable[..., Served], pictures: Pictures, refuses: str, expected: int
) -> None:
    """A copy that asks for review passes by default."""
    served = serve(gate_refuses=refuses)
    with served.client() as client:
        client.post("/v1/banks", json={"name": "A"})
        client.post("/v1/banks/A/entries", files={"file": pictures.png(pictures.photo)})
        copy = pictures.jpeg(pictures.photo, 60)
        assert client.post("/v1/match", files={"file": copy}).json()["verdict"] == "review"
        assert asked(client, copy) == expected


def test_a_fault_is_never_a_pass(served: Served, pictures: Pictures) -> None:
    """Before anything is listed, and while something could be missed; what matches is refused."""
    image = pictures.png(pictures.photo)
    with served.client() as client:
        assert asked(client, image) == 503
        client.post("/v1/banks", json={"name": "A"})
        client.post("/v1/banks/A/entries", files={"file": image})
        served.services.health.failing("scrub", "an index is damaged", incomplete=True)
        assert asked(client, stranger(pictures)) == 503
        assert asked(client, image) == 451
        served.services.health.forget("scrub")
        assert asked(client, stranger(pictures)) == 200


def test_what_is_no_image_is_no_pass_either(served: Served, pictures: Pictures) -> None:
    """Unless its digest is listed, which no error hides."""
    with served.client() as client:
        client.post("/v1/banks", json={"name": "A"})
        client.post("/v1/banks/A/entries", files={"file": pictures.png(pictures.photo)})
        assert asked(client, b"no image") == 415
        assert asked(client, b"") == 400
        assert asked(client, b"{}", "application/json") == 415
        assert asked(client, pictures.png(pictures.photo), banks="NOPE") == 404
        assert asked(client, b"\0" * (33 * 2**20)) == 413
        digest = "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9"
        client.post("/v1/banks/A/entries", json={"signals": {"sha256": digest}})
        assert asked(client, b"hello world") == 451


def test_who_has_no_key_is_told_nothing(served: Served, pictures: Pictures) -> None:
    with httpx.Client(base_url=served.url, trust_env=False) as client:
        assert asked(client, pictures.png(pictures.photo)) == 401
