"""Counting attempts, so that guessing is slow work. Counted in this process; several of them count each by itself."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address

from fastapi import Request
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

# What one household or phone is given: whoever has one address of it has all of them (RFC 6177).
HOUSEHOLD_BITS = 64


def counter() -> MovingWindowRateLimiter:
    """A counter of its own for one kind of attempt; exact, also where a minute ends in between."""
    return MovingWindowRateLimiter(MemoryStorage())


def whose(request: Request) -> str:
    """Whose attempt a request is: the address it comes from, of IPv6 the part that a household shares."""
    written = request.client.host if request.client else "unknown"
    try:
        address = ip_address(written)
    except ValueError:
        return written
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(IPv6Address(int(address) >> HOUSEHOLD_BITS << HOUSEHOLD_BITS))
