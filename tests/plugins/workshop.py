"""A pipeline for tests: real database files, the real object store, real workers in processes that can be killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from models.consent import Use
from models.roles import Role
from models.stories import Recording, RecordingState, Story
from models.work import Wish
from storage import consents, recordings, stories
from storage.consents import Terms
from storage.database import Database
from storage.embedded import Embedded
from storage.objects import Objects, StoredObject
from storage.stories import StoryDetails
from tests.plugins.stories import Field

ROOT = Path(__file__).resolve().parent.parent.parent
LEASE_SECONDS = 3.0
SPOKEN = "I lost my job last winter. My neighbours listened to me, and we cook together on Thursdays."


class Workshop:
    """Stories with real recordings, and workers to carry out what is wished for."""

    def __init__(self, database: Database, objects: Objects, s3: dict[str, str], folder: Path) -> None:
        self.database, self.objects, self._s3, self.folder = database, objects, s3, folder
        self.field = Field(database)
        self._workers: list[subprocess.Popen[bytes]] = []

    def send(
        self, recording: Path, *, consents_to_curation: bool = True, pilot: str = "spring", **details: Any
    ) -> tuple[str, str]:
        """A story with a recording that lies whole in the store: the ids of both."""
        story_id, recording_id, stored = self.put(
            recording, consents_to_curation=consents_to_curation, pilot=pilot, **details
        )
        self.receive(recording_id, stored)
        return story_id, recording_id

    def put(
        self, recording: Path, *, consents_to_curation: bool = True, pilot: str = "spring", **details: Any
    ) -> tuple[str, str, StoredObject]:
        """As :meth:`send`, but that nobody has been told yet that it lies there whole."""
        pilot = self.field.pilot(pilot)
        sender = self.field.account(Role.REPORTER, pilot).account_id or ""
        with self.database.write() as session:
            given = {"title": "A test", "language": "en", "pilot_ids": [pilot]} | details
            story = stories.create(session, StoryDetails(**given), submitted_by=sender)
            if consents_to_curation:
                self.consent(story.id, session=session)
            expected = recordings.expect_recording(session, story, recording.name, sent_by=sender)
        with recording.open("rb") as file:
            return story.id, expected.id, self.objects.put_stream(expected.original_key, file)

    def receive(self, recording_id: str, stored: StoredObject) -> None:
        """Say that a recording lies whole in the store: from now on it is wished for."""
        with self.database.write() as session:
            recordings.receive(session, recording_id, size_bytes=stored.size_bytes, sha256=stored.sha256)

    def consent(self, story_id: str, *, session: Any = None) -> None:
        """Everybody in a story consents to curation."""
        if session is None:
            with self.database.write() as writing:
                self.consent(story_id, session=writing)
            return
        story = session.get_one(Story, story_id)
        for person in story.people:
            consents.record(session, story, person.id, Terms(frozenset({Use.CURATION})), actor="test")

    def start_worker(
        self,
        *,
        stop_at: tuple[str, str] | None = None,
        rounds: str | None = None,
        version: str | None = None,
        look_at_all_seconds: float = 60.0,
        lease_seconds: float = LEASE_SECONDS,
        recognition_seconds: float | None = None,
        answers_within_seconds: float | None = None,
        other_weights: Mapping[str, Path] | None = None,
    ) -> subprocess.Popen[bytes]:
        """A worker in a process of its own; with ``stop_at`` it waits there to be killed, or for a file ``go-on``.

        :param rounds: when it makes its rounds, in place of once an hour
        :param version: of the workflows, in place of today's
        :param look_at_all_seconds: how often it looks for what was forgotten, and for what to forget
        :param recognition_seconds: how long a stand-in for the recogniser sleeps; None: the recogniser itself
        :param other_weights: what pilots can be given beside *base*, by name
        :param answers_within_seconds: how long it waits for an answer of PostgreSQL, in place of half a minute
        """
        config = self.folder / f"worker-{len(self._workers)}.json"
        for flag in ("started", "stopped", "go-on"):
            with suppress(FileNotFoundError):
                (self.folder / flag).unlink()
        config.write_text(
            json.dumps(
                {
                    "database_url": self.database.url.render_as_string(hide_password=False),
                    "workflow_url": self._workflow_url(),
                    "folder": str(self.folder),
                    "s3": self._s3,
                    "cache": str(ROOT / "data" / "cache"),
                    "lease_seconds": lease_seconds,
                    "recognition_seconds": recognition_seconds,
                    "other_weights": {name: str(at) for name, at in (other_weights or {}).items()},
                    "answers_within_seconds": answers_within_seconds,
                    "look_at_all_seconds": look_at_all_seconds,
                    "stop_at": list(stop_at) if stop_at else None,
                    "rounds": rounds,
                    "version": version,
                }
            )
        )
        with (self.folder / "worker.log").open("ab") as log:
            worker = subprocess.Popen(
                [sys.executable, "-m", "tests.plugins.worker_process", str(config)],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._workers.append(worker)
        return worker

    def _workflow_url(self) -> str:
        if self.database.is_sqlite:
            return f"sqlite:///{self.folder / 'workflows.sqlite'}"
        return self.database.url.render_as_string(hide_password=False)

    def wait_for_flag(self, flag: str, *, seconds: float = 60) -> None:
        """Until the worker has made a file of this name."""
        self.wait_until(lambda: (self.folder / flag).exists(), f"the worker's flag {flag}", seconds)

    def wait_until(self, holds: Callable[[], bool], what: str, seconds: float = 60) -> None:
        """Until something holds; what it waited for is said if it never does."""
        deadline = time.monotonic() + seconds
        while not holds():
            is_dead = any(worker.poll() not in (None, -signal.SIGKILL) for worker in self._workers)
            if is_dead or time.monotonic() > deadline:
                self._ask_where_they_are()
                log = (self.folder / "worker.log").read_text(errors="replace")[-12000:]
                pytest.fail(f"waited {seconds} s for {what}\n{log}")
            time.sleep(0.05)

    def _ask_where_they_are(self) -> None:
        """Have each worker that lives write into its log what each of its threads does."""
        for worker in self._workers:
            if worker.poll() is None and (self.folder / "started").exists():
                os.kill(worker.pid, signal.SIGUSR1)
        time.sleep(0.5)

    def state(self, recording_id: str) -> RecordingState | None:
        """How far a recording is; None when it is gone."""
        with self.database.read() as session:
            recording = session.get(Recording, recording_id)
            return RecordingState(recording.state) if recording else None

    def wait_for(self, recording_id: str, *states: RecordingState, seconds: float = 90) -> Recording:
        """A recording, once it is in one of these states."""
        ends = {*states, RecordingState.FAILED, RecordingState.REFUSED}
        self.wait_until(lambda: self.state(recording_id) in ends, f"{states}", seconds)
        assert self.state(recording_id) in states
        with self.database.read() as session:
            recording = session.get_one(Recording, recording_id)
            _ = recording.renditions
            return recording

    def wishes(self, story_id: str) -> list[Wish]:
        """Every wish for a story, oldest first."""
        with self.database.read() as session:
            query = select(Wish).where(Wish.story_id == story_id).order_by(Wish.created_at)
            return list(session.scalars(query))

    def steps(self) -> list[str]:
        """What the workers did, as lines of step and moment."""
        log = self.folder / "steps.log"
        return log.read_text().splitlines() if log.exists() else []

    def took_seconds(self, story_id: str) -> float:
        """How long the workers were at a story: its steps from their claim to their end, without waiting between."""
        ids = {wish.id for wish in self.wishes(story_id)}
        lines = [line.split() for line in (self.folder / "took.log").read_text().splitlines()]
        return sum(float(seconds) for wish_id, seconds in lines if wish_id in ids)

    def kill(self, worker: subprocess.Popen[bytes]) -> None:
        """End a worker as a power cut would."""
        with suppress(ProcessLookupError):
            os.kill(worker.pid, signal.SIGKILL)
        worker.wait(timeout=10)

    def leave(self, worker: subprocess.Popen[bytes]) -> None:
        """A worker that has ended, as it should: nobody waits for what it does any more."""
        self._workers.remove(worker)
        if worker.stdin:
            worker.stdin.close()

    def close(self) -> None:
        for worker in self._workers:
            with suppress(ProcessLookupError):
                os.kill(worker.pid, signal.SIGCONT)
            if worker.poll() is None:
                self.kill(worker)
            if worker.stdin:
                with suppress(OSError):
                    worker.stdin.close()


@pytest.fixture(scope="session")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few seconds of English, spoken by espeak-ng: :data:`SPOKEN`."""
    wav = tmp_path_factory.mktemp("spoken") / "spoken.wav"
    subprocess.run(["espeak-ng", "-v", "en", "-s", "150", "-w", str(wav), SPOKEN], check=True)
    return wav


@pytest.fixture
def make_workshop(
    object_store: Objects, object_server: Embedded, tmp_path: Path
) -> Iterator[Callable[[Database], Workshop]]:
    """Makes a workshop over a database; its workers are gone after the test."""
    made: list[Workshop] = []

    def make(database: Database) -> Workshop:
        s3 = {
            "endpoint": object_server.endpoint,
            "access_key": object_server.access_key,
            "secret_key": object_server.secret_key,
            "bucket": object_store.bucket,
        }
        made.append(Workshop(database, object_store, s3, tmp_path))
        return made[-1]

    yield make
    for workshop in made:
        workshop.close()


@pytest.fixture
def workshop(sqlite_database: Database, make_workshop: Callable[[Database], Workshop]) -> Workshop:
    """A workshop on SQLite."""
    return make_workshop(sqlite_database)
