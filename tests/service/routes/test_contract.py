"""What the document says is what the service does, by requests made from the document.

Schemathesis makes them: valid ones, and ones that break every bound the document states, with every
check it has: statuses, bodies, media types and headers as documented, no 500, what is valid
accepted and what is not refused, no key no answer, ``Allow`` where a method is not there.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytestmark = pytest.mark.slow

if TYPE_CHECKING:
    import httpx

    from tests.service.conftest import Served

ADMIN_KEY = "an admin key for tests"

JSON = "application/json"

# A list or an image is bytes to the document, and most bytes are none: there, what is valid by the
# document may be refused. The JSON that two of these routes read as well is tried below. Which
# settings an exchange takes is a matter of its kind, and which texts are URLs one of the standard:
# no schema says.
CONFIG = """
[[operations]]
include-name = [
  "POST /v1/banks/{bank}/imports", "POST /v1/fingerprint", "POST /v1/match",
  "POST /v1/banks/{bank}/entries", "POST /v1/gate",
  "POST /v1/exchanges", "PATCH /v1/exchanges/{name}",
  "GET /v1/entries", "GET /v1/banks/{bank}/entries",
]
checks.positive_data_acceptance.enabled = false
"""


@pytest.fixture
def contract(serve: Callable[..., Served]) -> Served:
    return serve(allow_empty=True, key_rate=0)


def test_the_service_does_what_the_document_says(contract: Served, tmp_path: Path) -> None:
    config = tmp_path / "schemathesis.toml"
    config.write_text(CONFIG)
    program = str(Path(sys.executable).with_name("st"))
    command = [program, "--config-file", str(config), "run"]
    command += [f"{contract.url}/openapi.json", "-H", f"Authorization: Bearer {ADMIN_KEY}"]
    # Names are printable, which no pattern says of all of Unicode.
    command += ["--generation-codec", "ascii", "--phases", "coverage,fuzzing", "--no-color"]
    command += ["--max-examples", "5", "--seed", "1", "--request-timeout", "60"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-20000:] + done.stderr[-2000:]
    assert re.search(r"Tested: \d\d", done.stdout)


@pytest.mark.parametrize(
    ("path", "expected"), [("/v1/match", {200, 404}), ("/v1/banks/A/entries", {201, 409})]
)
def test_bodies_that_the_document_calls_valid_are_accepted(
    contract: Served, path: str, expected: set[int]
) -> None:
    """Whatever is in them."""
    with contract.client() as client:
        client.post("/v1/banks", json={"name": "A"})
        document = schemathesis.openapi.from_url(f"{contract.url}/openapi.json")
        document.config.generation.update(codec="ascii")
        operation = document[path.replace("/A/", "/{bank}/")]["POST"]
        bodies = operation.as_strategy().filter(lambda case: case.media_type == JSON)

        @settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
        @given(bodies.map(lambda case: case.body))
        def tried(body: dict[str, dict[str, object]]) -> None:
            # Their signs are those of the codes, and which texts are URLs: no schema says.
            signals = body["signals"]
            signals.pop("descriptors", None)
            signals.pop("url", None)
            if path == "/v1/match":  # of entries alone
                signals.pop("frames", None)
            if isinstance(frames := signals.get("frames"), list):
                signals["frames"] = [one for one in frames if "url" not in one]
            signals.setdefault("md5", "0" * 32)
            answer = client.post(path, json=body)
            assert answer.status_code in expected, (body, answer.text)

        tried()


def raw(client: httpx.Client, method: str, path: str, body: str) -> httpx.Response:
    return client.request(method, path, content=body, headers={"Content-Type": "application/json"})


@pytest.mark.parametrize("value", ["0", "1", '"off"', '"true"', "0.0", "null"])
def test_a_switch_is_true_or_false(contract: Served, value: str) -> None:
    """Nothing that some language takes for one."""
    with contract.client() as client:
        client.post("/v1/banks", json={"name": "A"})
        entry = client.post("/v1/banks/A/entries", json={"signals": {"md5": "0" * 32}}).json()
        place = f"/v1/banks/A/entries/{entry['entry_id']}"
        switched = f'{{"enabled": {value}}}'
        assert raw(client, "PATCH", place, switched).status_code == 422
        made = raw(client, "POST", "/v1/banks", f'{{"name": "B", "enabled": {value}}}')
        assert made.status_code == 422
        if value != "null":  # that is: leave it as it is
            assert raw(client, "PATCH", "/v1/banks/A", switched).status_code == 422


@pytest.mark.parametrize("radius", ['"31"', "true", "31.5", "-1", "257"])
def test_a_radius_is_a_number_of_bits(contract: Served, radius: str) -> None:
    with contract.client() as client:
        for field in (f'"pdq": {radius}', f'"code": {{"any": {radius}}}'):
            body = f'{{"name": "A", "radius": {{{field}}}}}'
            assert raw(client, "POST", "/v1/banks", body).status_code == 422


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/match", '{"signals": {"md5": "%s"}, "signals": {"md5": "%s"}}'),
        ("/v1/match", '{"signals": {"md5": "%s", "md5": "%s"}}'),
        ("/v1/match/batch", '{"items": [{"signals": {"md5": "%s", "md5": "%s"}}]}'),
        ("/v1/banks/A/entries", '{"signals": {"md5": "%s", "\\u006dd5": "%s"}}'),
    ],
)
def test_a_field_that_stands_there_twice_is_refused(contract: Served, path: str, body: str) -> None:
    """Readers do not agree on which of the two counts."""
    with contract.client() as client:
        client.post("/v1/banks", json={"name": "A"})
        answer = raw(client, "POST", path, body % ("0" * 32, "1" * 32))
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
        assert "more than once" in answer.json()["detail"]


@given(st.lists(st.text(max_size=2), max_size=300))
@settings(max_examples=30, deadline=None)
def test_fields_of_different_names_are_not(names: list[str]) -> None:
    """Exactly those that are there twice are refused, however many there are."""
    from service.domain.errors import InvalidRequestError
    from service.http.door.bodies import _distinct

    body = "{" + ", ".join(f"{json.dumps(name)}: 0" for name in names) + "}"
    if len(set(names)) == len(names):
        json.loads(body, object_pairs_hook=_distinct)
    else:
        with pytest.raises(InvalidRequestError):
            json.loads(body, object_pairs_hook=_distinct)


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/v1/banks", "GET, POST"),
        ("/v1/banks/A", "DELETE, GET, PATCH"),
        ("/v1/banks/A/entries/e_0000000001", "DELETE, GET, PATCH"),
        ("/v1/match", "POST"),
        ("/livez", "GET"),
    ],
)
def test_allow_names_every_method_of_a_path(contract: Served, path: str, methods: str) -> None:
    with contract.client() as client:
        answer = client.put(path)
    assert (answer.status_code, answer.headers["allow"]) == (405, methods)


@pytest.mark.parametrize(
    "path",
    [
        "/v1/banks?limit=1",
        "/v1/banks/A?x",
        "/v1/banks/A/entries?limit=1&limit=2",
        "/v1/banks/A/entries?limit=1_0",
        "/v1/banks/A/entries?limit=%2B1",
        "/v1/banks/A/entries?Limit=1",
        "/v1/banks/A/versions?cursor=e_0000000001",
        "/v1/keys?x=1",
        "/v1/status?x=1",
    ],
)
def test_parameters_that_nobody_knows_are_refused(contract: Served, path: str) -> None:
    """And those that stand there twice, or are no number."""
    with contract.client() as client:
        client.post("/v1/banks", json={"name": "A"})
        answer = client.get(path)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


@pytest.mark.parametrize("value", ["0", "off", "False", "yes", ""])
def test_a_switch_in_the_query_is_true_or_false(contract: Served, value: str) -> None:
    with contract.client() as client:
        client.post("/v1/banks", json={"name": "A"})
        path = f"/v1/banks/A/imports?dry_run={value}"
        assert client.post(path, content="sha256 " + "5f" * 32 + "\n").status_code == 422
        assert client.get("/v1/banks/A/entries").json()["entries"] == []


def test_health_is_answered_whatever_stands_in_the_query(contract: Served) -> None:
    with contract.client() as client:
        for path in ("/livez", "/readyz", "/metrics"):
            assert client.get(f"{path}?now=1").status_code == 200


@pytest.mark.parametrize("path", ["/v1/banks/", "/v1/match/", "/livez/", "//v1/banks"])
def test_nothing_is_redirected(contract: Served, path: str) -> None:
    """A redirect would name whatever host the request does."""
    with contract.client() as client:
        answer = client.get(f"{contract.url}{path}", headers={"Host": "elsewhere.example"})
    assert answer.status_code in (404, 405)
    assert "elsewhere" not in answer.text + str(answer.headers)
