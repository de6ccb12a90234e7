"""Closing accounts: nothing opens any more, and somebody always runs the service. What ended is deleted."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from models.accounts import Account, LinkPurpose, OneTimeLink, SignIn, SignInBegun
from models.base import utc_now
from models.errors import Conflict, NotFound
from models.journal import JournalEntry
from models.roles import Role, Scope
from pipeline import rounds
from storage import accounts, api_keys, closing, sign_ins
from storage.database import Database
from tests.plugins.stories import Field


@pytest.fixture
def ada(field: Field) -> str:
    """Who runs the service."""
    return field.account(is_administrator=True).account_id or ""


def close(database: Database, account_id: str, actor: str) -> None:
    with database.write() as session:
        closing.close(session, account_id, actor=actor)


def acts_on(database: Database, account_id: str) -> list[tuple[str, str]]:
    with database.read() as session:
        found = session.query(JournalEntry).filter_by(subject=account_id).order_by(JournalEntry.sequence)
        return [(each.actor, each.act) for each in found]


def test_nothing_opens_a_closed_account_and_the_journal_says_who_closed_it(
    database: Database, field: Field, ada: str
) -> None:
    tom = field.account(Role.REPORTER, field.pilot()).account_id or ""
    with database.write() as session:
        account = session.get_one(Account, tom)
        cookie = accounts.begin_session(session, account)
        waits = sign_ins.begin(session, account)
        key = api_keys.make(session, account, "k", [Scope.REVIEW], days=1, actor=tom).token
        link = accounts.make_link(session, LinkPurpose.NEW_PASSWORD, account_id=tom)
    close(database, tom, ada)
    close(database, tom, ada)
    with database.write() as session:
        assert accounts.account_of_session(session, cookie) is None
        assert api_keys.of_token(session, key) is None
        assert session.query(SignIn).count() == session.query(SignInBegun).count() == 0
        with pytest.raises(NotFound):
            accounts.look_at_link(session, link)
        closing.reopen(session, tom, actor=ada)
    with database.read() as session:
        assert accounts.account_of_session(session, cookie) is None, "what ended stays ended"
        assert api_keys.of_token(session, key) is None
    assert waits
    assert [act for act in acts_on(database, tom) if act[0] == ada] == [
        (ada, "end-sessions"),
        (ada, "end-api-keys"),
        (ada, "close-account"),
        (ada, "reopen-account"),
    ]


def test_last_who_runs_the_service_is_neither_closed_nor_dismissed(
    database: Database, field: Field, ada: str
) -> None:
    ben = field.account(is_administrator=True).account_id or ""
    close(database, ben, ada)
    for change in (closing.close, closing.dismiss):
        with database.write() as session, pytest.raises(Conflict):
            change(session, ada, actor=ada)
    with database.write() as session:
        closing.reopen(session, ben, actor=ada)
    close(database, ada, ada)
    with database.write() as session, pytest.raises(Conflict):
        closing.dismiss(session, ben, actor=ben)


def test_of_two_who_close_each_other_at_the_same_moment_one_stays(
    database: Database, field: Field, ada: str
) -> None:
    ben = field.account(is_administrator=True).account_id or ""
    together, refused = threading.Barrier(2), []

    def press(one: str, other: str) -> None:
        together.wait()
        try:
            close(database, other, one)
        except Conflict as error:
            refused.append(error.code)

    pressing = [threading.Thread(target=press, args=pair) for pair in ((ada, ben), (ben, ada))]
    for each in pressing:
        each.start()
    for each in pressing:
        each.join()
    assert refused == ["last-administrator"]
    with database.read() as session:
        running = select(func.count()).where(Account.is_administrator, Account.is_active)
        assert session.scalars(running).one() == 1


def test_unknown_account_is_not_found(database: Database, ada: str) -> None:
    for change in (closing.close, closing.reopen, closing.appoint, closing.dismiss):
        with database.write() as session, pytest.raises(NotFound):
            change(session, "0" * 32, actor=ada)


def test_sessions_and_links_that_ended_are_deleted_by_the_hourly_round(
    database: Database, field: Field
) -> None:
    person = field.account().account_id or ""
    with database.write() as session:
        account = session.get_one(Account, person)
        for _ in range(3):
            accounts.begin_session(session, account)
            sign_ins.begin(session, account)
            accounts.make_link(session, LinkPurpose.NEW_PASSWORD, account_id=person, lasts=timedelta(days=1))
        used = accounts.make_link(session, LinkPurpose.SIGN_IN, account_id=person, lasts=timedelta(days=1))
        accounts.use_link(session, used)
        ended, idle, _ = sign_ins.of_account(session, person)
        ended.ends_at, idle.seen_at = utc_now(), utc_now() - accounts.SESSION_IDLES
        session.query(SignInBegun).limit(1).one().ends_at = utc_now()
        session.query(OneTimeLink).filter_by(used_at=None).limit(1).one().ends_at = utc_now()
    assert sign_ins.remove_ended in rounds.PARTS
    with database.write() as session:
        assert sign_ins.remove_ended(session, utc_now()) == 4
    with database.read() as session:
        left = [session.query(kind).count() for kind in (SignIn, SignInBegun, OneTimeLink)]
    assert left == [1, 2, 3]
