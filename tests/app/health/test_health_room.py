"""What programs that watch over the service are told."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from app.words import MENDS, WORDS
from models.base import new_id, utc_now
from models.curation import State
from models.stories import RecordingState
from models.work import Lease, Outcome, Wish, WishKind
from storage.database import Database
from storage.objects import Objects
from tests.app.conftest import Rooms

TOKEN = "a token for those who watch"
BEARER = {"authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def watched(sqlite_database: Database, tmp_path: Path, logs_as_served: None) -> Rooms:
    return Rooms(sqlite_database, tmp_path, metrics_token=TOKEN)


def wish(rooms: Rooms, age: timedelta, **more: Any) -> None:
    with rooms.database.write() as session:
        row = Wish(kind=WishKind.PROCESS, story_id=new_id(), **more)
        row.created_at = utc_now() - age
        session.add(row)


def lease(rooms: Rooms) -> None:
    with rooms.database.write() as session:
        session.add(Lease(slot="w", holder=new_id(), fence=1, ends_at=utc_now() + timedelta(minutes=1)))


def read(rooms: Rooms) -> dict[str, dict[tuple[str, ...], float]]:
    """Every figure: by name, then by its labels' values in the order of their names."""
    answer = rooms.visitor(accept="*/*").get("/metrics", headers=BEARER)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/plain; version=")
    return {
        family.name: {
            tuple(each for _, each in sorted(sample.labels.items())): sample.value
            for sample in family.samples
        }
        for family in text_string_to_metric_families(answer.text)
    }


# ---- lives, and is ready ------------------------------------------------------------------------------------------


def test_life_is_told_without_looking_at_any_part(rooms: Rooms) -> None:
    rooms.app.state.parts = SimpleNamespace(settings=rooms.app.state.parts.settings)
    answer = rooms.visitor().get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok", "parts": {}})


def test_store_that_does_not_answer_is_named(rooms: Rooms) -> None:
    answer = rooms.visitor().get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["status"] == "not ready"
    parts = answer.json()["parts"]
    assert (parts["database"], parts["disk"], parts["work"]) == ("ok", "ok", "ok")
    assert parts["objects"] in WORDS
    assert answer.json()["mend"] == {"objects": MENDS[parts["objects"]]}


def test_it_is_ready_when_its_parts_answer(rooms: Rooms, object_store: Objects) -> None:
    rooms.use(object_store)
    answer = rooms.visitor().get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (200, "ok")


def test_full_disk_is_named(sqlite_database: Database, tmp_path: Path, object_store: Objects) -> None:
    rooms = Rooms(sqlite_database, tmp_path, min_free_bytes=2**60)
    rooms.use(object_store)
    answer = rooms.visitor().get("/readyz")
    assert (answer.status_code, answer.json()["parts"]["disk"]) == (503, "disk-nearly-full")


def test_work_that_nobody_does_is_named_and_sends_nobody_away(rooms: Rooms, object_store: Objects) -> None:
    rooms.use(object_store)
    wish(rooms, timedelta(minutes=9))
    assert rooms.visitor().get("/readyz").json()["parts"]["work"] == "ok"
    wish(rooms, timedelta(minutes=11))
    answer = rooms.visitor().get("/readyz")
    assert (answer.status_code, answer.json()["parts"]["work"]) == (200, "no-worker")
    lease(rooms)
    wish(rooms, timedelta(minutes=1), step="inspect")
    assert rooms.visitor().get("/readyz").json()["parts"]["work"] == "ok"


def test_work_that_waits_beside_workers_who_do_none_is_named(rooms: Rooms, object_store: Objects) -> None:
    rooms.use(object_store)
    lease(rooms)

    def found() -> str:
        answer = rooms.visitor().get("/readyz")
        assert answer.status_code == 200, "stories can be sent"
        return str(answer.json()["parts"]["work"])

    wish(rooms, timedelta(minutes=11))
    assert found() == "work-stands"
    # A long queue does not stand as long as somebody is at it.
    wish(rooms, timedelta(minutes=50), step="transcribe")
    assert found() == "ok"
    with rooms.database.write() as session:
        begun = session.query(Wish).filter(Wish.step.is_not(None)).one()
        begun.outcome, begun.ended_at = Outcome.DONE, utc_now() - timedelta(minutes=9)
    assert found() == "ok"
    with rooms.database.write() as session:
        session.get_one(Wish, begun.id).ended_at = utc_now() - timedelta(minutes=11)
    assert found() == "work-stands"


def spoilt(file: Path) -> None:
    file.write_bytes(b"no database" * 1000)


def read_only(file: Path) -> None:
    # A file of a format that only newer versions write (https://sqlite.org/fileformat2.html, 1.3.3).
    content = bytearray(file.read_bytes())
    content[18] = 3
    file.write_bytes(content)


@pytest.mark.parametrize("spoil", [spoilt, read_only])
def test_database_of_work_that_cannot_be_used_is_named(
    rooms: Rooms, object_store: Objects, spoil: Callable[[Path], None]
) -> None:
    rooms.use(object_store)
    file = rooms.app.state.parts.settings.data / "workflows.sqlite"

    def found() -> tuple[int, str]:
        answer = rooms.visitor().get("/readyz")
        return answer.status_code, answer.json()["parts"]["work"]

    assert found() == (200, "ok"), "no worker has made it yet"
    assert not file.exists()
    with closing(sqlite3.connect(file)) as made:
        made.execute("CREATE TABLE workflow_status (workflow_uuid TEXT)")
    assert found() == (200, "ok")
    with closing(sqlite3.connect(file)) as writing:
        writing.execute("BEGIN EXCLUSIVE")
        assert found() == (200, "ok"), "somebody writes"
        writing.rollback()
        assert writing.execute("PRAGMA user_version").fetchone() == (0,), "nothing of it was changed"
    spoil(file)
    assert found() == (200, "work-database-unusable")


# ---- figures ------------------------------------------------------------------------------------------------------


def test_stories_and_recordings_are_counted_by_state(watched: Rooms) -> None:
    for state in (State.SUBMITTED, State.CURATED, State.CURATED):
        watched.field.story(state=state, with_recording=True)
    found = read(watched)
    assert found["community_reporting_stories"][("curated",)] == 2
    assert found["community_reporting_stories"][("published",)] == 0
    assert sum(found["community_reporting_recordings"].values()) == 3
    assert found["community_reporting_disk_free_bytes"][()] > 0
    assert found["process_resident_memory_bytes"][()] > 0


def test_what_failed_is_counted_by_reason(watched: Rooms) -> None:
    story = watched.field.story(with_recording=True)
    with watched.database.write() as session:
        recording = session.merge(story.recordings[0])
        recording.state, recording.failure_code = RecordingState.REFUSED, "no-sound"
    assert read(watched)["community_reporting_recordings_unusable"] == {("no-sound", "refused"): 1}


def test_work_is_counted_with_its_age_and_its_ends(watched: Rooms) -> None:
    story = watched.field.story(with_recording=True)
    with watched.database.write() as session:
        recording = session.merge(story.recordings[0])
        recording.duration_seconds = 1800.0
        session.query(Wish).delete()
    wish(watched, timedelta(minutes=5), step="transcribe")
    for ended, outcome in ((1, Outcome.DONE), (50, Outcome.FAILED), (61, Outcome.DONE)):
        moment = utc_now() - timedelta(minutes=ended)
        wish(watched, timedelta(hours=2), outcome=outcome, ended_at=moment, recording_id=recording.id)
    found = read(watched)
    assert found["community_reporting_work_open"] == {("inspect",): 0, ("process",): 1, ("erase",): 0}
    assert found["community_reporting_work_oldest_seconds"][("process",)] == pytest.approx(300, abs=30)
    # What a worker has begun does not wait: a long recording is no queue.
    assert found["community_reporting_work_waiting_seconds"][("process",)] == 0
    wish(watched, timedelta(minutes=2))
    waits = read(watched)["community_reporting_work_waiting_seconds"]
    assert waits == {("inspect",): 0, ("process",): pytest.approx(120, abs=30), ("erase",): 0}
    assert found["community_reporting_work_ended_last_hour"] == {
        ("process", "done"): 1,
        ("process", "failed"): 1,
    }
    assert found["community_reporting_audio_seconds_per_second"][()] == pytest.approx(0.5)


def test_workers_are_counted_while_they_hold_their_slot(watched: Rooms) -> None:
    assert read(watched)["community_reporting_workers"][()] == 0
    lease(watched)
    assert read(watched)["community_reporting_workers"][()] == 1


def test_figures_tell_nothing_of_any_story(watched: Rooms) -> None:
    story = watched.field.story(title="quarzmond", with_recording=True)
    answer = watched.visitor(accept="*/*").get("/metrics", headers=BEARER)
    assert not any(each in answer.text for each in ("quarzmond", story.id, story.recordings[0].id))


@pytest.mark.parametrize("sent", [{}, {"authorization": "Bearer x"}, {"authorization": f"Basic {TOKEN}"}])
def test_figures_are_for_those_who_have_the_token(watched: Rooms, sent: dict[str, str]) -> None:
    answer = watched.visitor(accept="*/*").get("/metrics", headers=sent)
    assert (answer.status_code, answer.json()["code"]) == (401, "metrics-token-missing")


def test_without_a_token_in_the_settings_there_are_no_figures(rooms: Rooms) -> None:
    assert rooms.visitor(accept="*/*").get("/metrics", headers=BEARER).status_code == 404
