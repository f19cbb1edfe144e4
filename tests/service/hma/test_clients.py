"""What real clients of HMA do beside the record: no header, no status read, slashes, bad files."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import numpy as np
import pytest
from fastapi import FastAPI

from service.http.app import create_app
from service.store import Role
from tests.service.conftest import settings_for, thumbnails

if TYPE_CHECKING:
    from tests.service.conftest import Pictures, Served

KEY = "an admin key for tests"
HASH = "f8f8f0cee0f4a84f06370a22038f63f0b36e2ed596621e1d33e6b39c4e9c9b22"
LOOKUP = f"/m/lookup?signal={HASH}&signal_type=pdq"


def nobody(served: Served) -> httpx.Client:
    return httpx.Client(base_url=served.url, trust_env=False, timeout=60)


def listed(client: httpx.Client, name: str = "A", **signals: object) -> int:
    client.post("/hma/c/banks", json={"name": name})
    answer = client.post(f"/hma/c/bank/{name}/signal", json=signals or {"pdq": HASH})
    return int(answer.raise_for_status().json()["id"])


@pytest.mark.parametrize("prefix", ["/hma", "//hma/", "/hma//", "/hma///"])
def test_slashes_too_many_do_no_harm(served: Served, prefix: str) -> None:
    with served.client() as client:
        listed(client)
        answer = client.get(served.url + prefix + LOOKUP)
    assert answer.json() == {"A": [{"bank_content_id": 1, "distance": "0"}]}


def test_a_key_may_stand_in_the_path(served: Served) -> None:
    """With a slash too many as well, and a wrong one is refused; nobody is let in without."""
    with (
        served.client_with(Role.REVIEWER) as reviewer,
        served.client() as admin,
        nobody(served) as c,
    ):
        listed(admin)
        key = reviewer.headers["authorization"].removeprefix("Bearer ")
        good = c.get(f"/hma/k/{key}/{LOOKUP}")
        wrong = c.get(f"/hma/k/wrong{LOOKUP}")
        none = c.get(f"/hma{LOOKUP}")
        metrics = c.get("/metrics").text
    assert good.json() == {"A": [{"bank_content_id": 1, "distance": "0"}]}
    assert (wrong.status_code, none.status_code) == (401, 401)
    assert 'route="/hma/m/lookup"' in metrics
    assert key not in metrics


def test_a_refusal_before_the_query_is_read_is_no_json(serve: Callable[..., Served]) -> None:
    """A client that takes the keys of any object for names of banks must find none."""
    served = serve(key_rate=0.001, key_burst=256)
    with nobody(served) as client:
        unknown = client.get(f"/hma{LOOKUP}")
    with served.client() as client:
        answers = [client.get(f"/hma{LOOKUP}") for _ in range(257)]
    for answer, status in ((unknown, 401), (answers[-1], 429)):
        assert answer.status_code == status
        assert answer.headers["content-type"].startswith("text/plain")
    assert int(answers[-1].headers["retry-after"]) >= 1


def test_roles_are_kept(served: Served, pictures: Pictures) -> None:
    """Ids and distances are for reviewers, changes for curators; hashing is for every matcher."""
    picture = {"photo": pictures.png(pictures.photo)}
    with served.client_with(Role.MATCHER) as client:
        hashed = client.post("/hma/h/hash", files=picture)
        looked = client.get(f"/hma{LOOKUP}")
    with served.client_with(Role.REVIEWER) as client:
        made = client.post("/hma/c/banks", json={"name": "A"})
        deleted = client.delete("/hma/c/bank/A")
        shown = client.get("/hma/c/banks")
    assert (hashed.status_code, looked.status_code) == (200, 403)
    assert (made.status_code, deleted.status_code, shown.status_code) == (403, 403, 200)
    assert "message" in looked.json()


def test_a_network_may_be_trusted(serve: Callable[..., Served]) -> None:
    """For what its roles allow, under this prefix alone, and never for whom a proxy hides."""
    served = serve(trusted_networks="127.0.0.0/8")
    with served.client() as admin, nobody(served) as client:
        listed(admin)
        assert client.get(f"/hma{LOOKUP}").json() == {
            "A": [{"bank_content_id": 1, "distance": "0"}]
        }
        assert client.post("/hma/c/banks", json={"name": "B"}).status_code == 403
        assert client.post("/v1/match", json={"signals": {"pdq": HASH}}).status_code == 401
        for header in ("X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"):
            hidden = client.get(f"/hma{LOOKUP}", headers={header: "127.0.0.1"})
            assert hidden.status_code == 401, header
        wrong = client.get(f"/hma{LOOKUP}", headers={"Authorization": "Bearer wrong"})
        assert wrong.status_code == 401


def test_a_proxy_names_whom_it_speaks_for(serve: Callable[..., Served]) -> None:
    """A proxy that is trusted itself makes nobody trusted."""
    served = serve(trusted_networks="10.0.0.0/8,127.0.0.0/8", trusted_proxies="127.0.0.1")
    with nobody(served) as client:
        inside = client.get("/hma/c/banks", headers={"X-Forwarded-For": "10.1.2.3"})
        outside = client.get("/hma/c/banks", headers={"X-Forwarded-For": "192.0.2.1"})
        unnamed = client.get("/hma/c/banks", headers={"X-Forwarded-For": "unknown"})
    assert [one.status_code for one in (inside, outside, unnamed)] == [200, 401, 401]


def test_a_picture_without_structure_is_refused_unless_its_digest_is_listed(
    served: Served, pictures: Pictures
) -> None:
    """No refusal hides a digest that matches; and none is listed whose copies nobody would find."""
    blank = {"photo": pictures.png(np.full((256, 256, 3), 255, np.uint8))}
    with served.client() as client:
        client.post("/hma/c/banks", json={"name": "A"})
        assert client.post("/hma/c/bank/A/content", files=blank).status_code == 400
        assert client.post("/hma/m/lookup", files=blank).status_code == 400
        hashes = client.post("/hma/h/hash", files=blank).json()
        assert set(hashes) == {"md5", "sha1", "sha256"}
        number = listed(client, sha1=hashes["sha1"])
        found = client.post("/hma/m/lookup", files=blank)
    assert found.status_code == 200
    assert found.json()["sha1"] == {"A": [{"bank_content_id": number, "distance": "0"}]}
    assert "pdq" not in found.json()


def test_a_file_that_cannot_be_decoded_is_found_by_its_digest(served: Served) -> None:
    """Otherwise it is refused, in words."""
    with served.client() as client:
        video = client.post("/hma/h/hash", files={"video": b"no picture"}).json()
        refused = client.post("/hma/m/lookup", files={"photo": b"no picture"})
        number = listed(client, **video)
        found = client.post("/hma/m/lookup", files={"photo": b"no picture"}).json()
    assert refused.status_code == 400
    assert "message" in refused.json()
    assert found["md5"] == {"A": [{"bank_content_id": number, "distance": "0"}]}


def test_a_code_space_is_a_signal_type(served: Served, pictures: Pictures) -> None:
    """A client that looks up every key of a hashing answer finds an edited copy by one of them."""
    with served.client() as client:
        client.post("/hma/c/banks", json={"name": "A"})
        picture = {"photo": pictures.png(pictures.photo)}
        number = client.post("/hma/c/bank/A/content", files=picture).json()["id"]
        copy = {"photo": pictures.jpeg(pictures.photo, 40)}
        found = {
            name: client.get("/hma/m/lookup", params={"signal": signal, "signal_type": name}).json()
            for name, signal in client.post("/hma/h/hash", files=copy).json().items()
        }
        same = client.post("/hma/m/compare", json={"thumbnail-256-0": [HASH, HASH]}).json()
    assert [row["bank_content_id"] for row in found["thumbnail-256-0"]["A"]] == [number]
    assert [row["bank_content_id"] for row in found["pdq"]["A"]] == [number]
    assert found["sha256"] == {}
    assert same == {"thumbnail-256-0": [True, {"distance": 0}]}


def test_no_bank_is_hidden_behind_another(served: Served) -> None:
    """However many entries of one bank match, every bank that matches is named."""
    rows = "".join(f"x-{n},{HASH}\n" for n in range(500))
    with served.client() as client:
        listed(client, "SMALL", pdq=HASH[:-1] + "3")
        client.post("/hma/c/banks", json={"name": "FLOOD"})
        client.post(
            "/v1/banks/FLOOD/imports?format=csv", content="provider_id,pdq\n" + rows
        ).raise_for_status()
        found = client.get(f"/hma{LOOKUP}").json()
        raw = client.get(f"/hma/m/raw_lookup?signal={HASH}&signal_type=pdq").json()["matches"]
    assert len(found["FLOOD"]) == 100
    assert found["SMALL"] == [{"bank_content_id": 1, "distance": "1"}]
    assert 1 in raw


def test_an_allow_bank_is_no_match(served: Served) -> None:
    """A client that knows of no such banks would block what is known to be good."""
    digest = "0" * 64
    with served.client() as client:
        client.post("/v1/banks", json={"name": "GOOD", "action": "allow"})
        client.post("/v1/banks/GOOD/entries", json={"signals": {"sha256": digest, "pdq": HASH}})
        listed(client, "BAD", pdq=HASH)
        by_digest = client.get(f"/hma/m/lookup?signal={digest}&signal_type=sha256").json()
        by_pdq = client.get(f"/hma{LOOKUP}").json()
    assert by_digest == {}
    assert list(by_pdq) == ["BAD"]


def test_nothing_is_said_where_something_could_be_missed(served: Served) -> None:
    """What is found is told all the same."""
    other = "0f" * 32
    with served.client() as client:
        listed(client)
        served.services.health.failing("scrub", "an index is damaged", incomplete=True)
        found = client.get(f"/hma{LOOKUP}")
        empty = client.get(f"/hma/m/lookup?signal={other}&signal_type=pdq")
        raw = client.get(f"/hma/m/raw_lookup?signal={other}&signal_type=pdq")
        status = client.get("/hma/status")
        served.services.health.forget("scrub")
        sound = client.get(f"/hma/m/lookup?signal={other}&signal_type=pdq")
    assert found.json() == {"A": [{"bank_content_id": 1, "distance": "0"}]}
    assert [one.status_code for one in (empty, raw, status)] == [503, 503, 503]
    assert empty.text == status.text == "INDEX-STALE"
    assert sound.json() == {}


def test_an_index_that_is_not_loaded_says_so(
    serving_unloaded: Callable[[FastAPI], AbstractContextManager[Served]], tmp_path: Path
) -> None:
    app = create_app(settings_for(tmp_path), fingerprints=thumbnails())
    with serving_unloaded(app) as served, nobody(served) as client:
        answer = client.get("/hma/status")
    assert (answer.status_code, answer.text) == (503, "INDEX-NOT-LOADED")


def test_a_content_is_switched_off_and_on(served: Served) -> None:
    """For the next look-up; and not until a day that nobody would remember."""
    with served.client() as client:
        number = listed(client)
        place = f"/hma/c/bank/A/content/{number}"
        client.put(place, json={"disable_until_ts": 0}).raise_for_status()
        off = client.get(f"/hma{LOOKUP}").json()
        shown = client.get(place).json()["disable_until_ts"]
        client.put(place, json={"disable_until_ts": 1}).raise_for_status()
        on = client.get(f"/hma{LOOKUP}").json()
        later = client.put(place, json={"disable_until_ts": 9_999_999_999})
        still = client.get(f"/hma{LOOKUP}").json()
    assert (off, shown) == ({}, 0)
    assert on == still == {"A": [{"bank_content_id": number, "distance": "0"}]}
    assert later.status_code == 400


def test_banks_made_elsewhere_are_banks_here(served: Served) -> None:
    """Whatever their names; what is listed through one door is found through the other."""
    with served.client() as client:
        client.post("/v1/banks", json={"name": "iwf-npi", "action": "block"})
        number = client.post("/hma/c/bank/iwf-npi/signal", json={"pdq": HASH}).json()["id"]
        found = client.post("/v1/match", json={"signals": {"pdq": HASH}}).json()
        looked = client.get(f"/hma{LOOKUP}&banks=iwf-npi,NOPE").json()
    assert found["verdict"] == "block"
    assert looked == {"iwf-npi": [{"bank_content_id": number, "distance": "0"}]}


def test_urls_are_a_signal_type(served: Served) -> None:
    """Found in every spelling, counted, listed as they were sent, and compared as pages."""
    page, spelt = "https://pages.example/a", "HTTPS://pages.example:443/x/../a#top"
    with served.client() as client:
        assert listed(client, url=page) == 1
        asked = {"signal": spelt, "signal_type": "url", "include_distance": "true"}
        found = client.get("/hma/m/raw_lookup", params=asked).json()
        other = client.get("/hma/m/lookup", params={**asked, "signal": "https://pages.example/b"})
        bad = client.get("/hma/m/lookup", params={**asked, "signal": "http://"})
        status = client.get("/hma/m/index/status", params={"signal_type": "url"}).json()
        shown = client.get("/hma/c/bank/A/content/1", params={"include_signals": "true"}).json()
        same = client.post("/hma/m/compare", json={"url": [page, spelt]}).json()
    assert found == {"matches": [{"bank_content_id": 1, "distance": "0"}]}
    assert other.json() == {}
    assert bad.status_code == 400
    assert status["url"]["size"] == 1
    assert shown["signals"] == {"url": page}
    assert same == {"url": [True, {"distance": 0}]}
