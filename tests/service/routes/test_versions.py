"""Lists by what changed of them, their versions, and the way back, over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from service.http.shapes import answers
from service.store import Role
from tests.service.conftest import conforming

if TYPE_CHECKING:
    import httpx

    from tests.service.conftest import Served


def digest(number: int) -> str:
    return f"{number:064x}"


def lines(*numbers: int) -> str:
    return "provider_id,sha256,labels\n" + "".join(f"n{n},{digest(n)},A\n" for n in numbers)


def send(client: httpx.Client, body: str, **query: str | bool) -> answers.ImportAnswer:
    answer = client.post("/v1/banks/A/imports", params=query, content=body.encode())
    assert answer.status_code == 200, answer.text
    return conforming(answers.ImportAnswer, answer.json())


def listed(client: httpx.Client) -> set[str]:
    entries = client.get("/v1/banks/A/entries").json()["entries"]
    return {one["provider_id"] for one in entries}


def blocked(client: httpx.Client, number: int) -> bool:
    answer = client.post("/v1/match", json={"signals": {"sha256": digest(number)}})
    verdict: str = answer.raise_for_status().json()["verdict"]
    return verdict == "block"


@pytest.fixture
def client(served: Served) -> Any:  # noqa: ANN401 (a client, as long as the test lasts)
    with served.client() as client:
        client.post("/v1/banks", json={"name": "A", "action": "block"}).raise_for_status()
        yield client


def test_what_changed_of_a_list_leaves_the_rest(client: httpx.Client) -> None:
    send(client, lines(1, 2, 3), version="v1")
    said = send(client, lines(3, 4), version="v2", mode="append")
    assert (said["mode"], said["added"], said["removed"], said["unchanged"]) == ("append", 1, 0, 3)
    assert listed(client) == {"n1", "n2", "n3", "n4"}
    assert all(blocked(client, n) for n in (1, 2, 3, 4))
    (newest, _) = client.get("/v1/banks/A/versions").json()["versions"]
    assert (newest["version"], newest["entries"]) == ("v2", 4)
    assert client.post("/v1/banks/A/imports?mode=merge", content=lines(1)).status_code == 422


NCMEC = (
    '<queryResult xmlns="https://hashsharing.ncmec.org/hashsharing/v2"><images>{}</images>'
    "</queryResult>"
)
KEPT = (
    '<image><member id="1">M</member><id>{0}</id><classification>A1</classification>'
    "<fingerprints><sha256>{1}</sha256></fingerprints></image>"
)
GONE = '<deletedImage><member id="1">M</member><id>{0}</id></deletedImage>'


@pytest.mark.parametrize("mode", ["append", "replace"])
def test_what_a_hotline_withdraws_goes(client: httpx.Client, mode: str) -> None:
    """Whatever the mode; and the last that is said of an entry counts."""
    send(client, NCMEC.format("".join(KEPT.format(n, digest(n)) for n in range(1, 4))))
    again = KEPT.format(2, digest(2)) + GONE.format(1) + GONE.format(3) + KEPT.format(3, digest(3))
    said = send(client, NCMEC.format(again + GONE.format(77)), mode=mode)
    assert (said["removed"], said["withdrawn"], said["unchanged"]) == (1, 3, 2)
    assert listed(client) == {"1/2", "1/3"}
    assert [blocked(client, n) for n in (1, 2, 3)] == [False, True, True]


def test_withdrawing_much_of_a_list_is_asked_about(client: httpx.Client) -> None:
    """It may be a mistake of whoever ships it, however it is shipped."""
    send(client, NCMEC.format("".join(KEPT.format(n, digest(n)) for n in range(20))))
    body = NCMEC.format("".join(GONE.format(n) for n in range(5)))
    answer = client.post("/v1/banks/A/imports?mode=append", content=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "list_shrinks")
    assert blocked(client, 3)
    assert send(client, body, mode="append", allow_shrink=True)["removed"] == 5
    assert not blocked(client, 3)


def test_a_list_goes_back_to_any_version(client: httpx.Client) -> None:
    """As a new version, in force at once, after a look at what it would change."""
    send(client, lines(1, 2, 3), version="2026/01")
    send(client, lines(2, 3, 4), version="v2")
    path = "/v1/banks/A/versions/2026%2F01/rollback"
    dry = client.post(path, params={"dry_run": True}).json()
    assert (dry["dry_run"], dry["added"], dry["updated"], dry["removed"]) == (True, 0, 1, 1)
    assert blocked(client, 4)
    assert not blocked(client, 1)
    said = conforming(answers.ImportAnswer, client.post(path).raise_for_status().json())
    assert (said["updated"], said["removed"], said["unchanged"]) == (1, 1, 2)
    assert listed(client) == {"n1", "n2", "n3"}
    assert [blocked(client, n) for n in (1, 2, 3, 4)] == [True, True, True, False]
    versions = conforming(answers.VersionsAnswer, client.get("/v1/banks/A/versions").json())
    assert [one["restores"] for one in versions["versions"]] == ["2026/01", None, None]
    assert versions["versions"][0]["actor"].startswith("key:")
    match = client.post("/v1/match", json={"signals": {"sha256": digest(1)}}).json()
    assert match["matches"][0]["provenance"]["list_version"] == said["list_version"]
    client.post("/v1/banks/A/versions/v2/rollback").raise_for_status()
    assert listed(client) == {"n2", "n3", "n4"}


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/v1/banks/A/versions/none/rollback", 404, "version_not_found"),
        ("/v1/banks/none/versions/v1/rollback", 404, "bank_not_found"),
        ("/v1/banks/A/versions/v1/rollback?provider=other", 404, "version_not_found"),
        ("/v1/banks/A/versions/v1/rollback?lst=default", 422, "invalid_request"),
        ("/v1/banks/A/versions/small/rollback", 422, "list_shrinks"),
    ],
)
def test_what_cannot_be_gone_back_to_is_named(
    client: httpx.Client, path: str, status: int, code: str
) -> None:
    send(client, lines(1, 2), version="small")
    send(client, lines(*range(20)), version="v1")
    answer = client.post(path)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert len(listed(client)) == 20


def test_an_entry_tells_all_that_it_was(served: Served, client: httpx.Client) -> None:
    """Also once it is removed; hashes only to those who may see them."""
    send(client, lines(1, 2), version="v1")
    (first, _) = client.get("/v1/banks/A/entries").json()["entries"]
    path = f"/v1/banks/A/entries/{first['entry_id']}"
    client.patch(path, json={"enabled": False}).raise_for_status()
    client.patch(path, json={"enabled": True}).raise_for_status()
    send(client, lines(2), version="v2")
    history = conforming(answers.HistoryAnswer, client.get(f"{path}/history").json())
    states = history["states"]
    assert [one["state"] for one in states] == ["in_force", "disabled", "in_force", "removed"]
    assert states[0]["signals"] == {"sha256": digest(1)}
    assert [one["since"] for one in states[1:]] == [one["until"] for one in states[:-1]]
    assert states[-1]["signal_types"] == []
    with served.client_with(Role.REVIEWER) as reviewer:
        seen = reviewer.get(f"{path}/history").json()["states"]
    assert all("signals" not in one for one in seen)
    assert seen[0]["signal_types"] == ["sha256"]
    assert client.get("/v1/banks/A/entries/e_00000000zz/history").status_code == 404
