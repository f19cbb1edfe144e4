"""StopNCII.org's exchange: records changed since a time, in pages that a token leads through.

Records say how things stand; ``Withdrawn`` and ``Deleted`` ones are no longer listed, which their
format knows (``service.lists.formats``). Documented: two keys in headers, pages of at most 800.
"""

from __future__ import annotations

from typing import BinaryIO, Final

from service.lists.exchanges.contract import Turn
from service.lists.exchanges.errors import ExchangeOddError
from service.lists.exchanges.reading import json_values
from service.lists.exchanges.web import Web

BASE: Final = "https://api.stopncii.org/v1"
PAGE: Final = 800
"""Records."""


class StopNcii:
    """The records of StopNCII.org."""

    format: Final = "stopncii"
    whole: Final = False

    def __init__(self, web: Web) -> None:
        """Ask ``web``, which has the two keys among its headers."""
        self._web = web

    def page(self, since: str | None, place: str | None, out: BinaryIO) -> Turn:
        """The records changed at ``since``, a time of theirs, or later."""
        params: dict[str, str | int] = {"startTimestamp": since or "10", "pageSize": PAGE}
        if place is not None:
            params["nextPageToken"] = place
        start = out.tell()
        self._web.fetch(
            "FetchHashes", out, ("application/json",), params, expires=place is not None
        )
        said = json_values(out, start, ("nextPageToken", "nextSetTimestamp", "hasMoreRecords"))
        more, token, newest = (
            said.get(name) for name in ("hasMoreRecords", "nextPageToken", "nextSetTimestamp")
        )
        if not isinstance(more, bool):
            raise ExchangeOddError(f"{self._web.host} does not say whether there are more records")
        if more and (not isinstance(token, str) or not token or token == place):
            raise ExchangeOddError(f"{self._web.host} has more records, and does not say where")
        whole = isinstance(newest, int) and not isinstance(newest, bool) and newest >= 0
        return Turn(str(token) if more else None, str(newest) if whole else None)

    def later(self, one: str, other: str) -> str:
        """The greater number."""
        return max(one, other, key=int)
