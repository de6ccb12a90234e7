"""A story is taken back in the middle of everything: work on it ends, and what it left is erased like the rest."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from models.roles import Role
from models.stories import Recording, RecordingState, Story
from models.transcripts import Transcript
from storage import recordings, stories, withdrawals
from storage.stories import PersonDetails, StoryDetails
from tests.erasure import figures
from tests.erasure.traces import Trace, ids, left_after, media, missing_before, search, sha256, word
from tests.erasure.workshops import is_closed, places_of, wait_until_forgotten
from tests.plugins.workshop import Workshop

TITLE, NAME, CONTACT = "quarzmond", "żółwikowa", "felsquelle@example.org"
PEOPLE = (PersonDetails("teller", shown_name=NAME, contact=CONTACT),)
HEAVY = [pytest.param(step, marks=pytest.mark.long) for step in ("render", "transcribe", "tag", "index")]


def traces_of(workshop: Workshop, story_id: str, content: bytes, *, at: str) -> list[Trace]:
    with workshop.database.read() as session:
        token = session.get_one(Story, story_id).object_token
        texts = session.query(Transcript).where(Transcript.story_id == story_id).all()
        said = [segment.text for transcript in texts for segment in transcript.segments]
    is_whole = at != "uploading"
    # Fetched in the step before, and kept until the recording is ready.
    work = ["work folder"] if at in ("transcribe", "tag", "index") else []
    durable = ["durable work"] if is_whole and at != "waiting" else []
    return [
        word("title", TITLE, "database"),
        word("name", NAME, "database"),
        word("contact", CONTACT, "database"),
        ids("key", [token], "database", "bucket"),
        media("media", content, *(["bucket", *work] if is_whole else [])),
        sha256("SHA-256", content, *(["database"] if is_whole else [])),
        ids("wishes", [each.id for each in workshop.wishes(story_id)], *durable, may_stay_in="log"),
        *(word("what was said", each, "database") for each in said),
    ]


def take_back(workshop: Workshop, story_id: str) -> None:
    with workshop.database.write() as session:
        withdrawals.withdraw(session, session.get_one(Story, story_id), actor="test")


def check_nothing_is_left(
    workshop: Workshop, story_id: str, traces: list[Trace], before: int, at: str
) -> None:
    reader = workshop.field.account(Role.CURATOR, workshop.field.pilot())
    assert is_closed(workshop.database, story_id, reader)
    wait_until_forgotten(workshop, story_id)
    after = search(traces, places_of(workshop))
    left = left_after(traces, after)
    figures.note(
        f"while {at}", places=len(places_of(workshop)), traces=len(traces), before=before, after=len(left)
    )
    assert left == []
    assert is_closed(workshop.database, story_id, reader)


@pytest.mark.parametrize("step", ["inspect", *HEAVY])
def test_withdrawn_while_a_step_is_at_it(workshop: Workshop, spoken: Path, step: str) -> None:
    story_id, _ = workshop.send(spoken, title=f"The {TITLE}", people=PEOPLE)
    workshop.start_worker(stop_at=(step, "begun"), look_at_all_seconds=1)
    workshop.wait_for_flag("stopped", seconds=300)
    traces = traces_of(workshop, story_id, spoken.read_bytes(), at=step)
    before = search(traces, places_of(workshop))
    assert missing_before(traces, before) == []
    take_back(workshop, story_id)
    # It goes on as if nothing had happened, and finds out.
    (workshop.folder / "go-on").touch()
    check_nothing_is_left(workshop, story_id, traces, before.count(), step)


@pytest.mark.long
def test_withdrawn_while_it_waits(workshop: Workshop, spoken: Path) -> None:
    story_id, recording_id = workshop.send(spoken, title=f"The {TITLE}", people=PEOPLE)
    assert workshop.state(recording_id) == RecordingState.WAITING
    (workshop.folder / "worker.log").touch()
    traces = traces_of(workshop, story_id, spoken.read_bytes(), at="waiting")
    workshop_places = {k: v for k, v in places_of(workshop).items() if not k.startswith("durable")}
    before = search(traces, workshop_places)
    assert missing_before(traces, before) == []
    take_back(workshop, story_id)
    workshop.start_worker(look_at_all_seconds=1)
    check_nothing_is_left(workshop, story_id, traces, before.count(), "waiting")


def test_withdrawn_while_it_is_uploaded(workshop: Workshop) -> None:
    """What arrives after the withdrawal, and what never arrives whole."""
    sender = workshop.field.account(Role.REPORTER, workshop.field.pilot()).account_id or ""
    details = StoryDetails(f"The {TITLE}", "en", [workshop.field.pilot()], people=PEOPLE)
    with workshop.database.write() as session:
        story = stories.create(session, details, submitted_by=sender)
        expected = recordings.expect_recording(session, story, "story.mp3", sent_by=sender)
    content, client = os.urandom(6_000_000), workshop.objects._client
    bucket, key = workshop.objects.bucket, expected.original_key
    upload = client._create_multipart_upload(bucket, key, {"Content-Type": "application/octet-stream"})
    client._upload_part(bucket, key, content, None, upload, 1)
    (workshop.folder / "worker.log").touch()
    traces = traces_of(workshop, story.id, content, at="uploading")
    workshop_places = {k: v for k, v in places_of(workshop).items() if not k.startswith("durable")}
    before = search(traces, workshop_places)
    assert missing_before(traces, before) == []
    take_back(workshop, story.id)
    workshop.start_worker(look_at_all_seconds=1)
    check_nothing_is_left(workshop, story.id, traces, before.count(), "uploading")
    with workshop.database.read() as session:
        assert session.get(Recording, expected.id) is None


def test_every_state_of_a_recording_is_known_here() -> None:
    """A new one asks for a test of a withdrawal in it."""
    known = {"uploading", "waiting", "inspected", "processing", "ready", "refused", "failed"}
    assert {state.value for state in RecordingState} == known
