"""Responses: an answer to a collection reaches the tellers of every story that was in a release of it."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import select

from models.collections import Collection
from models.curation import State
from models.errors import Invalid
from models.journal import JournalEntry
from models.notices import Notice, NoticeKind
from models.roles import Principal, Role
from models.stories import Part, Story
from storage import collections, notices, releases, responses, withdrawals
from storage.database import Database
from tests.plugins.stories import Field

DAY = date(2026, 3, 9)


@pytest.fixture
def team(field: Field, pilot: str) -> Principal:
    return field.account(Role.PILOT_TEAM, pilot)


def released(database: Database, team: Principal, pilot: str, *stories: Story) -> Collection:
    with database.write() as session:
        actor = team.account_id or ""
        made = collections.create(session, team, pilot, "Benches", actor=actor)
        for story in stories:
            collections.add(session, team, made, story.id, actor=actor)
        if stories:
            releases.release(session, team, made, actor=actor)
        return made


def answer(database: Database, collection: Collection, words: str = "We listened.", day: date = DAY) -> str:
    with database.write() as session:
        made = responses.record(
            session, collection, words, answered_on=day, actor=collection.made_by, will_change="Hours"
        )
        return made.id


def test_every_teller_in_a_release_is_told_once(database: Database, field: Field, team: Principal) -> None:
    pilot = field.pilot()
    one = field.story(state=State.CURATED, others=[Part.HEARD])
    two, elsewhere = field.story(state=State.CURATED), field.story(state=State.CURATED)
    collection = released(database, team, pilot, one, two)
    # In a second release as well: still one notice.
    with database.write() as session:
        releases.release(session, team, collection, actor=team.account_id or "")
    released(database, team, pilot, elsewhere)
    first = answer(database, collection)
    with database.read() as session:
        told = list(session.scalars(select(Notice).where(Notice.kind == NoticeKind.RESPONSE)))
        tellers = {story.people[0].id for story in (one, two)}
        assert {each.person_id for each in told} == tellers
        assert len(told) == 2
        assert all(each.parameters == {"response_id": first} for each in told)
    answer(database, collection, "And again.")
    with database.read() as session:
        assert len(notices.of_person(session, one.people[0].id)) == 2
        entries = list(session.scalars(select(JournalEntry.act)))
        assert entries.count("record-response") == 2


def test_story_has_the_responses_of_the_collections_that_released_it(
    database: Database, field: Field, team: Principal
) -> None:
    pilot = field.pilot()
    story, other = field.story(state=State.CURATED), field.story(state=State.CURATED)
    mine, theirs = released(database, team, pilot, story), released(database, team, pilot, other)
    older = answer(database, mine, day=date(2026, 1, 1))
    newer = answer(database, mine)
    answer(database, theirs)
    with database.read() as session:
        assert [each.id for each in responses.for_story(session, story.id)] == [newer, older]
        assert [each.id for each in responses.of_collection(session, mine)] == [newer, older]
        assert [each.will_change for each in responses.of_collection(session, mine)] == ["Hours", "Hours"]


def test_chosen_and_not_released_is_not_answered(database: Database, field: Field, team: Principal) -> None:
    story = field.story(state=State.CURATED)
    collection = released(database, team, field.pilot())
    with database.write() as session:
        collections.add(session, team, collection, story.id, actor=team.account_id or "")
    answer(database, collection)
    with database.read() as session:
        assert responses.for_story(session, story.id) == []
        assert notices.of_person(session, story.people[0].id) == []


def test_withdrawn_story_is_not_told(database: Database, field: Field, team: Principal) -> None:
    story = field.story(state=State.CURATED)
    collection = released(database, team, field.pilot(), story)
    with database.write() as session:
        withdrawals.withdraw(session, session.get_one(Story, story.id), actor="test")
    answer(database, collection)
    with database.read() as session:
        assert responses.for_story(session, story.id) == []
        assert notices.of_person(session, story.people[0].id) == []


def test_response_has_words(database: Database, field: Field, team: Principal) -> None:
    collection = released(database, team, field.pilot())
    with pytest.raises(Invalid, match="response-empty"):
        answer(database, collection, " \n ")
