"""Installations whose every byte may be looked at: nothing is shared with other tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.erasure.house import House
from tests.plugins.postgresql import connect, programs, shared_server, url_of

# As in earnest, but for waiting for the disk: pages are written to the log whole, and its segments are used again.
SETTINGS = ("fsync=off", "synchronous_commit=off")


# PostgreSQL needs a server of each test's own; tests/storage/test_physical_erasure.py looks into its files always.
@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.long)])
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    """A service of this test alone: once on SQLite, once on PostgreSQL."""
    with ExitStack() as opened:
        url = home = None
        if request.param == "postgresql":
            if programs() is None:
                pytest.skip("needs PostgreSQL's server programs (Debian: apt-get install postgresql)")
            home = opened.enter_context(shared_server(tmp_path, settings=SETTINGS))
            with connect(home) as connection:
                connection.execute("CREATE DATABASE reporting TEMPLATE template0")
            url = url_of(home, "reporting")
        house = House(tmp_path, url, home)
        opened.callback(house.close)
        house.open()
        yield house
