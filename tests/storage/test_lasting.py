"""Sessions without a password: how long they stand, and that nothing heavier than a reporter has one."""

from __future__ import annotations

from datetime import timedelta

import pytest

from models.accounts import Account, LinkPurpose, OneTimeLink, SignIn
from models.base import utc_now
from models.journal import JournalEntry
from models.roles import Role
from storage import accounts, closing, lasting, sign_ins
from storage.database import Database
from tests.plugins.stories import Field

DAY = timedelta(days=1)


@pytest.fixture
def tom(database: Database, field: Field) -> str:
    """A reporter without a password."""
    spring = field.pilot()
    with database.write() as session:
        account = accounts.create(session, "Tom", lasting.made_sign_in_name(), actor="test")
        accounts.give_role(session, account.id, spring, Role.REPORTER, actor="test")
        return account.id


def begin(database: Database, account_id: str, *, is_lasting: bool = True) -> str:
    with database.write() as session:
        account = session.get_one(Account, account_id)
        return accounts.begin_session(session, account, is_lasting=is_lasting)


def stands(database: Database, token: str) -> bool:
    with database.read() as session:
        return accounts.account_of_session(session, token) is not None


def let_pass(database: Database, passed: timedelta) -> None:
    with database.write() as session:
        for each in session.query(SignIn):
            each.seen_at, each.ends_at = each.seen_at - passed, each.ends_at - passed


def link(database: Database, account_id: str, purpose: LinkPurpose) -> None:
    with database.write() as session:
        accounts.make_link(session, purpose, account_id=account_id)


def test_lasting_session_stands_for_months_and_others_for_hours(database: Database, tom: str) -> None:
    lasts, other = begin(database, tom), begin(database, tom, is_lasting=False)
    let_pass(database, timedelta(hours=3))
    assert (stands(database, lasts), stands(database, other)) == (True, False)
    let_pass(database, 89 * DAY)
    assert stands(database, lasts)
    with database.write() as session:
        assert [each.is_lasting for each in sign_ins.of_account(session, tom)] == [True]
        assert sign_ins.remove_ended(session, utc_now()) == 1, "the other one"
    let_pass(database, DAY)
    assert not stands(database, lasts), "nobody used it for 90 days"
    with database.write() as session:
        assert sign_ins.remove_ended(session, utc_now()) == 1


def test_lasting_session_ends_after_400_days_although_it_is_used(database: Database, tom: str) -> None:
    token = begin(database, tom)
    for _ in range(5):
        let_pass(database, 79 * DAY)
        assert stands(database, token)
        with database.write() as session:
            accounts.touch_session(session, token)
    let_pass(database, 5 * DAY)
    assert not stands(database, token)


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.REPORTER])
def test_role_that_weighs_more_ends_what_opens_without_a_password(
    database: Database, field: Field, tom: str, role: Role
) -> None:
    token, autumn = begin(database, tom), field.pilot("autumn")
    link(database, tom, LinkPurpose.SIGN_IN)
    link(database, tom, LinkPurpose.NEW_PASSWORD)
    with database.write() as session:
        accounts.give_role(session, tom, autumn, role, actor="ada")
    with database.read() as session:
        assert session.query(SignIn).count() == 0
        assert [each.purpose for each in session.query(OneTimeLink)] == [LinkPurpose.NEW_PASSWORD]
        noted = session.query(JournalEntry).filter_by(act="end-lasting-sessions").one()
        assert (noted.actor, noted.subject) == ("ada", tom)
        assert not lasting.is_for(session, tom)
    with database.write() as session:
        accounts.take_role(session, tom, autumn, role, actor="ada")
    assert not stands(database, token), "and nothing brings it back"


def test_reporter_of_another_pilot_too_stays_signed_in(database: Database, field: Field, tom: str) -> None:
    token, autumn = begin(database, tom), field.pilot("autumn")
    with database.write() as session:
        accounts.give_role(session, tom, autumn, Role.REPORTER, actor="ada")
    assert stands(database, token)


def test_whoever_runs_the_service_from_now_on_is_signed_out(database: Database, tom: str) -> None:
    token = begin(database, tom)
    with database.write() as session:
        closing.appoint(session, tom, actor="ada")
    assert not stands(database, token)
    with database.read() as session:
        assert session.query(SignIn).count() == 0
        assert not lasting.is_for(session, tom)


@pytest.mark.parametrize("weighs_by", ["role", "administrator", "password"])
def test_lasting_session_that_began_in_the_same_moment_does_not_stand_either(
    database: Database, field: Field, tom: str, weighs_by: str
) -> None:
    """Of two transactions at once neither sees what the other writes: the request that follows sees both."""
    autumn = field.pilot("autumn")
    with database.write() as session:
        account = session.get_one(Account, tom)
        if weighs_by == "role":
            accounts.give_role(session, tom, autumn, Role.CURATOR, actor="ada")
        elif weighs_by == "administrator":
            account.is_administrator = True
        else:
            account.password_hash = "x"
    assert not stands(database, begin(database, tom))


def test_made_sign_in_name_is_told_from_one_that_was_chosen(database: Database, tom: str) -> None:
    with database.write() as session:
        account = session.get_one(Account, tom)
        assert not account.has_own_sign_in_name
        accounts.choose_sign_in_name(session, account, " Tom ")
        assert (account.sign_in_name, account.has_own_sign_in_name) == ("tom", True)
        accounts.choose_sign_in_name(session, account, "tom")
    assert len({lasting.made_sign_in_name() for _ in range(100)}) == 100
