"""URLs that stand for another one: wrappers that hold it, and shorteners that hide it.

A redirector, an archive, a proxy or a translator carries its target in its own URL; the target is
as much linked to as the wrapper, so both are looked up. What a shortener leads to only its owner
knows: nothing is fetched here, and the answer says that it says nothing of the target.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Final

from service.domain.errors import BadUrlError
from service.domain.urls.canonical import Canonical, canonical
from service.domain.urls.escapes import unescaped

MAX_WRAPPED: Final = 16
"""URLs that are looked for within one; nobody wraps more but to hide one."""

SHORTENERS: Final = frozenset(
    re.findall(
        r"\S+",
        """
    1drv.ms adf.ly amzn.to bit.do bit.ly bitly.com bl.ink buff.ly clck.ru cutt.ly dlvr.it fb.me
    goo.gl goo.su gg.gg git.io ht.ly hyperurl.co ift.tt is.gd j.mp kutt.it linktr.ee lnkd.in
    mcaf.ee n9.cl ow.ly pin.it po.st qr.ae qr.net rb.gy rebrand.ly s.id shorte.st short.gy
    shorturl.at snip.ly soo.gd surl.li t.co t.ly t1p.de t2m.io tiny.cc tiny.one tinyurl.com tr.im
    trib.al u.to urlz.fr v.gd v.ht vk.cc vurl.com wp.me x.co x.gd zpr.io zws.im
    """,
    )
)
"""Hosts that shorten for everybody."""

_BARE: Final[dict[str, frozenset[str]]] = {
    "duckduckgo.com": frozenset({"uddg"}),
    "facebook.com": frozenset({"u"}),
    "google.com": frozenset({"q", "url", "adurl", "imgurl", "imgrefurl"}),
    "instagram.com": frozenset({"u"}),
    "linkedin.com": frozenset({"url"}),
    "reddit.com": frozenset({"url"}),
    "steamcommunity.com": frozenset({"url", "u"}),
    "tumblr.com": frozenset({"z"}),
    "umblr.com": frozenset({"z"}),
    "vk.com": frozenset({"to"}),
    "yandex.ru": frozenset({"url"}),
    "youtube.com": frozenset({"q"}),
}
"""Redirectors whose parameter may lack the scheme; with it, any parameter of any host counts."""

_WEB: Final = re.compile(r"(?:https?:)?[/\\]{2}\w|https?:[/\\]?\w", re.IGNORECASE)
_IN_PATH: Final = re.compile(r"/((?:https?):?)/+(?=[\w\[])", re.IGNORECASE)
_AMP: Final = re.compile(r"/(?:amp|[cvi])/(?:s/)?(?=[\w-]+\.)", re.IGNORECASE)
_CODED: Final = re.compile(r"(?:a1)?(aHR0c[A-Za-z0-9+/_-]+)=*")
"""``http`` in base64, as some redirectors have it."""
_QUERY_MARK: Final = re.compile(r"//|[\\\\%]|http|aHR0c", re.IGNORECASE)
_PATH_MARK: Final = re.compile("http", re.IGNORECASE)
"""Without which no query and no path holds a URL."""
_CARRIERS: Final = (*_BARE, "translate.goog", "cdn.ampproject.org")
"""Ends of hosts whose URLs are looked at all the same."""
_BARE_HOST: Final = re.compile(r"[\w-]+(?:\.[\w-]+)+(?:[:/?#]|$)")


def is_shortener(url: Canonical) -> bool:
    """Whether ``url`` leads to a page that it does not name."""
    return url.host.removeprefix("www.") in SHORTENERS


def _may_carry(url: Canonical) -> bool:
    """Whether it is worth looking: most URLs carry none, and a list of a thousand is quick."""
    return (
        _QUERY_MARK.search(url.query) is not None
        or _PATH_MARK.search(url.path) is not None
        or url.host.endswith(_CARRIERS)
        or ".google." in url.host
    )


def wrapped(url: Canonical) -> tuple[list[Canonical], bool]:
    """The URLs that ``url`` carries, those that they carry included, each once, nearest first; and
    whether there are more than ``MAX_WRAPPED``."""
    found: dict[Canonical, None] = {}
    waiting = [url] if _may_carry(url) else []
    while waiting:
        for text in _carried(waiting.pop(0)):
            try:
                inner = canonical(text)
            except BadUrlError:
                continue
            if inner == url or inner in found:
                continue
            if len(found) == MAX_WRAPPED:
                return list(found), True
            found[inner] = None
            waiting.append(inner)
    return list(found), False


def _carried(url: Canonical) -> list[str]:
    """What in ``url`` looks like another one."""
    found: list[str] = []
    if url.query:
        bare = _bare_parameters(url.host)
        if _WEB.match(whole := _text(url.query)):
            found.append(whole)
        for part in url.query.split("&"):
            name, _, value = part.partition("=")
            value = _text(value or name)
            coded = _CODED.fullmatch(value)
            if _WEB.match(value):
                # An unescaped target takes the rest of the query with it.
                found.append(value)
                rest = url.query[url.query.index(part) + len(name) + 1 :]
                if "?" in value and rest != part[len(name) + 1 :]:
                    found.append(_text(rest))
            elif coded:
                found += _decoded(coded[1])
            elif name.lower() in bare and _BARE_HOST.match(value):
                found.append(value)
    tail = f"?{url.query}" if url.query else ""
    for mark in _IN_PATH.finditer(url.path):
        found.append(f"http://{url.path[mark.end() :]}{tail}")
    if url.host.endswith("translate.goog"):
        parts = url.host.partition(".")[0].split("--")
        host = "-".join(part.replace("-", ".") for part in parts)
        found.append(f"http://{host}{url.path}{tail}")
    elif url.host.endswith(("google.com", "cdn.ampproject.org")) and (amp := _AMP.match(url.path)):
        found.append(f"http://{url.path[amp.end() :]}{tail}")
    return found


def _bare_parameters(host: str) -> frozenset[str]:
    domain = ".".join(host.split(".")[-2:])
    if ".google." in f".{host}":
        domain = "google.com"
    return _BARE.get(domain, frozenset())


def _text(escapes: str) -> str:
    """A parameter as its server reads it."""
    plain = unescaped(escapes)
    return plain.encode("latin-1").decode("utf-8", "replace")


def _decoded(code: str) -> list[str]:
    code = code.replace("-", "+").replace("_", "/")
    try:
        raw = base64.b64decode(code + "=" * (-len(code) % 4), validate=True)
    except (binascii.Error, ValueError):
        return []
    text = raw.decode("utf-8", "replace")
    return [text] if _WEB.match(text) else []
