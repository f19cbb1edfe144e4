"""``/v1/match`` and its kin, over real HTTP: what the contract promises."""

from __future__ import annotations

import hashlib
import io
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import delete

from service.domain.errors import StoreUnusableError
from service.domain.signals import Signals
from service.http.shapes import answers
from service.store import ImportRow, ImportTarget, Role
from service.store.core.models import EntryRow
from service.store.entries.entries import Entries
from tests.service.conftest import conforming

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from tests.service.conftest import Pictures, Served

SPACE = "thumbnail-256-0"
HASH = "5f" * 32


def post(client: httpx.Client, path: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401 (as httpx)
    answer = client.post(path, **more)
    assert answer.is_success, answer.text
    body: dict[str, Any] = answer.json()
    return body


def fill(client: httpx.Client) -> None:
    """Make bank A, with an entry that no query here matches: an empty bank covers nothing."""
    client.post("/v1/banks", json={"name": "A"})
    client.post("/v1/banks/A/entries", json={"signals": {"md5": "00" * 16}}).raise_for_status()


def listed(client: httpx.Client, bank: dict[str, Any], image: bytes, **fields: str) -> str:
    client.post("/v1/banks", json=bank)
    made = post(client, f"/v1/banks/{bank['name']}/entries", files={"file": image}, data=fields)
    return str(made["entry_id"])


def signals_of(row: dict[str, Any]) -> tuple[str, str]:
    return row["signal"], row["verdict"]


def test_an_exact_copy_blocks_with_everything_said(served: Served, pictures: Pictures) -> None:
    """The answer has the contract's fields, rows by severity, provenance and the imagery."""
    image = pictures.png(pictures.photo)
    with served.client() as client:
        entry = listed(
            client,
            {"name": "A", "action": "review"},
            image,
            provider="p",
            list="l",
            provider_id="x1",
            labels="B",
        )
        answer = post(client, "/v1/match", files={"file": image}, data={"include": "fingerprint"})
    assert answer["verdict"] == "block"
    assert answer["truncated"] is False
    assert [signals_of(row) for row in answer["matches"]] == [
        ("md5", "block"),
        ("sha1", "block"),
        ("sha256", "block"),
        ("code", "review"),
        ("pdq", "review"),
    ]
    first = answer["matches"][0]
    version = first["provenance"].pop("list_version")
    assert version.startswith("20")
    assert first == {
        "bank": "A",
        "entry_id": entry,
        "signal": "md5",
        "distance": 0,
        "radius": 0,
        "verdict": "block",
        "provenance": {"provider": "p", "list": "l", "provider_id": "x1", "labels": ["B"]},
    }
    assert answer["matches"][3]["space"] == SPACE
    assert answer["imagery"]["label"] == "photographic"
    assert answer["matches"][3]["radius"] == 20
    assert answer["coverage"] == "full"
    assert answer["not_matched"] == []
    assert answer["fingerprint"]["codes"].keys() == {SPACE}
    assert answer["fingerprint"]["pdq_quality"] == 100
    assert answer["index"]["sequence"] == 2
    assert 0 <= answer["index"]["age_seconds"] < 60


@pytest.mark.parametrize(("action", "verdict"), [("block", "block"), ("review", "review")])
def test_a_recompressed_copy_does_what_the_bank_says(
    served: Served, pictures: Pictures, action: str, verdict: str
) -> None:
    """PDQ finds it; the bank's action decides."""
    with served.client() as client:
        listed(client, {"name": "A", "action": action}, pictures.png(pictures.photo))
        copy = pictures.jpeg(pictures.photo, 40)
        answer = post(client, "/v1/match", files={"file": copy})
    assert answer["verdict"] == verdict
    assert {row["signal"] for row in answer["matches"]} == {"pdq", "code"}
    assert "fingerprint" not in answer


def test_a_stranger_is_none(served: Served, pictures: Pictures) -> None:
    """Another image matches nothing, and the answer says that everything was compared."""
    with served.client() as client:
        listed(client, {"name": "A"}, pictures.png(pictures.photo))
        other = np.rot90(pictures.photo[:128, 64:]).copy()
        answer = post(client, "/v1/match", files={"file": pictures.png(other)})
    assert (answer["verdict"], answer["matches"], answer["coverage"]) == ("none", [], "full")


def test_an_allowed_image(served: Served, pictures: Pictures) -> None:
    """An exact SHA-256 in an allow bank overrides PDQ and code, never a listed digest."""
    original, copy = pictures.png(pictures.photo), pictures.jpeg(pictures.photo)
    with served.client() as client:
        listed(client, {"name": "A", "action": "block"}, original)
        listed(client, {"name": "good", "action": "allow"}, copy)
        allowed = post(client, "/v1/match", files={"file": copy})
        assert allowed["verdict"] == "none"
        assert {row["signal"] for row in allowed["matches"]} == {"pdq", "code", "sha256"}
        assert {row["verdict"] for row in allowed["matches"]} == {"none"}
        assert post(client, "/v1/match", files={"file": original})["verdict"] == "block"
        listed(client, {"name": "good"}, original)
        conflict = post(client, "/v1/match", files={"file": original})
    assert conflict["verdict"] == "review"


def test_a_listed_file_that_cannot_be_decoded_is_an_error_that_says_so(
    served: Served, pictures: Pictures
) -> None:
    """Its digests are compared all the same: no error may hide that it is listed."""
    file = pictures.png(pictures.photo)
    damaged = file[: len(file) // 2]
    with served.client() as client:
        client.post("/v1/banks", json={"name": "A"})
        before = client.post("/v1/match", files={"file": damaged})
        assert (before.status_code, before.json()["code"]) == (422, "unreadable_image")
        assert "verdict" not in before.json()
        signals = {"sha256": hashlib.sha256(damaged).hexdigest()}
        client.post("/v1/banks/A/entries", json={"signals": signals})
        after = client.post("/v1/match", files={"file": damaged})
    assert after.status_code == 422
    body = after.json()
    assert (body["code"], body["verdict"], body["coverage"]) == (
        "unreadable_image", "block", "digests_only",
    )  # fmt: skip
    assert [row["signal"] for row in body["matches"]] == ["sha256"]


def test_an_option_is_given_once(served: Served, pictures: Pictures) -> None:
    """Banks in the query string must not be replaced by others in the form, unseen."""
    with served.client() as client:
        for name in ("A", "B"):
            client.post("/v1/banks", json={"name": name})
        image = pictures.png(pictures.photo)
        answer = client.post(
            "/v1/match", params={"banks": "A"}, files={"file": image}, data={"banks": "B"}
        )
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
        body = {"signals": {"md5": "5f" * 16}, "banks": ["B"]}
        assert client.post("/v1/match", params={"banks": "A"}, json=body).status_code == 422


def test_of_an_animation_the_answer_says_that_one_frame_was_compared(
    served: Served, pictures: Pictures
) -> None:
    frames = [Image.fromarray(pictures.photo), Image.fromarray(pictures.photo[::-1].copy())]
    file = io.BytesIO()
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:])
    with served.client() as client:
        fill(client)
        answer = post(client, "/v1/match", files={"file": file.getvalue()})
        conforming(answers.MatchAnswer, answer)
    assert answer["not_matched"] == [
        {"signal": "pdq", "reason": "further_frames"},
        {"signal": "code", "space": SPACE, "reason": "further_frames"},
    ]


def test_another_picture_that_a_file_can_pass_for_is_matched_unasked(
    served: Served, pictures: Pictures
) -> None:
    """The second picture of a file, which few programs show: the row names it, and asks for
    review."""
    shown = Image.fromarray(pictures.photo)
    buffer = io.BytesIO()
    other = Image.fromarray(np.ascontiguousarray(pictures.photo[::-1, ::-1]))
    other.save(buffer, "MPO", save_all=True, append_images=[shown])
    with served.client() as client:
        listed(client, {"name": "A", "action": "block"}, pictures.png(pictures.photo))
        answer = post(client, "/v1/match", files={"file": buffer.getvalue()})
    rows = [row for row in answer["matches"] if row["signal"] == "pdq"]
    assert [(row["view"], row["verdict"]) for row in rows] == [("further_picture", "review")]
    assert (answer["verdict"], answer["not_matched"]) == ("review", [])


def test_a_file_that_was_cut_off_is_matched_and_says_so(served: Served, pictures: Pictures) -> None:
    with served.client() as client:
        listed(client, {"name": "A", "action": "block"}, pictures.png(pictures.photo))
        answer = post(client, "/v1/match", files={"file": pictures.jpeg(pictures.photo)[:-2]})
        conforming(answers.MatchAnswer, answer)
    assert (answer["verdict"], answer["coverage"]) == ("block", "full")
    assert answer["not_matched"] == [
        {"signal": "pdq", "reason": "truncated"},
        {"signal": "code", "space": SPACE, "reason": "truncated"},
    ]


def test_a_match_is_answered_though_the_store_is_away(
    served: Served, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The verdict stands; what the rows would say is missing, and ``truncated`` tells that."""
    image = pictures.png(pictures.photo)

    def away(_entries: object, _ids: object) -> None:
        raise StoreUnusableError("the database does not answer")

    with served.client() as client:
        listed(client, {"name": "A"}, image)
        monkeypatch.setattr(Entries, "by_ids", away)
        answer = post(client, "/v1/match", files={"file": image})
    assert (answer["verdict"], answer["matches"], answer["truncated"]) == ("block", [], True)


def test_a_blank_image_is_compared_by_digest_only(served: Served, pictures: Pictures) -> None:
    """Listing one says so and does not match other blank images; an exact copy still blocks."""
    blank = pictures.png(np.full((200, 200, 3), 250, np.uint8))
    other = pictures.png(np.full((300, 200, 3), 250, np.uint8))
    with served.client() as client:
        client.post("/v1/banks", json={"name": "A"})
        made = post(client, "/v1/banks/A/entries", files={"file": blank})
        assert made["digest_only"] is True
        assert [warning["code"] for warning in made["warnings"]] == ["digest_only"]
        assert post(client, "/v1/match", files={"file": blank})["verdict"] == "block"
        answer = post(client, "/v1/match", files={"file": other}, data={"include": "fingerprint"})
    assert (answer["verdict"], answer["coverage"]) == ("none", "digests_only")
    assert answer["not_matched"] == [
        {"signal": "pdq", "reason": "low_quality"},
        {"signal": "code", "space": SPACE, "reason": "low_quality"},
    ]
    assert answer["fingerprint"]["pdq"]
    assert answer["fingerprint"]["codes"]


def test_imagery_chooses_the_radius_and_nothing_else(served: Served, pictures: Pictures) -> None:
    """A grey picture is no photograph, a coloured one is, a pale one uncertain: the wider
    radius."""
    grey = pictures.photo.mean(axis=2, keepdims=True).repeat(3, axis=2).astype(np.uint8)
    pale = (grey * 0.8 + [22, 17, 12]).clip(0, 255).astype(np.uint8)
    own = {"code": {"photographic": 30, "non_photographic": 9}}
    with served.client() as client:
        listed(
            client,
            {"name": "npi", "imagery": "non_photographic", "radius": own},
            pictures.png(pictures.photo),
        )
        seen = {}
        for image in (pictures.photo, grey, pale):
            answer = post(client, "/v1/match", files={"file": pictures.png(image)})
            radius = [row["radius"] for row in answer["matches"] if row["signal"] == "code"]
            seen[answer["imagery"]["label"]] = radius
    assert seen == {"photographic": [30], "non_photographic": [9], "uncertain": [30]}


def test_signals_are_matched_as_a_file_is(served: Served, pictures: Pictures) -> None:
    """What a fingerprint says can be sent as it is, and finds the same."""
    image = pictures.png(pictures.photo)
    with served.client() as client:
        listed(client, {"name": "A"}, image)
        fingerprint = post(client, "/v1/fingerprint", files={"file": image})
        by_file = post(client, "/v1/match", files={"file": image})
        by_signals = post(client, "/v1/match", json={"signals": fingerprint})
    del by_file["index"], by_signals["index"]
    assert by_signals == by_file


@pytest.mark.parametrize(
    ("signals", "coverage"),
    [
        ({"md5": "5f" * 16}, "digests_only"),
        ({"url": "https://example.org/page"}, "digests_only"),
        ({"pdq": HASH}, "full"),
        ({"codes": {SPACE: HASH}}, "full"),
        ({"codes": {"unheard-of-0": HASH}}, "none"),
        ({"pdq": HASH, "pdq_quality": 10}, "none"),
    ],
)
def test_coverage_of_signals(served: Served, signals: dict[str, Any], coverage: str) -> None:
    """What could be compared is told; without an image there is no imagery."""
    with served.client() as client:
        fill(client)
        answer = post(client, "/v1/match", json={"signals": signals})
    assert (answer["verdict"], answer["coverage"], answer["imagery"]) == ("none", coverage, None)


@pytest.mark.parametrize("made", [[], [{"name": "A"}], [{"name": "A", "enabled": False}]])
def test_where_nothing_is_listed_nothing_is_covered(
    serve: Callable[..., Served], pictures: Pictures, made: list[dict[str, Any]]
) -> None:
    """No bank, an empty one, or a disabled one: an unlisted image and a lost list look alike, so
    the answer claims nothing, whatever ``LOOKALIKE_ALLOW_EMPTY`` says of readiness."""
    served = serve(allow_empty=True)
    with served.client() as client:
        for bank in made:
            client.post("/v1/banks", json=bank)
            if not bank.get("enabled", True):
                entry = {"signals": {"md5": "00" * 16}}
                client.post("/v1/banks/A/entries", json=entry).raise_for_status()
        answer = post(client, "/v1/match", files={"file": pictures.png(pictures.photo)})
        conforming(answers.MatchAnswer, answer)
        assert (answer["verdict"], answer["coverage"]) == ("none", "none")
        assert {row["reason"] for row in answer["not_matched"]} == {"no_entries"}
        ready = client.get("/readyz")
        checks = {check["name"]: check["severity"] for check in ready.json()["checks"]}
        assert (ready.status_code, checks["banks"]) == (200, "degraded")


def test_a_server_without_entries_is_not_ready(served: Served) -> None:
    """Until one is added, and again when the last is gone, disabled, or its bank is."""
    with served.client() as client:

        def ready() -> tuple[int, str]:
            answer = client.get("/readyz")
            (banks,) = [one for one in answer.json()["checks"] if one["name"] == "banks"]
            return answer.status_code, banks["said"]

        nothing = "no bank holds anything that is listed"
        assert ready() == (503, "there is no bank")
        client.post("/v1/banks", json={"name": "A"})
        assert ready() == (503, nothing)
        made = client.post("/v1/banks/A/entries", json={"signals": {"md5": "00" * 16}})
        entry = made.headers["location"]
        assert ready() == (200, "")
        client.patch(entry, json={"enabled": False})
        assert ready() == (503, nothing)
        client.patch(entry, json={"enabled": True})
        assert ready() == (200, "")
        client.patch("/v1/banks/A", json={"enabled": False})
        assert ready() == (503, "no bank is enabled")
        client.patch("/v1/banks/A", json={"enabled": True, "action": "allow"})
        assert ready()[0] == 503
        client.patch("/v1/banks/A", json={"action": "review"})
        assert ready() == (200, "")
        client.delete(entry)
        assert ready() == (503, nothing)
        assert client.get("/readyz").json()["code"] == "not_ready"


def test_a_fault_that_could_hide_a_listed_image_is_in_every_answer(served: Served) -> None:
    """What is found is answered; what is not found may be there, unless it is blocked anyway."""
    with served.client() as client:
        fill(client)
        client.post("/v1/banks/A/entries", json={"signals": {"pdq": "ff" * 32}})
        served.services.health.failing("scrub", "a file is damaged", incomplete=True)
        assert client.get("/readyz").status_code == 503
        for signals, verdict, coverage in (
            ({"pdq": HASH}, "none", "none"),
            ({"pdq": "ff" * 32}, "review", "none"),
            ({"md5": "00" * 16}, "block", "digests_only"),
        ):
            answer = post(client, "/v1/match", json={"signals": signals})
            assert (answer["verdict"], answer["coverage"]) == (verdict, coverage)
            (name,) = signals
            assert {"signal": name, "reason": "index_incomplete"} in answer["not_matched"]
        served.services.health.sound("scrub")
        answer = post(client, "/v1/match", json={"signals": {"pdq": HASH}})
        assert (answer["coverage"], answer["not_matched"]) == ("full", [])
        assert client.get("/readyz").status_code == 200


def test_a_bank_of_another_models_codes_is_not_passed_over_in_silence(served: Served) -> None:
    """For as long as it holds such codes: coverage says that nothing was compared, and why."""
    query = {"signals": {"codes": {SPACE: HASH}}}
    other = {"signals": {"codes": {"old-256-1": HASH}}}
    with served.client() as client:
        fill(client)
        made = client.post("/v1/banks/A/entries", json=other)
        answer = post(client, "/v1/match", json=query)
        assert (answer["verdict"], answer["coverage"]) == ("none", "none")
        said = [{"signal": "code", "space": "old-256-1", "reason": "other_space"}]
        assert answer["not_matched"] == said
        conforming(answers.MatchAnswer, answer)
        client.delete(made.headers["location"])
        answer = post(client, "/v1/match", json=query)
    assert (answer["coverage"], answer["not_matched"]) == ("full", [])


def test_a_listed_page_blocks(served: Served) -> None:
    """A URL is looked up as a page, not fetched."""
    with served.client() as client:
        client.post("/v1/banks", json={"name": "urls"})
        client.post(
            "/v1/banks/urls/entries", json={"signals": {"url": "https://example.org/bad#top"}}
        )
        listed_page = {"signals": {"url": "HTTPS://Example.org/bad"}}
        answer = post(client, "/v1/match", json=listed_page)
    assert (answer["verdict"], answer["matches"][0]["signal"]) == ("block", "url")


def test_a_matcher_sees_no_distances_and_ids(served: Served, pictures: Pictures) -> None:
    """Verdict and provenance, yes; what tells a prober how close it came, no."""
    image = pictures.png(pictures.photo)
    with served.client() as client:
        listed(client, {"name": "A"}, image)
    for role, sees in ((Role.MATCHER, False), (Role.CURATOR, True), (Role.REVIEWER, True)):
        with served.client_with(role) as client:
            answer = post(client, "/v1/match", files={"file": image})
        for row in answer["matches"]:
            assert ({"entry_id", "distance", "radius"} <= row.keys()) is sees
            assert row["provenance"]["provider"] == "local"
            assert row["bank"] == "A"


def test_banks_narrow_a_query(served: Served, pictures: Pictures) -> None:
    """By query string, field or JSON, by comma or repeated; an unknown bank is never passed
    over."""
    image = pictures.png(pictures.photo)
    with served.client() as client:
        listed(client, {"name": "A", "action": "block"}, image)
        listed(client, {"name": "B"}, image)
        client.post("/v1/banks", json={"name": "C"})
        send: list[Callable[[], httpx.Response]] = [
            lambda: client.post("/v1/match?banks=B,C", files={"file": image}),
            lambda: client.post("/v1/match", files={"file": image}, data={"banks": ["B", "C"]}),
            lambda: client.post("/v1/match", files={"file": image}, data={"banks": " B , C "}),
        ]
        for request in send:
            assert {row["bank"] for row in request().json()["matches"]} == {"B"}
        narrow = {"signals": {"pdq": HASH}, "banks": ["C"]}
        assert post(client, "/v1/match", json=narrow)["matches"] == []
        for unknown in (
            client.post("/v1/match?banks=B,D", files={"file": image}),
            client.post("/v1/match", json={"signals": {"pdq": HASH}, "banks": ["D"]}),
        ):
            assert unknown.status_code == 404
            assert unknown.json()["code"] == "bank_not_found"


def test_a_hundred_rows_and_no_more(served: Served) -> None:
    """The answer says that it was cut, and its verdict counts what was cut off."""
    rows = [
        ImportRow(n, Signals.of(pdq=b"\x0f" * 32, codes={SPACE: b"\x0f" * 32}), f"{n:03}")
        for n in range(150)
    ]
    served.store.apply_import(ImportTarget("A", create_bank=True), rows)
    with served.client() as client:
        client.post("/v1/banks", json={"name": "B"})  # so that this replica has caught up
        answer = post(client, "/v1/match", json={"signals": {"pdq": "0f" * 32}})
    assert answer["truncated"] is True
    ids = [row["entry_id"] for row in answer["matches"]]
    assert len(ids) == 100
    assert ids == sorted(ids)


def test_a_batch_keeps_its_order_and_its_failures(served: Served) -> None:
    """One bad item is answered in its place and fails no other."""
    with served.client() as client:
        client.post("/v1/banks", json={"name": "A"})
        client.post("/v1/banks/A/entries", json={"signals": {"sha256": HASH}})
        items: list[dict[str, Any]] = [
            {"signals": {"sha256": HASH}},
            {"signals": {"sha256": "zz"}},
            {"signals": {"sha256": "00" * 32}, "content_id": "mine"},
            {"banks": ["A"]},
            {"signals": {"sha256": HASH}, "banks": ["nope"]},
            {"signals": {"sha256": HASH}, "include": ["fingerprint"]},
            {"url": "https://example.org/a.png"},
        ]
        answers = post(client, "/v1/match/batch", json={"items": items})["items"]
        told = [one.get("verdict") or one["error"]["code"] for one in answers]
        too_many = client.post("/v1/match/batch", json={"items": items * 40})
    assert told == [
        "block",
        "bad_signal",
        "none",
        "invalid_request",
        "bank_not_found",
        "block",
        "fetch_disabled",
    ]
    assert answers[5]["fingerprint"] == {"sha256": HASH}
    assert too_many.status_code == 422


def test_a_change_is_in_force_for_the_next_query(served: Served) -> None:
    """Added, disabled, enabled, policy changed, deleted: each answer is followed by its effect."""
    query = {"signals": {"pdq": HASH}}
    with served.client() as client:

        def verdict() -> str:
            return str(post(client, "/v1/match", json=query)["verdict"])

        client.post("/v1/banks", json={"name": "A"})
        entry = post(client, "/v1/banks/A/entries", json=query)["entry_id"]
        assert verdict() == "review"
        client.patch(f"/v1/banks/A/entries/{entry}", json={"enabled": False})
        assert verdict() == "none"
        client.patch(f"/v1/banks/A/entries/{entry}", json={"enabled": True})
        client.patch("/v1/banks/A", json={"action": "block"})
        assert verdict() == "block"
        client.patch("/v1/banks/A", json={"enabled": False})
        assert verdict() == "none"
        client.patch("/v1/banks/A", json={"enabled": True})
        client.delete(f"/v1/banks/A/entries/{entry}")
        assert verdict() == "none"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"signals": {"pdq": HASH}, "bank": ["A"]}, 422, "invalid_request"),
        ({"signals": {"pdq": HASH}, "banks": []}, 422, "invalid_request"),
        ({"signals": {"pdq": HASH}, "include": ["all"]}, 422, "invalid_request"),
        ({"signals": {"pdq": HASH}, "content_id": "x" * 257}, 422, "invalid_request"),
        ({"signals": {}}, 422, "no_signals"),
        ({"signals": [HASH]}, 422, "invalid_request"),
        ({"signals": {"phash": HASH}}, 422, "bad_signal"),
        ({}, 422, "invalid_request"),
        ({"signals": {"pdq": HASH}, "url": "https://a/"}, 422, "invalid_request"),
        ({"url": "https://example.org/a.png"}, 422, "fetch_disabled"),
        ([], 422, "invalid_request"),
        ({"signals": {"pdq": HASH}, "\ud800": 1}, 400, "malformed_request"),
        ({"signals": {"\x00": HASH}}, 422, "bad_signal"),
    ],
)
def test_a_bad_json_query_is_named(served: Served, body: object, status: int, code: str) -> None:
    """Its own code, and no hash in the answer."""
    with served.client() as client:
        answer = client.post(
            "/v1/match",
            content=json.dumps(body),
            headers={"Content-Type": "application/json"},
        )
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert HASH not in answer.text


@pytest.mark.parametrize(
    ("content", "kind", "status", "code"),
    [
        (b"{", "application/json", 400, "malformed_request"),
        (b"", "application/json", 400, "malformed_request"),
        (b"[" * 100_000, "application/json", 400, "malformed_request"),
        (b"{}", "text/plain", 415, "unsupported_media_type"),
        (b"x", "multipart/form-data", 400, "malformed_request"),
        (b"x", "multipart/form-data; boundary=b", 400, "malformed_request"),
        (b"--b\r\n\r\nx", "multipart/form-data; boundary=b", 400, "malformed_request"),
        (b"{" + b" " * 2**20 + b"}", "application/json", 413, "body_too_large"),
    ],
)
def test_a_bad_body_is_named(
    served: Served, content: bytes, kind: str, status: int, code: str
) -> None:
    """Whatever is sent as whatever type."""
    with served.client() as client:
        answer = client.post("/v1/match", content=content, headers={"Content-Type": kind})
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_a_bad_form_is_named(served: Served, pictures: Pictures) -> None:
    """No file, a file under another name, two files, unknown fields and parameters."""
    image = pictures.png(pictures.photo)
    files = [("file", ("a", image)), ("file", ("b", image))]
    with served.client() as client:
        for answer, status in (
            (client.post("/v1/match", files={"image": image}), 400),
            (client.post("/v1/match", files=files), 400),
            (client.post("/v1/match", files={"file": (None, image)}), 400),
            (client.post("/v1/match", files={"file": image}, data={"bank": "A"}), 422),
            (client.post("/v1/match?bank=A", files={"file": image}), 422),
            (client.post("/v1/match?include=all", files={"file": image}), 422),
            (client.post("/v1/match?banks=,", files={"file": image}), 422),
            (client.post("/v1/fingerprint", files={"file": image}, data={"a": "b"}), 400),
            (client.post("/v1/fingerprint", json={"signals": {}}), 415),
        ):
            assert answer.status_code == status, answer.text
            assert answer.headers["content-type"] == "application/problem+json"


def test_an_allow_bank_alone_lists_nothing(serve: Callable[..., Served]) -> None:
    """Where the banks that list are disabled or not asked, nothing was looked for: what an allow
    bank holds is no reason to say that all was."""
    served = serve(allow_empty=True)
    with served.client() as client:
        for name, action, signals in (
            ("listed", "block", {"pdq": HASH}),
            ("good", "allow", {"sha256": "00" * 32}),
        ):
            client.post("/v1/banks", json={"name": name, "action": action})
            entry = {"signals": signals}
            client.post(f"/v1/banks/{name}/entries", json=entry).raise_for_status()
        asked: dict[str, Any] = {"signals": {"pdq": HASH}}
        assert post(client, "/v1/match", json=asked)["verdict"] == "block"
        only = post(client, "/v1/match", json={**asked, "banks": ["good"]})
        client.patch("/v1/banks/listed", json={"enabled": False}).raise_for_status()
        off = post(client, "/v1/match", json=asked)
    for answer in (only, off):
        assert (answer["verdict"], answer["coverage"]) == ("none", "none")
        assert {row["reason"] for row in answer["not_matched"]} == {"no_entries"}


def test_a_match_whose_entry_is_gone_is_said_to_lack_it(served: Served) -> None:
    """Of a row that was purged a moment ago, or was lost: the verdict stands, and ``truncated``
    tells that its match is not among those shown."""
    with served.client() as client:
        fill(client)
        asked = {"signals": {"pdq": HASH}}
        client.post("/v1/banks", json={"name": "B", "action": "block"}).raise_for_status()
        client.post("/v1/banks/B/entries", json=asked).raise_for_status()
        database = served.store._database
        with database.connect() as connection, database.altering(connection):
            connection.execute(delete(EntryRow))
        answer = post(client, "/v1/match", json=asked)
    assert (answer["verdict"], answer["matches"], answer["truncated"]) == ("block", [], True)


def test_a_fingerprint_sent_back_leaves_no_picture_out_in_silence(
    served: Served, pictures: Pictures
) -> None:
    """Of a file that shows two pictures the fingerprint has one, and says so, then and when it is
    matched."""
    photo = pictures.photo[:256, :256]
    rgba = np.dstack([photo, photo[..., ::-1, :1]])
    with served.client() as client:
        client.post("/v1/banks", json={"name": "A"})
        client.post("/v1/banks/A/entries", json={"signals": {"sha256": "5f" * 32}})
        made = client.post("/v1/fingerprint", files={"file": pictures.png(rgba)}).json()
        assert made["doubts"] == ["ambiguous_picture"]
        answer = client.post("/v1/match", json={"signals": made}).json()
        plain = client.post("/v1/fingerprint", files={"file": pictures.png(photo)}).json()
        wrong = client.post("/v1/match", json={"signals": {**made, "doubts": ["x"]}})
    assert {one["reason"] for one in answer["not_matched"]} >= {"ambiguous_picture"}
    assert "doubts" not in plain
    assert wrong.status_code == 422
