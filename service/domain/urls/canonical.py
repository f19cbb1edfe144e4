"""The one form of a URL: what all its spellings, disguises included, come to.

``HTTPS://User@EXAMPLE.org.:443//a/../%7Eb/?utm_source=x#top`` is ``example.org/~b``. Two URLs have
one form only if they lead to one page:

==================  ============================================================================
part                what is made of it
==================  ============================================================================
scheme              ``http`` and ``https`` are alike and not written; others stay
user, password      dropped
host                as the URL standard has it (lower case, punycode, escapes undone, IPv4 in
                    dotted decimals), dots at its end dropped; ``www.`` is another host
port                dropped if 80 or 443
path                escapes undone, ``%2F`` too; ``.`` and ``..`` resolved, empty parts and the
                    slash at its end dropped; case stays
query               escapes undone but for ``%26``, ``%2B`` and, in names, ``%3D``; ``+`` is a
                    space; empty parts dropped; order and case stay
tracking            parameters in ``tracking.TRACKING`` dropped, unless they shall be kept
fragment            dropped, unless it begins with ``#!`` or ``#/``: then it names a page
==================  ============================================================================

What is escaped in the end is written in one way (``escapes``). The form of a form is itself.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

import can_ada

from service.domain.errors import BadUrlError
from service.domain.urls.escapes import escaped, unescaped
from service.domain.urls.tracking import TRACKING

MAX_CHARACTERS: Final = 8192
"""Of a URL that is asked for: four times what a list may name, so that one can be padded."""

_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_SPECIAL: Final = frozenset({"http", "https", "ws", "wss", "ftp"})
"""Of these the standard knows that a host follows, with two slashes, one, or none."""
_NO_PAGE: Final = frozenset(
    re.findall(
        r"[\w-]+",
        """about blob callto cid data facetime file geo intent jar javascript magnet mailto mid news
    skype sip sips sms smsto tel urn view-source vbscript whatsapp xmpp""",
    )
)
_PORT: Final = re.compile(r"[0-9]{1,5}(?=[/\\?#]|$)")
_EDGES: Final = "".join(map(chr, range(0x21)))
_BREAKS: Final = dict.fromkeys(map(ord, "\t\n\r"))

_IN_PATH: Final = "!$&'()*+,;=:@/"
_IN_NAME: Final = "!$'()*,;:@/?"
_IN_VALUE: Final = _IN_NAME + "="
_PLAIN_PATH: Final = re.compile(r"(?:/(?!\.{1,2}(?:/|$))[\w\-.~!$&'()*+,;=:@]+)+|/", re.ASCII)
_PLAIN_QUERY: Final = re.compile(r"[\w\-.~!$'()*,;:@/?=]+(?:&[\w\-.~!$'()*,;:@/?=]+)*", re.ASCII)


class Canonical(NamedTuple):
    """A URL in its one form."""

    scheme: str
    """Empty for ``http`` and ``https``."""
    host: str
    """ASCII, in lower case, without a dot at its end."""
    port: str
    """Empty for that of the scheme."""
    path: str
    """Begins with a slash, and ends with one only where it is all."""
    query: str
    """Without the question mark; may be empty."""
    route: str
    """A fragment that names a page, with its ``#``; else empty."""

    @property
    def site(self) -> str:
        """Scheme, host and port."""
        scheme = f"{self.scheme}://" if self.scheme else ""
        return f"{scheme}{self.host}:{self.port}" if self.port else scheme + self.host

    @property
    def text(self) -> str:
        """All of it: what ``canonical`` makes itself of."""
        return self.document + self.route

    @property
    def document(self) -> str:
        """All but the route: what is asked of a server."""
        return f"{self.site}{self.path}?{self.query}" if self.query else self.site + self.path

    @property
    def is_address(self) -> bool:
        """Whether the host is an IP address, which has no parent."""
        return self.host[-1] == "]" or self.host.rpartition(".")[2].isdigit()


def canonical(text: str, tracking: bool = False) -> Canonical:
    """``text`` in its one form; it may lack the scheme. With ``tracking``, parameters that track
    stay.

    Raises ``BadUrlError`` if no browser would take it for the address of a page.
    """
    if len(text) > MAX_CHARACTERS:
        raise BadUrlError(f"a URL of at most {MAX_CHARACTERS} characters, not {len(text)}")
    url, scheme = _parsed(_with_scheme(text))
    host = url.hostname
    if scheme not in _SPECIAL:
        host = host.lower()
    if host.endswith("."):
        host = host.rstrip(".")
        if host and scheme in _SPECIAL:  # without its dots it may be an address
            host = _parsed(f"http://{host}")[0].hostname
    if not host:
        raise BadUrlError("a URL must name a host")
    port = url.port
    if scheme in ("http", "https"):
        scheme, port = "", "" if port in ("80", "443") else port
    return Canonical(
        scheme,
        host,
        port,
        _path(url.pathname),
        _query(url.search[1:], tracking),
        _route(url.hash),
    )


def _parsed(text: str) -> tuple[can_ada.URL, str]:
    try:
        url = can_ada.parse(text)
    except ValueError:
        raise BadUrlError("this cannot be read as a URL") from None
    except TypeError:  # half a surrogate pair, which has no UTF-8; the standard's answer is U+FFFD
        return _parsed(text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))
    return url, url.protocol[:-1]


def _with_scheme(text: str) -> str:
    """``text`` as a browser's address bar would understand it."""
    if text.startswith(("https://", "http://")):
        return text
    text = text.strip(_EDGES)
    if not text.isprintable():
        text = text.translate(_BREAKS)
    if not text:
        raise BadUrlError("a URL must not be empty")
    if text.startswith(("//", "\\\\", "/\\", "\\/")):
        return f"http:{text}"
    found = _SCHEME.match(text)
    if not found:
        return f"http://{text}"
    scheme, rest = found[1].lower(), text[found.end() :]
    if scheme in _SPECIAL:
        return text
    if scheme in _NO_PAGE:
        raise BadUrlError(f"{scheme}: is not the address of a page on a server")
    if _PORT.match(rest):  # example.org:8080
        return f"http://{text}"
    if rest.startswith("//"):
        return text
    if "@" in re.split(r"[/\\?#]", rest, maxsplit=1)[0]:  # user:password@example.org
        return f"http://{text}"
    raise BadUrlError("this is not the address of a page on a server")


def _path(path: str) -> str:
    if _PLAIN_PATH.fullmatch(path):
        return path
    kept: list[str] = []
    for part in unescaped(path).split("/"):
        if part == "..":
            del kept[-1:]
        elif part not in ("", "."):
            kept.append(part)
    return escaped("/" + "/".join(kept), _IN_PATH)


def _query(query: str, tracking: bool) -> str:
    if not query:
        return ""
    given = query.split("&")
    if _PLAIN_QUERY.fullmatch(query) and (
        tracking or TRACKING.isdisjoint([part.partition("=")[0].lower() for part in given])
    ):
        return query
    parts = []
    for part in given:
        name, equals, value = part.partition("=")
        name = unescaped(name.replace("+", " "), "&=+")
        value = unescaped(value.replace("+", " "), "&+")
        if (name or equals) and (tracking or name.lower() not in TRACKING):
            parts.append(escaped(name, _IN_NAME) + equals + escaped(value, _IN_VALUE))
    return "&".join(parts)


def _route(fragment: str) -> str:
    if not fragment.startswith(("#!", "#/")):
        return ""
    inner = unescaped(fragment[1:]).rstrip("/")
    return f"#{escaped(inner, _IN_PATH + '?')}" if inner not in ("", "!") else ""
