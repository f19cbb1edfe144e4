"""Which URLs and addresses an allow-list lets through."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from service.domain.allowlist import AllowList, is_public

NOT_PUBLIC = [
    "127.0.0.1",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "192.0.2.1",
    "198.18.0.1",
    "::",
    "::1",
    "fe80::1",
    "fc00::1",
    "ff02::1",
    "2001:db8::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::7f00:1",
    "64:ff9b:1::a00:1",
    "2002:7f00:1::",
    "2001:0:7f00:1::",
]


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_what_is_not_the_publics_is_refused_unless_listed(address: str) -> None:
    """However it is written: as IPv4, mapped into IPv6, or behind a translator."""
    parsed = ip_address(address)
    assert not is_public(parsed)
    assert not AllowList(["images.example.org"]).reaches(parsed, 443)
    assert not AllowList(["images.example.org"]).names(address, 443)
    listed = AllowList([address])
    assert listed.reaches(parsed, 443)
    assert listed.names(address, 443)
    assert not listed.reaches(parsed, 8080)


@pytest.mark.parametrize(
    "address", ["93.184.215.14", "8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8"]
)
def test_the_public_is_reached_by_a_name_that_is_listed(address: str) -> None:
    """And not by the address itself, which is not."""
    allowed = AllowList(["images.example.org"])
    assert allowed.reaches(ip_address(address), 443)
    assert not allowed.names(address, 443)


def test_hosts_are_named_exactly_or_as_what_lies_below_one() -> None:
    """With their port where it is not 80 or 443."""
    allowed = AllowList(["Images.Example.org", "*.cdn.example.net", "files.example.org:8443"])
    assert allowed.names("images.example.ORG", 443)
    assert allowed.names("images.example.org.", 80)
    assert allowed.names("a.b.cdn.example.net", 443)
    assert allowed.names("files.example.org", 8443)
    for host, port in (
        ("images.example.org", 8080),
        ("files.example.org", 443),
        ("cdn.example.net", 443),
        ("evilcdn.example.net", 443),
        ("images.example.org.evil.net", 443),
        ("example.org", 443),
        ("", 443),
    ):
        assert not allowed.names(host, port), host


def test_a_network_is_listed_whole() -> None:
    allowed = AllowList(["10.1.0.0/16", "[fd00::1]:9000"])
    assert allowed.reaches(ip_address("10.1.2.3"), 80)
    assert allowed.reaches(ip_address("::ffff:10.1.2.3"), 80)
    assert not allowed.reaches(ip_address("10.2.0.1"), 80)
    assert allowed.names("fd00::1", 9000)
    assert not allowed.names("fd00::1", 443)


@pytest.mark.parametrize(
    "entry",
    ["", "*", "a b", "http://x", "x/y", "user@x", "127.1", "0x7f.1", "2130706433", "x:99999"],
)
def test_what_is_no_host_is_refused(entry: str) -> None:
    """Among these the forms of addresses that only some resolvers read."""
    with pytest.raises(ValueError, match=r"is no host|no port"):
        AllowList([entry])


def test_empty_allows_nothing() -> None:
    assert not AllowList([])
    assert not AllowList([]).names("example.org", 443)
