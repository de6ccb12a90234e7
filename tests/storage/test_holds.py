"""Flags and embargoes reach somebody who can look, whoever has left meanwhile."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import update

from models.accounts import Account
from models.base import utc_now
from models.curation import State
from models.notices import NoticeKind
from models.pilots import Pilot
from models.roles import Principal, Role
from models.stories import Story
from storage import accounts, holds, notices
from storage.database import Database
from tests.plugins.stories import Field

STAYS, ACCOUNT_CLOSED, ROLE_GONE = "stays", "account closed", "role gone"


def let_go(database: Database, person: Principal, role: Role, pilot: str, how: str) -> None:
    with database.write() as session:
        if how == ACCOUNT_CLOSED:
            session.execute(update(Account).where(Account.id == person.account_id).values(is_active=False))
        elif how == ROLE_GONE:
            accounts.take_role(session, person.account_id or "", pilot, role, actor="test")


def told(database: Database, kind: NoticeKind, *people: Principal) -> list[bool]:
    with database.read() as session:
        return [
            kind in {each.kind for each in notices.of_account(session, person.account_id or "")}
            for person in people
        ]


@pytest.mark.parametrize(
    ("happened", "is_contact_told", "are_curators_told"),
    [(STAYS, True, False), (ACCOUNT_CLOSED, False, True), (ROLE_GONE, True, True)],
)
def test_flag_reaches_the_curators_where_the_contact_is_gone(
    database: Database, field: Field, happened: str, is_contact_told: bool, are_curators_told: bool
) -> None:
    contact, curator = field.account(Role.FACILITATOR), field.account(Role.CURATOR)
    story = field.story(state=State.CURATED)
    with database.write() as session:
        session.get_one(Pilot, field.pilot()).safeguarding_account_id = contact.account_id
    let_go(database, contact, Role.FACILITATOR, field.pilot(), happened)
    with database.write() as session:
        holds.raise_safeguarding(session, session.get_one(Story, story.id), note="n", actor="somebody")
    expected = [is_contact_told, are_curators_told]
    assert told(database, NoticeKind.SAFEGUARDING, contact, curator) == expected


@pytest.mark.parametrize("named", ["a curator", "the sender"])
@pytest.mark.parametrize("happened", [STAYS, ACCOUNT_CLOSED, ROLE_GONE])
def test_passed_embargo_reaches_the_curators_where_the_named_one_is_gone(
    database: Database, field: Field, named: str, happened: str
) -> None:
    sender, first, second = (field.account(role) for role in (Role.REPORTER, Role.CURATOR, Role.CURATOR))
    story = field.story(state=State.CURATED, by=sender)
    person, role = (first, Role.CURATOR) if named == "a curator" else (sender, Role.REPORTER)
    end = utc_now() + timedelta(days=1)
    with database.write() as session:
        mine = session.get_one(Story, story.id)
        holds.raise_embargo(session, mine, until=end, warned_id=person.account_id or "", actor="test")
    let_go(database, person, role, field.pilot(), happened)
    for _ in range(2):
        with database.write() as session:
            holds.warn_of_passed(session, end)
    # Whoever sent a story cares for it without a role, too.
    is_there = happened == STAYS or (happened == ROLE_GONE and person is sender)
    expected = [is_there, not is_there]
    assert told(database, NoticeKind.EMBARGO_ENDED, person, second) == expected


def test_passed_embargo_that_reaches_nobody_is_said_when_somebody_is_there(
    database: Database, field: Field
) -> None:
    first = field.account(Role.CURATOR)
    story = field.story(state=State.CURATED)
    end = utc_now() + timedelta(days=1)
    with database.write() as session:
        mine = session.get_one(Story, story.id)
        holds.raise_embargo(session, mine, until=end, warned_id=first.account_id or "", actor="test")
    let_go(database, first, Role.CURATOR, field.pilot(), ACCOUNT_CLOSED)
    with database.write() as session:
        assert holds.warn_of_passed(session, end) == 0
    second = field.account(Role.CURATOR)
    with database.write() as session:
        assert holds.warn_of_passed(session, end) == 1
        assert holds.warn_of_passed(session, end) == 0
    assert told(database, NoticeKind.EMBARGO_ENDED, second) == [True]
