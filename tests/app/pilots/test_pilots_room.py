"""Administrators make pilots, invite their people and give them roles; nobody else does, and no story is read."""

from __future__ import annotations

import re
from datetime import timedelta

import httpx2
import pytest
from fastapi.testclient import TestClient

from app.pilots.invitation_pages import ROLE_NAMES
from models.consent import Use
from models.curation import State
from models.journal import JournalEntry
from models.roles import Principal, Role
from storage import accounts, pilots
from tests.app.conftest import Rooms, forms_of

PASSWORD = "the bench by the well"


@pytest.fixture
def administrator(rooms: Rooms) -> Principal:
    return rooms.field.account(is_administrator=True)


@pytest.fixture
def office(rooms: Rooms, administrator: Principal) -> TestClient:
    """The administrator's browser."""
    return rooms.browser(administrator)


def name_of(rooms: Rooms, person: Principal) -> str:
    with rooms.database.read() as session:
        return session.get_one(accounts.Account, person.account_id).sign_in_name


def link_on(page: httpx2.Response) -> str:
    """The path of the link that a page shows to hand over."""
    assert page.status_code == 200, page.text
    shown = re.search(r'<code class="cr-link">http://127.0.0.1:8000(/come-in/[\w-]{43})</code>', page.text)
    assert shown is not None, page.text
    return shown[1]


def come_in(rooms: Rooms, path: str, **given: str) -> TestClient:
    """The browser of somebody who has used a link."""
    browser = rooms.visitor()
    (form,) = forms_of(browser.get(path).text, "/come-in")
    answer = browser.post("/come-in", data=form.filled(**given))
    assert answer.status_code == 303, answer.text
    return browser


def roles_of(browser: TestClient) -> dict[str, list[str]]:
    found: dict[str, list[str]] = browser.get("/api/v1/me").json()["roles"]
    return found


# ---- pilots ------------------------------------------------------------------------------------------------------


def test_first_pilot_is_added_by_the_form(rooms: Rooms, office: TestClient) -> None:
    page = office.get("/pilots").text
    assert "There is no pilot yet." in page
    (form,) = forms_of(page, "/pilots")
    sent = form.filled(name="Co-housing & <seniors>", code="nowa-wola", language="pl")
    answer = office.post("/pilots", data=sent | {"language": ["pl"], "others": "uk, pl"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/pilots/nowa-wola")
    page = office.get("/pilots").text
    assert "Co-housing &amp; &lt;seniors&gt;" in page
    assert "nowa-wola" in page
    assert "Polski, Українська" in page
    with rooms.database.read() as session:
        pilot = pilots.by_code(session, "nowa-wola")
        assert pilot.languages == ["pl", "uk"]
        assert set(pilot.protocol_uses) <= set(Use)
        noted = session.query(JournalEntry).filter_by(act="create-pilot").one()
    assert (noted.subject, noted.actor == office.get("/api/v1/me").json()["account_id"]) == (pilot.id, True)


@pytest.mark.parametrize(
    ("given", "status", "says"),
    [
        ({"code": "spring"}, 409, "There is a pilot with this code."),
        ({"code": "nowa wola"}, 422, "letters, digits and hyphens"),
        ({"code": "łąka"}, 422, "letters, digits and hyphens"),
        ({"code": "-"}, 422, "letters, digits and hyphens"),
        ({"code": "x" * 41}, 422, "letters, digits and hyphens"),
        ({"language": "klingon"}, 422, "The language klingon is not one we can hear."),
        ({"language": [], "others": " , "}, 422, "language"),
        ({"name": "x" * 201}, 422, "name"),
    ],
)
def test_pilot_that_cannot_be_is_refused_in_words(
    rooms: Rooms, office: TestClient, given: dict[str, str], status: int, says: str
) -> None:
    rooms.field.pilot("spring")
    answer = office.post("/pilots", data={"code": "new", "name": "New", "language": "pl"} | given)
    assert answer.status_code == status
    assert says in answer.text
    with rooms.database.read() as session:
        assert [pilot.code for pilot in pilots.everyone(session)] == ["spring"]


@pytest.mark.parametrize(
    ("given", "at"),
    [
        ({"code": "spring"}, "code"),
        ({"code": "a b"}, "code"),
        ({"language": [], "others": ""}, "language"),
        ({"others": "uk klingon"}, "others"),
        ({"code": ""}, "code"),
        ({"name": " "}, "name"),
    ],
)
def test_refused_pilot_finds_what_was_written(
    rooms: Rooms, office: TestClient, given: dict[str, str], at: str
) -> None:
    rooms.field.pilot("spring")
    sent = {"code": "new", "name": "Garden", "language": ["pl", "et"], "others": "uk"} | given
    page = office.post("/pilots", data=sent).text
    assert f'<a href="#{at}">' in page
    assert f'id="{at}-error"' in page
    (form,) = forms_of(page, "/pilots")
    assert [form.fields[name] for name in ("name", "code", "others")] == [
        sent[name] for name in ("name", "code", "others")
    ]
    chosen = re.findall(r'name="language" type="checkbox" value="(\w+)" checked', page)
    assert sorted(chosen) == sorted(sent["language"])
    assert '<details class="govuk-details" open>' in page


# ---- people ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", Role)
def test_whoever_opens_an_invitation_has_that_role_in_that_pilot(
    rooms: Rooms, office: TestClient, role: Role
) -> None:
    rooms.field.pilot("spring")
    rooms.field.pilot("autumn")
    (form,) = forms_of(office.get("/invitations").text, "/invitations")
    page = office.post("/invitations", data=form.filled(pilot="autumn", role=role))
    assert f"Whoever opens one becomes {ROLE_NAMES[role]} in Autumn." in page.text
    assert "Each works once, within 7 days" in page.text
    secrets = {} if role is Role.REPORTER else {"sign_in_name": "tom", "password": PASSWORD}
    browser = come_in(rooms, link_on(page), name="Tom", **secrets)
    assert roles_of(browser) == {"autumn": [role]}
    assert rooms.visitor().get(link_on(page)).status_code == 404, "it worked once"
    assert "Tom" in office.get("/people").text


def test_invitation_ends_after_a_week(rooms: Rooms, office: TestClient) -> None:
    rooms.field.pilot("spring")
    page = office.post("/invitations", data={"pilot": "spring", "role": "reporter"})
    rooms.later(timedelta(days=7, minutes=-5))
    assert rooms.visitor().get(link_on(page)).status_code == 200
    rooms.later(timedelta(minutes=5))
    assert rooms.visitor().get(link_on(page)).status_code == 404


def test_roles_are_given_and_taken_back_and_the_next_request_knows(rooms: Rooms, office: TestClient) -> None:
    spring, _ = rooms.field.pilot("spring"), rooms.field.pilot("autumn")
    tom = rooms.field.account(Role.REPORTER, spring)
    browser = rooms.browser(tom)
    assert browser.get("/review").status_code == 403
    at = f"/people/{tom.account_id}"
    giving = next(
        form for form in forms_of(office.get(at).text, f"{at}/roles") if form.fields.get("is_given") == "true"
    )
    answer = office.post(f"{at}/roles", data=giving.filled(pilot="autumn", role="curator"))
    assert (answer.status_code, answer.headers["location"]) == (303, f"{at}#roles")
    assert roles_of(browser) == {"spring": ["reporter"], "autumn": ["curator"]}
    assert browser.get("/review").status_code == 200
    office.post(f"{at}/roles", data=giving.filled(pilot="autumn", role="curator"))
    taking = next(
        form
        for form in forms_of(office.get(at).text, f"{at}/roles")
        if form.fields.get("role") == "curator" and "is_given" not in form.fields
    )
    assert office.post(f"{at}/roles", data=taking.fields).status_code == 303
    assert roles_of(browser) == {"spring": ["reporter"]}, "given twice is given once, and taken once"
    assert browser.get("/review").status_code == 403


def test_link_for_a_new_password_is_made_for_a_day(rooms: Rooms, office: TestClient) -> None:
    tom = rooms.field.account(Role.REPORTER, rooms.field.pilot())
    before, name = rooms.browser(tom), name_of(rooms, tom)
    at = f"/people/{tom.account_id}"
    (form,) = forms_of(office.get(at).text, f"{at}/new-password")
    page = office.post(form.action, data=form.fields)
    assert f"Whoever opens this link chooses the password of {name}." in page.text
    assert "within 1 day," in page.text
    browser = come_in(rooms, link_on(page), password=PASSWORD)
    assert browser.get("/api/v1/me").json()["account_id"] == tom.account_id
    assert before.get("/stories").status_code == 401, "who sat there with the old password is out"
    answer = rooms.visitor().post("/sign-in", data={"sign_in_name": name, "password": PASSWORD})
    assert answer.status_code == 303


def test_what_is_not_there_is_not_found(rooms: Rooms, office: TestClient) -> None:
    rooms.field.pilot("spring")
    tom = rooms.field.account(Role.REPORTER)
    winter = {"pilot": "winter", "role": "curator"}
    for path, sent, says in (
        ("/invitations", winter, "There is no such pilot."),
        (f"/people/{tom.account_id}/roles", winter, "There is no such pilot."),
        ("/people/0000/roles", {"pilot": "spring", "role": "curator"}, "There is no such account."),
        ("/people/0000/new-password", {}, "There is no such account."),
    ):
        answer = office.post(path, data=sent)
        assert answer.status_code == 404
        assert says in answer.text
    assert office.get("/pilots/winter").status_code == 404
    assert office.post("/invitations", data={"pilot": "spring", "role": "owner"}).status_code == 422


# ---- nobody else -------------------------------------------------------------------------------------------------

ACTS = (
    ("GET", "/pilots", {}),
    ("POST", "/pilots", {"code": "new", "name": "New", "language": "pl"}),
    ("GET", "/pilots/spring", {}),
    ("POST", "/pilots/spring/settings/about", {"name": "Ours", "language-en": "yes"}),
    ("POST", "/pilots/spring/settings/quota", {"gigabytes": "1"}),
    ("GET", "/people", {}),
    ("POST", "/people/{account_id}/roles", {"pilot": "spring", "role": "curator", "is_given": "true"}),
    ("POST", "/people/{account_id}/new-password", {}),
    ("GET", "/service", {}),
    ("POST", "/service/examine", {}),
    ("GET", "/journal", {}),
    ("POST", "/journal/verify", {}),
)


@pytest.mark.parametrize("role", [None, *Role])
def test_every_other_role_is_refused_and_changes_nothing(rooms: Rooms, role: Role | None) -> None:
    pilot = rooms.field.pilot("spring")
    person = rooms.field.account(role, pilot)
    browser = rooms.browser(person)
    before = roles_of(browser)
    for method, written, sent in ACTS:
        path = written.format(account_id=person.account_id)
        answer = browser.request(method, path, data=sent if method == "POST" else None)
        assert answer.status_code == 403, path
        assert "You need another role for this: administrator." in answer.text
        assert "/come-in/" not in answer.text
    assert roles_of(browser) == before
    assert "Pilots and people" not in browser.get("/").text
    with rooms.database.read() as session:
        assert len(pilots.everyone(session)) == 1


def test_nobody_in_particular_and_a_key_are_asked_to_sign_in(rooms: Rooms, administrator: Principal) -> None:
    rooms.field.pilot("spring")
    for client in (rooms.visitor(), rooms.program(administrator)):
        for method, path, sent in ACTS:
            sends = sent if method == "POST" else None
            assert client.request(method, path, data=sends).status_code == 401, path


def test_administrator_reads_no_story_by_that(rooms: Rooms, office: TestClient) -> None:
    story = rooms.field.story(state=State.CURATED)
    for path in (
        f"/stories/{story.id}",
        f"/stories/{story.id}/withdraw",
        f"/api/v1/stories/{story.id}/consents",
    ):
        assert office.get(path).status_code == 404
    assert office.get("/review").status_code == 403
    assert "Running the service does not let you read stories." in office.get("/pilots").text
