"""What a rule is looked up by, and everything a URL could be listed as.

A rule has one key; a URL is asked for by a bounded number of them: itself, each path that it lies
below, and each domain that its host belongs to. So a look-up costs the same however many rules
there are, and no rule is compared with a URL.

A key is text here. An index holds it as a keyed hash (``signals.hiding``), so that who finds an
index alone cannot try out which pages are listed.
"""

from __future__ import annotations

import hashlib
from functools import cache
from typing import Final

import can_ada

from service.domain.errors import BadUrlError
from service.domain.signals.hiding import UNREAD
from service.domain.urls.canonical import Canonical, canonical
from service.domain.urls.rules import MAX_DEPTH, MAX_HOST, UrlKind, UrlRule, read_rule
from service.domain.urls.tracking import TRACKING

LAYOUT: Final = "url-1"
"""The rules by which keys are made, ``canonical`` included. Whoever changes what any URL comes to
changes this: an index made by other rules is built anew, where it would miss in silence."""

_KINDS: Final = {"p": UrlKind.PAGE, "t": UrlKind.PREFIX, "d": UrlKind.DOMAIN}
"""By the first letter of a key."""


def key_of(rule: UrlRule) -> str:
    """What ``rule`` is looked up by."""
    if rule.kind is UrlKind.PAGE:
        return f"p{rule.url.text}"
    if rule.kind is UrlKind.PREFIX:
        return f"t{rule.url.site}{rule.url.path}"
    return f"d{rule.url.host}"


def key_of_text(text: str) -> str:
    """What a rule that was listed as ``text`` is looked up by. What another release listed and
    this one would refuse is the page of that URL; ``UNREAD`` where it is none."""
    try:
        return key_of(read_rule(text))
    except BadUrlError:
        pass
    try:
        return f"p{canonical(text).text}"
    except BadUrlError:
        return UNREAD


@cache
def layout() -> str:
    """The name of the rules by which keys are made: ours, the parser's release, which knows how
    hosts of other scripts are written, and the parameters that are dropped."""
    dropped = hashlib.blake2b(" ".join(sorted(TRACKING)).encode(), digest_size=4).hexdigest()
    return f"{LAYOUT}-{can_ada.__version__}-{dropped}"


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
        at, after = host.find("."), 0
        while (after := host.find(".", at + 1)) > at >= 0:  # no list has a top-level domain
            keys.append(f"d{host[at + 1 :]}")
            at = after
    return keys


def kind_of(key: str) -> UrlKind:
    """Of which kind the rule is that a key of ``asked`` found."""
    return _KINDS[key[0]]
