"""Versions of a transcript while somebody works on it: a sitting is one, and every older one is there to go back to."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from sqlalchemy import update

from models.base import utc_now
from models.errors import Conflict, Invalid, NotFound
from models.roles import Principal, Role
from models.stories import Recording, Story
from models.transcripts import Transcript
from storage import transcripts, working_versions
from storage.database import Database
from storage.transcripts import MAX_SEGMENT_CHARACTERS, SegmentText
from storage.working_versions import SITTING
from tests.plugins.stories import Field


@pytest.fixture
def story(field: Field) -> Story:
    return field.story(with_recording=True, said=["I sat.", "Nobody came."])


@pytest.fixture
def curator(field: Field) -> Principal:
    return field.account(Role.CURATOR, field.pilot())


def write(
    database: Database, story: Story, by: Principal, said: Sequence[str], *, over: str
) -> tuple[int, str]:
    """The version and the mark of what was kept."""
    segments = [SegmentText(4.0 * n, 4.0 * n + 3.5, text) for n, text in enumerate(said)]
    with database.write() as session:
        recording = session.get_one(Recording, story.recordings[0].id)
        kept = working_versions.write(
            session,
            session.get_one(Story, story.id),
            recording,
            segments,
            actor=by.account_id or "",
            over=over,
        )
        return kept.version, kept.mark


def texts(database: Database, story: Story) -> list[str]:
    """Every version, oldest first."""
    with database.read() as session:
        recording = session.get_one(Recording, story.recordings[0].id)
        return [row.text for row, _ in reversed(working_versions.of_recording(session, recording))]


def test_a_sitting_is_one_version_however_often_it_is_saved(
    database: Database, story: Story, curator: Principal
) -> None:
    assert write(database, story, curator, ["I sat!", "Nobody came."], over="1") == (2, "2")
    assert write(database, story, curator, ["I sat.", "Somebody came."], over="2") == (2, "2.1")
    assert write(database, story, curator, ["I sat.", "Ewa came."], over="2.1") == (2, "2.2")
    assert texts(database, story) == ["I sat.\nNobody came.", "I sat.\nEwa came."]


def test_somebody_elses_words_and_those_of_an_earlier_sitting_are_not_written_over(
    database: Database, field: Field, story: Story, curator: Principal
) -> None:
    write(database, story, curator, ["Mine.", ""], over="1")
    other = field.account(Role.CURATOR, field.pilot())
    assert write(database, story, other, ["Theirs.", ""], over="2") == (3, "3")
    with database.write() as session:
        session.execute(update(Transcript).values(written_at=utc_now() - SITTING))
    assert write(database, story, other, ["Theirs, later.", ""], over="3") == (4, "4")
    assert len(texts(database, story)) == 4


def test_words_over_others_than_were_seen_are_refused(
    database: Database, story: Story, curator: Principal
) -> None:
    write(database, story, curator, ["First.", ""], over="1")
    write(database, story, curator, ["Second.", ""], over="2")
    for late in ("1", "2", "2.2", "3", ""):
        with pytest.raises(Conflict) as refused:
            write(database, story, curator, ["Late.", ""], over=late)
        assert refused.value.parameters == {"mark": "2.1"}
    assert texts(database, story)[-1] == "Second.\n"


def test_too_long_a_segment_is_refused_in_the_middle_of_a_sitting(
    database: Database, story: Story, curator: Principal
) -> None:
    write(database, story, curator, ["First.", ""], over="1")
    with pytest.raises(Invalid):
        write(database, story, curator, ["a" * (MAX_SEGMENT_CHARACTERS + 1), ""], over="2")
    assert texts(database, story)[-1] == "First.\n"


def test_a_restored_version_is_a_new_one_and_all_others_stay(
    database: Database, story: Story, curator: Principal
) -> None:
    write(database, story, curator, ["Mine.", ""], over="1")
    with database.write() as session:
        mine, recording = session.get_one(Story, story.id), session.get_one(Recording, story.recordings[0].id)
        by = curator.account_id or ""
        assert working_versions.restore(session, mine, recording, 1, actor=by).version == 3
        with pytest.raises(NotFound):
            working_versions.restore(session, mine, recording, 4, actor=by)
    assert texts(database, story) == ["I sat.\nNobody came.", "Mine.\n", "I sat.\nNobody came."]
    with database.read() as session:
        newest = transcripts.latest(session, story.recordings[0].id)
        assert newest is not None
        assert (newest.is_machine_made, newest.is_approved) == (False, False)
