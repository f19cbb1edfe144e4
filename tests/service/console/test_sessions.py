"""Who may see and do what at the console, by which cookie, from which page."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx
import pytest

from service.http.console.sessions import COOKIE
from service.store import Role

if TYPE_CHECKING:
    from tests.service.conftest import Pictures, Served

ADMIN_KEY = "an admin key for tests"
READING = {"/console", "/console/banks", "/console/banks/one"}
MATCHING = {"/console/match"}
KEYS = {"/console/keys"}
MAY_SEE = {
    Role.ADMIN: READING | MATCHING | KEYS,
    Role.CURATOR: READING | MATCHING,
    Role.REVIEWER: READING | MATCHING,
    Role.MATCHER: MATCHING,
    Role.REPORTER: set[str](),
}
"""As in docs/console.md."""


@contextmanager
def browser(served: Served, key: str = ADMIN_KEY) -> Iterator[httpx.Client]:
    """A client that is logged in, as a browser is."""
    with httpx.Client(base_url=served.url, timeout=60, trust_env=False) as client:
        answer = client.post("/console/login", data={"key": key, "next": "/console"})
        assert answer.status_code == 303, answer.text
        yield client


def key_of(served: Served, *roles: Role) -> str:
    with served.client() as admin:
        made = admin.post("/v1/keys", json={"name": "test", "roles": list(roles)})
    return str(made.raise_for_status().json()["key"])


def token(client: httpx.Client, path: str) -> str:
    found = re.search(r'name="token" value="([0-9a-f]+)"', client.get(path).text)
    assert found is not None
    return found[1]


@pytest.fixture
def admin(served: Served) -> Iterator[httpx.Client]:
    with browser(served) as client:
        yield client


def test_whoever_is_not_logged_in_is_asked_for_a_key_and_brought_back(served: Served) -> None:
    with httpx.Client(base_url=served.url, trust_env=False) as client:
        answer = client.get("/console/banks")
        assert answer.status_code == 303
        assert answer.headers["location"] == "/console/login?next=/console/banks"
        page = client.get(answer.headers["location"])
        assert 'value="/console/banks"' in page.text
        data = {"key": ADMIN_KEY, "next": "/console/banks"}
        assert client.post("/console/login", data=data).headers["location"] == "/console/banks"


@pytest.mark.parametrize(
    "elsewhere",
    ["https://elsewhere.example/", "//elsewhere.example", "/v1/keys", "/console@elsewhere", "x"],
)
def test_a_login_leads_to_no_other_place(elsewhere: str, served: Served) -> None:
    with httpx.Client(base_url=served.url, trust_env=False) as client:
        page = client.get("/console/login", params={"next": elsewhere}).text
        assert 'name="next" value="/console"' in page
        answer = client.post("/console/login", data={"key": ADMIN_KEY, "next": elsewhere})
        assert answer.headers["location"] == "/console"


def test_a_wrong_key_is_refused_and_not_repeated(served: Served) -> None:
    with httpx.Client(base_url=served.url, trust_env=False) as client:
        answer = client.post("/console/login", data={"key": "lk_not_a_key<b>", "next": ""})
        assert answer.status_code == 401
        assert "unknown or revoked" in answer.text
        assert "lk_not_a_key" not in answer.text
        assert COOKIE not in client.cookies


@pytest.mark.parametrize("role", list(Role))
def test_each_role_sees_the_pages_that_the_docs_say(role: Role, served: Served) -> None:
    with browser(served) as admin:
        data = {"token": token(admin, "/console/banks"), "name": "one", "action": "review"}
        assert admin.post("/console/banks", data=data).status_code == 303
    with browser(served, key_of(served, role)) as client:
        seen = {path for path in READING | MATCHING | KEYS if client.get(path).status_code == 200}
        refused = {
            path for path in READING | MATCHING | KEYS if client.get(path).status_code == 403
        }
    assert seen == MAY_SEE[role]
    assert refused == (READING | MATCHING | KEYS) - seen


@pytest.mark.parametrize("role", [Role.REVIEWER, Role.MATCHER, Role.REPORTER])
@pytest.mark.parametrize(
    "path", ["/console/banks", "/console/banks/one/policy", "/console/keys", "/console/logout"]
)
def test_only_who_may_can_change_anything(path: str, role: Role, served: Served) -> None:
    with browser(served, key_of(served, role)) as client:
        data = {"token": token(client, "/console/keys"), "name": "two", "role": "admin"}
        answer = client.post(path, data=data)
        assert answer.status_code == (303 if path == "/console/logout" else 403)
    assert [bank.name for bank in served.store.banks.all()] == []


def test_a_form_from_elsewhere_changes_nothing(admin: httpx.Client, served: Served) -> None:
    """No token, another session's token, or a page of another site."""
    good = token(admin, "/console/banks")
    with browser(served) as other:
        theirs = token(other, "/console/banks")
    form = {"name": "one", "action": "review"}
    for data, headers in (
        (form, {}),
        ({**form, "token": theirs}, {}),
        ({**form, "token": good}, {"origin": "https://elsewhere.example"}),
        ({**form, "token": good}, {"sec-fetch-site": "cross-site"}),
    ):
        answer = admin.post("/console/banks", data=data, headers=headers)
        assert answer.status_code == 401
    assert served.store.banks.all() == []
    data = {**form, "token": good}
    assert admin.post("/console/banks", data=data).status_code == 303
    assert [bank.name for bank in served.store.banks.all()] == ["one"]


def test_a_revoked_key_ends_its_session(served: Served, admin: httpx.Client) -> None:
    key = key_of(served, Role.CURATOR)
    with browser(served, key) as client:
        assert client.get("/console").status_code == 200
        data = {"token": token(admin, "/console/keys")}
        key_id = key.split("_")[1]
        assert admin.post(f"/console/keys/{key_id}/revoke", data=data).status_code == 303
        assert client.get("/console").status_code == 303


def test_an_altered_or_old_cookie_is_none(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    with browser(served, key_of(served, Role.REVIEWER)) as client:
        cookie = client.cookies[COOKIE]
        key_id, end, nonce, seal = cookie.split(".")
    for altered in (
        f"environment.{end}.{nonce}.{seal}",
        f"{key_id}.{int(end) + 1}.{nonce}.{seal}",
        f"{key_id}.{end}.{nonce}.{'0' * 64}",
        f"{key_id}.{end}.{nonce}",
        "x" * 9999,
        "",
    ):
        answer = httpx.get(
            f"{served.url}/console", headers={"cookie": f"{COOKIE}={altered}"}, trust_env=False
        )
        assert answer.status_code == 303
    now = time.time()
    for jump in (9 * 3600, -2 * 3600):
        monkeypatch.setattr("service.http.console.sessions.time.time", lambda jump=jump: now + jump)
        answer = httpx.get(
            f"{served.url}/console", headers={"cookie": f"{COOKIE}={cookie}"}, trust_env=False
        )
        assert answer.status_code == 303
        monkeypatch.undo()


def test_pages_run_and_load_nothing_from_elsewhere(admin: httpx.Client) -> None:
    for path in sorted(READING - {"/console/banks/one"} | MATCHING | KEYS):
        answer = admin.get(path)
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["cache-control"] == "no-store"
        assert not re.search(r"<script(?! src=\"/console/)|style=|\son\w+=|https?://", answer.text)
        assert len(answer.content) < 100_000


@pytest.mark.parametrize(
    "name", ["../sessions.py", "console.py", ".css", "nothing.css", "..%2fsessions.py"]
)
def test_only_the_consoles_own_files_are_given(name: str, served: Served) -> None:
    answer = httpx.get(f"{served.url}/console/files/{name}", trust_env=False)
    assert answer.status_code == 404


def test_names_from_lists_are_text_on_every_page(
    admin: httpx.Client, served: Served, pictures: Pictures
) -> None:
    """What a provider writes into a list runs nowhere."""
    odd = '"><script>alert(1)</script>'
    with served.client() as client:
        client.post("/v1/banks", json={"name": "one", "action": "block"}).raise_for_status()
        entry = {"signals": {"md5": "0" * 32}, "provider_id": odd, "labels": [odd]}
        client.post("/v1/banks/one/entries", json=entry).raise_for_status()
    page = admin.get("/console/banks/one").text
    assert "<script>alert" not in page
    assert "&lt;script&gt;" in page
    del pictures


def test_an_image_that_is_dropped_is_matched(
    admin: httpx.Client, served: Served, pictures: Pictures
) -> None:
    file = pictures.png(pictures.photo)
    with served.client() as client:
        client.post("/v1/banks", json={"name": "one", "action": "block"}).raise_for_status()
        client.post("/v1/banks/one/entries", files={"file": ("a.png", file)}).raise_for_status()
    data = {"token": token(admin, "/console/match")}
    listed = admin.post("/console/match", data=data, files={"file": ("a.png", file)})
    assert listed.status_code == 200
    assert '<span class="badge block">block</span>' in listed.text
    other = pictures.png(pictures.photo[::-1, :, ::-1] // 2)
    answer = admin.post("/console/match", data=data, files={"file": ("b.png", other)})
    assert "<strong>none</strong>" in answer.text
    broken = admin.post("/console/match", data=data, files={"file": ("c.png", b"no image")})
    assert broken.status_code == 415
    assert "unsupported_image" in broken.text
    unsealed = admin.post("/console/match", files={"file": ("a.png", file)})
    assert unsealed.status_code == 401


def test_urls_that_are_typed_are_matched(admin: httpx.Client, served: Served) -> None:
    """Each link in the text, whatever disguises it; nothing of it is a link on the page."""
    with served.client() as client:
        client.post("/v1/banks", json={"name": "web"}).raise_for_status()
        client.post("/v1/banks/web/imports?format=urls", content="example.org\n").raise_for_status()
    data = {
        "token": token(admin, "/console/match"),
        "text": "hxxp://a[.]example.org/x https://bit.ly/y",
    }
    answer = admin.post("/console/match/urls", data=data)
    assert answer.status_code == 200
    assert '<span class="badge block">block</span>' in answer.text
    assert "web: domain of" in answer.text
    assert "shortener" in answer.text
    assert 'href="http' not in answer.text
    nothing = admin.post("/console/match/urls", data={**data, "text": "no link"})
    assert "There is no link in it." in nothing.text
    long = admin.post("/console/match/urls", data={**data, "text": "a" * 262_145})
    assert (long.status_code, "at most 262144 characters" in long.text) == (422, True)
    unsealed = admin.post("/console/match/urls", data={"text": "https://example.org/"})
    assert unsealed.status_code == 401


def test_a_policy_is_changed_and_wrong_radii_are_named(admin: httpx.Client, served: Served) -> None:
    data = {"token": token(admin, "/console/banks"), "name": "one", "action": "review"}
    admin.post("/console/banks", data=data)
    form = {
        "token": data["token"],
        "action": "block",
        "imagery": "any",
        "pdq": "24",
        "code_any": "",
        "enabled": "on",
    }
    answer = admin.post("/console/banks/one/policy", data=form)
    assert answer.headers["location"] == "/console/banks/one?said=policy-changed"
    assert "in force for the next query" in admin.get(answer.headers["location"]).text
    policy = served.store.banks.get("one").policy
    assert (policy.action, policy.radius.pdq, policy.enabled) == ("block", 24, True)
    for wrong in ({"pdq": "257"}, {"pdq": "-1"}, {"pdq": "a"}, {"action": "x"}):
        assert admin.post("/console/banks/one/policy", data=form | wrong).status_code == 422
    assert served.store.banks.get("one").policy == policy
    assert admin.post("/console/banks/one/delete", data=form | {"confirm": "?"}).status_code == 400
    form["confirm"] = "one"
    assert admin.post("/console/banks/one/delete", data=form).status_code == 303
    assert served.store.banks.all() == []
