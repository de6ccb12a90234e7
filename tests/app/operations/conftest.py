"""An installation with a real database file and the real object store."""

from __future__ import annotations

import hashlib
import io
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from app.parts import Parts
from app.settings import Settings
from models.curation import State
from models.stories import Recording, Story
from pipeline.themes.codebook import load_codebook
from storage import dumps, outliving, withdrawals
from storage.database import Database
from storage.embedded import Embedded
from storage.objects import Objects
from storage.sealing import make_key
from tests.plugins.databases import KINDS
from tests.plugins.stories import SHARED, Field

HERE = Path(__file__).parent
ROOT = HERE.resolve().parent.parent.parent
ON_BOTH = {
    "test_everything_comes_back_as_it_was",
    "test_a_backup_of_one_kind_of_database_is_restored_into_the_other",
    "test_a_story_withdrawn_after_the_backup_stays_away",
    "test_a_backup_holds_every_row_and_every_object_that_they_name",
    "test_a_dump_is_one_moment_while_others_write",
}


@pytest.fixture
def database(sqlite_database: Database) -> Database:
    return sqlite_database


@pytest.fixture
def parts(tmp_path: Path, database: Database, object_store: Objects) -> Parts:
    settings = Settings(
        _env_file=None, data=tmp_path, cache=ROOT / "data" / "cache", workers=0, min_free_bytes=0
    )
    # As `build` does.
    outliving.watch(database, settings.tombstones_folder)
    return Parts(settings, database, object_store, load_codebook())


class Installation:
    """A service's parts with a data folder of its own, and stories whose bytes lie in its store."""

    def __init__(self, folder: Path, database: Database, objects: Objects, **settings: Any) -> None:
        folder.mkdir(exist_ok=True)
        given: dict[str, Any] = {"data": folder, "workers": 0, "min_free_bytes": 0}
        given |= {"cache": ROOT / "data" / "cache", "backup_key": folder.parent / "key"}
        self.parts = Parts(Settings(_env_file=None, **given | settings), database, objects, load_codebook())
        self.database, self.objects, self.field = database, objects, Field(database)
        self.settings = self.parts.settings
        self.stories: list[Story] = []
        # As `build` does.
        outliving.watch(database, self.settings.tombstones_folder)

    def story(self, content: bytes = b"", **how: Any) -> Story:
        """A curated story, its original and its rendition in the store as their rows say."""
        made = self.field.story(**{"state": State.CURATED} | how)
        with self.database.write() as session:
            recording = session.get_one(Recording, made.recordings[0].id)
            recording.sha256 = self._put(recording.original_key, content or secrets.token_bytes(100_000))
            for rendition in recording.renditions:
                rendition.sha256 = self._put(rendition.object_key, secrets.token_bytes(1000))
        return made

    def _put(self, key: str, content: bytes) -> str:
        return self.objects.put_stream(key, io.BytesIO(content)).sha256

    def keys_of(self, story: Story) -> set[str]:
        """What the store has of a story."""
        return set(self.objects.list_prefix(f"{story.object_token}-"))

    def withdraw(self, story: Story) -> None:
        """Taken back, and erased as a worker does it."""
        with self.database.write() as session:
            withdrawals.withdraw(session, session.get_one(Story, story.id), actor="teller")
        self.objects.delete_prefix(f"{story.object_token}-")
        with self.database.write() as session:
            withdrawals.note_erased(session, story.id)

    def rows(self) -> dict[str, list[dict[str, Any]]]:
        """Everything in the database, by table."""
        with self.database.look() as connection:
            return {
                table.name: sorted(
                    (_comparable(dict(row)) for row in connection.execute(select(table)).mappings()), key=str
                )
                for table in dumps.tables_of(connection)
            }

    def bytes_of_everything(self) -> dict[str, str]:
        """Every object with its digest."""
        found = {}
        for key in self.objects.list_prefix(""):
            found[key] = hashlib.sha256(b"".join(self.objects.open_range(key, 0, None))).hexdigest()
        return found


def _comparable(row: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value.replace(tzinfo=UTC) if isinstance(value, datetime) and value.tzinfo is None else value
        for name, value in row.items()
    }


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Where backups are written."""
    return tmp_path / "backups"


@pytest.fixture
def make_installation(
    tmp_path: Path, make_database: Callable[..., Database], object_server: Embedded
) -> Iterator[Callable[..., Installation]]:
    """Makes installations on a kind of database: with the newest schema, or ``is_empty``; each its own bucket."""
    with ExitStack() as made:

        def make(
            kind: str, name: str, *, is_empty: bool = False, objects: Objects | None = None, **settings: Any
        ) -> Installation:
            store = objects or made.enter_context(_bucket_on(object_server))
            return Installation(tmp_path / name, make_database(kind, is_empty=is_empty), store, **settings)

        yield make


@contextmanager
def _bucket_on(server: Embedded) -> Iterator[Objects]:
    objects = Objects.connect(
        server.endpoint, server.access_key, server.secret_key, f"b-{secrets.token_hex(6)}", secure=False
    )
    objects.ensure_bucket()
    yield objects
    objects.delete_prefix("")
    objects._client.remove_bucket(objects.bucket)


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    """A key for backups."""
    make_key(tmp_path / "key")
    return tmp_path / "key"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What a database's kind makes little difference to is tried on PostgreSQL in the long run."""
    for item in items:
        if item.path.parent == HERE and isinstance(item, pytest.Function) and hasattr(item, "callspec"):
            is_second = item.callspec.params.get("home") == "postgresql"
            if is_second and item.originalname not in ON_BOTH:
                item.add_marker(pytest.mark.long)


@pytest.fixture(params=KINDS)
def home(
    request: pytest.FixtureRequest, make_installation: Callable[..., Installation], key_file: Path
) -> Installation:
    """An installation with two stories: once on SQLite, once on PostgreSQL."""
    made = make_installation(request.param, "home")
    made.stories = [made.story(title="Under the oak"), made.story(title="By the well", consented_to=SHARED)]
    return made


@pytest.fixture
def make_new(
    home: Installation, make_installation: Callable[..., Installation]
) -> Callable[..., Installation]:
    """Makes empty installations on the same kind of database."""
    kind = "sqlite" if home.database.is_sqlite else "postgresql"
    return partial(make_installation, kind, is_empty=True)
