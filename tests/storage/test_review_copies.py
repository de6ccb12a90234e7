"""The teller's word on what would leave: what lifts an objection, and who hears that a story closed by one."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from models.consent import Giver
from models.curation import Guard, State, find
from models.pilots import Pilot
from models.roles import Role
from models.stories import Story
from models.tellers import CopyAnswer
from storage import changes, collections, curation, releases, review_copies, transcripts
from storage.changes import Kind
from storage.database import Database, WriteSession
from storage.transcripts import SegmentText
from tests.plugins.stories import Field

APPROVED, CHANGE, STOPPED = CopyAnswer.APPROVED, CopyAnswer.CHANGE_ASKED, CopyAnswer.STOPPED
PERSON, GUARDIAN = Giver.PERSON, Giver.GUARDIAN
SILENT = None
CHANGED = "the text is changed and approved"


def say(session: WriteSession, story: Story, answer: CopyAnswer | None) -> None:
    review_copies.send(session, story, actor="curator")
    if answer is not SILENT:
        teller = story.people[0].id
        review_copies.answer(session, story, teller, answer, message="Leave out my street.", actor="teller")


def change_text(session: WriteSession, story: Story) -> None:
    newest = transcripts.latest(session, story.recordings[0].id)
    assert newest is not None
    changed = transcripts.correct(
        session,
        story,
        story.recordings[0],
        [SegmentText(0.0, 1.0, f"Version {newest.version + 1}.")],
        actor=story.submitted_by,
        based_on_version=newest.version,
    )
    transcripts.approve(session, story, changed, actor=story.submitted_by)


@pytest.mark.parametrize("is_required", [False, True])
@pytest.mark.parametrize(
    ("happened", "where_asked", "where_required"),
    [
        ([], False, True),
        ([SILENT], False, True),
        ([APPROVED], False, False),
        ([APPROVED, SILENT], False, False),
        ([APPROVED, CHANGED], False, True),
        ([APPROVED, CHANGED, SILENT], False, True),
        ([STOPPED], True, True),
        ([STOPPED, SILENT], True, True),
        ([STOPPED, SILENT, SILENT], True, True),
        ([STOPPED, CHANGED, SILENT], True, True),
        ([CHANGE], True, True),
        ([CHANGE, SILENT], True, True),
        ([CHANGE, CHANGED, SILENT], True, True),
        ([STOPPED, APPROVED], False, False),
        ([CHANGE, CHANGED, APPROVED], False, False),
        ([CHANGE, APPROVED, SILENT], False, False),
        ([STOPPED, APPROVED, CHANGED], True, True),
        ([APPROVED, STOPPED], True, True),
    ],
)
def test_objection_stands_until_the_teller_approves_what_would_leave_now(
    database: Database,
    field: Field,
    happened: Sequence[CopyAnswer | str | None],
    where_asked: bool,
    where_required: bool,
    is_required: bool,
) -> None:
    made = field.story(state=State.IN_REVIEW, with_recording=True, approved=True)
    curate = find("curate", State.IN_REVIEW)
    assert curate is not None
    with database.write() as session:
        story = session.get_one(Story, made.id)
        session.get_one(Pilot, field.pilot()).requires_review_copy = is_required
        for each in happened:
            if each == CHANGED:
                change_text(session, story)
            else:
                say(session, story, CopyAnswer(each) if each is not None else SILENT)
        missing = curation.unmet(session, story, curate)
        stands = where_required if is_required else where_asked
        assert missing == ([Guard.TELLER_AGREED] if stands else [])


def told(database: Database, field: Field) -> list[Kind]:
    with database.read() as session:
        return [each.kind for each in changes.since(session, [field.pilot()], 0, limit=100).changes]


@pytest.mark.parametrize("answer", [CHANGE, STOPPED])
def test_who_follows_the_changes_hears_that_an_answer_closed_a_released_story(
    database: Database, field: Field, answer: CopyAnswer
) -> None:
    team = field.account(Role.PILOT_TEAM, field.pilot())
    actor = team.account_id or ""
    made = field.story(state=State.CURATED)
    with database.write() as session:
        story = session.get_one(Story, made.id)
        collection = collections.create(session, team, field.pilot(), "Benches", actor=actor)
        collections.add(session, team, collection, story.id, actor=actor)
        releases.release(session, team, collection, actor=actor)
        say(session, story, answer)
        assert story.state == State.IN_REVIEW
    assert told(database, field) == [Kind.RELEASE, Kind.CLOSED]
    with database.write() as session:
        say(session, session.get_one(Story, made.id), SILENT)
    assert told(database, field) == [Kind.RELEASE, Kind.CLOSED], "it stays closed"


@pytest.mark.parametrize("is_required", [False, True])
@pytest.mark.parametrize(
    ("said", "where_asked", "where_required"),
    [
        ([(PERSON, APPROVED)], False, True),
        ([(GUARDIAN, APPROVED)], False, True),
        ([(PERSON, APPROVED), (GUARDIAN, APPROVED)], False, False),
        ([(PERSON, STOPPED), (GUARDIAN, APPROVED)], True, True),
        ([(GUARDIAN, STOPPED), (PERSON, APPROVED)], True, True),
        ([(GUARDIAN, CHANGE), (PERSON, APPROVED), (GUARDIAN, APPROVED)], False, False),
    ],
)
def test_neither_teller_nor_guardian_answers_for_the_other(
    database: Database,
    field: Field,
    said: list[tuple[Giver, CopyAnswer]],
    where_asked: bool,
    where_required: bool,
    is_required: bool,
) -> None:
    story = field.story(state=State.CURATED)
    with database.write() as session:
        mine = session.get_one(Story, story.id)
        mine.people[0].guardian = "her mother"
        session.get_one(Pilot, mine.pilot_ids[0]).requires_review_copy = is_required
        review_copies.send(session, mine, actor="curator")
        for giver, answer in said:
            review_copies.answer(
                session, mine, mine.people[0].id, answer, message="The street.", giver=giver, actor="t"
            )
    with database.read() as session:
        in_the_way = review_copies.stands_in_the_way(session, session.get_one(Story, story.id))
    assert in_the_way is (where_required if is_required else where_asked)
