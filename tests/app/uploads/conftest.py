"""The uploads room over a real server, a real database file and the real object store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.parts import Parts
from app.settings import Settings
from pipeline.themes.codebook import load_codebook
from storage.database import Database
from storage.objects import Objects
from tests.app.uploads.sending import Room
from tests.plugins.served import Served, serving_over
from tests.plugins.stories import Field


@pytest.fixture
def database(sqlite_database: Database) -> Database:
    """What this room asks of the database is tested on both kinds in tests/storage."""
    return sqlite_database


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """No workers: what a recording becomes is another room's matter."""
    return Settings(
        _env_file=None,
        data=tmp_path,
        workers=0,
        min_free_bytes=0,
        upload_origins="https://elsewhere.example",
    )


@pytest.fixture
def parts(settings: Settings, database: Database, object_store: Objects) -> Parts:
    return Parts(settings, database, object_store, load_codebook())


@pytest.fixture
def served(parts: Parts) -> Iterator[Served]:
    """The service, running."""
    with serving_over(parts) as running:
        yield running


@pytest.fixture
def room(served: Served, field: Field) -> Room:
    return Room(served, field)
