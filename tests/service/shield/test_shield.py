"""The façade of Arachnid Shield, as its official clients speak to it."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from embeddings.hashes.pdq import pdq
from service.store import Role

if TYPE_CHECKING:
    from tests.service.conftest import Pictures, Served


def clients(served: Served, key: str = "an admin key for tests") -> httpx.Client:
    """HTTP Basic, base URL with a slash at its end."""
    return httpx.Client(
        base_url=f"{served.url}/shield/", auth=("anybody", key), trust_env=False, timeout=60
    )


def scan(client: httpx.Client, image: bytes) -> dict[str, Any]:
    answer = client.post("v1/media/", content=image, headers={"Content-Type": "image/png"})
    return dict(answer.raise_for_status().json())


@pytest.fixture
def listed(served: Served, pictures: Pictures) -> Served:
    with served.client() as client:
        client.post("/v1/banks", json={"name": "A"})
        client.post("/v1/banks/A/entries", files={"file": pictures.png(pictures.photo)})
    return served


def test_a_file_is_scanned(listed: Served, pictures: Pictures) -> None:
    """Exact, near, unknown, in the fields of the protocol."""
    image, copy = pictures.png(pictures.photo), pictures.jpeg(pictures.photo, 60)
    other = pictures.png(np.ascontiguousarray(pictures.photo[100:, 120:, ::-1]))
    with clients(listed) as client:
        exact, near, unknown = scan(client, image), scan(client, copy), scan(client, other)
    sha1, sha256 = hashlib.sha1(image), hashlib.sha256(image)
    of_file = {
        "size_bytes": len(image),
        "sha1_base32": base64.b32encode(sha1.digest()).decode(),
        "sha256_hex": sha256.hexdigest(),
    }
    assert exact == {
        **of_file,
        "classification": "csam",
        "match_type": "exact",
        "near_match_details": [],
    }
    assert (near["classification"], near["match_type"]) == ("csam", "near")
    assert near["near_match_details"][0] == {
        "timestamp": 0.0,
        "sha1_base32": of_file["sha1_base32"],
        "sha256_hex": of_file["sha256_hex"],
        "classification": "csam",
    }
    assert unknown["classification"] == "no-known-match"
    assert (unknown["match_type"], unknown["near_match_details"]) == (None, [])


def test_listed_hashes_are_for_curators(listed: Served, pictures: Pictures) -> None:
    """Who only matches sees that something is near, and not what."""
    with listed.client_with(Role.MATCHER) as matcher:
        key = matcher.headers["authorization"].removeprefix("Bearer ")
    with clients(listed, key) as client:
        near = scan(client, pictures.jpeg(pictures.photo, 60))
    assert near["match_type"] == "near"
    assert {one["sha256_hex"] for one in near["near_match_details"]} == {""}


def test_pdq_hashes_are_scanned(listed: Served, pictures: Pictures) -> None:
    """Each under the text that was sent."""
    known = base64.b64encode(pdq(pictures.photo).hash).decode()
    other = base64.b64encode(b"\x0f" * 32).decode()
    with clients(listed) as client:
        answer = client.post("v1/pdq/", json={"hashes": [known, other]}).json()
        bad = client.post("v1/pdq/", json={"hashes": ["abc"]})
    found, unknown = (answer["scanned_hashes"][one] for one in (known, other))
    assert (found["classification"], found["match_type"]) == ("csam", "near")
    assert found["near_match_details"]["classification"] == "csam"
    assert unknown == {
        "classification": "no-known-match",
        "match_type": None,
        "near_match_details": None,
    }
    assert bad.status_code == 422
    assert set(bad.json()) == {"detail"}


def test_a_bank_may_be_of_harmful_material(
    serve: Callable[..., Served], pictures: Pictures
) -> None:
    """The graver classification wins where both match."""
    served = serve(shield_harmful_banks="H")
    image = pictures.png(pictures.photo)
    with served.client() as admin, clients(served) as client:
        admin.post("/v1/banks", json={"name": "H"})
        admin.post("/v1/banks/H/entries", files={"file": image})
        assert scan(client, image)["classification"] == "harmful-abusive-material"
        admin.post("/v1/banks", json={"name": "A"})
        admin.post("/v1/banks/A/entries", files={"file": image})
        assert scan(client, image)["classification"] == "csam"


def test_a_fault_is_never_no_known_match(listed: Served, pictures: Pictures) -> None:
    other = pictures.png(np.ascontiguousarray(pictures.photo[100:, 120:, ::-1]))
    listed.services.health.failing("scrub", "an index is damaged", incomplete=True)
    with clients(listed) as client:
        answer = client.post("v1/media/", content=other)
        hashes = client.post("v1/pdq/", json={"hashes": [base64.b64encode(b"\x0f" * 32).decode()]})
        found = scan(client, pictures.png(pictures.photo))
    assert (answer.status_code, hashes.status_code) == (503, 503)
    assert set(answer.json()) == {"detail"}
    assert found["match_type"] == "exact"


def test_refusals_have_a_detail(listed: Served) -> None:
    """Nothing is fetched unless hosts are named; no key, no answer."""
    with clients(listed) as client:
        fetched = client.post("v1/url/", json={"url": "https://example.org/a.png"})
        bytes_only = client.post("v1/media/", content=b"no image")
        nowhere = client.get("v1/media/")
    with clients(listed, "wrong") as client:
        refused = client.post("v1/media/", content=b"")
    for answer, status in ((fetched, 422), (bytes_only, 415), (nowhere, 405), (refused, 401)):
        assert answer.status_code == status
        assert set(answer.json()) == {"detail"}
    assert refused.headers["www-authenticate"] == "Basic"


def test_nothing_that_is_sent_breaks_it(listed: Served) -> None:
    paths = st.sampled_from(["v1/media/", "v1/url", "v1/pdq/", "v1/nope", ""])
    kinds = st.sampled_from(["application/json", "image/png", "multipart/form-data", ""])
    bodies = st.binary(max_size=60) | st.sampled_from(
        [
            b'{"url": 1}',
            b'{"hashes": []}',
            b'{"hashes": [""]}',
            b"[]",
            b'{"hashes": null}',
        ]
    )
    with clients(listed) as client:

        @settings(max_examples=200, suppress_health_check=list(HealthCheck))
        @given(st.sampled_from(["GET", "POST", "PUT"]), paths, kinds, bodies)
        def tried(method: str, path: str, kind: str, body: bytes) -> None:
            answer = client.request(method, path, content=body, headers={"Content-Type": kind})
            assert answer.status_code != 500
            assert answer.status_code == 200 or set(answer.json()) == {"detail"}

        tried()
