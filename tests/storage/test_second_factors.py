"""Second factors as they are kept: a code works once, also for two who show it at the same moment; guesses count."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from models import second_factors as rules
from models.base import utc_now
from models.errors import Conflict, NotSignedIn, TooMany
from models.journal import JournalEntry
from models.second_factors import RecoveryCode, SecondFactor
from storage import second_factors, sign_ins
from storage.accounts import Account
from storage.database import Database
from tests.plugins.stories import Field


@pytest.fixture
def rita(database: Database, field: Field) -> str:
    """The id of an account without a second factor."""
    return field.account().account_id or ""


def code_now(database: Database, account_id: str, away: int = 0) -> str:
    with database.read() as session:
        secret = session.get_one(SecondFactor, account_id).secret
    return rules.code_of(secret, rules.step_at(utc_now()) + away)


def set_up(database: Database, account_id: str) -> list[str]:
    """A confirmed second factor that has used up no code; its recovery codes."""
    with database.write() as session:
        second_factors.begin(session, account_id)
    with database.write() as session:
        codes = second_factors.confirm(session, account_id, code_now(database, account_id))
        session.get_one(SecondFactor, account_id).last_step = None
    assert codes is not None
    return codes


def take(database: Database, account_id: str, code: str) -> bool:
    with database.write() as session:
        return second_factors.take(session, account_id, code)


def acts(database: Database) -> list[str]:
    with database.read() as session:
        return [each.act for each in session.query(JournalEntry).order_by(JournalEntry.sequence)]


def test_it_counts_once_a_code_was_shown_and_not_before(database: Database, rita: str) -> None:
    with database.write() as session:
        second_factors.begin(session, rita)
        assert not second_factors.is_on(session, rita)
    assert not take(database, rita, code_now(database, rita)), "nothing is confirmed yet"
    with database.write() as session:
        assert second_factors.confirm(session, rita, "000000x") is None
        assert not second_factors.is_on(session, rita)
    proof = code_now(database, rita)
    with database.write() as session:
        codes = second_factors.confirm(session, rita, proof)
        assert codes is not None
        assert len(codes) == rules.RECOVERY_CODES
        assert second_factors.is_on(session, rita)
    assert not take(database, rita, proof), "the code that proved it is used up"
    with database.write() as session, pytest.raises(Conflict):
        second_factors.begin(session, rita)


def test_what_was_begun_long_ago_is_not_confirmed(database: Database, rita: str) -> None:
    with database.write() as session:
        second_factors.begin(session, rita)
        session.get_one(SecondFactor, rita).created_at -= second_factors.SET_UP_WITHIN + timedelta(seconds=1)
    with database.write() as session:
        assert second_factors.being_set_up(session, rita) is None
        with pytest.raises(Conflict):
            second_factors.confirm(session, rita, code_now(database, rita))


def test_code_works_once_and_none_before_it_does_after(database: Database, rita: str) -> None:
    set_up(database, rita)
    before, now, after = (code_now(database, rita, away) for away in (-1, 0, 1))
    assert take(database, rita, now)
    assert not take(database, rita, now)
    assert not take(database, rita, before), "an earlier one, seen over a shoulder, is worth nothing"
    assert take(database, rita, after)


def test_of_many_who_show_a_code_at_the_same_moment_one_is_let_in(database: Database, rita: str) -> None:
    (paper, *_) = set_up(database, rita)
    for code in (code_now(database, rita), paper):
        together, let_in = threading.Barrier(4), []

        def show(
            code: str = code, together: threading.Barrier = together, let_in: list[bool] = let_in
        ) -> None:
            together.wait()
            let_in.append(take(database, rita, code))

        showing = [threading.Thread(target=show) for _ in range(4)]
        for each in showing:
            each.start()
        for each in showing:
            each.join()
        assert sorted(let_in) == [False, False, False, True]


def test_recovery_code_works_once_and_is_kept_as_a_digest(database: Database, rita: str) -> None:
    first, second, *_ = set_up(database, rita)
    with database.read() as session:
        kept = [str(each.__dict__) for each in session.query(RecoveryCode)]
    assert not any(rules.plain(first) in each for each in kept)
    assert take(database, rita, first.upper())
    assert not take(database, rita, first)
    with database.write() as session:
        assert second_factors.recovery_codes_left(session, rita) == rules.RECOVERY_CODES - 1
        renewed = second_factors.renew_recovery_codes(session, rita)
    assert not take(database, rita, second), "the paper before is worth nothing"
    assert take(database, rita, renewed[0])
    assert acts(database).count("use-recovery-code") == 2


def test_code_of_one_account_opens_no_other(database: Database, field: Field, rita: str) -> None:
    other = field.account().account_id or ""
    paper, *_ = set_up(database, rita)
    set_up(database, other)
    assert not take(database, other, paper)
    assert not take(database, other, code_now(database, rita))


def test_ten_wrong_codes_an_hour_and_then_not_even_a_right_one(database: Database, rita: str) -> None:
    set_up(database, rita)
    for _ in range(rules.MOST_WRONG_CODES):
        assert not take(database, rita, "no code")
    with pytest.raises(TooMany) as refused:
        take(database, rita, code_now(database, rita))
    assert 0 < int(str(refused.value.parameters["retry_after_seconds"])) <= 3601
    with database.write() as session:
        session.get_one(SecondFactor, rita).counted_since -= rules.COUNTED_FOR
    assert take(database, rita, code_now(database, rita)), "an hour later"


def test_turned_off_by_oneself_and_reset_by_others_are_told_apart(database: Database, rita: str) -> None:
    for actor, act in ((rita, "turn-off-second-factor"), ("service", "reset-second-factor")):
        set_up(database, rita)
        with database.write() as session:
            second_factors.turn_off(session, rita, actor=actor)
        assert acts(database)[-1] == act
        with database.read() as session:
            assert not second_factors.is_on(session, rita)
            assert session.query(RecoveryCode).count() == 0
    with database.write() as session, pytest.raises(Conflict):
        second_factors.turn_off(session, rita, actor=rita)


def test_sign_in_that_waits_for_its_code_ends_by_time_by_guesses_and_when_it_is_gone_on_with(
    database: Database, rita: str
) -> None:
    def begin() -> str:
        with database.write() as session:
            return sign_ins.begin(session, session.get_one(Account, rita))

    guessed = begin()
    for _ in range(sign_ins.MOST_WRONG_CODES):
        with database.write() as session:
            sign_ins.note_wrong(session, sign_ins.begun(session, guessed))
    finished = begin()
    with database.write() as session:
        assert sign_ins.finish(session, sign_ins.begun(session, finished)).id == rita
    late = begin()
    with database.write() as session:
        sign_ins.begun(session, late).ends_at -= sign_ins.CODE_WITHIN
    closed = begin()
    for token in (guessed, finished, late, "none"):
        with database.write() as session, pytest.raises(NotSignedIn):
            sign_ins.begun(session, token)
    with database.write() as session:
        session.get_one(Account, rita).is_active = False
    with database.write() as session, pytest.raises(NotSignedIn):
        sign_ins.begun(session, closed)
