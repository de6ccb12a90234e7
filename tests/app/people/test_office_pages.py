"""People are found by name, pilot and role; one person's sessions and keys end one by one."""

from __future__ import annotations

import re

import pytest
from fastapi.testclient import TestClient

from app.people import office as rules
from models.roles import Principal, Role
from storage import accounts, api_keys, closing, sign_ins
from tests.app.conftest import Rooms


@pytest.fixture
def office(rooms: Rooms) -> TestClient:
    return rooms.browser(rooms.field.account(is_administrator=True))


def people(page: str) -> list[str]:
    return re.findall(r'<a class="govuk-link" href="/people/\w{32}">([^<]*)</a>', page)


def named(rooms: Rooms, name: str, role: Role | None = None, pilot: str | None = None) -> Principal:
    with rooms.database.write() as session:
        account = accounts.create(session, name, name, actor="test")
        if role and pilot:
            accounts.give_role(session, account.id, pilot, role, actor="test")
        return accounts.principal_of(session, account)


def test_people_are_found_by_name_pilot_and_role(rooms: Rooms, office: TestClient) -> None:
    spring, autumn = rooms.field.pilot(), rooms.field.pilot("autumn")
    named(rooms, "Maria 100%", Role.CURATOR, spring)
    named(rooms, "Mario", Role.REPORTER, autumn)
    gone = named(rooms, "Marianne", Role.REPORTER, spring)
    with rooms.database.write() as session:
        closing.close(session, gone.account_id or "", actor="test")
    for asked, found in (
        ({"name": "mari"}, ["Maria 100%", "Mario"]),
        ({"name": "0%"}, ["Maria 100%"]),
        ({"name": "mari", "pilot": "autumn"}, ["Mario"]),
        ({"name": "mari", "role": "curator"}, ["Maria 100%"]),
        ({"pilot": "spring", "role": "reporter"}, []),
        ({"closed": "yes"}, ["Marianne"]),
        ({"role": "owner", "name": "mario"}, ["Mario"]),
    ):
        assert people(office.get("/people", params=asked).text) == found, asked


def test_everybody_is_on_one_page_or_the_next(
    rooms: Rooms, office: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "A_PAGE", 2)
    names = ["Ann", "Bea", "Bea", "Cas", "Dan"]
    for number, name in enumerate(names):
        with rooms.database.write() as session:
            accounts.create(session, name, f"x{number}", actor="test")
    seen, at = [], "/people?name=x"
    while at:
        page = office.get(at).text
        seen += people(page)
        further = re.search(r'href="(/people\?[^"]*cursor=[^"]*)"', page)
        at = further[1].replace("&amp;", "&") if further else ""
    assert seen == names
    assert office.get("/people?cursor=x").status_code == 422


def test_a_session_and_a_key_of_somebody_end_alone(rooms: Rooms, office: TestClient) -> None:
    tom = rooms.field.account(Role.REPORTER, rooms.field.pilot())
    kept, ended = rooms.browser(tom), rooms.browser(tom)
    key, other = rooms.program(tom), rooms.program(tom)
    mine = tom.account_id or ""
    with rooms.database.read() as session:
        newest = sign_ins.of_account(session, mine)
        keys = api_keys.of_account(session, mine)
    assert office.post(f"/people/{mine}/sessions/{newest[0].id}/end").status_code == 303
    assert sorted([kept.get("/stories").status_code, ended.get("/stories").status_code]) == [200, 401]
    assert office.post(f"/people/{mine}/keys/{keys[0].id}/end").status_code == 303
    answers = [each.get("/api/v1/stories").status_code for each in (key, other)]
    assert sorted(answers) == [200, 401]
    assert office.post(f"/people/{mine}/keys/{keys[0].id}/end").status_code == 404
