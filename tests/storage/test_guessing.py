"""Guessing one account's password from anywhere: counted by name, and not to the cost of whoever was here before."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from models.accounts import Account, KnownDevice, PasswordTries
from models.base import utc_now
from models.errors import TooMany
from pipeline import rounds
from storage import guessing
from storage.database import Database
from tests.plugins.stories import Field


@pytest.fixture
def rita(database: Database, field: Field) -> Account:
    person = field.account()
    with database.read() as session:
        return session.get_one(Account, person.account_id)


def try_once(database: Database, name: str, device: str = "") -> str:
    with database.write() as session:
        return guessing.count_try(session, name, device)


def use_up(database: Database, name: str, device: str = "") -> None:
    for _ in range(guessing.MOST_TRIES):
        try_once(database, name, device)
    with pytest.raises(TooMany):
        try_once(database, name, device)


def test_tries_are_counted_by_name_however_it_is_written_and_there_or_not(
    database: Database, rita: Account
) -> None:
    use_up(database, rita.sign_in_name)
    with pytest.raises(TooMany) as refused:
        try_once(database, f" {rita.sign_in_name.upper()} ")
    assert 0 < int(str(refused.value.parameters["retry_after_seconds"])) <= 3601
    use_up(database, "nobody-is-called-so")


def test_who_was_here_before_is_let_try_while_strangers_are_not(
    database: Database, field: Field, rita: Account
) -> None:
    somebody = field.account().account_id or ""
    with database.write() as session:
        device = guessing.remember_device(session, rita.id, "") or ""
        assert guessing.remember_device(session, rita.id, device) is None, "it is known already"
        others = guessing.remember_device(session, somebody, "") or ""
    use_up(database, rita.sign_in_name)
    for unknown in (others, "made up"):
        with pytest.raises(TooMany):
            try_once(database, rita.sign_in_name, unknown)
    use_up(database, rita.sign_in_name, device)
    with database.write() as session:
        guessing.forget_devices(session, rita.id)
    with pytest.raises(TooMany):
        try_once(database, rita.sign_in_name, device)


def test_right_password_uses_up_no_try_and_an_hour_later_all_are_there_again(
    database: Database, rita: Account
) -> None:
    for _ in range(guessing.MOST_TRIES + 5):
        of = try_once(database, rita.sign_in_name)
        with database.write() as session:
            guessing.give_back(session, of)
    use_up(database, rita.sign_in_name)
    with database.write() as session:
        session.query(PasswordTries).one().counted_since -= guessing.COUNTED_FOR
    use_up(database, rita.sign_in_name)


def test_many_at_the_same_moment_have_no_more_tries_than_one_after_the_other(
    database: Database, rita: Account
) -> None:
    for _ in range(guessing.MOST_TRIES - 3):
        try_once(database, rita.sign_in_name)
    together, outcomes = threading.Barrier(8), []

    def guess() -> None:
        together.wait()
        try:
            outcomes.append(bool(try_once(database, rita.sign_in_name)))
        except TooMany:
            outcomes.append(False)

    guessers = [threading.Thread(target=guess) for _ in range(8)]
    for each in guessers:
        each.start()
    for each in guessers:
        each.join()
    assert sorted(outcomes) == [False] * 5 + [True] * 3


def test_what_is_counted_and_known_no_more_is_deleted(database: Database, rita: Account) -> None:
    try_once(database, "old")
    with database.write() as session:
        guessing.remember_device(session, rita.id, "")
        session.query(PasswordTries).one().counted_since -= guessing.COUNTED_FOR
        session.query(KnownDevice).one().ends_at = utc_now() + timedelta(minutes=1)
    try_once(database, rita.sign_in_name)
    assert guessing.remove_ended in rounds.PARTS
    with database.write() as session:
        assert guessing.remove_ended(session, utc_now()) == 1
        assert session.query(PasswordTries).count() == 1
        assert guessing.remove_ended(session, utc_now() + timedelta(minutes=2)) == 1
