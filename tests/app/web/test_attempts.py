"""Whose attempt it is."""

from __future__ import annotations

import pytest
from starlette.requests import Request

from app.web.attempts import whose


@pytest.mark.parametrize(
    ("address", "counted_as"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2::1", "2001:db8:1:2::"),
        ("2001:db8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:2::"),
        ("2001:db8:1:3::1", "2001:db8:1:3::"),
        ("testclient", "testclient"),
    ],
)
def test_addresses_of_one_household_count_as_one(address: str, counted_as: str) -> None:
    assert whose(Request({"type": "http", "client": (address, 1), "headers": []})) == counted_as


def test_request_from_nowhere_is_counted_too() -> None:
    assert whose(Request({"type": "http", "client": None, "headers": []})) == "unknown"
