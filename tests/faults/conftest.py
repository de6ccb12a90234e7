"""Grounds for tests of faults."""

from __future__ import annotations

from pathlib import Path

import pytest

from storage.database import Database
from storage.embedded import Embedded
from storage.objects import Objects
from tests.faults.ground import Ground


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest begins first: whatever is begun last, all others wait for."""
    items.sort(key=lambda item: item.name != "test_kills_at_random_moments_lose_nothing")


@pytest.fixture
def ground(
    sqlite_database: Database, object_store: Objects, object_server: Embedded, tmp_path: Path
) -> Ground:
    """An installation on SQLite."""
    return Ground(tmp_path, sqlite_database, object_store, object_server)


@pytest.fixture
def ground_on_postgresql(
    postgresql_database: Database, object_store: Objects, object_server: Embedded, tmp_path: Path
) -> Ground:
    """The same on PostgreSQL."""
    return Ground(tmp_path, postgresql_database, object_store, object_server)
