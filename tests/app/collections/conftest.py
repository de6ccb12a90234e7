"""The collections room over a real server, a real database file and the real object store."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import select

from app.parts import Parts
from app.settings import Settings
from models.curation import State
from models.roles import Role
from models.stories import Rendition, Story
from pipeline.themes.codebook import load_codebook
from storage import consents, withdrawals
from storage.consents import Terms
from storage.database import Database
from storage.objects import Objects
from tests.plugins.served import Served, serving_over
from tests.plugins.stories import Field


class Room:
    """A pilot whose team collects stories, and another pilot's team that has no business here."""

    def __init__(self, served: Served, field: Field) -> None:
        self.served, self.field, self.database = served, field, served.parts.database
        self.pilot, self.other_pilot = field.pilot(), field.pilot("autumn")
        self.team = field.account(Role.PILOT_TEAM, self.pilot)
        self.curator = field.account(Role.CURATOR, self.pilot)
        self.stranger = field.account(Role.PILOT_TEAM, self.other_pilot)
        self.as_team = served.client(self.team)
        self.as_curator = served.client(self.curator)
        self.as_stranger = served.client(self.stranger)

    def story(self, title: str = "The bench", *, size_bytes: int = 3000, **given: Any) -> Story:
        """A curated story, its renditions in the store."""
        story = self.field.story(**({"state": State.CURATED, "title": title} | given))
        with self.database.write() as session:
            ids = [recording.id for recording in story.recordings]
            for row in session.scalars(select(Rendition).where(Rendition.recording_id.in_(ids))):
                content = sound_of(story, size_bytes)
                row.size_bytes, row.sha256 = len(content), hashlib.sha256(content).hexdigest()
                self.served.parts.objects.put_stream(row.object_key, BytesIO(content))
        return story

    def collect(self, *stories: Story, **given: Any) -> str:
        """A collection of some stories; its id."""
        wanted = {"pilot": "spring", "title": "Benches"} | given
        made = self.as_team.post("/api/v1/collections", json=wanted)
        assert made.status_code == 201, made.text
        for story in stories:
            path = f"/api/v1/collections/{made.json()['id']}/entries"
            answer = self.as_team.post(path, json={"story_id": story.id, "note": "hear it"})
            assert answer.status_code == 201, answer.text
        return str(made.json()["id"])

    def release(self, *stories: Story) -> str:
        """A collection of some stories, released once: the address of the release."""
        collection = self.collect(*stories)
        made = self.as_team.post(f"/api/v1/collections/{collection}/releases")
        assert made.status_code == 201, made.text
        return f"/api/v1/collections/{collection}/releases/{made.json()['number']}"

    def consent(self, story: Story, **terms: Any) -> None:
        """What the teller says now."""
        with self.database.write() as session:
            mine = session.get_one(Story, story.id)
            consents.record(session, mine, mine.people[0].id, Terms(**terms), actor="test")

    def withdraw(self, story: Story) -> None:
        with self.database.write() as session:
            withdrawals.withdraw(session, session.get_one(Story, story.id), actor="test")


def sound_of(story: Story, size_bytes: int = 3000) -> bytes:
    """The bytes of a story's rendition: its own, and nothing that could be compressed."""
    return random.Random(story.id).randbytes(size_bytes)


def entry_of(manifest: dict[str, Any], story: Story) -> dict[str, Any] | None:
    """A story's entry in a manifest; None where it is closed."""
    named = [each for each in manifest["entries"] if each.get("entry", {}).get("story_id") == story.id]
    return named[0] if named else None


@pytest.fixture
def database(sqlite_database: Database) -> Database:
    """What this room asks of the database is tested on both kinds in tests/storage."""
    return sqlite_database


@pytest.fixture
def parts(tmp_path: Path, database: Database, object_store: Objects) -> Parts:
    settings = Settings(_env_file=None, data=tmp_path, workers=0, min_free_bytes=0)
    return Parts(settings, database, object_store, load_codebook())


@pytest.fixture
def served(parts: Parts) -> Iterator[Served]:
    with serving_over(parts) as running:
        yield running


@pytest.fixture
def room(served: Served, field: Field) -> Room:
    return Room(served, field)


@pytest.fixture
def as_nobody(served: Served) -> httpx2.Client:
    return served.client()
