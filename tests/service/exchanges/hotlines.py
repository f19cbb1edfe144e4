"""Stand-ins for hotlines' servers: they speak the documented protocols over HTTP, and can fail.

Only servers that are other people's are stood in for. ``Hotline`` answers what its route says,
after the faults that were asked for; everything it was asked is kept.
"""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Asked:
    """One request."""

    method: str
    path: str
    params: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Said:
    """One answer."""

    body: bytes = b""
    media: str = "application/json"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: bool = False
    """Whether half of the body is sent, and the connection closed."""


Route = Callable[[Asked], Said]


def as_json(value: object) -> Said:
    """An answer of JSON."""
    return Said(json.dumps(value).encode())


class Hotline:
    """A server on this machine."""

    def __init__(self, route: Route) -> None:
        """Answer as ``route`` says."""
        self.asked: list[Asked] = []
        self.faults: list[Said | None] = []
        """Answers that come first; ``None`` lets one request through."""
        hotline = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self._answer()

            def do_POST(self) -> None:
                self._answer()

            def _answer(self) -> None:
                split = urlsplit(self.path)
                asked = Asked(
                    self.command,
                    split.path,
                    {key: values[0] for key, values in parse_qs(split.query).items()},
                    {key.lower(): value for key, value in self.headers.items()},
                    self.rfile.read(int(self.headers.get("content-length", 0))),
                )
                hotline.asked.append(asked)
                fault = hotline.faults.pop(0) if hotline.faults else None
                said = fault if fault is not None else route(asked)
                self.send_response_only(said.status)
                for name, value in said.headers.items():
                    self.send_header(name, value)
                if said.media:
                    self.send_header("content-type", said.media)
                if said.status != 304:
                    self.send_header("content-length", str(len(said.body)))
                self.end_headers()
                if said.status != 304:
                    self.wfile.write(said.body[: len(said.body) // 2] if said.cut else said.body)
                if said.cut:
                    self.close_connection = True

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.base = f"http://127.0.0.1:{self._server.server_port}"

    @contextmanager
    def running(self) -> Iterator[Hotline]:
        """Answer as long as the context lasts."""
        thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            thread.join()
            self._server.server_close()


NCMEC_SPACE = "https://hashsharing.ncmec.org/hashsharing/v2"


@dataclass
class NcmecEntries:
    """NCMEC's entries, by pages, as the documentation has them: not in order of time."""

    entries: list[tuple[str, str, str]]
    """(id, moment, md5); an empty md5 is a deletion."""
    page: int = 2
    user: str = "member"
    password: str = "a word"
    expired: set[str] = field(default_factory=set)
    """Values of ``start`` whose links are no longer known."""

    def __call__(self, asked: Asked) -> Said:
        """The page that was asked for."""
        login = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        if asked.headers.get("authorization") != f"Basic {login}":
            return Said(status=401, media="text/plain")
        if asked.path != "/v2/entries":
            return Said(status=404, media="text/plain")
        start = int(asked.params.get("start", 0))
        if str(start) in self.expired:
            return Said(status=410, media="text/plain")
        since = asked.params["from"]
        changed = [one for one in self.entries if one[1] >= since]
        some = changed[start : start + self.page]
        link = ""
        if start + self.page < len(changed):
            place = f"/v2/entries?from={since}&amp;start={start + self.page}"
            link = f"<paging><next>{place}</next></paging>"
        newest = max((one[1] for one in some), default="")
        images = "".join(
            f'<image><member id="7">M</member><timestamp>{moment}</timestamp><id>{name}</id>'
            f"<classification>A1</classification><fingerprints><md5>{md5}</md5></fingerprints>"
            "</image>"
            if md5
            else f'<deletedImage><member id="7">M</member><timestamp>{moment}</timestamp>'
            f"<id>{name}</id></deletedImage>"
            for name, moment, md5 in some
        )
        stamp = f' maxTimestamp="{newest}"' if newest else ""
        body = (
            f'<?xml version="1.0" encoding="UTF-8"?><queryResult xmlns="{NCMEC_SPACE}">'
            f'<images count="{len(some)}"{stamp}>{images}</images>{link}</queryResult>'
        )
        return Said(body.encode(), "application/xml")


def stopncii(records: list[dict[str, object]], page: int = 2) -> Route:
    """StopNCII.org's records by pages that a token leads through."""

    def route(asked: Asked) -> Said:
        if asked.headers.get("x-functions-key") != "k1":
            return Said(status=401)
        if asked.headers.get("ocp-apim-subscription-key") != "k2":
            return Said(status=403)
        since = int(asked.params["startTimestamp"])
        changed = [one for one in records if int(str(one["lastModtimestamp"])) >= since]
        start = int(asked.params.get("nextPageToken", "0"))
        some = changed[start : start + page]
        more = start + page < len(changed)
        newest = max((int(str(one["lastModtimestamp"])) for one in some), default=since)
        return as_json(
            {
                "count": len(some),
                "nextPageToken": str(start + page) if more else "",
                "nextSetTimestamp": newest + 1,
                "hasMoreRecords": more,
                "hashRecords": some,
            }
        )

    return route


def tech_against_terrorism(entries: list[dict[str, object]], page: int = 2) -> Route:
    """Tech Against Terrorism's entries; a token is good for two requests."""
    tokens: dict[str, int] = {}

    def route(asked: Asked) -> Said:
        if asked.path == "/token-auth/tcap/":
            form = parse_qs(asked.body.decode())
            if form.get("password") != ["a word"]:
                return Said(b'{"detail": "no"}', status=401)
            token = f"token-{len(tokens)}"
            tokens[token] = 2
            return as_json({"user": {}, "token": token})
        token = asked.headers.get("authorization", "").removeprefix("Bearer ")
        if tokens.get(token, 0) == 0:
            return Said(b"{}", status=401)
        tokens[token] -= 1
        names = [f"{one['updated_on']},{one['id']}" for one in entries]
        after = asked.params.get("after", "")
        start = names.index(after) + 1 if after else 0
        some = entries[start : start + page]
        more = start + page < len(entries)
        return as_json(
            {
                "count": len(entries),
                "next": "https://elsewhere.example/?offset=2" if more else None,
                "previous": None,
                "checkpoint": names[start + len(some) - 1] if some else after,
                "results": some,
            }
        )

    return route
