"""URLs: rules for pages, paths and domains, kept in the list's own words and found by keys.

What is listed is a rule (``domain.urls.rules``), what is asked for is a URL however it is
disguised (``domain.urls.asking``). Their modules are loaded when the first URL is read: most
commands have none.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from service.domain.errors import BadSignalError, BadUrlError
from service.domain.signals.kinds import KeyRules, SignalType, Weight

MAX_URL: Final = 2048
"""Characters of a rule."""

MAX_ASKED: Final = 8192
"""Characters of a URL that is asked for: a listed one can be padded."""


def _read(name: str, value: object) -> bytes:
    from service.domain.urls.rules import listed

    rule = _text(name, value)
    if len(rule) > MAX_URL:
        raise BadSignalError(f"{name} has {len(rule)} characters, more than {MAX_URL}")
    if not rule.isprintable():
        raise BadSignalError(f"{name} must be without control characters")
    try:
        return listed(rule).encode()
    except BadUrlError as error:
        raise BadUrlError(f"{name}: {error}") from None


def _read_asked(name: str, value: object) -> bytes:
    from service.domain.urls.canonical import canonical

    url = _text(name, value)
    try:
        canonical(url)
        return url.encode()
    except UnicodeEncodeError:
        raise BadUrlError(f"{name} must be text that has UTF-8") from None
    except BadUrlError as error:
        raise BadUrlError(f"{name}: {error}") from None


def _text(name: str, value: object) -> str:
    if not isinstance(value, str) or not (text := value.strip()):
        raise BadSignalError(f"{name} must be text")
    return text


def _layout() -> str:
    from service.domain.urls.keys import layout

    return layout()


def _listed(value: bytes) -> str:
    from service.domain.urls.keys import key_of_text

    return key_of_text(value.decode())


def _asked(value: bytes) -> Sequence[str]:
    from service.domain.urls.asking import question

    return question(value.decode()).keys


def _doubts(value: bytes) -> Sequence[str]:
    from service.domain.urls.asking import question

    return question(value.decode()).doubts


URL: Final = SignalType(
    name="url",
    sentence="A page, a path or a domain where the item was found, as `https://example.org/a`,"
    " `example.org/a/*` or `example.org`; of a query the URL of a page.",
    example="https://example.org/a?b=c",
    weight=Weight.PLACE,
    read=_read,
    write=bytes.decode,
    schema={"type": "string", "minLength": 1, "maxLength": MAX_ASKED, "pattern": "\\S"},
    width=None,
    keys=KeyRules(_layout, _listed, _asked, _read_asked, _doubts),
)
