"""Another Lookalike as an exchange: a bank's entries, asked for with a key that may curate.

The whole bank each time, written down in our own lossless form. The other side's sequence says
whether anything was committed there since. Each entry keeps its provider's name and list in its id,
so that two providers' items never become one.
"""

from __future__ import annotations

from typing import Any, BinaryIO, Final
from urllib.parse import quote

import orjson

from service.lists.exchanges.contract import Turn
from service.lists.exchanges.errors import ExchangeOddError
from service.lists.exchanges.web import Web

_PAGE: Final = 1000


class LookalikeExchange:
    """One bank of another Lookalike."""

    format: Final = "jsonl"
    whole: Final = True

    def __init__(self, web: Web, bank: str) -> None:
        """Ask ``web``, which has a key among its headers, for the entries of ``bank``."""
        self._web, self._entries = web, f"v1/banks/{quote(bank, safe='')}/entries"

    def page(self, since: str | None, place: str | None, out: BinaryIO) -> Turn | None:
        """The entries from the cursor in ``place`` on; it is led by the sequence at the start."""
        sequence, _, cursor = (place or "").partition(" ")
        if place is None:
            sequence = self._sequence()
            if sequence == since:
                return None
        params: dict[str, str | int] = {"limit": _PAGE} | ({"cursor": cursor} if cursor else {})
        said = self._web.json("GET", self._entries, params=params)
        if not isinstance(said, dict) or not isinstance(said.get("entries"), list):
            raise ExchangeOddError(f"{self._web.host} answers no page of entries")
        for entry in said["entries"]:
            if (line := self._line(entry)) is not None:
                out.write(orjson.dumps(line) + b"\n")
        following = said.get("next_cursor")
        if following is None:
            return Turn(None, sequence)
        if not isinstance(following, str) or following == cursor:
            raise ExchangeOddError(f"{self._web.host} gives the same page again and again")
        return Turn(f"{sequence} {following}", sequence)

    def later(self, one: str, other: str) -> str:
        """The sequence at the start, which all pages of one fetch give."""
        del one
        return other

    def _sequence(self) -> str:
        said = self._web.json("GET", "v1/status")
        sequence = said.get("sequence") if isinstance(said, dict) else None
        if not isinstance(sequence, int):
            raise ExchangeOddError(f"{self._web.host} does not say its sequence")
        return str(sequence)

    def _line(self, entry: Any) -> dict[str, object] | None:  # noqa: ANN401 (JSON)
        try:
            if not entry["enabled"]:
                return None
            return {
                **entry["signals"],
                "provider_id": f"{entry['provider']}/{entry['list']}/{entry['provider_id']}",
                "labels": entry["labels"],
            }
        except (KeyError, TypeError):
            raise ExchangeOddError(f"{self._web.host} answers an entry that is none") from None
