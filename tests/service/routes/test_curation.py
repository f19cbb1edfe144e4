"""Banks, entries, lists, versions and keys over HTTP."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from service.domain.signals import types_by_name
from service.http.shapes import answers
from service.store import Role
from tests.service.conftest import conforming

if TYPE_CHECKING:
    from tests.service.conftest import Pictures, Served

HASH = "5f" * 32
CSV = "provider_id,sha256,labels\n" + "".join(f"x{n},{n:064x},A\n" for n in range(1, 4))


def test_a_bank_from_beginning_to_end(served: Served) -> None:
    """Made, read, changed, deleted; each answer has the documented shape."""
    policy = {
        "name": "A",
        "action": "block",
        "imagery": "non_photographic",
        "radius": {"pdq": 24, "code": {"any": 40}},
        "enabled": False,
    }
    with served.client() as client:
        made = client.post("/v1/banks", json=policy)
        assert (made.status_code, made.headers["location"]) == (201, "/v1/banks/A")
        conforming(answers.BankAnswer, made.json())
        assert {name: made.json()[name] for name in policy} == policy
        assert client.get("/v1/banks/A").json() == made.json()
        conforming(answers.BanksAnswer, client.get("/v1/banks").json())
        changed = client.patch("/v1/banks/A", json={"enabled": True}).json()
        assert {name: changed[name] for name in policy} == {**policy, "enabled": True}
        reset = client.patch("/v1/banks/A", json={"radius": {}}).json()
        assert reset["radius"] == {"pdq": None, "code": {}}
        assert client.delete("/v1/banks/A").status_code == 204
        assert client.get("/v1/banks/A").json()["code"] == "bank_not_found"
        assert client.get("/v1/banks").json() == {"banks": []}


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"name": "A"}, 409, "bank_exists"),
        ({"name": "a b"}, 422, "bad_name"),
        ({"name": "B" * 65}, 422, "bad_name"),
        ({}, 422, "invalid_request"),
        ({"name": "B", "action": "delete"}, 422, "invalid_request"),
        ({"name": "B", "radius": {"pdq": 257}}, 422, "invalid_request"),
        ({"name": "B", "radius": {"code": {"drawings": 3}}}, 422, "invalid_request"),
        ({"name": "B", "radios": {}}, 422, "invalid_request"),
    ],
)
def test_a_bad_bank_is_named(served: Served, body: object, status: int, code: str) -> None:
    """Nothing is made of it."""
    with served.client() as client:
        client.post("/v1/banks", json={"name": "A"})
        answer = client.post("/v1/banks", json=body)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert [bank["name"] for bank in client.get("/v1/banks").json()["banks"]] == ["A"]


def test_an_entry_from_beginning_to_end(served: Served) -> None:
    """Added by signals, read, disabled, deleted; an unknown code space is remarked on."""
    signals = {"sha256": HASH, "codes": {"elsewhere-256-0": HASH}, "quality": 0.9}
    body = {"signals": signals, "provider": "p", "list": "l", "provider_id": "x", "labels": ["A"]}
    with served.client() as client:
        client.post("/v1/banks", json={"name": "A"})
        made = client.post("/v1/banks/A/entries", json=body)
        assert made.status_code == 201
        place = made.headers["location"]
        entry = conforming(answers.EntryAnswer, made.json())
        assert entry["signals"] == signals
        assert entry["signal_types"] == ["sha256", "code"]
        assert [remark["code"] for remark in entry["warnings"]] == ["unknown_space"]
        again = client.post("/v1/banks/A/entries", json=body)
        assert (again.status_code, again.json()["code"]) == (409, "entry_exists")
        read = client.get(place).json()
        assert read == {key: value for key, value in made.json().items() if key != "warnings"}
        assert client.patch(place, json={"enabled": False}).json()["enabled"] is False
        assert client.patch(place, json={"labels": []}).json()["code"] == "invalid_request"
        assert client.delete(place).status_code == 204
        assert client.get(place).json()["code"] == "entry_not_found"
        assert client.delete(place).status_code == 404


def test_an_allow_entry_without_sha256_is_remarked_on(served: Served) -> None:
    """It would never act, which nobody should learn from silence."""
    with served.client() as client:
        client.post("/v1/banks", json={"name": "good", "action": "allow"})
        made = client.post("/v1/banks/good/entries", json={"signals": {"pdq": HASH}}).json()
    assert [remark["code"] for remark in made["warnings"]] == ["never_acts"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"signals": {}}, "no_signals"),
        ({"signals": {"sha256": "5f"}}, "bad_signal"),
        ({"signals": {"sha256": HASH}, "labels": ["\n"]}, "bad_name"),
        ({"signals": {"sha256": HASH}, "provider": ""}, "bad_name"),
        ({"signals": {"sha256": HASH}, "provider_id": "\x00"}, "bad_name"),
        ({"signals": {"sha256": HASH}, "notes": ""}, "invalid_request"),
        ({}, "invalid_request"),
    ],
)
def test_a_bad_entry_is_named(served: Served, body: object, code: str) -> None:
    """It is a 422 with its code and without its hashes, and nothing is added."""
    with served.client() as client:
        client.post("/v1/banks", json={"name": "A"})
        answer = client.post("/v1/banks/A/entries", json=body)
        assert (answer.status_code, answer.json()["code"]) == (422, code)
        assert HASH not in answer.text
        assert client.get("/v1/banks/A/entries").json()["entries"] == []


def test_entries_come_in_pages(served: Served) -> None:
    """The cursor of each page leads to the next; a made-up one is refused."""
    with served.client() as client:
        client.post("/v1/banks", json={"name": "A"})
        client.post("/v1/banks/A/imports", content=CSV)
        seen: list[str] = []
        cursor: str | None = None
        while True:
            given = {"cursor": cursor} if cursor else {}
            answer = client.get("/v1/banks/A/entries", params={"limit": 2, **given}).json()
            page = conforming(answers.EntriesAnswer, answer)
            seen += [entry["provider_id"] for entry in page["entries"]]
            cursor = page["next_cursor"]
            if cursor is None:
                break
        assert seen == ["x1", "x2", "x3"]
        for query, code in (
            ("cursor=2", "bad_cursor"),
            ("limit=0", "invalid_request"),
            ("limit=1001", "invalid_request"),
            ("limit=many", "invalid_request"),
        ):
            answer = client.get(f"/v1/banks/A/entries?{query}")
            assert (answer.status_code, answer.json()["code"]) == (422, code)


def test_a_list_comes_in_as_a_version(served: Served) -> None:
    """Dry run, import, next version: diffs, versions and matches agree."""
    query = {"signals": {"sha256": f"{1:064x}"}}
    place = "/v1/banks/A/imports?provider=p&list=l"
    with served.client() as client:
        client.post("/v1/banks", json={"name": "A"})
        looked = client.post(f"{place}&dry_run=true", content=CSV).json()
        assert conforming(answers.ImportAnswer, looked)["added"] == 3
        assert client.post("/v1/match", json=query).json()["verdict"] == "none"
        first = client.post(f"{place}&version=v1&format=csv", content=CSV).json()
        assert (first["added"], first["list_version"], first["dry_run"]) == (3, "v1", False)
        match = client.post("/v1/match", json=query).json()["matches"][0]
        assert match["provenance"]["list_version"] == "v1"
        second = client.post(f"{place}&version=v2", content=f"sha256 {2:064x}\n").json()
        assert (second["added"], second["removed"]) == (1, 3)
        assert client.post("/v1/match", json=query).json()["verdict"] == "none"
        versions = client.get("/v1/banks/A/versions").json()
    conforming(answers.VersionsAnswer, versions)
    assert [one["version"] for one in versions["versions"]] == ["v2", "v1"]
    assert versions["versions"][1]["superseded_at"] == versions["versions"][0]["activated_at"]


@pytest.mark.parametrize(
    ("query", "content", "status", "code"),
    [
        ("", CSV + "x9,zz,A\n", 422, "too_many_rejected"),
        ("?format=xml", CSV, 422, "unknown_format"),
        ("", b"\x89PNG\r\n\x1a\n" + bytes(500), 422, "unreadable_list"),
        ("", "", 422, "unreadable_list"),
        ("?max_rejected=-1", CSV, 422, "invalid_request"),
        ("?provider=", CSV, 422, "bad_name"),
        ("?dry_run=perhaps", CSV, 422, "invalid_request"),
        ("?dryrun=true", CSV, 422, "invalid_request"),
        ("?allow_shrink=perhaps", CSV, 422, "invalid_request"),
        ("", "# entries: 4\n" + CSV, 422, "incomplete_list"),
        ("?max_rejected=9", "md5\nzz\n", 422, "empty_list"),
    ],
)
def test_a_bad_list_is_named(
    served: Served, query: str, content: bytes | str, status: int, code: str
) -> None:
    """Nothing of it is in force."""
    with served.client() as client:
        client.post("/v1/banks", json={"name": "A"})
        answer = client.post(f"/v1/banks/A/imports{query}", content=content)
        assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
        assert client.get("/v1/banks/A/entries").json()["entries"] == []
        assert client.get("/v1/banks/A/versions").json() == {"versions": []}


def test_a_list_that_shrinks_is_a_problem_with_the_counts(served: Served) -> None:
    """Until the caller allows it; a dry run answers what would happen, and that it is refused."""
    place = "/v1/banks/A/imports"
    whole = "".join(f"sha256 {n:064x}\n" for n in range(10))
    with served.client() as client:
        client.post("/v1/banks", json={"name": "A"})
        client.post(place, content=whole).raise_for_status()
        cut = whole[: len(whole) // 2]
        refused = client.post(place, content=cut)
        dry = client.post(f"{place}?dry_run=true", content=cut)
        assert (refused.status_code, dry.status_code) == (422, 200)
        problem, looked = refused.json(), conforming(answers.ImportAnswer, dry.json())
        assert problem["code"] == "list_shrinks"
        counts = ("added", "updated", "held", "removed", "unchanged", "rejected_count")
        assert [problem[count] for count in counts] == [0, 0, 10, 5, 5, 0]
        assert (looked["refused"], looked["shrinks"], looked["removed"]) == (True, True, 5)
        allowed = client.post(f"{place}?allow_shrink=true", content=cut).json()
        assert (allowed["removed"], allowed["refused"]) == (5, False)


def test_rejected_lines_are_told(served: Served) -> None:
    """Line and reason, in the refusal and in the diff; never the hash itself."""
    bad = CSV + "x9," + "5f" * 31 + ",A\n"
    with served.client() as client:
        client.post("/v1/banks", json={"name": "A"})
        refused = client.post("/v1/banks/A/imports", content=bad).json()
        taken = client.post("/v1/banks/A/imports?max_rejected=1", content=bad).json()
    assert refused["rejected_count"] == taken["rejected_count"] == 1
    assert refused["rejected"] == taken["rejected"]
    assert refused["rejected"][0]["line"] == 5
    assert "5f5f" not in str(refused)


def test_an_image_is_added_with_its_provenance(served: Served, pictures: Pictures) -> None:
    """Fields of the form say where it comes from; an unknown or repeated one is refused."""
    image = pictures.png(pictures.photo)
    fields = {"provider": "p", "list": "l", "provider_id": "x", "labels": ["B", "A"]}
    with served.client() as client:
        client.post("/v1/banks", json={"name": "A"})
        for bad in ({"lables": "A"}, {"provider": ["p", "q"]}):
            answer = client.post("/v1/banks/A/entries", files={"file": image}, data=bad)
            assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
        made = client.post("/v1/banks/A/entries", files={"file": image}, data=fields)
        entry = conforming(answers.EntryAnswer, made.json())
    assert (entry["provider"], entry["list"], entry["provider_id"]) == ("p", "l", "x")
    assert entry["labels"] == ["A", "B"]
    assert entry["signal_types"] == ["md5", "sha1", "sha256", "pdq", "code"]
    assert entry["warnings"] == []


def test_keys_over_http(served: Served) -> None:
    """Made once in full, listed without text, revoked at once."""
    with served.client() as client:
        answer = client.post("/v1/keys", json={"name": "uploads", "roles": ["matcher"]})
        made = conforming(answers.KeyAnswer, answer.json())
        with served.client(made["key"]) as holder:
            assert holder.get("/v1/status").status_code == 200
            assert holder.get("/v1/keys").status_code == 403
            assert client.delete(f"/v1/keys/{made['key_id']}").status_code == 204
            refused = holder.get("/v1/status")
            assert (refused.status_code, refused.json()["code"]) == (401, "key_refused")
        (listed,) = conforming(answers.KeysAnswer, client.get("/v1/keys").json())["keys"]
        assert "key" not in listed
        assert listed["revoked_at"] is not None
        for bad in ({"name": "x", "roles": []}, {"name": "x", "roles": ["root"]}, {"name": ""}):
            assert client.post("/v1/keys", json=bad).status_code == 422
        assert client.delete("/v1/keys/none").json()["code"] == "key_not_found"


def test_hashes_are_for_curators(served: Served) -> None:
    """A reviewer sees where an entry comes from, not its hashes."""
    with served.client() as client:
        client.post("/v1/banks", json={"name": "A"})
        made = client.post("/v1/banks/A/entries", json={"signals": {"sha256": HASH}})
    with served.client_with(Role.REVIEWER) as client:
        read = client.get(made.headers["location"])
        page = client.get("/v1/banks/A/entries")
    assert read.json()["signal_types"] == ["sha256"]
    assert HASH not in read.text + page.text


def test_status_tells_what_is_held(served: Served, pictures: Pictures) -> None:
    """Per signal the entries, kind, bytes and freshness; per space the device."""
    with served.client() as client:
        client.post("/v1/banks", json={"name": "A"})
        image = pictures.png(pictures.photo)
        client.post("/v1/banks/A/entries", files={"file": image})
        body = client.get("/v1/status").json()
    status = conforming(answers.StatusAnswer, body)
    assert status["loaded"]
    assert (status["banks"], status["sequence"]) == (1, 2)
    entries = {one["signal"]: one["entries"] for one in status["signals"]}
    made = {"md5": 1, "sha1": 1, "sha256": 1, "pdq": 1, "code": 1}
    assert {name: count for name, count in entries.items() if count} == made
    assert entries.keys() == types_by_name().keys()
    (space,) = status["code_spaces"]
    assert (space["space"], space["device"]) == ("thumbnail-256-0", "cpu (thumbnail)")


def test_health_and_metrics_need_no_key(served: Served) -> None:
    """And say nothing of what is listed."""
    with served.client("no such key") as anybody, served.client() as client:
        client.post("/v1/banks", json={"name": "secret-bank"})
        client.post("/v1/match", json={"signals": {"sha256": HASH}})
        assert anybody.get("/livez").json() == {"status": "alive"}
        assert anybody.get("/readyz").status_code == 503
        client.post("/v1/banks/secret-bank/entries", json={"signals": {"md5": "5f" * 16}})
        ready = anybody.get("/readyz").json()
        assert ready["status"] == "ready"
        names = {check["name"] for check in ready["checks"]}
        assert names == {
            "banks",
            "entries",
            "exchanges",
            "fresh",
            "index",
            "probing",
            "rows",
            "scrub",
            "store",
        }
        text = anybody.get("/metrics").text
    assert 'lookalike_verdicts_total{coverage="none",verdict="none"} 1.0' in text
    assert 'route="/v1/match",status="200"} 1.0' in text
    assert "lookalike_index_sequence 2.0" in text
    assert 'lookalike_health_check{check="banks"} 0.0' in text
    assert "secret-bank" not in text + repr(ready)


def test_an_image_of_which_not_all_is_listed_says_so(served: Served, pictures: Pictures) -> None:
    """A curator must know that only the first of several frames will be found."""
    frames = [Image.fromarray(pictures.photo), Image.fromarray(pictures.photo[::-1].copy())]
    file = io.BytesIO()
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:])
    with served.client() as client:
        client.post("/v1/banks", json={"name": "A"})
        made = client.post("/v1/banks/A/entries", files={"file": file.getvalue()})
    assert made.status_code == 201
    assert "further_frames" in [remark["code"] for remark in made.json()["warnings"]]
