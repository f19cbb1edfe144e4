"""Whatever is sent under ``/hma``, it is answered in HMA's form, and never with 500."""

from __future__ import annotations

import json
import string
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.http.hma.door import PROTOCOL

if TYPE_CHECKING:
    from tests.service.conftest import Served

HASH = "f8f8f0cee0f4a84f06370a22038f63f0b36e2ed596621e1d33e6b39c4e9c9b22"

WORDS = st.sampled_from(
    ["pdq", "md5", "video_md5", "A", "NOPE", "1", "0", "-1", "true", HASH, HASH[:5], "", "photo"]
) | st.text(string.printable, max_size=12)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=6,
)
FIELDS = st.sampled_from(
    ["name", "enabled", "enabled_ratio", "pdq", "disable_until_ts", "note", "bank", "api", "types"]
)
QUERY = st.sampled_from(
    ["signal", "signal_type", "banks", "url", "types", "content_type", "include_distance", "seed"]
)
BODIES = st.one_of(
    st.none(),
    st.dictionaries(FIELDS | WORDS, VALUES, max_size=4).map(lambda v: json.dumps(v).encode()),
    VALUES.map(lambda v: json.dumps(v).encode()),
    st.binary(max_size=40),
)
KINDS = st.sampled_from(
    ["application/json", "text/plain", "multipart/form-data", "multipart/form-data; boundary=x", ""]
)
PATHS = st.sampled_from(sorted({f"/hma{path}" for _, path, _ in PROTOCOL.routes}))
METHODS = st.sampled_from(["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"])


def test_nothing_that_is_sent_breaks_it(served: Served) -> None:
    """Every path and method, with odd parameters and bodies."""
    with served.client() as client:
        client.post("/hma/c/banks", json={"name": "A"})
        client.post("/hma/c/bank/A/signal", json={"pdq": HASH})

        @settings(max_examples=600, suppress_health_check=list(HealthCheck))
        @given(METHODS, PATHS, st.lists(WORDS, min_size=3, max_size=3), st.data())
        def tried(method: str, path: str, parts: list[str], data: st.DataObject) -> None:
            for name in ("{bank}", "{id}", "{name}", "{api}"):
                if name in path:
                    path = path.replace(name, _quoted(parts.pop()))
            query = data.draw(st.dictionaries(QUERY | WORDS, WORDS, max_size=4))
            body, kind = data.draw(BODIES), data.draw(KINDS)
            headers = {"Content-Type": kind} if kind else {}
            answer = client.request(method, path, params=query, content=body, headers=headers)
            assert answer.status_code != 500, (method, path, query, body, answer.text)
            if answer.headers["content-type"] == "application/json" and answer.status_code >= 400:
                said = answer.json()
                assert isinstance(said, list) or set(said) == {"message"}
            else:
                assert not answer.headers["content-type"].startswith("application/problem")

        tried()


def _quoted(text: str) -> str:
    from urllib.parse import quote

    return quote(text, safe="")
