"""A client of the HTTP API, sync and async, in one file that needs httpx and nothing else.

Copy it into a project, or import it from here::

    with Lookalike("http://127.0.0.1:8080", key) as client:
        answer = client.match("upload.jpg")
        if answer["verdict"] != "none":
            ...

What is refused for now (429, 503, no connection) is asked again, after the time that the service
names or a growing one, until ``patience`` seconds are over. Files are read as they are sent. What
the service refuses is a ``RefusedError`` with its stable ``code``; **of a file that cannot be
decoded and is listed all the same, its ``verdict`` is not "none"**. The types of answers are the
service's own; in a copy, where they cannot be found, answers are plain dictionaries.
"""

from __future__ import annotations

import asyncio
import io
import json
import os
import random
import time
from collections.abc import AsyncIterator, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any, Final, Self, cast
from urllib.parse import quote

import httpx

if TYPE_CHECKING:
    from service.http.shapes.answers import (
        BankAnswer,
        EntryAnswer,
        FingerprintAnswer,
        ImportAnswer,
        MatchAnswer,
        ProblemItem,
        StatusAnswer,
        UrlAnswer,
        UrlProblem,
    )

File = str | os.PathLike[str] | bytes | IO[bytes]
"""A path, the bytes themselves, or an open file that can be rewound."""

BATCH: Final = 256
"""Queries by signals that one request may hold."""

URLS: Final = 500
"""URLs that one request holds: half of what it may, since they may be long."""

_AGAIN: Final = frozenset({429, 503})
_FIRST_WAIT: Final = 0.25
_LONGEST_WAIT: Final = 10.0


class LookalikeError(Exception):
    """Whatever went wrong between this client and the service."""


class NoAnswerError(LookalikeError):
    """The service could not be reached, or did not answer in time."""


class RefusedError(LookalikeError):
    """The service refused, with a status and a problem object."""

    def __init__(self, status: int, body: Mapping[str, Any]) -> None:
        """``body``: as the service sent it."""
        super().__init__(f"{status} {body.get('code', '')}: {body.get('detail', '')}")
        self.status, self.body = status, dict(body)
        self.code = str(body.get("code", "http_error"))

    @property
    def verdict(self) -> str:
        """What the digests of a file that cannot be decoded match; ``none`` where nothing does."""
        return str(self.body.get("verdict", "none"))


@dataclass(frozen=True)
class _Call:
    """One request, before it is sent for the first time."""

    method: str
    path: str
    params: Mapping[str, Any] = field(default_factory=dict)
    body: Any = None
    """To be sent as JSON."""
    file: File | None = None
    fields: Mapping[str, Any] | None = None
    """Of the form that the file is sent in; ``None``: the file is the body."""
    repeatable: bool = True
    """Whether it does no harm twice: if not, it is not sent again once it may have arrived."""
    gate: bool = False
    """Whether the answer is a status alone."""


def _image(path: str, image: File, **given: Any) -> _Call:  # noqa: ANN401 (form fields)
    return _Call("POST", path, file=image, fields=_only(given))


def _only(given: Mapping[str, Any]) -> dict[str, Any]:
    """What was given; ``None`` counts as not given."""
    return {name: value for name, value in given.items() if value is not None}


def _match(image: File | None, url: str | None, options: dict[str, Any]) -> _Call:
    banks = options.pop("banks")
    if image is None:
        options.pop("views")
        return _Call("POST", "/v1/match", body=_only({"url": url, "banks": banks, **options}))
    joined = None if banks is None else ",".join(banks)
    options["views"] = "true" if options.get("views") else None
    return _image("/v1/match", image, banks=joined, **options)


def _urls(given: dict[str, Any]) -> _Call:
    return _Call("POST", "/v1/match/urls", body=_only(given))


def _bank(name: str, *more: str) -> str:
    return "/".join(("/v1/banks", quote(name, safe=""), *more))


class _Base:
    def __init__(
        self,
        base_url: str,
        key: str,
        *,
        patience: float = 30.0,
        timeout: float = 30.0,
        **options: Any,  # noqa: ANN401 (httpx's own)
    ) -> None:
        """``patience``: seconds for all tries of one call together; ``timeout``: of one wait;
        ``options``: of httpx's client, such as ``verify``."""
        self._options: dict[str, Any] = {
            "base_url": base_url.rstrip("/"),
            "headers": {"Authorization": f"Bearer {key}", "User-Agent": "lookalike-client"},
            "timeout": timeout,
            **options,
        }
        self._patience = patience

    def _tries(self, call: _Call) -> Generator[float | None, Any, Any]:
        """The tries of a call: yields ``None`` to send it, or how long to wait first; is sent the
        response or what kept it from coming; returns the answer."""
        until, wait = time.monotonic() + self._patience, _FIRST_WAIT
        while True:
            outcome: httpx.Response | httpx.TransportError = yield None
            if isinstance(outcome, httpx.Response):
                if outcome.status_code not in _AGAIN:
                    return _answer(call, outcome)
                asked = _seconds(outcome.headers.get("retry-after"))
            elif call.repeatable or isinstance(outcome, httpx.ConnectError | httpx.ConnectTimeout):
                asked = None
            else:
                raise NoAnswerError(f"no answer: {outcome}; it may have been done") from outcome
            # Spread, so that many clients do not come back at the same moment.
            pause = asked if asked is not None else wait * random.uniform(0.5, 1.0)  # noqa: S311
            wait = min(2 * wait, _LONGEST_WAIT)
            if time.monotonic() + pause > until:
                if isinstance(outcome, httpx.Response):
                    return _answer(call, outcome)
                raise NoAnswerError(f"no answer: {outcome}") from outcome
            yield pause


def _answer(call: _Call, response: httpx.Response) -> Any:  # noqa: ANN401 (JSON)
    kind = response.headers.get("content-type", "").partition(";")[0]
    try:
        body = json.loads(response.content) if kind.endswith("json") else None
    except ValueError:
        body = None
    if call.gate and response.status_code in (200, 451) and not response.content:
        return response.status_code == 200
    if response.is_success and not call.gate and (body is not None or response.status_code == 204):
        return body
    if response.is_success:  # a page of some proxy's, say, which must not pass for an answer
        raise NoAnswerError(f"{response.status_code}, but not an answer of the service")
    raise RefusedError(response.status_code, body if isinstance(body, dict) else {})


def _seconds(text: str | None) -> float | None:
    try:
        return None if text is None else max(0.0, float(text))
    except ValueError:  # a date: no service of ours sends one
        return None


@contextmanager
def _sending(call: _Call) -> Iterator[dict[str, Any]]:
    """What httpx is given to send ``call``, its file open from the beginning."""
    given: dict[str, Any] = {"params": call.params}
    if call.file is None:
        if call.body is not None:
            given["json"] = call.body
        yield given
        return
    with _opened(call.file) as opened:
        if call.fields is None:
            given["content"] = opened
            given["headers"] = {"Content-Type": "application/octet-stream"}
        else:
            given["files"] = {"file": ("file", opened, "application/octet-stream")}
            given["data"] = call.fields
        yield given


@contextmanager
def _opened(file: File) -> Iterator[IO[bytes]]:
    """A file from its beginning; closed at the end where it was opened here."""
    if isinstance(file, bytes):
        yield io.BytesIO(file)
    elif isinstance(file, str | os.PathLike):
        with Path(file).open("rb") as opened:
            yield opened
    else:
        file.seek(0)
        yield file


async def _chunks(file: IO[bytes]) -> AsyncIterator[bytes]:
    while chunk := await asyncio.to_thread(file.read, 2**16):
        yield chunk


class Lookalike(_Base):
    """The client for code that waits; safe to use from several threads."""

    def __enter__(self) -> Self:
        """Open it."""
        self._http = httpx.Client(**self._options)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close its connections."""
        self._http.close()

    def _do(self, call: _Call) -> Any:  # noqa: ANN401 (JSON)
        tries = self._tries(call)
        asked = next(tries)
        try:
            while True:
                if asked is not None:
                    time.sleep(asked)
                    asked = next(tries)
                    continue
                asked = tries.send(self._sent(call))
        except StopIteration as end:
            return end.value

    def _sent(self, call: _Call) -> httpx.Response | httpx.TransportError:
        with _sending(call) as given:
            try:
                return self._http.request(call.method, call.path, **given)
            except httpx.TransportError as error:
                return error

    def match(
        self,
        image: File | None = None,
        *,
        url: str | None = None,
        signals: Mapping[str, Any] | None = None,
        banks: list[str] | None = None,
        include: list[str] | None = None,
        views: bool = False,
        content_id: str | None = None,
        account_id: str | None = None,
    ) -> MatchAnswer:
        """Whether an image, the image behind a URL, or signals are listed."""
        more = {"content_id": content_id, "account_id": account_id, "include": include}
        options = {"banks": banks, "views": views, "signals": signals, **more}
        return cast("MatchAnswer", self._do(_match(image, url, options)))

    def match_many(self, items: Iterable[Mapping[str, Any]]) -> Iterator[MatchAnswer | ProblemItem]:
        """Answers to many queries by signals, in their order, a batch at a time.

        Each item is as the JSON body of ``POST /v1/match``; one that fails holds ``error``.
        """
        left = iter(items)
        while batch := list(islice(left, BATCH)):
            call = _Call("POST", "/v1/match/batch", body={"items": batch})
            yield from self._do(call)["items"]

    def match_urls(
        self, urls: Iterable[str], banks: list[str] | None = None
    ) -> Iterator[UrlAnswer | UrlProblem]:
        """Answers to URLs, in their order, a batch at a time; one that fails holds ``error``."""
        left = iter(urls)
        while batch := list(islice(left, URLS)):
            yield from self._do(_urls({"urls": batch, "banks": banks}))["results"]

    def match_text(self, text: str, banks: list[str] | None = None) -> list[UrlAnswer | UrlProblem]:
        """Answers to the links in a text, in their order."""
        return cast("list[Any]", self._do(_urls({"text": text, "banks": banks}))["results"])

    def passes(self, image: File, banks: list[str] | None = None) -> bool:
        """Whether an upload may pass the gate. Raises ``RefusedError`` where that is not known."""
        call = _Call("POST", "/v1/gate", file=image, params=_only({"banks": banks}), gate=True)
        return bool(self._do(call))

    def fingerprint(self, image: File) -> FingerprintAnswer:
        """Every signal of an image."""
        return cast("FingerprintAnswer", self._do(_image("/v1/fingerprint", image)))

    def banks(self) -> list[BankAnswer]:
        """Every bank, by name."""
        return cast("list[BankAnswer]", self._do(_Call("GET", "/v1/banks"))["banks"])

    def make_bank(self, name: str, **policy: Any) -> BankAnswer:  # noqa: ANN401 (JSON)
        """An empty bank; ``policy``: as the body of ``POST /v1/banks``."""
        call = _Call("POST", "/v1/banks", body={"name": name, **policy}, repeatable=False)
        return cast("BankAnswer", self._do(call))

    def change_bank(self, name: str, **policy: Any) -> BankAnswer:  # noqa: ANN401 (JSON)
        """A bank with another policy; what is not given stays."""
        return cast("BankAnswer", self._do(_Call("PATCH", _bank(name), body=policy)))

    def delete_bank(self, name: str) -> None:
        """Take a bank and all its entries out of force."""
        self._do(_Call("DELETE", _bank(name), repeatable=False))

    def add_entry(
        self,
        bank: str,
        image: File | None = None,
        *,
        signals: Mapping[str, Any] | None = None,
        **provenance: Any,  # noqa: ANN401 (JSON)
    ) -> EntryAnswer:
        """List an image, or signals; ``provenance``: ``provider``, ``list``, ``provider_id``,
        ``labels``."""
        return cast("EntryAnswer", self._do(_entry(bank, image, signals, provenance)))

    def entries(self, bank: str) -> Iterator[EntryAnswer]:
        """Every entry of a bank, in the order they were added, a page at a time."""
        cursor: str | None = None
        while True:
            given = _only({"cursor": cursor, "limit": 1000})
            page = self._do(_Call("GET", _bank(bank, "entries"), params=given))
            yield from page["entries"]
            if (cursor := page["next_cursor"]) is None:
                return

    def set_enabled(self, bank: str, entry_id: str, enabled: bool) -> EntryAnswer:
        """Put an entry in or out of force."""
        call = _Call("PATCH", _bank(bank, "entries", entry_id), body={"enabled": enabled})
        return cast("EntryAnswer", self._do(call))

    def delete_entry(self, bank: str, entry_id: str) -> None:
        """Take an entry out of force for good."""
        self._do(_Call("DELETE", _bank(bank, "entries", entry_id), repeatable=False))

    def import_list(self, bank: str, file: File, **options: Any) -> ImportAnswer:  # noqa: ANN401
        """Make a file the new version of a list, whole; ``options``: the query parameters of
        ``POST /v1/banks/{bank}/imports``."""
        return cast("ImportAnswer", self._do(_import(bank, file, options)))

    def status(self) -> StatusAnswer:
        """What the replica holds and runs."""
        return cast("StatusAnswer", self._do(_Call("GET", "/v1/status")))


def _entry(
    bank: str,
    image: File | None,
    signals: Mapping[str, Any] | None,
    provenance: Mapping[str, Any],
) -> _Call:
    path = _bank(bank, "entries")
    if image is not None:
        return _Call("POST", path, file=image, fields=_only(provenance), repeatable=False)
    body = {"signals": dict(signals or {}), **_only(provenance)}
    return _Call("POST", path, body=body, repeatable=False)


def _import(bank: str, file: File, options: Mapping[str, Any]) -> _Call:
    params = {
        name: str(value).lower() if isinstance(value, bool) else value
        for name, value in _only(options).items()
    }
    return _Call("POST", _bank(bank, "imports"), file=file, params=params, repeatable=False)


class AsyncLookalike(_Base):
    """The same for asyncio; see ``Lookalike`` for what each method does."""

    async def __aenter__(self) -> Self:
        """Open it."""
        self._http = httpx.AsyncClient(**self._options)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close its connections."""
        await self._http.aclose()

    async def _do(self, call: _Call) -> Any:  # noqa: ANN401 (JSON)
        tries = self._tries(call)
        asked = next(tries)
        try:
            while True:
                if asked is not None:
                    await asyncio.sleep(asked)
                    asked = next(tries)
                    continue
                asked = tries.send(await self._sent(call))
        except StopIteration as end:
            return end.value

    async def _sent(self, call: _Call) -> httpx.Response | httpx.TransportError:
        with _sending(call) as given:
            if "content" in given:
                given["content"] = _chunks(given["content"])
            try:
                return await self._http.request(call.method, call.path, **given)
            except httpx.TransportError as error:
                return error

    async def match(
        self,
        image: File | None = None,
        *,
        url: str | None = None,
        signals: Mapping[str, Any] | None = None,
        banks: list[str] | None = None,
        include: list[str] | None = None,
        views: bool = False,
        content_id: str | None = None,
        account_id: str | None = None,
    ) -> MatchAnswer:
        """Whether an image, the image behind a URL, or signals are listed."""
        more = {"content_id": content_id, "account_id": account_id, "include": include}
        options = {"banks": banks, "views": views, "signals": signals, **more}
        return cast("MatchAnswer", await self._do(_match(image, url, options)))

    async def match_many(
        self, items: Iterable[Mapping[str, Any]]
    ) -> AsyncIterator[MatchAnswer | ProblemItem]:
        """Answers to many queries by signals, in their order, a batch at a time."""
        left = iter(items)
        while batch := list(islice(left, BATCH)):
            call = _Call("POST", "/v1/match/batch", body={"items": batch})
            for item in (await self._do(call))["items"]:
                yield item

    async def match_urls(
        self, urls: Iterable[str], banks: list[str] | None = None
    ) -> AsyncIterator[UrlAnswer | UrlProblem]:
        """Answers to URLs, in their order, a batch at a time; one that fails holds ``error``."""
        left = iter(urls)
        while batch := list(islice(left, URLS)):
            for one in (await self._do(_urls({"urls": batch, "banks": banks})))["results"]:
                yield one

    async def match_text(
        self, text: str, banks: list[str] | None = None
    ) -> list[UrlAnswer | UrlProblem]:
        """Answers to the links in a text, in their order."""
        return cast("list[Any]", (await self._do(_urls({"text": text, "banks": banks})))["results"])

    async def passes(self, image: File, banks: list[str] | None = None) -> bool:
        """Whether an upload may pass the gate. Raises ``RefusedError`` where that is not known."""
        call = _Call("POST", "/v1/gate", file=image, params=_only({"banks": banks}), gate=True)
        return bool(await self._do(call))

    async def fingerprint(self, image: File) -> FingerprintAnswer:
        """Every signal of an image."""
        return cast("FingerprintAnswer", await self._do(_image("/v1/fingerprint", image)))

    async def add_entry(
        self,
        bank: str,
        image: File | None = None,
        *,
        signals: Mapping[str, Any] | None = None,
        **provenance: Any,  # noqa: ANN401 (JSON)
    ) -> EntryAnswer:
        """List an image, or signals."""
        return cast("EntryAnswer", await self._do(_entry(bank, image, signals, provenance)))

    async def import_list(self, bank: str, file: File, **options: Any) -> ImportAnswer:  # noqa: ANN401
        """Make a file the new version of a list, whole."""
        return cast("ImportAnswer", await self._do(_import(bank, file, options)))

    async def status(self) -> StatusAnswer:
        """What the replica holds and runs."""
        return cast("StatusAnswer", await self._do(_Call("GET", "/v1/status")))
