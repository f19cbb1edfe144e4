"""From whom a request comes."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from service.http.connections.addresses import Proxies, counted_as

pytestmark = pytest.mark.slow


def test_nobody_is_trusted_by_default() -> None:
    assert not Proxies([]).trusts("127.0.0.1")


@pytest.mark.parametrize(
    ("forwarded", "client"),
    [
        ([b"198.51.100.7"], "198.51.100.7"),
        ([b"1.2.3.4, 198.51.100.7"], "198.51.100.7"),
        ([b"1.2.3.4", b"198.51.100.7, 10.0.0.9"], "198.51.100.7"),
        ([b"198.51.100.7:4711"], "198.51.100.7"),
        ([b"[2001:db8::7]:4711"], "2001:db8::7"),
        ([b"10.0.0.9"], None),
        ([b"198.51.100.7, unknown"], None),
        ([b""], None),
        ([b"\xff\xfe"], None),
    ],
)
def test_a_proxy_speaks_for_the_last_that_is_no_proxy(
    forwarded: list[bytes], client: str | None
) -> None:
    """What a client wrote into the header stands first, and is not believed."""
    assert Proxies([ip_network("10.0.0.0/8")]).client(forwarded) == client


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("", ""),
    ],
)
def test_who_has_one_address_of_a_network_has_them_all(host: str, address: str) -> None:
    assert counted_as(host) == address
