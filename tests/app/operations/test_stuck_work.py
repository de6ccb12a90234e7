"""Work that stops by itself: what killed too many workers, and what an older version left. It is seen, and done."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from app.operations.doctor import going_on
from app.operations.doctor.findings import Finding
from app.parts import Parts
from app.settings import Settings
from models.stories import RecordingState, Story
from models.work import Outcome
from pipeline.themes.codebook import load_codebook
from storage import figures, recordings
from tests.plugins.workshop import Workshop


def findings(workshop: Workshop) -> dict[str, Finding]:
    settings = Settings(_env_file=None, data=workshop.folder, workers=0)
    parts = Parts(settings, workshop.database, workshop.objects, load_codebook())
    return {each.what: each for each in going_on._work(parts)}


def killed_while_it_inspects(workshop: Workshop, spoken: Path, version: str | None = None) -> tuple[str, str]:
    """A story whose work a worker of this version had begun: the ids of it and of its recording."""
    ids = workshop.send(spoken)
    worker = workshop.start_worker(stop_at=("inspect", "begun"), version=version)
    workshop.wait_for_flag("stopped", seconds=90)
    workshop.kill(worker)
    return ids


@pytest.mark.long
def test_work_that_killed_too_many_workers_is_parked_seen_and_begun_again(
    workshop: Workshop, spoken: Path
) -> None:
    story_id, recording_id = killed_while_it_inspects(workshop, spoken)
    with closing(sqlite3.connect(workshop.folder / "workflows.sqlite")) as work, work:
        # As if it had been so each time: the limit stands in pipeline/workflow.py.
        changed = work.execute("UPDATE workflow_status SET recovery_attempts = 100 WHERE status = 'PENDING'")
        assert changed.rowcount == 1
    workshop.start_worker(look_at_all_seconds=1, recognition_seconds=0.1)
    workshop.wait_until(lambda: workshop.state(recording_id) is RecordingState.FAILED, "its parking", 90)
    found = findings(workshop)
    assert (found["parked work"].is_well, found["parked work"].says) == (False, "1 broke off too often")
    assert found["work of other versions"].is_well
    with workshop.database.read() as session:
        assert figures.failures_by_code(session) == {(RecordingState.FAILED, "work-parked"): 1}
    assert [wish.outcome for wish in workshop.wishes(story_id)] == [Outcome.FAILED]
    with workshop.database.write() as session:
        story = session.get_one(Story, story_id)
        recordings.begin_again(session, story, story.recordings[0], actor="test")
    workshop.wait_for(recording_id, RecordingState.READY)
    assert findings(workshop)["parked work"].is_well, "nobody has to do anything any more"
    with workshop.database.read() as session:
        assert figures.failures_by_code(session) == {}


@pytest.mark.long
def test_work_of_another_version_is_seen_and_taken_up_by_this_one(workshop: Workshop, spoken: Path) -> None:
    story_id, recording_id = killed_while_it_inspects(workshop, spoken, version="1")
    found = findings(workshop)["work of other versions"]
    assert (found.is_well, found.says) == (False, "1")
    workshop.start_worker(look_at_all_seconds=1, recognition_seconds=0.1)
    workshop.wait_for(recording_id, RecordingState.READY)
    workshop.wait_until(
        lambda: all(not each.is_open for each in workshop.wishes(story_id)), "the wishes' end"
    )
    assert {each.outcome for each in workshop.wishes(story_id)} == {Outcome.DONE}
    assert all(each.is_well for each in findings(workshop).values())
