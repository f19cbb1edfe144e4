"""Public suffixes: the domains under which anybody may register one, by a list that is installed.

The list lies in ``publicsuffixlist`` and comes with its releases; nothing is fetched.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from publicsuffixlist import PublicSuffixList


def is_public_suffix(host: str) -> bool:
    """Whether ``host``, ASCII and in lower case, belongs to everybody: ``org``, ``co.uk``,
    ``github.io``. A name of one part is a suffix, whether or not the list knows it."""
    return bool(_list().is_public(host))


def is_top_level(name: str) -> bool:
    """Whether there is a top-level domain of this name, ASCII and in lower case."""
    return _list().publicsuffix(name, accept_unknown=False) is not None


@cache
def _list() -> PublicSuffixList:
    from publicsuffixlist import PublicSuffixList  # its list takes a moment to read

    return PublicSuffixList()
