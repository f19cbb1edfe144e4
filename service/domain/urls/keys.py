"""What a rule is looked up by, and everything a URL could be listed as.

A rule has one key; a URL is asked for by a bounded number of them: itself, each path that it lies
below, and each domain that its host belongs to. So a look-up costs the same however many rules
there are, and no rule is compared with a URL.

A key is text here. An index holds it as a keyed hash (``keyed``), so that who finds an index alone
cannot try out which pages are listed.
"""

from __future__ import annotations

import hashlib
from typing import Final

from service.domain.errors import BadUrlError
from service.domain.urls.canonical import Canonical
from service.domain.urls.rules import MAX_DEPTH, MAX_HOST, UrlKind, UrlRule, read_rule

LAYOUT: Final = "url-1"
"""The rules by which keys are made, ``canonical`` included. Whoever changes what any URL comes to
changes this: an index made by other rules is built anew, where it would miss in silence."""

KEY_BYTES: Final = 16
"""Of a keyed hash: two of ten thousand million URLs agree with a chance of 1 in 10**18."""

SECRET_BYTES: Final = 32

_KINDS: Final = {"p": UrlKind.PAGE, "t": UrlKind.PREFIX, "d": UrlKind.DOMAIN, "o": UrlKind.PAGE}
"""By the first letter of a key; ``o`` is a page by its text alone."""


def key_of(rule: UrlRule) -> str:
    """What ``rule`` is looked up by."""
    if rule.kind is UrlKind.PAGE:
        return f"p{rule.url.text}"
    if rule.kind is UrlKind.PREFIX:
        return f"t{rule.url.site}{rule.url.path}"
    return f"d{rule.url.host}"


def key_of_text(text: str) -> str:
    """What a rule that was listed as ``text`` is looked up by. What an older release listed and
    this one cannot read is found by the same text alone."""
    try:
        return key_of(read_rule(text))
    except BadUrlError:
        return opaque(text)


def opaque(text: str) -> str:
    """The key of what is no URL: its text."""
    return f"o{text.strip()}"


def asked(url: Canonical) -> list[str]:
    """The keys of every rule that ``url`` could fall under, at most 163."""
    keys = [f"p{url.text}"]
    if url.route:
        keys.append(f"p{url.document}")
    site, path = url.site, url.path
    keys.append(f"t{site}/")
    end, depth = 0, 0
    while path != "/" and end != len(path) and depth < MAX_DEPTH:
        end = path.find("/", end + 1)
        end = len(path) if end < 0 else end
        keys.append(f"t{site}{path[:end]}")
        depth += 1
    host = url.host
    keys.append(f"d{host}")
    if not url.is_address:
        host = host[-MAX_HOST:]
        at = host.find(".")
        while at >= 0:
            keys.append(f"d{host[at + 1 :]}")
            at = host.find(".", at + 1)
    return keys


def kind_of(key: str) -> UrlKind:
    """Of which kind the rule is that a key of ``asked`` found."""
    return _KINDS[key[0]]


class Keyed:
    """Hashes keys with one secret, ``SECRET_BYTES`` long."""

    def __init__(self, secret: bytes) -> None:
        """``secret``: the store's; whoever has another finds nothing."""
        self._start = hashlib.blake2b(key=secret, digest_size=KEY_BYTES)

    def __call__(self, key: str) -> bytes:
        """``KEY_BYTES`` bytes."""
        state = self._start.copy()
        state.update(key.encode())
        return state.digest()
