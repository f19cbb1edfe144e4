"""The allow-list of hosts from which files may be fetched: which URLs and addresses are on it.

An entry is a host (``images.example.org``), every host below one (``*.example.org``), an address or
a network (``10.1.0.0/16``), each but a network with a port if it is not 80 or 443. A host that is
listed may still resolve to an address that is not the public's: such an address is refused unless
it is listed itself, so that whoever controls a name cannot point it into our own network.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

Address = IPv4Address | IPv6Address

_PORTS: Final = frozenset({80, 443})
_HOST: Final = re.compile(
    r"(\*\.)?([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?",
    re.ASCII,
)
_TRANSLATED: Final = (IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"))
"""Prefixes behind which an IPv4 address hides (RFC 6052, RFC 8215)."""


class AllowList:
    """Parsed once from the setting; empty, nothing is allowed."""

    def __init__(self, entries: Iterable[str]) -> None:
        """Raises ``ValueError`` naming the entry that is none."""
        self._hosts: set[tuple[str, int]] = set()
        self._domains: set[tuple[str, int]] = set()
        self._networks: list[tuple[IPv4Network | IPv6Network, frozenset[int]]] = []
        for entry in entries:
            text, ports = _port_of(entry.strip().lower())
            try:
                network = ip_network(text.strip("[]"))
            except ValueError:
                if not _HOST.fullmatch(text) or _looks_numeric(text):
                    raise ValueError(f"{entry!r} is no host, address or network") from None
                known = self._domains if text.startswith("*.") else self._hosts
                known |= {(text.removeprefix("*"), port) for port in ports}
                continue
            self._networks.append((_plain_network(network), ports))

    def __bool__(self) -> bool:
        """Whether anything is allowed."""
        return bool(self._hosts or self._domains or self._networks)

    def names(self, host: str, port: int) -> bool:
        """Whether a URL may name ``host``, a name or an address, and ``port``."""
        host = host.lower().removesuffix(".")
        address = parsed_address(host)
        if address is not None:
            return self._lists(address, port)
        if (host, port) in self._hosts:
            return True
        return any(host.endswith(suffix) and at == port for suffix, at in self._domains)

    def reaches(self, address: Address, port: int) -> bool:
        """Whether a connection may be made to ``address`` for a host that is named."""
        return self._lists(address, port) or is_public(address)

    def _lists(self, address: Address, port: int) -> bool:
        plain = _plain(address)
        return any(plain in network and port in ports for network, ports in self._networks)


def parsed_address(text: str) -> Address | None:
    """The address that ``text`` is, if it is one in its usual form."""
    try:
        return ip_address(text.strip("[]"))
    except ValueError:
        return None


def is_public(address: Address) -> bool:
    """Whether an address is one of the public Internet's, whatever it is wrapped in."""
    address = _plain(address)
    if isinstance(address, IPv6Address):
        if any(address in network for network in _TRANSLATED):
            return False
        if address.sixtofour is not None or address.teredo is not None:
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def _plain(address: Address) -> Address:
    """An IPv4 address that is written as IPv6 is that IPv4 address."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return address if mapped is None else mapped


def _plain_network(network: IPv4Network | IPv6Network) -> IPv4Network | IPv6Network:
    mapped = getattr(network.network_address, "ipv4_mapped", None)
    if mapped is None or network.prefixlen < 96:
        return network
    return IPv4Network((mapped, network.prefixlen - 96))


def _looks_numeric(host: str) -> bool:
    # Resolvers read 127.1, 0x7f000001 and 2130706433 as addresses.
    last = host.rpartition(".")[2]
    return bool(re.fullmatch(r"[0-9]+|0x[0-9a-f]*", last))


def _port_of(entry: str) -> tuple[str, frozenset[int]]:
    host, colon, port = entry.rpartition(":")
    bare_ipv6 = entry.count(":") > 1 and not entry.startswith("[")
    if not colon or bare_ipv6 or entry.endswith("]") or not port.isascii() or not port.isdigit():
        return entry, _PORTS
    if not 0 < int(port) < 2**16:
        raise ValueError(f"{entry!r} has no port that there is")
    return host, frozenset({int(port)})
