"""Addresses that somebody else wrote down: which of them this service may call, and which are this machine itself.

A webhook's address is a stranger's word, and the service stands inside a network that the stranger does not: what
is not on the public internet is not called (OWASP: Server Side Request Forgery).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

from models.errors import Invalid

PORTS = frozenset({443, 8443})
MOST_CHARACTERS = 2000

# Where an IPv4 address stands inside an IPv6 one: as it is sent on, that one decides. Bits from the right.
_EMBEDDING = (
    (ip_network("::ffff:0:0/96"), 0),  # IPv4-mapped, RFC 4291
    (ip_network("::/96"), 0),  # IPv4-compatible, RFC 4291
    (ip_network("64:ff9b::/96"), 0),  # NAT64, RFC 6052
    (ip_network("2002::/16"), 80),  # 6to4, RFC 3056
)
# Not for everybody, whatever a version of ``ipaddress`` makes of them (IANA's special-purpose registries).
_SPECIAL = tuple(
    ip_network(each)
    for each in (
        "0.0.0.0/8",
        "100.64.0.0/10",  # carriers' own networks, RFC 6598
        "192.0.0.0/24",
        "192.88.99.0/24",  # 6to4 relays
        "198.18.0.0/15",
        "240.0.0.0/4",
        "64:ff9b:1::/48",  # a network's own NAT64, RFC 8215
        "100::/64",
        "2001::/23",  # Teredo, ORCHID and others
        "2001:db8::/32",
        "3fff::/20",
        "5f00::/16",
        "fc00::/7",
        "fe80::/10",
        "fec0::/10",
    )
)


def is_loopback(host: str) -> bool:
    """Whether a host, by address or name, is this machine and no other can reach it there."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def is_public(written: str) -> bool:
    """Whether an IP address is one of the public internet, and so is every IPv4 address within it."""
    try:
        address = ip_address(written.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, IPv6Address):
        inner = _embedded_in(address)
        if inner is not None:
            return _is_global(inner)
    return _is_global(address)


def _embedded_in(address: IPv6Address) -> IPv4Address | None:
    for network, shift in _EMBEDDING:
        if isinstance(network, IPv6Network) and address in network:
            return IPv4Address((int(address) >> shift) & 0xFFFF_FFFF)
    return None


def _is_global(address: IPv4Address | IPv6Address) -> bool:
    is_special = any(address in network for network in _SPECIAL if network.version == address.version)
    return (
        address.is_global
        and not is_special
        and not (
            address.is_private
            or address.is_loopback
            or address.is_link_local
            or address.is_multicast
            or address.is_reserved
            or address.is_unspecified
        )
    )


@dataclass(frozen=True)
class Target:
    """Where an address leads. ``is_trusted``: the operator names this host, so it may be anywhere."""

    is_https: bool
    host: str
    port: int
    path: str
    is_trusted: bool

    @property
    def host_header(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.is_https else 80) else f"{host}:{self.port}"


def target_of(url: str, allowed_hosts: Collection[str] = ()) -> Target:
    """What a webhook's address says, if it may be one: HTTPS, a usual port, no name or password in it.

    :param allowed_hosts: hosts for which HTTP and every port will do as well
    :raises Invalid: it may not
    """
    if not 0 < len(url) <= MOST_CHARACTERS or not all("!" <= each <= "~" for each in url):
        raise Invalid("webhook-address-unfit")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise Invalid("webhook-address-unfit") from error
    is_https = parts.scheme == "https"
    if not host or parts.scheme not in ("http", "https") or "@" in parts.netloc or "#" in url:
        raise Invalid("webhook-address-unfit")
    is_trusted = host in allowed_hosts
    port = port if port is not None else (443 if is_https else 80)
    if not is_trusted and (not is_https or port not in PORTS):
        raise Invalid("webhook-address-unfit")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(is_https, host, port, path, is_trusted)
