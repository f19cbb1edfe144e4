"""The OpenAPI document: FastAPI's, with our errors and our keys in place of its guesses.

It knows the document's form; what routes say of themselves stands beside them.
"""

from __future__ import annotations

from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from service.http.door.bodies import problem
from service.http.shapes.schemas import REQUESTS

BODY_FAILURES: Final = (400, 408, 413, 415, 422)
"""What every route that reads a body may answer."""

_SCHEME: Final = {
    "type": "http",
    "scheme": "bearer",
    "description": "A key made with `lookalike keys create` or `POST /v1/keys`.",
}


class DocumentedApp(FastAPI):
    """A FastAPI application whose document says what it does."""

    def openapi(self) -> dict[str, Any]:
        """The document, made once."""
        if self.openapi_schema is None:
            document = get_openapi(
                title=self.title,
                version=self.version,
                description=self.description,
                routes=self.routes,
            )
            components = document.setdefault("components", {})
            components["securitySchemes"] = {"key": _SCHEME}
            # FastAPI announces its own 422 wherever a path has a parameter; ours are problems.
            for name in ("HTTPValidationError", "ValidationError"):
                components.get("schemas", {}).pop(name, None)
            components.setdefault("schemas", {}).update(_requests())
            for path, operations in document["paths"].items():
                for operation in operations.values():
                    _mend(operation, keyed=path.startswith("/v1"))
            _use_markdown(document)
            self.openapi_schema = document
        return self.openapi_schema


def _requests() -> dict[str, Any]:
    """The shapes of requests and of problems, by name."""
    _, defined = models_json_schema(
        [(shape, "validation") for shape in REQUESTS],
        ref_template="#/components/schemas/{model}",
    )
    found: dict[str, Any] = defined["$defs"]
    return found


def _mend(operation: dict[str, Any], keyed: bool) -> None:
    if "HTTPValidationError" in str(operation["responses"].get("422")):
        del operation["responses"]["422"]
    if keyed:
        operation["security"] = [{"key": []}]
    if "requestBody" in operation:
        for status in BODY_FAILURES:
            operation["responses"].setdefault(str(status), problem(status))


def _use_markdown(part: Any) -> None:  # noqa: ANN401 - walks any JSON
    """Docstrings mark code with two backticks; readers of the document expect one."""
    if isinstance(part, dict):
        text = part.get("description")
        if isinstance(text, str):
            part["description"] = text.replace("``", "`")
    if isinstance(part, dict | list):
        for item in part.values() if isinstance(part, dict) else part:
            _use_markdown(item)
