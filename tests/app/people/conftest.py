"""Who comes in: people with a password, and with a second factor."""

from __future__ import annotations

from collections.abc import Callable

import httpx2
import pytest
from fastapi.testclient import TestClient

from models import second_factors as rules
from models.base import utc_now
from models.roles import Principal, Role
from models.second_factors import SecondFactor
from storage import accounts, second_factors
from tests.app.conftest import Rooms

PASSWORD = "the bench by the well"


def sign_in(browser: TestClient, name: str, password: str = PASSWORD) -> httpx2.Response:
    return browser.post("/sign-in", data={"sign_in_name": name, "password": password})


def code_of(rooms: Rooms, person: Principal, away: int = 0) -> str:
    """The code that somebody's phone shows, so many steps from now."""
    with rooms.database.read() as session:
        secret = session.get_one(SecondFactor, person.account_id).secret
    return rules.code_of(secret, rules.step_at(utc_now()) + away)


def fresh_code(rooms: Rooms, person: Principal) -> str:
    """As :func:`code_of`, after as long a while as makes it a new one."""
    with rooms.database.write() as session:
        session.get_one(SecondFactor, person.account_id).last_step = None
    return code_of(rooms, person)


@pytest.fixture
def make_person(rooms: Rooms) -> Callable[..., Principal]:
    """Somebody who has chosen :data:`PASSWORD`."""

    def make(name: str, role: Role | None = None, *, is_administrator: bool = False) -> Principal:
        pilot = rooms.field.pilot()
        with rooms.database.write() as session:
            account = accounts.create(
                session, name.title(), name, actor="test", is_administrator=is_administrator
            )
            accounts.choose_password(session, account, accounts.hash_of(PASSWORD))
            if role is not None:
                accounts.give_role(session, account.id, pilot, role, actor="test")
            return accounts.principal_of(session, account)

    return make


@pytest.fixture
def cleo(make_person: Callable[..., Principal]) -> Principal:
    """A curator without a second factor."""
    return make_person("cleo", Role.CURATOR)


@pytest.fixture
def secured(rooms: Rooms, cleo: Principal) -> list[str]:
    """The recovery codes of the curator, who has a second factor now."""
    with rooms.database.write() as session:
        second_factors.begin(session, cleo.account_id or "")
    with rooms.database.write() as session:
        codes = second_factors.confirm(session, cleo.account_id or "", code_of(rooms, cleo))
        session.get_one(SecondFactor, cleo.account_id).last_step = None
    assert codes is not None
    return codes
