"""Tech Against Terrorism's exchange: a login, then pages in the order in which entries changed.

Each page names the checkpoint of its last entry, which is also where the next page begins.
"""

from __future__ import annotations

from typing import BinaryIO, Final

from service.lists.exchanges.contract import Turn
from service.lists.exchanges.errors import ExchangeOddError, ExchangeRefusedError
from service.lists.exchanges.reading import json_values
from service.lists.exchanges.web import Web

BASE: Final = "https://beta.terrorismanalytics.org"


class TechAgainstTerrorism:
    """The hash list of Tech Against Terrorism."""

    format: Final = "tech-against-terrorism"
    whole: Final = False

    def __init__(self, web: Web, user: str, password: str) -> None:
        """Ask ``web`` as ``user``."""
        self._web, self._login = web, {"username": user, "password": password, "resend": False}
        self._token: str | None = None

    def page(self, since: str | None, place: str | None, out: BinaryIO) -> Turn:
        """The entries changed after ``since``, a checkpoint of theirs."""
        start = out.tell()
        if self._token is None:
            self._token = self._logged_in()
        try:
            self._fetch(place or since, out)
        except ExchangeRefusedError:  # a token ends after a while
            self._token = self._logged_in()
            self._fetch(place or since, out)
        said = json_values(out, start, ("checkpoint", "next"))
        checkpoint = said.get("checkpoint")
        if not isinstance(checkpoint, str) or not checkpoint:
            if said.get("next"):
                raise ExchangeOddError(f"{self._web.host} has more entries, and does not say where")
            return Turn(None, None)
        more = bool(said.get("next"))
        if more and checkpoint == place:
            raise ExchangeOddError(f"{self._web.host} gives the same page again and again")
        return Turn(checkpoint if more else None, checkpoint)

    def later(self, one: str, other: str) -> str:
        """The one of the page that came later: pages are in order."""
        del one
        return other

    def _fetch(self, after: str | None, out: BinaryIO) -> None:
        self._web.fetch(
            "api/hash-list/v2/all",
            out,
            ("application/json",),
            {"order": "asc", "after": after or ""},
            {"authorization": f"Bearer {self._token}"},
        )

    def _logged_in(self) -> str:
        said = self._web.json("POST", "token-auth/tcap/", data=self._login)
        token = said.get("token") if isinstance(said, dict) else None
        if not isinstance(token, str) or not token.isascii() or not token.isprintable():
            raise ExchangeRefusedError(f"{self._web.host} gives no token for these credentials")
        return token
