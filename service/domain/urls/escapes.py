"""Percent-encoding undone as often as it was done, and done again in one way.

``%7E``, ``%257e`` and ``~`` are one character to a server, so they must be one to us. Two texts
that differ in more than how they are encoded stay different: where an encoded character means
another thing than the plain one (``%26`` in a query), it stays encoded.
"""

from __future__ import annotations

import re
from typing import Final

_ESCAPE: Final = re.compile(r"%([0-9A-Fa-f]{2})")
_ROUNDS: Final = 4
"""Layers that are taken off all at once; more than anybody writes but to cost time."""

_APART: Final = 0x100
"""Added to a byte that must stay encoded."""

_PLAIN: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


def unescaped(text: str, apart: str = "") -> str:
    """``text`` without any ``%XX``, a character for each byte of its UTF-8; what was an encoded
    one of ``apart`` is such a character plus 256.

    ``text`` is ASCII. The order in which escapes are undone does not matter: no two overlap.
    """
    if "%" not in text:
        return text
    for _ in range(_ROUNDS):
        before, text = text, _ESCAPE.sub(lambda found: _byte(found[1], apart), text)
        if text == before:
            return text
    return _unescaped_slowly(text, apart)


def escaped(text: str, plain: str) -> str:
    """The opposite: everything but letters, digits, ``-._~`` and ``plain`` as ``%XX``."""
    return "".join(
        char if char in _PLAIN or char in plain else f"%{ord(char) % _APART:02X}" for char in text
    )


def _byte(digits: str, apart: str) -> str:
    value = int(digits, 16)
    return chr(value + _APART) if chr(value) in apart else chr(value)


def _unescaped_slowly(text: str, apart: str) -> str:
    # One pass, however many layers there are: made for that, text must not cost its square.
    out: list[str] = []
    for char in text:
        out.append(char)
        while len(out) > 2 and out[-3] == "%" and _ESCAPE.fullmatch("".join(out[-3:])):
            digits = out[-2] + out[-1]
            out[-3:] = [_byte(digits, apart)]
    return "".join(out)
