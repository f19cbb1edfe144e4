"""The URL of a page where an item was found, kept as listed and looked up by a normal form."""

from __future__ import annotations

import hashlib
from typing import Final

from service.domain.errors import BadSignalError
from service.domain.signals.kinds import SignalType, Weight

MAX_URL: Final = 2048
"""Characters."""

URL_KEY_BYTES: Final = 32


def url_key(url: str) -> bytes:
    """What a URL is looked up by: the SHA-256 of it, scheme and host in lower case, no fragment."""
    head, mark, rest = url.partition("://")
    cut = min((at for at in (rest.find(c) for c in "/?#") if at >= 0), default=len(rest))
    host, tail = rest[:cut].lower(), rest[cut:].partition("#")[0]
    return hashlib.sha256(f"{head.lower()}{mark}{host}{tail or '/'}".encode()).digest()


def _read(name: str, value: object) -> bytes:
    if not isinstance(value, str) or not value.strip():
        raise BadSignalError(f"{name} must be text")
    url = value.strip()
    if len(url) > MAX_URL:
        raise BadSignalError(f"{name} has {len(url)} characters, more than {MAX_URL}")
    if not url.isprintable() or "://" not in url:
        raise BadSignalError(f"{name} must be absolute, without control characters")
    return url.encode()


URL: Final = SignalType(
    name="url",
    sentence="Absolute URL of the page where the item was found.",
    example="https://example.org/a?b=c",
    weight=Weight.PLACE,
    read=_read,
    write=bytes.decode,
    schema={"type": "string", "maxLength": MAX_URL, "pattern": "^[!-~]*://[!-~]*$"},
    width=None,
    key=lambda value: url_key(value.decode()),
    key_width=URL_KEY_BYTES,
)
