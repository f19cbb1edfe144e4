"""Whose connection it is: the other end's address, or the one a proxy we trust speaks for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

Network = IPv4Network | IPv6Network

_HOME: Final = 64
"""Bits of an IPv6 address that a customer is given: who has one of them has all that follow."""


class Proxies:
    """The proxies whose word is taken for whom a request comes from."""

    def __init__(self, networks: Iterable[Network]) -> None:
        """By default there are none, and nobody's word is taken."""
        self._networks = tuple(networks)

    def trusts(self, host: str) -> bool:
        """Whether ``host`` is one of them."""
        if not self._networks:
            return False
        address = _parsed(host)
        return address is not None and any(address in network for network in self._networks)

    def client(self, forwarded: Sequence[bytes]) -> str | None:
        """For whom a trusted proxy speaks, by its ``X-Forwarded-For``: the last address in it that
        is not itself a trusted proxy; ``None`` where there is none, or what stands there is no
        address.

        Each proxy adds at the end the address it sees, so whatever a client wrote stands before.
        """
        for text in reversed(b",".join(forwarded).decode("latin-1").split(",")):
            host = _without_port(text.strip())
            if _parsed(host) is None:
                return None
            if not self.trusts(host):
                return host
        return None


def counted_as(host: str) -> str:
    """The address that ``host`` is counted under: its own, or of IPv6 its first 64 bits."""
    address = _parsed(host)
    if isinstance(address, IPv6Address):
        return str(IPv6Network((address, _HOME), strict=False))
    return host if address is None else str(address)


def _parsed(host: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(host)
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def _without_port(text: str) -> str:
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0] if text.count(":") == 1 else text
