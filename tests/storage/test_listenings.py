"""Who listened to a story is noted by pilot and day, and by no person; it goes with the story."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import func, select

from models.base import utc_now
from models.consent import Use
from models.curation import State
from models.listening import EVERYBODY, Listening
from models.roles import ANYONE, Principal, Role
from models.stories import Story
from storage import listenings, withdrawals
from storage.database import Database
from tests.plugins.stories import EVERY_USE, Field

TODAY = utc_now().date()


def listen(database: Database, story: Story, principal: Principal) -> set[str]:
    """Somebody listens; as whom that was noted."""
    with database.read() as session:
        hearers = listenings.not_noted_today(session, session.get_one(Story, story.id), principal)
    with database.write() as session:
        listenings.note(session, story.id, hearers)
    return hearers


def noted(database: Database, story: Story) -> dict[tuple[str, str], list[date]]:
    with database.read() as session:
        return listenings.of_story(session, story.id)


def test_team_and_curators_are_noted_once_a_day_by_their_pilot(database: Database, field: Field) -> None:
    here, there = field.pilot("here"), field.pilot("there")
    story = field.story(state=State.CURATED, pilots=[here, there], shared_with=[here])
    team, other = (field.account(Role.PILOT_TEAM, here) for _ in range(2))
    assert listen(database, story, team)
    assert not listen(database, story, other), "a second one of a team adds nothing"
    assert listen(database, story, field.account(Role.CURATOR, there))
    assert noted(database, story) == {("pilot-team", here): [TODAY], ("curator", there): [TODAY]}


def test_days_are_told_apart(database: Database, field: Field, monkeypatch: pytest.MonkeyPatch) -> None:
    story, team = field.story(state=State.CURATED), field.account(Role.PILOT_TEAM, field.pilot())
    listen(database, story, team)
    tomorrow = utc_now() + timedelta(days=1)
    monkeypatch.setattr(listenings, "utc_now", lambda: tomorrow)
    listen(database, story, team)
    assert noted(database, story) == {("pilot-team", field.pilot()): [TODAY, tomorrow.date()]}


def test_public_is_one_row_a_day_and_whoever_belongs_to_another_pilot_is_the_public(
    database: Database, field: Field
) -> None:
    story = field.story(state=State.PUBLISHED, consented_to=EVERY_USE)
    strangers = (ANYONE, field.account(), field.account(Role.PILOT_TEAM, field.pilot("elsewhere")))
    assert [listen(database, story, each) for each in strangers] == [{EVERYBODY}, set(), set()]
    assert noted(database, story) == {(EVERYBODY, ""): [TODAY]}


def test_own_people_of_a_story_are_not_noted(database: Database, field: Field) -> None:
    sender = field.account(Role.CURATOR, field.pilot())
    story = field.story(by=sender, consented_to={Use.CURATION})
    teller = Principal(story_id=story.id, person_id=story.people[0].id)
    assert not listen(database, story, sender)
    assert not listen(database, story, teller)
    assert noted(database, story) == {}


def test_rows_go_with_the_story(database: Database, field: Field) -> None:
    story, other = (field.story(state=State.CURATED) for _ in range(2))
    team = field.account(Role.PILOT_TEAM, field.pilot())
    for each in (story, other):
        listen(database, each, team)
    with database.write() as session:
        withdrawals.withdraw(session, session.get_one(Story, story.id), actor="test")
        withdrawals.note_erased(session, story.id)
    with database.read() as session:
        assert session.scalars(select(Listening.story_id)).all() == [other.id]
        assert session.scalar(select(func.count()).select_from(Listening)) == 1
