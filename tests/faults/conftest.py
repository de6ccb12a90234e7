"""Grounds for tests of faults."""

from __future__ import annotations

from collections.abc import Callable
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
def kind() -> str:
    """Which database it is on, unless a test says otherwise."""
    return "sqlite"


@pytest.fixture
def ground(
    make_database: Callable[..., Database],
    kind: str,
    object_store: Objects,
    object_server: Embedded,
    tmp_path: Path,
) -> Ground:
    """An installation."""
    return Ground(tmp_path, make_database(kind), object_store, object_server)
