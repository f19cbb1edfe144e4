"""One signal of one item: a digest, a perceptual hash, a code or a URL, as canonical bytes."""

from __future__ import annotations

from typing import NamedTuple


class Signal(NamedTuple):
    """One signal of an item. A tuple, since a list of a million lines makes millions of them."""

    type: str
    """Of a ``SignalType``: its name."""
    value: bytes
    """The type's canonical bytes."""
    space: str = ""
    """The code space, where the type has them; else empty."""
    quality: float | int | None = None
    """Of this one signal, on its type's scale; ``None`` where nobody said."""
    ms: int | None = None
    """Where in a video its frame is, milliseconds; ``None`` for what is no frame, or where nobody
    said."""
    role: str | None = None
    """What a code was made for, ``reference`` or ``query``; the codes of one item share it."""
