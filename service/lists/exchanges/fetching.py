"""A list fetched to its end: page by page into a folder, so that a break costs one page.

What is fetched is applied only when all of it is there. Pages lie under the data folder meanwhile,
readable by nobody else, each named in ``state.json`` with the place after it; a fetch that broke
off goes on from there within some hours, and begins anew where the exchange no longer knows the
place. It knows files; not who lists what is in them.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from service.lists.exchanges.contract import Exchange, Turn
from service.lists.exchanges.errors import ExchangeOddError, PlaceExpiredError

MAX_PAGES: Final = 1_000_000

_STATE: Final = "state.json"
_GOOD_FOR: Final = 11 * 3600.0
"""Seconds. The shortest life of a place that any exchange documents is twelve hours."""


@dataclass(frozen=True)
class FetchedPage:
    """One page, as it came."""

    path: Path
    name: str
    """Its own name where it had one."""


@dataclass(frozen=True)
class Fetched:
    """All that is new at an exchange."""

    pages: tuple[FetchedPage, ...]
    checkpoint: str | None
    """Where to begin next time, once the pages are applied."""


@dataclass
class _State:
    since: str | None
    begun: float
    """By our clock; only ever compared with it."""
    place: str | None = None
    checkpoint: str | None = None
    names: list[str] | None = None


def fetch(
    exchange: Exchange,
    folder: Path,
    since: str | None,
    max_bytes: int,
    told: Callable[[int, int], object] | None = None,
) -> Fetched | None:
    """Everything new at ``exchange`` since the checkpoint ``since``; ``None``: nothing is.

    Pages are kept in ``folder``, which is the caller's to remove once they are applied. ``told``
    hears after each page how many there are, and their bytes. Raises ``ExchangeError``, and then
    what was fetched is kept for the next call.
    """
    state = _found(folder, since)
    resumed = state is not None
    while True:
        if state is None:
            state = _anew(folder, since)
        try:
            return _to_the_end(exchange, folder, state, max_bytes, told)
        except PlaceExpiredError:
            if not resumed:
                _clear(folder)  # the next sync begins anew
                raise
            resumed, state = False, None


def _to_the_end(
    exchange: Exchange,
    folder: Path,
    state: _State,
    max_bytes: int,
    told: Callable[[int, int], object] | None,
) -> Fetched | None:
    names = state.names if state.names is not None else []
    size = sum(_page(folder, number).stat().st_size for number in range(len(names)))
    while not names or state.place is not None:
        if len(names) >= MAX_PAGES:
            raise ExchangeOddError(f"the exchange has more than {MAX_PAGES} pages")
        turn = _fetch_page(exchange, folder, state, len(names))
        if turn is None:
            _clear(folder)
            return None
        names.append(turn.name)
        size += _page(folder, len(names) - 1).stat().st_size
        if size > max_bytes:
            _clear(folder)
            raise ExchangeOddError(f"the exchange sends more than {max_bytes} bytes")
        state.names, state.place = names, turn.place
        if turn.checkpoint is not None:
            state.checkpoint = (
                turn.checkpoint
                if state.checkpoint is None
                else exchange.later(state.checkpoint, turn.checkpoint)
            )
        _write(folder, state)
        if told is not None:
            told(len(names), size)
    pages = tuple(FetchedPage(_page(folder, n), name) for n, name in enumerate(names))
    return Fetched(pages, state.since if state.checkpoint is None else state.checkpoint)


def _fetch_page(exchange: Exchange, folder: Path, state: _State, number: int) -> Turn | None:
    with (folder / "page.part").open("w+b") as out:
        turn = exchange.page(state.since, state.place, out)
    if turn is not None:
        (folder / "page.part").replace(_page(folder, number))
    return turn


def _page(folder: Path, number: int) -> Path:
    return folder / f"{number:07}.page"


def _anew(folder: Path, since: str | None) -> _State:
    _clear(folder)
    folder.mkdir(parents=True, mode=0o700)
    return _State(since, time.time())


def _clear(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)


def _write(folder: Path, state: _State) -> None:
    part = folder / f"{_STATE}.part"
    part.write_bytes(orjson.dumps(vars(state)))
    with part.open("rb") as file:
        os.fsync(file.fileno())
    part.replace(folder / _STATE)


def _found(folder: Path, since: str | None) -> _State | None:
    """What an earlier fetch since the same checkpoint left, if it can be gone on with."""
    try:
        said: Any = orjson.loads((folder / _STATE).read_bytes())
        state = _State(**said)
        names = state.names
        if (
            not names
            or state.since != since
            # A clock that jumped makes a fetch begin anew, which costs time and nothing else.
            or not 0 <= time.time() - state.begun <= _GOOD_FOR
            or not all(_page(folder, number).is_file() for number in range(len(names)))
        ):
            return None
    except (OSError, ValueError, TypeError):
        return None
    return state
