"""A service that a real browser visits: over a real server, a real database file and the real object store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.parts import Parts
from app.settings import Settings
from pipeline.themes.codebook import load_codebook
from storage.database import Database
from storage.embedded import Embedded
from storage.objects import Objects
from tests.plugins.databases import on_sqlite
from tests.plugins.objects import bucket_on
from tests.plugins.served import Served, serving_over
from tests.web.house import House, furnished, unhurried


@pytest.fixture
def parts(tmp_path: Path, sqlite_database: Database, object_store: Objects) -> Parts:
    """No workers: what pages show of a recording's way, tests write themselves, or start a worker for."""
    settings = Settings(_env_file=None, data=tmp_path, workers=0, min_free_bytes=0)
    return Parts(settings, sqlite_database, object_store, load_codebook())


@pytest.fixture
def served(parts: Parts) -> Iterator[Served]:
    """The service, running."""
    with serving_over(parts) as running:
        yield running


@pytest.fixture(scope="session")
def furnished_house(
    sqlite_template: Path, object_server: Embedded, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[House]:
    """One furnished house for every page test of this process."""
    folder = tmp_path_factory.mktemp("house")
    with (
        on_sqlite(folder, sqlite_template) as database,
        bucket_on(object_server) as objects,
        furnished(database, objects, folder) as made,
    ):
        yield made


@pytest.fixture
def house(furnished_house: House) -> Iterator[House]:
    """A furnished house: everybody and everything is there. Pages change nothing in it but what is theirs."""
    # The limits are lifted while a page test runs, and stand again for the tests that follow it in this process.
    with unhurried():
        yield furnished_house
