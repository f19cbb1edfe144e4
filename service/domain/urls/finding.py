"""The links in free text: with and without a scheme, and as people write them so that none is seen.

``hxxp://example[.]org/a``, ``example (dot) org`` and ``**https://example.org/a**,`` are found.
Where a link ends, prose does not say: a last dot, bracket or quotation mark may belong to it or
not. So each link found comes with every reading, the likeliest first, and all are looked up.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from service.domain.errors import BadUrlError
from service.domain.urls.canonical import MAX_CHARACTERS, canonical
from service.domain.urls.suffixes import is_top_level

_UNSEEN: Final = dict.fromkeys(
    [
        *(0xAD, 0x34F, 0x61C, 0xFEFF),
        *range(0x200B, 0x2010),
        *range(0x202A, 0x202F),
        *range(0x2060, 0x2070),
    ]
)
"""Characters that show as nothing, which are put into links to hide them."""

_DOT: Final = r"(?:[.\u3002\uff0e\uff61]|\s?[\[({<]\s?(?:\.|dot|punkt|point)\s?[\])}>]\s?)"
_SLASHES: Final = r"(?:[/\\]{2}|\[?//\]?)"
_SCHEME: Final = rf"(?:h(?:tt|xx|\*\*|__)p|ftp|fxp)s?\s?(?:\[://\]|\[?:\]?{_SLASHES})"
_REST: Final = r"[^\s<>\"`|^]*"
_LABEL: Final = r"[^\W_](?:[\w-]{0,61}[^\W_])?"
_LINK: Final = re.compile(
    rf"{_SCHEME}[^\s<>\"`|^]{{1,{MAX_CHARACTERS}}}?(?:{_DOT}{_REST})*{_REST}"
    rf"|(?<![\w@.-])(?:{_LABEL}{_DOT}){{1,16}}{_LABEL}(?![\w@])(?::[0-9]{{1,5}})?(?:[/\\?#]{_REST})?",
    re.IGNORECASE,
)
_HAS_SCHEME: Final = re.compile(_SCHEME, re.IGNORECASE)
_ANY_DOT: Final = re.compile(_DOT, re.IGNORECASE)
_TAIL: Final = (
    ".,;:!?'*_~)]}"
    "\u00bb\u201d\u2019\u203a\u2026\u3002\uff0c\u3001"
    "\uff1b\uff1a\uff01\uff1f\uff09\u3011\u300d\u300f\u300b\u3009"
)
"""Marks that end a sentence or a quotation, those of other scripts too."""
_CLOSING: Final = {")": "(", "]": "[", "}": "{"}
_BREAK: Final = re.compile(r"\]\(|\)\[|\[/|\)?\]|[)'(]")
_FOREIGN: Final = re.compile(r"[^\x00-\x7f]")


@dataclass(frozen=True)
class Link:
    """A link in a text."""

    text: str
    """As it was written, without what shows as nothing."""
    readings: tuple[str, ...]
    """URLs that it may stand for, the likeliest first; at least one."""


def links_in(text: str) -> list[Link]:
    """Every link in ``text``, in order, the same text once."""
    written = dict.fromkeys(match[0] for match in _LINK.finditer(text.translate(_UNSEEN)))
    found = {link.text: link for link in map(_link, written) if link is not None}
    return list(found.values())


def refanged(text: str) -> str:
    """``text``, one URL, with what was written so that nobody follows it put right."""
    head = _HAS_SCHEME.match(text)
    if head:
        secure = "s" if head[0].rstrip(":/\\[] ").lower().endswith("s") else ""
        name = "ftp" if head[0][0] in "fF" else "http"
        text = f"{name}{secure}://{text[head.end() :]}"
    if "[" in text or "(" in text or "{" in text or "<" in text:
        text = _ANY_DOT.sub(lambda dot: dot[0] if len(dot[0]) == 1 else ".", text)
    return text


def _link(written: str) -> Link | None:
    shown = _without_tail(written)
    whole, likely = refanged(written), refanged(shown)
    if not _HAS_SCHEME.match(written):
        try:
            url = canonical(likely)
        except BadUrlError:
            return None
        if url.is_address:
            if not likely.startswith(url.host):  # 3.14 is one to a browser, and a number to us
                return None
        elif not is_top_level(url.host.rpartition(".")[2]):
            return None
    readings = [likely, whole]
    begin = likely.find("://") + 3 if "://" in likely else 0
    if likely[begin : begin + 1] == "[":  # an IPv6 address
        begin = max(begin, likely.find("]"))
    for end in (_BREAK, _FOREIGN):
        cut = end.search(likely, begin + 1)
        if cut and "." in likely[begin : cut.start()]:
            readings.append(_without_tail(likely[: cut.start()]))
    return Link(shown, tuple(dict.fromkeys(reading for reading in readings if reading)))


def _without_tail(link: str) -> str:
    """``link`` without the punctuation of the sentence it stands in."""
    end = len(link)
    surplus = {mark: link.count(mark) - link.count(_CLOSING[mark]) for mark in _CLOSING}
    while end and (mark := link[end - 1]) in _TAIL:
        if mark in surplus:
            if surplus[mark] <= 0:
                break
            surplus[mark] -= 1
        end -= 1
    return link[:end]
