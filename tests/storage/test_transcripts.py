"""Versions of what is said: the machine's, people's, and whose word stands."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import select

from models.curation import State
from models.errors import Conflict, Invalid
from models.stories import Recording, Story
from models.transcripts import Segment, Transcript
from storage import transcripts
from storage.database import Database, WriteSession
from storage.transcripts import MAX_SEGMENT_CHARACTERS, SegmentText
from tests.plugins.stories import Field

WORDS = [{"start": 0.0, "end": 0.5, "text": "Zażółć", "probability": 0.9}]


@pytest.fixture
def story(field: Field) -> Story:
    return field.story(with_recording=True, said=["I sat.", "Nobody came."])


@contextmanager
def changing(database: Database, story: Story) -> Iterator[tuple[WriteSession, Story, Recording]]:
    with database.write() as session:
        mine = session.get_one(Story, story.id)
        yield session, mine, session.get_one(Recording, story.recordings[0].id)


def correct(
    session: WriteSession, story: Story, recording: Recording, *said: str, based_on: int
) -> Transcript:
    segments = [SegmentText(float(n), n + 1.0, text, words=WORDS) for n, text in enumerate(said)]
    return transcripts.correct(
        session, story, recording, segments, actor=story.submitted_by, based_on_version=based_on
    )


def heard(session: WriteSession, recording: Recording, *said: str) -> Transcript:
    segments = [SegmentText(float(n), n + 1.0, text) for n, text in enumerate(said)]
    return transcripts.keep_machine_made(
        session, recording, segments, language="en", engine="test", weights="w"
    )


def test_what_the_machine_heard_is_version_one_and_says_so(database: Database, story: Story) -> None:
    with database.read() as session:
        found = transcripts.latest(session, story.recordings[0].id)
        assert found is not None
        assert (found.version, found.is_machine_made, found.is_approved) == (1, True, False)
        assert found.text == "I sat.\nNobody came."


def test_heard_again_replaces_what_no_person_has_touched(database: Database, story: Story) -> None:
    with changing(database, story) as (session, _, recording):
        assert heard(session, recording, "I sat down.").version == 1
    with database.read() as session:
        assert [each.version for each in session.scalars(select(Transcript))] == [1]
        assert [each.text for each in session.scalars(select(Segment))] == ["I sat down."]


def test_what_a_person_wrote_or_approved_is_never_replaced(database: Database, story: Story) -> None:
    with changing(database, story) as (session, mine, recording):
        first = transcripts.latest(session, recording.id)
        assert first is not None
        transcripts.approve(session, mine, first, actor=mine.submitted_by)
        assert heard(session, recording, "Other.").version == 2
        assert correct(session, mine, recording, "By hand.", based_on=2).version == 3
        assert heard(session, recording, "Again.").version == 4
    with database.read() as session:
        texts = [each.text for each in session.scalars(select(Transcript).order_by(Transcript.version))]
        assert texts == ["I sat.\nNobody came.", "Other.", "By hand.", "Again."]


def test_a_correction_is_a_new_version_with_who_and_when(database: Database, story: Story) -> None:
    with changing(database, story) as (session, mine, recording):
        correct(session, mine, recording, "Zażółć gęślą jaźń. 🙂", based_on=1)
    with database.read() as session:
        found = transcripts.latest(session, story.recordings[0].id)
        assert found is not None
        assert (found.version, found.is_machine_made, found.written_by) == (2, False, story.submitted_by)
        assert found.text == "Zażółć gęślą jaźń. 🙂"
        assert found.segments[0].words == WORDS
        (first,) = session.scalars(select(Transcript).where(Transcript.version == 1))
        assert first.text == "I sat.\nNobody came."


def test_of_two_who_edit_the_same_version_the_second_loses_nothing_unseen(
    database: Database, story: Story
) -> None:
    with changing(database, story) as (session, mine, recording):
        correct(session, mine, recording, "First.", based_on=1)
        with pytest.raises(Conflict) as refused:
            correct(session, mine, recording, "Second.", based_on=1)
        assert (refused.value.code, refused.value.parameters) == ("changed-meanwhile", {"version": 2})


@pytest.mark.parametrize(
    "unfit", [SegmentText(0.0, 1.0, "a" * (MAX_SEGMENT_CHARACTERS + 1)), SegmentText(2.0, 1.0, "a")]
)
def test_a_segment_that_does_not_fit_is_named(database: Database, story: Story, unfit: SegmentText) -> None:
    with changing(database, story) as (session, mine, recording):
        with pytest.raises(Invalid) as refused:
            transcripts.correct(
                session,
                mine,
                recording,
                [SegmentText(0.0, 1.0, "fits"), unfit],
                actor=mine.submitted_by,
                based_on_version=1,
            )
        assert refused.value.parameters == {"number": 2}


def test_only_the_newest_version_can_be_approved(database: Database, story: Story) -> None:
    with changing(database, story) as (session, mine, recording):
        first = transcripts.latest(session, recording.id)
        assert first is not None
        second = correct(session, mine, recording, "By hand.", based_on=1)
        with pytest.raises(Conflict, match="changed-meanwhile"):
            transcripts.approve(session, mine, first, actor=mine.submitted_by)
        transcripts.approve(session, mine, second, actor=mine.submitted_by)
        assert (second.is_approved, second.approved_by) == (True, mine.submitted_by)


def test_a_withdrawn_story_is_neither_corrected_nor_approved(database: Database, field: Field) -> None:
    story = field.story(state=State.WITHDRAWN, with_recording=True)
    with changing(database, story) as (session, mine, recording):
        first = transcripts.latest(session, recording.id)
        assert first is not None
        with pytest.raises(Conflict, match="story-withdrawn"):
            correct(session, mine, recording, "By hand.", based_on=1)
        with pytest.raises(Conflict, match="story-withdrawn"):
            transcripts.approve(session, mine, first, actor=mine.submitted_by)


def test_a_story_has_the_newest_of_each_recording_in_their_order(
    database: Database, field: Field, story: Story
) -> None:
    with changing(database, story) as (session, mine, recording):
        second = field.recording(session, mine)
        assert len(transcripts.of_story(session, story.id)) == 1
        field.process(session, mine, second, ["Then I went."])
        correct(session, mine, recording, "I sat down.", based_on=1)
    with database.read() as session:
        texts = [each.text for each in transcripts.of_story(session, story.id)]
        assert texts == ["I sat down.", "Then I went."]
