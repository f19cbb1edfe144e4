"""Who may come in by which door, and what every door says to those who may not."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from service.http.shapes import answers, examples, schemas
from service.store import Role
from tests.service.conftest import conforming

if TYPE_CHECKING:
    from tests.service.conftest import Served

MATCHERS = {Role.MATCHER, Role.CURATOR, Role.REVIEWER, Role.ADMIN}
READERS = {Role.CURATOR, Role.REVIEWER, Role.ADMIN}
CURATORS = {Role.CURATOR, Role.ADMIN}
ADMINS = {Role.ADMIN}

DOORS = {
    ("POST", "/v1/match"): MATCHERS,
    ("POST", "/v1/match/batch"): MATCHERS,
    ("POST", "/v1/match/urls"): MATCHERS,
    ("POST", "/v1/gate"): MATCHERS,
    ("POST", "/v1/fingerprint"): MATCHERS,
    ("GET", "/v1/banks"): READERS,
    ("POST", "/v1/banks"): CURATORS,
    ("GET", "/v1/banks/{bank}"): READERS,
    ("PATCH", "/v1/banks/{bank}"): CURATORS,
    ("DELETE", "/v1/banks/{bank}"): CURATORS,
    ("GET", "/v1/banks/{bank}/versions"): READERS,
    ("POST", "/v1/banks/{bank}/versions/{version}/rollback"): CURATORS,
    ("GET", "/v1/banks/{bank}/entries/{entry_id}/history"): READERS,
    ("GET", "/v1/banks/{bank}/entries"): READERS,
    ("POST", "/v1/banks/{bank}/entries"): CURATORS,
    ("GET", "/v1/banks/{bank}/entries/{entry_id}"): READERS,
    ("PATCH", "/v1/banks/{bank}/entries/{entry_id}"): CURATORS,
    ("DELETE", "/v1/banks/{bank}/entries/{entry_id}"): CURATORS,
    ("GET", "/v1/entries"): READERS,
    ("POST", "/v1/banks/{bank}/imports"): CURATORS,
    ("GET", "/v1/exchanges"): CURATORS,
    ("POST", "/v1/exchanges"): ADMINS,
    ("GET", "/v1/exchanges/{name}"): CURATORS,
    ("PATCH", "/v1/exchanges/{name}"): ADMINS,
    ("DELETE", "/v1/exchanges/{name}"): ADMINS,
    ("POST", "/v1/exchanges/{name}/sync"): CURATORS,
    ("GET", "/v1/exchanges/{name}/runs"): CURATORS,
    ("GET", "/v1/keys"): ADMINS,
    ("POST", "/v1/keys"): ADMINS,
    ("DELETE", "/v1/keys/{key_id}"): ADMINS,
    ("GET", "/v1/status"): set(Role),
}
OPEN = {("GET", "/livez"), ("GET", "/readyz"), ("GET", "/metrics")}


@pytest.fixture
def document(served: Served) -> dict[str, Any]:
    with served.client() as client:
        body: dict[str, Any] = client.get("/openapi.json").json()
    return body


def operations(document: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {
        (method.upper(), path): operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


def test_the_document_explains_an_import_and_is_written_in_markdown(
    document: dict[str, Any],
) -> None:
    """Every parameter of the query says what it does; no docstring's own marks are left."""
    described = operations(document)["POST", "/v1/banks/{bank}/imports"]["parameters"]
    query = {one["name"]: one.get("description") for one in described if one["in"] == "query"}
    expected = {"format", "provider", "list", "version", "max_rejected", "allow_shrink", "dry_run"}
    assert set(query) == {*expected, "mode", "map", "signed_by", "repin"}
    assert all(query.values())
    assert "``" not in str(document)


def test_every_door_has_its_guard(served: Served, document: dict[str, Any]) -> None:
    """Each route admits exactly its roles: others hear 403, nobody without a key comes in."""
    assert set(operations(document)) == DOORS.keys() | OPEN
    clients = {role: served.client_with(role) for role in Role}
    with served.client("lk_00000000_" + "0" * 64) as stranger:
        for (method, path), roles in DOORS.items():
            place = re.sub(r"\{\w+\}", "none", path)
            for role, client in clients.items():
                answer = client.request(method, place)
                forbidden = answer.status_code == 403
                assert forbidden is (role not in roles), (method, path, role, answer.text)
                assert answer.status_code < 500
                if forbidden:
                    assert answer.json()["code"] == "role_missing"
            refused = stranger.request(method, place)
            assert (refused.status_code, refused.json()["code"]) == (401, "key_refused")
            assert refused.headers["www-authenticate"] == "Bearer"
    for client in clients.values():
        client.close()


@pytest.mark.parametrize("header", ["", "Bearer", "Basic abc", "an admin key for tests"])
def test_a_missing_key_is_asked_for(served: Served, header: str) -> None:
    """Another scheme is no key."""
    with served.client() as client:
        answer = client.get("/v1/status", headers={"Authorization": header})
    assert (answer.status_code, answer.json()["code"]) == (401, "key_missing")


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "route_not_found"),
        ("GET", "/v1/match", 405, "method_not_allowed"),
        ("DELETE", "/v1/status", 405, "method_not_allowed"),
        ("GET", "/v1/banks/%00", 404, "bank_not_found"),
        ("GET", "/v1/banks/%ff%fe", 404, "bank_not_found"),
        ("GET", "/v1/banks/none/entries/e_0000000001", 404, "bank_not_found"),
        ("GET", "/v1/banks/none/versions", 404, "bank_not_found"),
        ("DELETE", "/v1/banks/none", 404, "bank_not_found"),
    ],
)
def test_the_framework_answers_as_we_do(
    served: Served, method: str, path: str, status: int, code: str
) -> None:
    """Unknown routes, methods and names are problems with codes too."""
    with served.client() as client:
        answer = client.request(method, path)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    schemas.Problem.model_validate(answer.json())
    if status == 405:
        assert answer.headers["allow"]


def test_every_route_is_documented_with_worked_examples(document: dict[str, Any]) -> None:
    """A summary, a description, an example of each body, and examples of problems with codes."""
    for door, operation in operations(document).items():
        assert operation["summary"], door
        assert operation["description"], door
        if "requestBody" in operation:
            for kind, content in operation["requestBody"]["content"].items():
                assert content.get("example") or kind == "multipart/form-data", door
        for status, answer in operation["responses"].items():
            if status in ("204", "451") or (door == ("POST", "/v1/gate") and status == "200"):
                assert "content" not in answer, (door, status)
                continue
            (content,) = answer["content"].values()
            assert content["example"], (door, status)
            if int(status) >= 400:
                assert content["example"]["code"], (door, status)


def test_examples_are_what_they_are_examples_of() -> None:
    """Each worked example has the shape it documents."""
    conforming(answers.MatchAnswer, examples.MATCH)
    conforming(answers.FingerprintAnswer, examples.FINGERPRINT)
    schemas.BankRequest.model_validate(examples.BANK)
    conforming(answers.BankAnswer, examples.BANK_ANSWER)
    schemas.EntryRequest.model_validate(examples.NEW_ENTRY)
    conforming(answers.EntryAnswer, examples.ENTRY)
    conforming(answers.ImportAnswer, examples.IMPORT)
    conforming(answers.VersionAnswer, examples.VERSION)
    conforming(answers.KeyAnswer, examples.KEY)
    conforming(answers.StatusAnswer, examples.STATUS)


def test_no_reference_in_the_document_leads_nowhere(document: dict[str, Any]) -> None:
    """Every ``$ref`` resolves within the document."""

    def walk(node: object) -> None:
        if isinstance(node, dict):
            target = node.get("$ref")
            if isinstance(target, str):
                at: Any = document
                for part in target.removeprefix("#/").split("/"):
                    at = at[part]
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    walk(document)
