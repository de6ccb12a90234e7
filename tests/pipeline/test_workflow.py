"""What happens to a recording from end to end, and that a killed worker costs nothing but time."""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import func, select

from models.journal import JournalEntry
from models.search import SearchEntry
from models.stories import Recording, RecordingState, RenditionKind, Story, Tombstone
from models.themes import StoryTheme
from models.transcripts import Transcript
from models.work import Lease, Outcome
from pipeline.transcription import weights
from storage import leases, pilots, recordings, transcripts, wishes, withdrawals
from storage.database import Database
from tests.pipeline.media.conftest import without_a_decoder
from tests.plugins.workshop import LEASE_SECONDS, ROOT, Workshop

STEPS = ("inspect", "render", "transcribe", "tag", "index")
EVERYTHING = {RenditionKind.SPEECH, RenditionKind.AUDIO, RenditionKind.PEAKS}

# Every step is killed when it begins, before its work counts, and when it is done: some seconds each.
OFTEN = [("done", "render")]
MOMENTS = [
    pytest.param(moment, step, marks=[] if (moment, step) in OFTEN else pytest.mark.long)
    for moment in ("begun", "done")
    for step in STEPS
    # When these begin is the same moment as the step before being done.
    if (moment, step) not in (("begun", "tag"), ("begun", "index"))
]


def assert_done_once(workshop: Workshop, story_id: str, recording_id: str) -> None:
    """One of everything: rows, objects and journal entries."""
    with workshop.database.read() as session:
        recording = session.get_one(Recording, recording_id)
        assert recording.state == RecordingState.READY
        kinds = [row.kind for row in recording.renditions]
        assert sorted(kinds) == sorted(EVERYTHING)
        versions = list(session.scalars(select(Transcript).where(Transcript.story_id == story_id)))
        assert [(each.version, each.is_machine_made) for each in versions] == [(1, True)]
        assert "job" in versions[0].text
        ready = (
            select(func.count())
            .select_from(JournalEntry)
            .where(JournalEntry.story_id == story_id, JournalEntry.act == "ready")
        )
        assert session.scalar(ready) == 1
        assert (session.scalar(select(func.count()).select_from(SearchEntry)) or 0) > 1
        themes = set(session.scalars(select(StoryTheme.theme).where(StoryTheme.story_id == story_id)))
        assert "work" in themes
        token = session.get_one(Story, story_id).object_token
        named = {recording.original_key, *(row.object_key for row in recording.renditions)}
    assert set(workshop.objects.list_prefix(f"{token}-")) == named
    assert all(wish.outcome == Outcome.DONE for wish in workshop.wishes(story_id))
    workshop.wait_until(lambda: not list((workshop.folder / "work").iterdir()), "an empty work folder", 20)


def test_recording_becomes_something_to_play_read_and_find(workshop: Workshop, spoken: Path) -> None:
    story_id, recording_id = workshop.send(spoken)
    # By the weights that its pilot was given: here *base* by another name.
    given = shutil.copytree(weights.ensure(ROOT / "data" / "cache"), workshop.folder / "whisper-given")
    with workshop.database.write() as session:
        pilots.hear_with(session, pilots.by_code(session, "spring"), "given", actor="test")
    workshop.start_worker(other_weights={"given": given})
    workshop.wait_for(recording_id, RecordingState.READY)
    assert_done_once(workshop, story_id, recording_id)
    with workshop.database.read() as session:
        assert session.scalar(select(Transcript.weights)) == "given"
    assert [line for line in workshop.steps() if line.endswith("done")] == [f"{step} done" for step in STEPS]


@pytest.mark.long
@pytest.mark.parametrize("is_signed", [False, True])
def test_picture_that_cannot_be_read_takes_no_sound_with_it(
    workshop: Workshop, spoken: Path, tmp_path: Path, is_signed: bool
) -> None:
    film = tmp_path / "film.mp4"
    picture = ("-f", "lavfi", "-i", "testsrc2=s=64x64:r=5", "-shortest", "-c:v", "libx264", "-c:a", "aac")
    subprocess.run(["ffmpeg", "-v", "error", "-i", str(spoken), *picture, str(film)], check=True)
    _, recording_id = workshop.send(without_a_decoder(film), told_in_sign_language=is_signed)
    workshop.start_worker(recognition_seconds=0.1)
    end = RecordingState.FAILED if is_signed else RecordingState.READY
    recording = workshop.wait_for(recording_id, end)
    assert {row.kind for row in recording.renditions} == EVERYTHING
    assert recording.inspection is not None
    # Where it is the story, it has failed, and nobody says that it is well without.
    assert recording.inspection["notes"] == ([] if is_signed else ["picture-unreadable"])
    assert recording.failure_code == ("rendering-failed" if is_signed else None)
    # The original still shows whom it shows.
    assert recording.has_picture


def test_nothing_is_made_before_somebody_consents_to_curation(workshop: Workshop, spoken: Path) -> None:
    story_id, recording_id = workshop.send(spoken, consents_to_curation=False)
    workshop.start_worker()
    recording = workshop.wait_for(recording_id, RecordingState.INSPECTED)
    assert recording.renditions == []
    workshop.consent(story_id)
    workshop.wait_for(recording_id, RecordingState.READY)
    assert_done_once(workshop, story_id, recording_id)


@pytest.mark.parametrize(("moment", "step"), MOMENTS, ids=lambda word: word)
def test_worker_killed_in_a_step_costs_nothing(
    workshop: Workshop, spoken: Path, step: str, moment: str
) -> None:
    story_id, recording_id = workshop.send(spoken)
    worker = workshop.start_worker(stop_at=(step, moment))
    workshop.wait_for_flag("stopped", seconds=90)
    workshop.kill(worker)
    workshop.start_worker()
    workshop.wait_for(recording_id, RecordingState.READY)
    workshop.wait_until(
        lambda: all(not wish.is_open for wish in workshop.wishes(story_id)), "the wishes' end"
    )
    assert_done_once(workshop, story_id, recording_id)


@pytest.mark.long
def test_second_worker_leaves_a_running_step_alone(workshop: Workshop, spoken: Path) -> None:
    story_id, recording_id = workshop.send(spoken)
    workshop.start_worker()
    workshop.wait_until(lambda: "render begun" in workshop.steps(), "rendering")
    workshop.start_worker()
    workshop.wait_for(recording_id, RecordingState.READY)
    assert_done_once(workshop, story_id, recording_id)
    assert workshop.steps().count("render begun") == workshop.steps().count("transcribe begun") == 1


@pytest.mark.long
def test_paused_worker_that_wakes_cannot_write(workshop: Workshop, spoken: Path) -> None:
    story_id, recording_id = workshop.send(spoken)
    sleeper = workshop.start_worker()
    workshop.wait_until(lambda: "transcribe begun" in workshop.steps(), "transcribing")
    sleeper.send_signal(signal.SIGSTOP)
    workshop.start_worker()
    workshop.wait_for(recording_id, RecordingState.READY)
    sleeper.send_signal(signal.SIGCONT)
    workshop.wait_until(
        lambda: is_lost_and_found(workshop), "the sleeper's new beginning", LEASE_SECONDS * 10
    )
    assert_done_once(workshop, story_id, recording_id)


@pytest.mark.long
def test_paused_worker_whose_slot_was_taken_leaves_nothing_when_it_wakes(
    workshop: Workshop, spoken: Path
) -> None:
    story_id, recording_id = workshop.send(spoken)
    sleeper = workshop.start_worker(stop_at=("transcribe", "begun"))
    workshop.wait_for_flag("stopped")
    sleeper.send_signal(signal.SIGSTOP)
    time.sleep(LEASE_SECONDS)
    workshop.start_worker()
    workshop.wait_for(recording_id, RecordingState.READY)
    # What it would have done next is to fetch the recording: into a folder that is nobody's any more.
    (workshop.folder / "go-on").touch()
    sleeper.send_signal(signal.SIGCONT)
    workshop.wait_until(
        lambda: is_lost_and_found(workshop), "the sleeper's new beginning", LEASE_SECONDS * 10
    )
    assert_done_once(workshop, story_id, recording_id)


def is_lost_and_found(workshop: Workshop) -> bool:
    """Whether a worker noticed that its slot is another's, and holds one again: two are held."""
    with workshop.database.read() as session:
        has_lost = (session.scalar(select(func.max(Lease.fence))) or 0) > 1
        return has_lost and len(leases.living(session)) == 2


@pytest.mark.parametrize(
    "during", ["transcribe", *(pytest.param(each, marks=pytest.mark.long) for each in ("render", "index"))]
)
def test_withdrawal_ends_the_work_and_erases_everything(
    workshop: Workshop, spoken: Path, during: str
) -> None:
    story_id, _ = workshop.send(spoken)
    with workshop.database.read() as session:
        token = session.get_one(Story, story_id).object_token
    workshop.start_worker()
    workshop.wait_until(lambda: f"{during} begun" in workshop.steps(), during)
    with workshop.database.write() as session:
        withdrawals.withdraw(session, session.get_one(Story, story_id), actor="test")

    def is_erased() -> bool:
        with workshop.database.read() as session:
            return session.get_one(Tombstone, story_id).erased_at is not None

    workshop.wait_until(is_erased, "erasure", 60)
    assert list(workshop.objects.list_prefix(f"{token}-")) == []
    with workshop.database.read() as session:
        for kind in (Story, Recording, Transcript, StoryTheme, SearchEntry):
            assert session.scalar(select(func.count()).select_from(kind)) == 0, kind
    workshop.wait_until(lambda: not list((workshop.folder / "work").iterdir()), "an empty work folder", 10)


@pytest.mark.long
def test_an_erasure_that_failed_is_tried_until_it_is_done(workshop: Workshop, spoken: Path) -> None:
    story_id, _ = workshop.send(spoken)
    with workshop.database.write() as session:
        token = session.get_one(Story, story_id).object_token
        withdrawals.withdraw(session, session.get_one(Story, story_id), actor="test")
    erasure = workshop.wishes(story_id)[-1]
    with workshop.database.write() as session:
        # As after a store that was away for longer than a step waits.
        wishes.end(session, erasure.id, Outcome.FAILED)
    workshop.start_worker()

    def is_erased() -> bool:
        with workshop.database.read() as session:
            return session.get_one(Tombstone, story_id).erased_at is not None

    workshop.wait_until(is_erased, "erasure", 60)
    assert list(workshop.objects.list_prefix(f"{token}-")) == []


@pytest.mark.long
def test_wrong_language_is_put_right_in_one_act(workshop: Workshop, spoken: Path) -> None:
    story_id, recording_id = workshop.send(spoken, language="es")
    workshop.start_worker()
    workshop.wait_for(recording_id, RecordingState.READY)
    with workshop.database.write() as session:
        story, recording = session.get_one(Story, story_id), session.get_one(Recording, recording_id)
        recordings.begin_again(session, story, recording, actor="test", language="en")
    workshop.wait_until(lambda: len(workshop.wishes(story_id)) == 3, "another wish")
    workshop.wait_until(lambda: all(not wish.is_open for wish in workshop.wishes(story_id)), "its end")
    with workshop.database.read() as session:
        newest = transcripts.latest(session, recording_id)
        assert newest is not None
        assert (newest.language, newest.is_machine_made) == ("en", True)
        assert "neighbours" in newest.text.lower() or "neighbors" in newest.text.lower()


def test_file_that_is_no_recording_is_refused_with_a_reason(workshop: Workshop, tmp_path: Path) -> None:
    page = tmp_path / "story.mp4"
    page.write_text("<!DOCTYPE html><script>alert(1)</script>" * 100)
    _, recording_id = workshop.send(page)
    workshop.start_worker()
    recording = workshop.wait_for(recording_id, RecordingState.REFUSED)
    assert recording.failure_code == "not-a-recording"
    assert workshop.objects.exists(recording.original_key)


@pytest.mark.long
def test_kill_costs_nothing_on_postgresql_either(
    postgresql_database: Database, make_workshop: Callable[[Database], Workshop], spoken: Path
) -> None:
    workshop = make_workshop(postgresql_database)
    story_id, recording_id = workshop.send(spoken)
    worker = workshop.start_worker(stop_at=("transcribe", "done"))
    workshop.wait_for_flag("stopped", seconds=90)
    workshop.kill(worker)
    workshop.start_worker()
    workshop.start_worker()
    workshop.wait_for(recording_id, RecordingState.READY)
    assert_done_once(workshop, story_id, recording_id)
