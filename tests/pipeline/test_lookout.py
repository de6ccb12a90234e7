"""What a worker looks for once a minute."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import text, update

from models.base import utc_now
from models.errors import Gone, Unavailable
from models.stories import Recording, Story
from pipeline.lookout import UPLOAD_LASTS, Lookout
from storage import recordings
from storage.database import Database
from tests.plugins.stories import Field


class Store:
    """A store that hangs, and then answers or does not."""

    def __init__(self, database: Database) -> None:
        self._database, self.answers, self.deleted = database, True, list[str]()

    def delete(self, key: str) -> None:
        # Somebody withdraws a story meanwhile.
        with self._database.write() as session:
            session.execute(text("SELECT 1"))
        if not self.answers:
            raise Unavailable("object-store-unavailable", reason="test")
        self.deleted.append(key)


@pytest.fixture
def database(sqlite_database: Database) -> Database:
    """Where one transaction writes at a time."""
    return sqlite_database


def test_nobody_is_kept_from_writing_while_the_store_hangs(database: Database, field: Field) -> None:
    story, store = field.story(), Store(database)
    with database.write() as session:
        story = session.get_one(Story, story.id)
        left = recordings.expect_recording(session, story, "a.wav", sent_by=story.submitted_by)
        session.execute(update(Recording).values(created_at=utc_now() - UPLOAD_LASTS - timedelta(hours=1)))
        recordings.expect_recording(session, story, "b.wav", sent_by=story.submitted_by)
    at: Any = SimpleNamespace(database=database, objects=store)
    store.answers = False
    with pytest.raises(Unavailable):
        Lookout(at)._forget_abandoned_uploads()
    # Its row knows its bytes for as long as they are there.
    assert len(recordings_of(database)) == 2
    store.answers = True
    Lookout(at)._forget_abandoned_uploads()
    assert store.deleted == [left.original_key]
    assert recordings_of(database) == ["b.wav"]


class SlowStore(Store):
    """A store that takes so long for one object that things happen to others."""

    def __init__(self, database: Database, meanwhile: Callable[[str], None]) -> None:
        super().__init__(database)
        self._meanwhile = meanwhile

    def delete(self, key: str) -> None:
        if not self.deleted:
            self._meanwhile(key)
        super().delete(key)


def test_what_came_or_was_taken_up_again_while_the_store_was_slow_stays(
    database: Database, field: Field
) -> None:
    story = field.story()
    with database.write() as session:
        story = session.get_one(Story, story.id)
        left = [
            recordings.expect_recording(session, story, name, sent_by=story.submitted_by) for name in "abcd"
        ]
        session.execute(update(Recording).values(created_at=utc_now() - UPLOAD_LASTS - timedelta(hours=1)))

    def meanwhile(key: str) -> None:
        first, *others = sorted(left, key=lambda each: each.original_key != key)
        with pytest.raises(Gone, match="upload-expired"), database.write() as session:
            recordings.receive(session, first.id, size_bytes=5, sha256="a" * 64)
        with database.write() as session:
            assert recordings.take_up_again(session, first.id) is None
            recordings.receive(session, others[0].id, size_bytes=5, sha256="a" * 64)
            assert recordings.take_up_again(session, others[1].id) is not None
        stays.extend(each.sent_name for each in others[:2])

    stays: list[str] = []
    store = SlowStore(database, meanwhile)
    at: Any = SimpleNamespace(database=database, objects=store)
    Lookout(at)._forget_abandoned_uploads()
    assert recordings_of(database) == sorted(stays)
    assert sorted(store.deleted) == sorted(each.original_key for each in left if each.sent_name not in stays)


def recordings_of(database: Database) -> list[str]:
    with database.read() as session:
        return [each.sent_name or "" for each in session.query(Recording).order_by(Recording.position)]
