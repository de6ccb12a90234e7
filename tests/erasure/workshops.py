"""Looking for a story in a workshop: its database's files, durable work, bucket and work folder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sqlalchemy import func, select

from models.consent import Permission
from models.curation import State
from models.roles import Principal
from models.search import SearchEntry
from models.stories import Story, Tombstone
from storage import gate, physical_erasure
from storage.database import Database
from storage.objects import Objects
from tests.erasure.rows import rows_of
from tests.erasure.traces import Place, files_of
from tests.plugins.workshop import Workshop

SOON_SECONDS = 120


def places_of(workshop: Workshop) -> Mapping[str, Place]:
    """Where a worker and its database keep something; of PostgreSQL the rows, since its files are all tests'."""
    url = workshop.database.url.render_as_string(hide_password=False)
    places: dict[str, Place] = {
        "bucket": lambda: _bucket(workshop.objects),
        "work folder": files_of(workshop.folder / "work"),
        "log": files_of(workshop.folder / "worker.log"),
    }
    if workshop.database.is_sqlite:
        name = str(workshop.database.url.database)
        files = [
            each
            for each in workshop.folder.glob("*.sqlite*")
            if each.name.startswith(name.rpartition("/")[2])
        ]
        return places | {
            "database": files_of(*files),
            "durable work": files_of(*workshop.folder.glob("workflows.sqlite*")),
            "durable work, decoded": lambda: rows_of(
                f"sqlite:///{workshop.folder / 'workflows.sqlite'}", None
            ),
        }
    return places | {
        "database": lambda: rows_of(url, "public"),
        "durable work": lambda: rows_of(url, "dbos"),
    }


def _bucket(objects: Objects) -> Iterator[bytes]:
    for each in objects._client.list_objects(objects.bucket, recursive=True, include_version=True):
        yield str(each.object_name).encode()
    for key in objects.list_prefix(""):
        yield b"".join(objects.open_range(key, 0, None))
    for key in objects.list_unfinished(""):
        yield key.encode()


def is_erased(database: Database, story_id: str) -> bool:
    with database.read() as session:
        return session.get_one(Tombstone, story_id).erased_at is not None


def wait_until_forgotten(workshop: Workshop, story_id: str) -> None:
    """Until it is erased, and all work on it is forgotten."""
    workshop.wait_until(lambda: is_erased(workshop.database, story_id), "erasure", SOON_SECONDS)
    workshop.wait_until(lambda: not workshop.wishes(story_id), "work to be forgotten", SOON_SECONDS)
    if workshop.database.is_sqlite:
        # Ids of the wishes stand in its log until the night.
        physical_erasure.rewrite_files(workshop.database, "")


def is_closed(database: Database, story_id: str, reader: Principal) -> bool:
    """Whether nobody gets in: no row at the gate, nothing to be found, and the story itself taken back or gone."""
    with database.read() as session:
        story = session.get(Story, story_id)
        return (
            (story is None or story.state == State.WITHDRAWN)
            and not session.scalar(select(func.count()).where(Permission.story_id == story_id))
            and not session.scalar(select(func.count()).where(SearchEntry.story_id == story_id))
            and story_id not in [each.id for each in session.scalars(gate.readable(reader))]
        )
