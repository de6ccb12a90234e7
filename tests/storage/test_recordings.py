"""A recording's way: expected, received, inspected, made ready; failed, retried, given up."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from models.base import utc_now
from models.consent import Use
from models.curation import State
from models.errors import Conflict, Gone, NotFound
from models.stories import Recording, RecordingState, Rendition, RenditionKind, Story
from models.transcripts import Transcript
from models.work import Outcome, WishKind
from storage import recordings, wishes, withdrawals
from storage.database import Database, WriteSession
from tests.plugins.stories import Field

CARED_FOR = {Use.CURATION}


@contextmanager
def changing(database: Database, story: Story) -> Iterator[tuple[WriteSession, Story]]:
    with database.write() as session:
        yield session, session.get_one(Story, story.id)


def expect(session: WriteSession, story: Story, name: str = "bench.wav") -> Recording:
    return recordings.expect_recording(session, story, name, sent_by=story.submitted_by)


def receive(session: WriteSession, recording: Recording) -> Recording:
    return recordings.receive(session, recording.id, size_bytes=5, sha256="a" * 64)


def kinds_wished(session: WriteSession) -> list[WishKind]:
    return [wish.kind for wish in wishes.open_wishes(session)]


@pytest.mark.parametrize("state", State)
def test_only_a_story_that_is_not_decided_yet_takes_recordings(
    database: Database, field: Field, state: State
) -> None:
    story = field.story()
    with database.write() as session:
        session.execute(update(Story).values(state=state))
    with changing(database, story) as (session, mine):
        if state in (State.SUBMITTED, State.RETURNED, State.IN_REVIEW):
            assert expect(session, mine).state is RecordingState.UPLOADING
        else:
            with pytest.raises(Conflict):
                expect(session, mine)


def test_note_is_added_once_and_taken_away_and_the_rest_stays(database: Database, field: Field) -> None:
    story = field.story(with_recording=True)
    recording_id = story.recordings[0].id
    for holds, notes in ((True, ["cut-short", "x"]), (True, ["cut-short", "x"]), (False, ["cut-short"])):
        with database.write() as session:
            recording = session.get_one(Recording, recording_id)
            if not recording.inspection:
                recording.inspection = {"channels": 1, "notes": ["cut-short"]}
            recordings.set_note(session, recording, "x", holds=holds)
        with database.read() as session:
            found = session.get_one(Recording, recording_id).inspection
        assert found == {"channels": 1, "notes": notes}


def test_keys_are_the_storys_own_and_say_nothing_of_the_file(database: Database, field: Field) -> None:
    story = field.story()
    with changing(database, story) as (session, mine):
        keys = {expect(session, mine, "Waldemar.wav").original_key for _ in range(3)}
    assert len(keys) == 3
    assert all(key.startswith(f"{story.object_token}-") and "/" not in key for key in keys)
    assert not any("Waldemar" in key or story.id in key for key in keys)


def test_recordings_keep_their_order_when_one_between_was_given_up(database: Database, field: Field) -> None:
    story = field.story()
    with changing(database, story) as (session, mine):
        first, second, third = (expect(session, mine, name) for name in "abc")
        assert recordings.give_up_recording(session, second.id)
        fourth = expect(session, mine, "d")
        assert first.position < third.position < fourth.position


def test_received_whole_it_is_inspected_whether_or_not_anybody_consented(
    database: Database, field: Field
) -> None:
    story = field.story(consented_to=None)
    with changing(database, story) as (session, mine):
        recording = expect(session, mine)
        assert kinds_wished(session) == []
        assert receive(session, recording).state is RecordingState.WAITING
        assert kinds_wished(session) == [WishKind.INSPECT]


def test_received_twice_is_received_once(database: Database, field: Field) -> None:
    story = field.story()
    with changing(database, story) as (session, mine):
        recording = expect(session, mine)
        receive(session, recording)
        at = recording.received_at
        again = recordings.receive(session, recording.id, size_bytes=9, sha256="b" * 64)
        assert (again.size_bytes, again.sha256, again.received_at) == (5, "a" * 64, at)
        assert kinds_wished(session) == [WishKind.INSPECT]


def test_a_recording_that_arrives_after_its_story_was_withdrawn_is_refused(
    database: Database, field: Field
) -> None:
    story = field.story()
    with changing(database, story) as (session, mine):
        recording = expect(session, mine)
    with changing(database, story) as (session, mine):
        withdrawals.withdraw(session, mine, actor="teller")
    with pytest.raises(Conflict, match="story-withdrawn"), database.write() as session:
        receive(session, recording)
    with database.write() as session:
        withdrawals.note_erased(session, story.id)
    with pytest.raises(Conflict, match="story-withdrawn"), database.write() as session:
        receive(session, recording)


def test_what_never_arrived_is_forgotten_and_what_did_stays(database: Database, field: Field) -> None:
    story = field.story()
    with changing(database, story) as (session, mine):
        cut_off, whole = expect(session, mine), expect(session, mine)
        receive(session, whole)
        later = utc_now() + timedelta(seconds=1)
        assert [each.id for each in recordings.abandoned(session, later)] == [cut_off.id]
        assert recordings.give_up_recording(session, cut_off.id)
        assert recordings.give_up_recording(session, cut_off.id)
        assert not recordings.give_up_recording(session, whole.id)
        assert recordings.abandoned(session, later) == []
        assert [each.id for each in session.scalars(select(Recording))] == [whole.id]


def test_what_is_being_received_is_not_given_up(database: Database, field: Field) -> None:
    """Whoever gives it up waits for who receives it, and sees that it came."""
    story = field.story()
    with changing(database, story) as (session, mine):
        recording = expect(session, mine)
    given_up: list[bool] = []

    def give_up() -> None:
        with database.write() as session:
            given_up.append(recordings.give_up_abandoned(session, recording.id, utc_now()))
        with database.write() as session:
            given_up.append(recordings.give_up_recording(session, recording.id))

    def only_forget() -> None:
        with database.write() as session:
            given_up.append(recordings.give_up_recording(session, recording.id))

    threads = [threading.Thread(target=each) for each in (give_up, only_forget)]
    with database.write() as session:
        receive(session, recording)
        session.flush()
        for each in threads:
            each.start()
        for each in threads:
            each.join(0.3)
    for each in threads:
        each.join()
    assert given_up == [False] * 3
    with database.read() as session:
        assert session.get_one(Recording, recording.id).state is RecordingState.WAITING


def test_what_was_given_up_is_not_received_while_its_bytes_are_still_there(
    database: Database, field: Field
) -> None:
    story = field.story()
    with changing(database, story) as (session, mine):
        recording = expect(session, mine)
    with database.write() as session:
        assert not recordings.give_up_abandoned(session, recording.id, utc_now() - timedelta(hours=1))
        assert recordings.take_up_again(session, recording.id) is not None
    for _ in range(2):
        with database.write() as session:
            assert recordings.give_up_abandoned(session, recording.id, utc_now())
    with pytest.raises(Gone, match="upload-expired"), database.write() as session:
        receive(session, recording)
    with database.write() as session:
        assert recordings.take_up_again(session, recording.id) is None
        assert [each.id for each in recordings.abandoned(session, utc_now())] == [recording.id]


def test_a_recording_is_found_only_in_its_own_story(database: Database, field: Field) -> None:
    one, other = field.story(with_recording=True), field.story()
    with database.read() as session:
        recording = one.recordings[0].id
        assert recordings.of_story(session, one.id, recording).id == recording
        for story_id, recording_id in ((other.id, recording), (one.id, "0" * 32)):
            with pytest.raises(NotFound):
                recordings.of_story(session, story_id, recording_id)


def test_a_rendition_named_twice_is_one(database: Database, field: Field) -> None:
    story = field.story(with_recording=True)
    with database.write() as session:
        recording = session.get_one(Recording, story.recordings[0].id)
        for size in (7, 8):
            recordings.name_rendition(
                session, recording, RenditionKind.AUDIO, "key", size_bytes=size, sha256="c" * 64
            )
        found = session.scalars(select(Rendition).where(Rendition.kind == RenditionKind.AUDIO)).all()
        assert [each.size_bytes for each in found] == [8]


def test_a_failed_recording_says_why_and_can_be_retried(database: Database, field: Field) -> None:
    story = field.story(consented_to=CARED_FOR)
    with changing(database, story) as (session, mine):
        recording = field.recording(session, mine)
        (processing,) = wishes.open_wishes(session)
        with pytest.raises(Conflict, match="recording-busy"):
            recordings.begin_again(session, mine, recording, actor="reporter")
        recordings.note_failure(session, recording, "stage-failed", {"step": "render"}, is_final=False)
        wishes.end(session, processing.id, Outcome.FAILED)
        assert (recording.state, recording.failure_code) == (RecordingState.FAILED, "stage-failed")
        recordings.begin_again(session, mine, recording, actor="reporter")
        assert (recording.state, recording.failure_code) == (RecordingState.PROCESSING, None)
        (again,) = wishes.open_wishes(session)
        assert again.id != processing.id


def test_one_that_was_never_inspected_is_inspected_again(database: Database, field: Field) -> None:
    story = field.story(consented_to=CARED_FOR)
    with changing(database, story) as (session, mine):
        recording = receive(session, expect(session, mine))
        wishes.call_off(session, story.id)
        recordings.note_failure(session, recording, "no-sound", {}, is_final=True)
        recordings.begin_again(session, mine, recording, actor="reporter")
        assert recording.state is RecordingState.WAITING
        assert kinds_wished(session) == [WishKind.INSPECT]


def test_another_language_transcribes_anew_in_one_act(database: Database, field: Field) -> None:
    story = field.story(with_recording=True, language="en")
    with changing(database, story) as (session, mine):
        recording = session.get_one(Recording, story.recordings[0].id)
        mine.detected_language = "nl"
        recordings.begin_again(session, mine, recording, actor="curator", language="pl")
        assert (mine.language, mine.detected_language) == ("pl", None)
        assert kinds_wished(session) == [WishKind.PROCESS]
        field.process(session, mine, recording, ["Siedzę na ławce."])
        (transcript,) = session.scalars(select(Transcript))
        assert (transcript.language, transcript.version) == ("pl", 1)
