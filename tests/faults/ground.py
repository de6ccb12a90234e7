"""An installation of one test alone, its people, and what must be so whatever failed."""

from __future__ import annotations

import hashlib
import io
import wave
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import select

from models.accounts import Account
from models.consent import ConsentEvent, Permission
from models.curation import State
from models.journal import JournalEntry
from models.notices import Notice
from models.roles import Principal, Role, Scope
from models.search import SearchEntry
from models.stories import Recording, RecordingState, RenditionKind, Story, Tombstone
from models.transcripts import Transcript
from models.work import Outcome, Wish, WishKind
from storage import api_keys, consents, recordings, stories, tombstones, wishes, withdrawals
from storage.consents import Terms
from storage.database import Database
from storage.embedded import Embedded
from storage.objects import Objects
from storage.stories import StoryDetails
from tests.faults.warm import play
from tests.plugins.stories import EVERY_USE, SHARED, Field

ROOT = Path(__file__).resolve().parent.parent.parent
RATE = 16_000


def a_sound(seconds: float, seed: int) -> bytes:
    """A tone as a WAV; no two seeds sound the same."""
    n = np.arange(int(RATE * seconds))
    tone = 8000 * np.sin(n * (0.05 + seed % 997 / 10_000))
    samples = tone.astype("<i2") ^ (n * seed & 7).astype("<i2")
    made = io.BytesIO()
    with wave.open(made, "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", "not compressed"))
        file.writeframes(samples.tobytes())
    return made.getvalue()


def settings_of(data: Path, database: Database, objects: Objects, server: Embedded) -> dict[str, Any]:
    """Settings of an installation with its data in a folder."""
    data.mkdir(exist_ok=True)
    return {
        "data": str(data),
        "cache": str(ROOT / "data" / "cache"),
        "database_url": database.url.render_as_string(hide_password=False),
        "s3_endpoint": server.endpoint,
        "s3_access_key": server.access_key,
        "s3_secret_key": server.secret_key,
        "s3_bucket": objects.bucket,
        "s3_secure": False,
        "workers": 0,
        "min_free_bytes": 0,
        # What died on the way is another test's matter.
        "max_parallel_uploads": 10_000,
        "max_unfinished_uploads": 10_000,
    }


@dataclass
class Ground:
    """A database, a bucket, a data folder, a pilot and a facilitator who does everything herself."""

    folder: Path
    database: Database
    objects: Objects
    server: Embedded
    has_people: bool = True
    settings: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.settings = settings_of(self.folder / "data", self.database, self.objects, self.server)
        self.field = Field(self.database)
        self.findings: dict[str, Any] | None = None
        if not self.has_people:
            return
        self.sender = self.field.account(Role.FACILITATOR, self.field.pilot())
        self.key = self.key_of(self.sender)

    @property
    def place(self) -> dict[str, Any]:
        """What a process needs to open it."""
        return {"settings": self.settings, "key": self.key}

    def key_of(self, principal: Principal) -> str:
        with self.database.write() as session:
            account = session.get_one(Account, principal.account_id)
            return api_keys.make(session, account, "test", tuple(Scope), days=1, actor=account.id).token

    # ---- stories on their way ----

    def new_story(self, *, consents_to: bool = True) -> Story:
        with self.database.write() as session:
            details = StoryDetails("The bench by the well", "en", [self.field.pilot()])
            story = stories.create(session, details, submitted_by=self.sender.account_id or "")
            if consents_to:
                terms = Terms(SHARED, frozenset(story.pilot_ids))
                consents.record(session, story, story.people[0].id, terms, actor=self.sender.account_id or "")
            session.flush()
            session.refresh(story, ["pilots", "people", "recordings"])
        return story

    def inspected_story(self, content: bytes, *, consents_to: bool = True) -> Story:
        """Its recording lies in the store, and was looked at."""
        if self.findings is None:
            self.findings = self._inspect(content)
        story = self.new_story(consents_to=consents_to)
        self._put(story, content)
        with self.database.write() as session:
            recording = session.scalars(select(Recording).where(Recording.story_id == story.id)).one()
            for wish in wishes.of_story(session, story.id):
                wishes.end(session, wish.id, Outcome.DONE)
            duration = float(self.findings["duration_seconds"])
            recordings.note_inspection(
                session, recording, self.findings, duration_seconds=duration, has_picture=False
            )
        return story

    def sent_story(self, content: bytes) -> Story:
        """Consented to; its recording lies in the store, and nobody has looked at it."""
        story = self.new_story()
        self._put(story, content)
        return story

    def _inspect(self, content: bytes) -> dict[str, Any]:
        story = self.new_story()
        self._put(story, content)
        play(self.place, [("work", {"story_id": story.id, "steps": ["inspect"]})])
        with self.database.write() as session:
            recording = session.scalars(select(Recording).where(Recording.story_id == story.id)).one()
            assert recording.inspection is not None, recording.failure_code
            withdrawals.withdraw(session, session.get_one(Story, story.id), actor="test")
            found = dict(recording.inspection)
        play(self.place, [("work", {"story_id": story.id, "steps": ["erase", "erased"]})])
        return found

    def _put(self, story: Story, content: bytes) -> None:
        with self.database.write() as session:
            mine = session.get_one(Story, story.id)
            expected = recordings.expect_recording(
                session, mine, "a.wav", sent_by=self.sender.account_id or ""
            )
        stored = self.objects.put_stream(expected.original_key, io.BytesIO(content))
        with self.database.write() as session:
            recordings.receive(session, expected.id, size_bytes=stored.size_bytes, sha256=stored.sha256)

    def published_story(self) -> Story:
        """With bytes in the store, words in search, and a tombstone to come."""
        made = self.field.story(state=State.PUBLISHED, consented_to=EVERY_USE, by=self.sender)
        with self.database.write() as session:
            recording = session.get_one(Recording, made.recordings[0].id)
            recording.sha256 = self._fill(recording.original_key)
            for rendition in recording.renditions:
                rendition.sha256 = self._fill(rendition.object_key)
        return made

    def _fill(self, key: str) -> str:
        return self.objects.put_stream(key, io.BytesIO(key.encode() * 100)).sha256

    def withdrawn_story(self) -> Story:
        made = self.published_story()
        with self.database.write() as session:
            withdrawals.withdraw(session, session.get_one(Story, made.id), actor="test")
        tombstones.write(self.database, Path(self.settings["data"]) / "tombstones", [made.id])
        return made

    # ---- what must be so in the end: each line says what is not ----

    def ills_of_recording(self, story_id: str, content: bytes) -> list[str]:
        """One recording, whole, wished for once; nothing of it left anywhere else."""
        ills = []
        with self.database.read() as session:
            story = session.get_one(Story, story_id)
            there = [each for each in story.recordings if each.state is not RecordingState.UPLOADING]
            ills += _once("recording", len(there))
            for each in there:
                if each.sha256 != hashlib.sha256(content).hexdigest() or self._bytes_of(each) != content:
                    ills.append("lost: the recording's bytes")
            ills += _once("wish", self._count(session, Wish, story_id, kind=WishKind.INSPECT))
            ills += _once("entry 'receive'", self._count(session, JournalEntry, story_id, act="receive"))
            ills += self._stray_keys(story, {each.original_key for each in there})
        ills += [f"left: parts of {key}" for key in self.objects.list_unfinished(f"{story.object_token}-")]
        return ills

    def ills_of_renditions(self, story_id: str, *, open_wishes: int = 1) -> list[str]:
        ills = []
        with self.database.read() as session:
            story = session.get_one(Story, story_id)
            (recording,) = story.recordings
            kinds = Counter(row.kind for row in recording.renditions)
            for kind in (RenditionKind.SPEECH, RenditionKind.AUDIO, RenditionKind.PEAKS):
                ills += _once(f"rendition {kind}", kinds[kind])
            for row in recording.renditions:
                if self.objects.sha256_of(row.object_key) != row.sha256:
                    ills.append(f"lost: bytes of {row.kind}")
            named = {recording.original_key, *(row.object_key for row in recording.renditions)}
            ills += self._stray_keys(story, named)
            open_ones = [each for each in wishes.of_story(session, story_id) if each.is_open]
            if len(open_ones) != open_wishes:
                ills.append(f"ill: {len(open_ones)} open wishes")
        return ills

    def ills_of_work(self, story_id: str) -> list[str]:
        """From the recording to the index, once."""
        ills = self.ills_of_renditions(story_id, open_wishes=0)
        with self.database.read() as session:
            (recording,) = session.get_one(Story, story_id).recordings
            if recording.state is not RecordingState.READY:
                ills.append(f"lost: work ({recording.state}, {recording.failure_code})")
            ills += _once("transcript", self._count(session, Transcript, story_id))
            ills += _once("entry 'ready'", self._count(session, JournalEntry, story_id, act="ready"))
            if not self._count(session, SearchEntry, story_id):
                ills.append("lost: entries of search")
        return ills

    def ills_of_consent(self, story_id: str) -> list[str]:
        with self.database.read() as session:
            ills = _once("event", self._count(session, ConsentEvent, story_id))
            ills += _once("wish", self._count(session, Wish, story_id, kind=WishKind.PROCESS))
            ills += _once("entry", self._count(session, JournalEntry, story_id, act="consent-granted"))
            if not self._count(session, Permission, story_id):
                ills.append("lost: what the gate lets through")
        return ills

    def ills_of_withdrawal(self, story_id: str) -> list[str]:
        with self.database.read() as session:
            story = session.get(Story, story_id)
            ills = [] if story is None or story.state is State.WITHDRAWN else ["lost: the withdrawal"]
            ills += _once("tombstone", session.get(Tombstone, story_id) is not None)
            ills += _once("wish", self._count(session, Wish, story_id, kind=WishKind.ERASE))
            ills += _once("entry", self._count(session, JournalEntry, story_id, act="withdraw"))
            for kind in (Permission, SearchEntry):
                if self._count(session, kind, story_id):
                    ills.append(f"left: {kind.__name__}")
            told = Counter(session.scalars(select(Notice.account_id).where(Notice.story_id == story_id)))
            ills += [f"doubled: notice to {who}" for who, count in told.items() if count > 1]
        if story_id not in tombstones.ids_in(Path(self.settings["data"]) / "tombstones"):
            ills.append("lost: the tombstone's file")
        return ills

    def ills_of_erasure(self, story_id: str, token: str) -> list[str]:
        with self.database.read() as session:
            stone = session.get_one(Tombstone, story_id)
            ills = [] if stone.erased_at else ["lost: that it was erased"]
            for column in (Story.id, Recording.story_id, SearchEntry.story_id):
                if session.scalars(select(column).where(column == story_id)).first():
                    ills.append(f"left: a row of {column.class_.__tablename__}")
            ills += _once("entry 'erase'", self._count(session, JournalEntry, story_id, act="erase"))
            open_ones = [each for each in wishes.of_story(session, story_id) if each.is_open]
            ills += ["left: an open wish"] if open_ones else []
        ills += [f"left: {key}" for key in self.objects.list_prefix(f"{token}-")]
        return ills

    def _stray_keys(self, story: Story, named: set[str]) -> list[str]:
        stored = set(self.objects.list_prefix(f"{story.object_token}-"))
        return [f"left: object {key}" for key in stored - named] + [f"lost: {key}" for key in named - stored]

    def _bytes_of(self, recording: Recording) -> bytes:
        return b"".join(self.objects.open_range(recording.original_key, 0, None))

    def _count(self, session: Any, table: Any, story_id: str, **where: Any) -> int:
        wanted = [getattr(table, name) == value for name, value in where.items()]
        return len(list(session.scalars(select(table).where(table.story_id == story_id, *wanted))))


def _once(what: str, count: int) -> list[str]:
    if count == 1:
        return []
    return [f"lost: {what}"] if count == 0 else [f"doubled: {what}, {count} times"]
