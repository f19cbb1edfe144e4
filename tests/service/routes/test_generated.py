"""The OpenAPI document as generators read it, and the page that shows it to people."""

from __future__ import annotations

import importlib
import subprocess
from collections.abc import Callable
from http import HTTPStatus
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

if TYPE_CHECKING:
    from tests.service.conftest import Pictures, Served

ROOT = Path(__file__).parents[3]
ADMIN_KEY = "an admin key for tests"


def document(served: Served) -> dict[str, Any]:
    with served.client() as client:
        return dict(client.get("/openapi.json").raise_for_status().json())


def test_operations_have_plain_names(served: Served) -> None:
    """Which become a generated client's functions; each once."""
    operations = [
        one["operationId"] for paths in document(served)["paths"].values() for one in paths.values()
    ]
    assert len(set(operations)) == len(operations)
    assert all(name.isidentifier() and name.islower() for name in operations)
    assert {"match", "match_batch", "gate", "list_banks", "add_entry", "import_list"} <= {
        *operations
    }


def test_every_reference_leads_somewhere(served: Served) -> None:
    """One ``Problem`` for all failures, and no shape that nobody refers to."""
    whole = document(served)
    seen = set[str]()

    def look(node: object) -> None:
        if isinstance(node, dict):
            if isinstance(one := node.get("$ref"), str):
                seen.add(one.removeprefix("#/components/schemas/"))
            for value in node.values():
                look(value)
        elif isinstance(node, list):
            for value in node:
                look(value)

    look(whole)
    assert seen == set(whole["components"]["schemas"])
    for paths in whole["paths"].values():
        for operation in paths.values():
            for status, answer in operation["responses"].items():
                for kind, content in answer.get("content", {}).items():
                    if kind == "application/problem+json":
                        assert content["schema"] == {"$ref": "#/components/schemas/Problem"}, status


@pytest.mark.slow
def test_a_client_is_generated_and_calls_the_service(
    serve: Callable[..., Served],
    pictures: Pictures,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without a warning; it makes a bank, lists an image, and finds it again."""
    served = serve()
    # Its own environment: it asks for an older release of what our command line is made with.
    program = ROOT / ".venv" / "generator" / "bin" / "openapi-python-client"
    if not program.exists():
        pytest.skip("no generator: .ci/run says how it is installed")
    config = tmp_path / "config.yaml"
    config.write_text("post_hooks: []\n")
    command: list[str | Path] = [
        program,
        "generate",
        "--url",
        f"{served.url}/openapi.json",
        "--config",
        config,
    ]
    command += ["--output-path", tmp_path / "generated", "--meta", "none"]
    command += ["--fail-on-warning"]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env={"NO_PROXY": "*"}
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "arning" not in done.stdout + done.stderr
    monkeypatch.syspath_prepend(tmp_path)
    client = importlib.import_module("generated").AuthenticatedClient(
        base_url=served.url, token=ADMIN_KEY, httpx_args={"trust_env": False}
    )
    models = importlib.import_module("generated.models")
    file_type = importlib.import_module("generated.types").File

    def call(path: str, **given: object) -> Any:  # noqa: ANN401 (generated)
        answer = importlib.import_module(f"generated.api.{path}").sync_detailed(
            client=client, **given
        )
        assert answer.status_code in (HTTPStatus.OK, HTTPStatus.CREATED), answer.content
        return answer.parsed

    made = call("banks.make_bank", body=models.BankRequest(name="A"))
    image = pictures.png(pictures.photo)
    body = models.MatchRequest.from_dict({"signals": {"sha256": "0" * 64}})
    with served.client() as plain:
        plain.post("/v1/banks/A/entries", files={"file": image}).raise_for_status()
    nothing = call("match.match", body=body)
    file = file_type(payload=BytesIO(image), file_name="a.png")
    listed = call("match.match", body=models.MatchFilesBody(file=file))
    client.get_httpx_client().close()
    assert made.name == "A"
    assert nothing.verdict.value == "none"
    assert listed.verdict.value == "block"
    assert listed.matches[0].provenance.provider == "local"


def test_the_page_is_served_from_here(served: Served) -> None:
    """Every file it names is there, no key is asked for, and nothing may come from elsewhere."""
    with httpx.Client(base_url=served.url, trust_env=False) as client:
        page = client.get("/docs")
        names = ("swagger-ui.css", "swagger-ui-bundle.js", "start.js")
        files = [client.get(f"/docs/{name}") for name in names]
        others = [client.get(f"/docs/{name}") for name in ("LICENSE", "__init__.py", "..%2Fapp.py")]
    assert page.headers["content-type"].startswith("text/html")
    assert all(f"/docs/{name}" in page.text for name in names)
    assert "://" not in page.text
    for answer in (page, *files):
        assert answer.status_code == 200
        assert "default-src 'self'" in answer.headers["content-security-policy"]
        assert b"sourceMappingURL" not in answer.content
    assert all(answer.status_code == 404 for answer in others)
