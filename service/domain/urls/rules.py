"""What a line of a list says of URLs: one page, all pages below a path, or a whole domain.

Lists say it in a column of its own, or by how they write the URL:

=========================  =======  ====================================================
written                    kind     what it matches
=========================  =======  ====================================================
``https://example.org/a``  page     that page; ``http`` and ``https`` alike
``example.org/a``          page     the same
``https://example.org/``   page     the first page of the site and no other
``example.org/a/*``        prefix   ``/a``, ``/a?b=c``, ``/a/b`` … of this host; not ``/ab``
``example.org/*``          prefix   all of this host and port; no sub-domain of it
``example.org:8080``       prefix   all of this host at this port
``example.org``            domain   the host and all its sub-domains, at any port
``*.example.org``          domain   the same
=========================  =======  ====================================================
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final, NamedTuple

from service.domain.errors import BadUrlError
from service.domain.urls.canonical import Canonical, canonical
from service.domain.urls.suffixes import is_public_suffix

MAX_DEPTH: Final = 32
"""Parts of the path of a prefix: a query asks for each of its own up to here."""

MAX_HOST: Final = 253
"""Characters of a host name, as DNS has it."""

_WILD_HOST: Final = re.compile(r"(?:https?://)?\*\.", re.IGNORECASE)
_SCHEME: Final = re.compile(r"[a-z][a-z0-9+.-]*://|//", re.IGNORECASE)


class UrlKind(StrEnum):
    """How much of the web a rule is about."""

    PAGE = "page"
    PREFIX = "prefix"
    DOMAIN = "domain"


class UrlRule(NamedTuple):
    """A rule; of a prefix the path counts, of a domain the host."""

    kind: UrlKind
    url: Canonical


def read_rule(text: str) -> UrlRule:
    """The rule that ``text`` writes, whether or not a list may have it.

    Raises ``BadUrlError``.
    """
    text = text.strip()
    wild = _WILD_HOST.match(text)
    scheme = _SCHEME.match(text)
    rest = text[(wild or scheme).end() :] if wild or scheme else text  # type: ignore[union-attr]
    below = rest.endswith("/*")
    if "*" in (rest[:-2] if below else rest):
        raise BadUrlError("'*' stands for anything only before the host or after the last slash")
    if wild:
        return _domain(rest[:-2] if below else rest)
    url = canonical(text[:-1] if below else text)
    if below:
        if url.query or url.route:
            raise BadUrlError("'/*' stands for anything only in a path")
        return UrlRule(UrlKind.PREFIX, url)
    if scheme or any(mark in rest for mark in "/\\?#"):
        return UrlRule(UrlKind.PAGE, url)
    return UrlRule(UrlKind.PREFIX if url.port else UrlKind.DOMAIN, url)


def listed(text: str, kind: UrlKind | None = None) -> str:
    """What a store keeps of a list's rule: text that ``read_rule`` takes for it, in the list's own
    words where they say it; ``kind``: what the list says beside the URL.

    Raises ``BadUrlError`` if it cannot be a rule, names a domain that belongs to everybody, or is
    longer than queries look.
    """
    said = text.strip()
    if kind is UrlKind.PAGE:
        said = said.replace("*", "%2A")
        said = said if _SCHEME.match(said) else f"http://{said}"
    elif kind is UrlKind.PREFIX:
        if not said.endswith("/*"):
            said = f"{said.removesuffix('/')}/*"
    elif kind is UrlKind.DOMAIN:
        host = read_rule(said).url
        if host.port or host.path != "/" or host.query or host.route:
            raise BadUrlError("a rule for a domain names no port and no page")
        said = f"*.{host.host}"
    rule = read_rule(said)
    _check(rule)
    return said


def _domain(host: str) -> UrlRule:
    url = canonical(f"http://{host}")
    if url.port or url.path != "/" or url.query or url.route:
        raise BadUrlError("'*.' stands for all of a domain, and names no port and no page")
    return UrlRule(UrlKind.DOMAIN, url)


def _check(rule: UrlRule) -> None:
    if rule.kind is UrlKind.PREFIX and rule.url.path.count("/") > MAX_DEPTH:
        raise BadUrlError(f"a path that stands for all below it has at most {MAX_DEPTH} parts")
    if rule.kind is not UrlKind.DOMAIN:
        return
    host = rule.url.host
    if len(host) > MAX_HOST:
        raise BadUrlError(f"a domain of at most {MAX_HOST} characters, not {len(host)}")
    if not rule.url.is_address and is_public_suffix(host):
        raise BadUrlError(
            f"{host} is a public suffix, under which anybody may have a site: name the site, or"
            f" write {host}/* for the host alone"
        )
