"""An installation with a real database file and the real object store."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.parts import Parts
from app.settings import Settings
from pipeline.themes.codebook import load_codebook
from storage.database import Database
from storage.objects import Objects

ROOT = Path(__file__).resolve().parent.parent.parent.parent


@pytest.fixture
def database(sqlite_database: Database) -> Database:
    return sqlite_database


@pytest.fixture
def parts(tmp_path: Path, database: Database, object_store: Objects) -> Parts:
    settings = Settings(
        _env_file=None, data=tmp_path, cache=ROOT / "data" / "cache", workers=0, min_free_bytes=0
    )
    return Parts(settings, database, object_store, load_codebook())
