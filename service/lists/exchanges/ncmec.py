"""NCMEC's hash sharing: entries changed since a moment, in XML pages that link to the next.

Entries come in no order of time, so only the last page of all settles the checkpoint; links to
pages expire after twelve hours. Each of NCMEC's environments holds another kind of content under an
address of its own, with the same protocol.
"""

from __future__ import annotations

import re
from typing import BinaryIO, Final

import httpx

from service.lists.exchanges.contract import Turn
from service.lists.exchanges.errors import ExchangeOddError
from service.lists.exchanges.reading import XmlFacts, xml_facts
from service.lists.exchanges.web import Web

ENVIRONMENTS: Final = {
    "industry": "https://report.cybertip.org/hashsharing",
    "industry-test": "https://exttest.cybertip.org/hashsharing",
    "industry-exploitative": "https://hashsharing.ncmec.org/exploitative",
    "industry-exploitative-test": "https://hashsharing-test.ncmec.org/exploitative",
    "ngo": "https://hashsharing.ncmec.org/npo",
    "ngo-test": "https://hashsharing-test.ncmec.org/npo",
}
"""Those whose addresses are public; the others are given as ``base``."""

BEGINNING: Final = "1970-01-01T00:00:00Z"

_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z", re.ASCII)


class Ncmec:
    """One environment of NCMEC's hash sharing."""

    format: Final = "ncmec"
    whole: Final = False

    def __init__(self, web: Web) -> None:
        """Ask ``web``, which has the member's name and password."""
        self._web = web

    def page(self, since: str | None, place: str | None, out: BinaryIO) -> Turn:
        """The entries changed at ``since``, a moment by their clock, or later."""
        start, media = out.tell(), ("application/xml", "text/xml")
        if place is None:
            self._web.fetch("v2/entries", out, media, {"from": since or BEGINNING})
        else:
            self._web.fetch(place, out, media, expires=True)
        said: XmlFacts = xml_facts(out, start, ("next",), ("maxTimestamp",), self._web.host)
        if said.root != "queryResult":
            raise ExchangeOddError(f"{self._web.host} answers XML that is no query's result")
        moments = [one for one in said.attributes["maxTimestamp"] if _MOMENT.fullmatch(one)]
        if len(moments) != len(said.attributes["maxTimestamp"]):
            raise ExchangeOddError(f"{self._web.host} gives a maxTimestamp that is no moment")
        link = next((one.strip() for one in said.texts["next"] if one.strip()), None)
        following = None if link is None else self._below(link)
        if following is not None and following == place:
            raise ExchangeOddError(f"{self._web.host} gives the same page again and again")
        return Turn(following, max(moments, key=_comparable, default=None))

    def later(self, one: str, other: str) -> str:
        """The later moment."""
        return max(one, other, key=_comparable)

    def _below(self, link: str) -> str:
        """The whole address of a link, which may be one, or begin at the server or below ours."""
        ours = httpx.URL(self._web.base).path
        if link.startswith("/") and not link.startswith(ours):
            link = link.lstrip("/")
        return self._web.address(link)


def _comparable(moment: str) -> tuple[str, float]:
    """Moments with and without fractions of a second, in order."""
    whole, _, fraction = moment.removesuffix("Z").partition(".")
    return whole, float(f"0.{fraction or 0}")
