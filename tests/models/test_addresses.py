"""Which addresses the service calls for a stranger: those of the public internet, however they are written."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as some

from models.addresses import is_public, target_of
from models.errors import Invalid

INSIDE = (
    "127.0.0.1",
    "127.8.8.8",
    "0.0.0.0",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "100.127.255.255",
    "192.0.0.8",
    "192.0.2.1",
    "192.88.99.1",
    "198.18.0.1",
    "203.0.113.9",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::10.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:100.64.0.1",
    "64:ff9b::10.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::808:808",
    "2002:a00:1::1",
    "2002:7f00:1::",
    "2001:0:53aa:64c::1",
    "2001:db8::1",
    "3fff::1",
    "fc00::1",
    "fd12:3456::1",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "100::1",
    "not an address",
    "",
)
OUTSIDE = (
    "8.8.8.8",
    "93.184.216.34",
    "100.63.255.255",
    "100.128.0.1",
    "2606:4700::1111",
    "2a00:1450:4001::200e",
    "::ffff:8.8.8.8",
    "64:ff9b::8.8.8.8",
    "2002:808:808::1",
)


@pytest.mark.parametrize("address", INSIDE)
def test_address_inside_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", OUTSIDE)
def test_address_outside_is_public(address: str) -> None:
    assert is_public(address)


@given(some.ip_addresses(v=4))
def test_ipv4_within_ipv6_is_judged_as_itself(address: ipaddress.IPv4Address) -> None:
    number = int(address)
    six_to_four = ipaddress.IPv6Address((0x2002 << 112) | (number << 80) | 1)
    nat64 = ipaddress.IPv6Address((0x64FF9B << 96) | number)
    for written in (f"::ffff:{address}", str(nat64), str(six_to_four), f"::{address}"):
        assert is_public(written) == is_public(str(address)), written


@given(some.ip_addresses())
def test_nothing_that_the_library_calls_private_is_public(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    if address.is_private or address.is_loopback or address.is_link_local or address.is_multicast:
        mapped = getattr(address, "ipv4_mapped", None)
        assert not is_public(str(address)) or (mapped is not None and is_public(str(mapped)))


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example/a",
        "https://hooks.example:8080/",
        "https://hooks.example:22/",
        "https://name:word@hooks.example/",
        "https://name@hooks.example/",
        "https://hooks.example/#a",
        "https:///a",
        "https://[::1/",
        "https://hooks.example:99999/",
        "ftp://hooks.example/",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "https://hooks.example/a b",
        "https://hooks.example/\r\nHost: inside",
        "https://höoks.example/",
        "hooks.example",
        "",
        "https://hooks.example/" + "a" * 2000,
    ],
)
def test_unfit_address_is_refused(url: str) -> None:
    with pytest.raises(Invalid, match="webhook-address-unfit"):
        target_of(url)


def test_fit_address_is_taken_apart() -> None:
    target = target_of("https://Hooks.Example:8443/in?key=a%20b")
    assert (target.host, target.port, target.path) == ("hooks.example", 8443, "/in?key=a%20b")
    assert (target.host_header, target.is_https, target.is_trusted) == ("hooks.example:8443", True, False)
    assert target_of("https://hooks.example").path == "/"
    assert target_of("https://hooks.example").host_header == "hooks.example"
    assert target_of("https://[2606:4700::1]/").host_header == "[2606:4700::1]"


def test_allowed_host_may_be_anywhere_and_no_other_is() -> None:
    allowed = {"hooks.intranet", "127.0.0.1"}
    assert target_of("http://hooks.intranet:8080/a", allowed).is_trusted
    assert target_of("http://127.0.0.1:8080/a", allowed).port == 8080
    for other in ("http://127.0.0.2:8080/a", "http://hooks.intranet.example/", "http://a.hooks.intranet/"):
        with pytest.raises(Invalid):
            target_of(other, allowed)
