"""Everything that a URL is asked for by: its readings, and the URLs that it carries.

It knows which keys and why; not where they are looked up.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from service.domain.errors import BadUrlError
from service.domain.urls.canonical import Canonical, canonical
from service.domain.urls.keys import asked
from service.domain.urls.redirects import is_shortener, wrapped

MAX_KEYS: Final = 4096
"""Of one URL: more than any that is not made to cost time."""

SHORTENER: Final = "shortener"
TOO_MANY_WRAPPED: Final = "too_many_wrapped"


class Question(NamedTuple):
    """What to look up for one URL. A tuple, since a request makes a thousand."""

    urls: tuple[Canonical, ...]
    """The URL in the form of its likeliest reading, its other readings, and all that these
    carry."""
    keys: tuple[str, ...]
    """Each once; those of the URL itself come first."""
    doubts: tuple[str, ...]
    """Why it may lead to a page that is not looked up: ``shortener``, ``too_many_wrapped``."""

    @property
    def url(self) -> Canonical:
        """The URL itself."""
        return self.urls[0]

    def through(self, key: str) -> Canonical:
        """The first of ``urls`` that could be listed under ``key``, one of ``keys``."""
        return next((url for url in self.urls if key in asked(url)), self.url)


def question(*readings: str) -> Question:
    """What to look up for a URL that may be read in these ways, the likeliest first.

    Raises ``BadUrlError`` if none of them can be read.
    """
    if len(readings) == 1:
        url = canonical(readings[0])
        inner, many = wrapped(url)
        if not inner and not many:
            return Question((url,), tuple(asked(url)), (SHORTENER,) if is_shortener(url) else ())
    urls: dict[Canonical, None] = {}
    many = short = False
    failure: BadUrlError | None = None
    for text in readings:
        try:
            url = canonical(text)
        except BadUrlError as error:
            failure = failure or error
            continue
        inner, more = wrapped(url)
        many |= more
        urls[url] = None
        short |= any(map(is_shortener, (url, *inner)))
        urls |= dict.fromkeys(inner)
    if not urls:
        raise failure or BadUrlError("a URL must not be empty")
    keys = dict.fromkeys(key for url in urls for key in asked(url))
    if len(keys) > MAX_KEYS:
        many = True
    doubts = ((SHORTENER,) if short else ()) + ((TOO_MANY_WRAPPED,) if many else ())
    return Question(tuple(urls), tuple(keys)[:MAX_KEYS], doubts)
