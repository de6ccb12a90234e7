"""Reporters without a password: in by an invitation, back by a new way in, and as everybody else when they choose."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import httpx2
import pytest
from fastapi.testclient import TestClient

from app.people import reporters
from app.web.cookies import SESSION_COOKIE
from models.accounts import Account, LinkPurpose
from models.journal import JournalEntry
from models.roles import Principal, Role
from storage import accounts
from tests.app.conftest import Rooms, forms_of
from tests.app.people.conftest import PASSWORD, sign_in

LINK = re.compile(r"http://127\.0\.0\.1:8000/come-in/([\w-]{43})")
DAY = timedelta(days=1)


def is_in(browser: TestClient) -> bool:
    return browser.get("/stories").status_code == 200


def account_id(browser: TestClient) -> str:
    return str(browser.get("/api/v1/me").json()["account_id"])


def account_of(rooms: Rooms, browser: TestClient) -> Account:
    with rooms.database.read() as session:
        return session.get_one(Account, account_id(browser))


def open_link(browser: TestClient, token: str, **given: str) -> httpx2.Response:
    """As a browser does: look at the page, and send what its form asks."""
    (form,) = forms_of(browser.get(f"/come-in/{token}").text, "/come-in")
    return browser.post("/come-in", data=form.filled(**given))


def invitation(rooms: Rooms, role: Role = Role.REPORTER, pilot: str = "spring") -> str:
    with rooms.database.write() as session:
        return accounts.make_link(
            session, LinkPurpose.INVITATION, pilot_id=rooms.field.pilot(pilot), role=role
        )


@pytest.fixture
def tom(rooms: Rooms) -> TestClient:
    """The phone of a reporter who came by an invitation."""
    browser = rooms.visitor()
    open_link(browser, invitation(rooms), name="Tom")
    return browser


@pytest.fixture
def ada(rooms: Rooms) -> TestClient:
    """An administrator."""
    return rooms.browser(rooms.field.account(is_administrator=True))


@pytest.fixture
def coordinator(rooms: Rooms) -> TestClient:
    """A curator of the reporter's pilot."""
    return rooms.browser(rooms.field.account(Role.CURATOR, rooms.field.pilot()))


# ---- coming in ---------------------------------------------------------------------------------------------------


def test_invited_reporter_says_their_name_and_is_in(rooms: Rooms) -> None:
    browser, token = rooms.visitor(), invitation(rooms)
    (form,) = forms_of(browser.get(f"/come-in/{token}").text, "/come-in")
    assert set(form.fields) == {"token", "name"}
    answer = browser.post("/come-in", data=form.filled(name="Tom"))
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert "Hello Tom" in browser.get("/").text
    assert browser.get("/api/v1/me").json()["roles"] == {"spring": ["reporter"]}
    (cookie,) = [each for each in answer.headers.get_list("set-cookie") if each.startswith(SESSION_COOKIE)]
    assert f"Max-Age={400 * 24 * 3600}" in cookie
    assert rooms.visitor().get(f"/come-in/{token}").status_code == 404, "it worked once"


def test_reporter_without_a_name_is_asked_for_it_and_the_invitation_stays_open(rooms: Rooms) -> None:
    browser, token = rooms.visitor(), invitation(rooms)
    assert open_link(browser, token, name=" ").status_code == 422
    assert open_link(browser, token, name="Tom").status_code == 303


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.REPORTER])
def test_invitation_of_any_other_role_asks_for_a_password(rooms: Rooms, role: Role) -> None:
    browser, token = rooms.visitor(), invitation(rooms, role)
    (form,) = forms_of(browser.get(f"/come-in/{token}").text, "/come-in")
    assert set(form.fields) == {"token", "name", "sign_in_name", "password"}
    assert browser.post("/come-in", data={"token": token, "name": "Tom"}).status_code == 422
    answer = browser.post("/come-in", data=form.filled(name="Tom", sign_in_name="tom", password=PASSWORD))
    assert answer.status_code == 303
    rooms.later(timedelta(hours=3))
    assert not is_in(browser), "an ordinary session"


def test_reporter_stays_signed_in_on_their_device_for_months(rooms: Rooms, tom: TestClient) -> None:
    rooms.later(89 * DAY)
    assert is_in(tom)
    rooms.later(89 * DAY)
    assert is_in(tom), "it was in use"
    rooms.later(90 * DAY)
    assert not is_in(tom)


@pytest.mark.parametrize("way_out", ["/sign-out", "/leave"])
def test_signing_out_and_leaving_at_once_end_it(rooms: Rooms, tom: TestClient, way_out: str) -> None:
    kept = tom.cookies[SESSION_COOKIE]
    tom.post(way_out)
    found = rooms.visitor()
    found.cookies.set(SESSION_COOKIE, kept)
    assert not is_in(found)


def test_two_reporters_of_one_name_are_two(rooms: Rooms, tom: TestClient) -> None:
    other = rooms.visitor()
    assert open_link(other, invitation(rooms), name="Tom").status_code == 303
    assert account_id(other) != account_id(tom)


def test_account_without_a_password_fails_like_one_that_is_not_there(
    rooms: Rooms, tom: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = account_of(rooms, tom).sign_in_name
    compared: list[str] = []
    verify = type(accounts._hasher).verify
    monkeypatch.setattr(
        type(accounts._hasher),
        "verify",
        lambda hasher, stored, password: compared.append(stored) or verify(hasher, stored, password),
    )
    of_tom, of_nobody = sign_in(rooms.visitor(), made), sign_in(rooms.visitor(), "nobody")
    # Beside the name, which is what was written.
    assert (of_tom.status_code, of_tom.text.replace(f'"{made}"', '"nobody"')) == (401, of_nobody.text)
    assert len(compared) == 2, "the hasher worked as long for both"
    assert sign_in(rooms.visitor(), made, "").status_code in (401, 422)


def test_made_sign_in_name_is_shown_to_nobody(rooms: Rooms, tom: TestClient, ada: TestClient) -> None:
    made = account_of(rooms, tom).sign_in_name
    at = f"/people/{account_id(tom)}"
    pages = [tom.get("/account").text, ada.get("/people").text, ada.get(at).text]
    pages.append(ada.post(f"{at}/new-password").text)
    pages.append(ada.get("/reporters").text)
    assert not any(made in page for page in pages)
    assert "Tom" in ada.get("/people?name=tom").text


# ---- coming back -------------------------------------------------------------------------------------------------


def test_my_account_says_how_to_come_back_and_asks_for_no_password_that_is_not_there(tom: TestClient) -> None:
    page = tom.get("/account").text
    assert "On this device you stay signed in, unless you do not use it for 90 days." in page
    assert "ask whoever invited you for a new way in" in page
    assert forms_of(page, "/account/password") == []
    assert forms_of(page, "/account/keys") == []
    assert "/account/second-factor" not in page
    assert "API keys" not in page


def test_coordinator_prints_a_new_way_in_which_opens_a_long_session_once(
    rooms: Rooms, tom: TestClient, coordinator: TestClient
) -> None:
    at = f"/reporters/{account_id(tom)}/way-in"
    (form,) = forms_of(coordinator.get("/reporters").text, at)
    page = coordinator.post(form.action).text
    assert page.count("<svg") >= 1
    assert "A new way in for Tom" in page
    (token,) = LINK.findall(page)
    assert token not in coordinator.get("/reporters").text, "shown once"
    assert is_in(tom), "making it ends nothing"
    phone = rooms.visitor()
    (asked,) = forms_of(phone.get(f"/come-in/{token}").text, "/come-in")
    assert set(asked.fields) == {"token"}, "one press"
    assert open_link(phone, token).status_code == 303
    assert account_id(phone) == account_id(tom)
    assert is_in(tom), "and neither does using it"
    assert rooms.visitor().get(f"/come-in/{token}").status_code == 404
    rooms.later(89 * DAY)
    assert is_in(phone)


def test_new_way_in_takes_the_place_of_the_one_before(
    rooms: Rooms, tom: TestClient, coordinator: TestClient
) -> None:
    at = f"/reporters/{account_id(tom)}/way-in"
    first, second = (LINK.findall(coordinator.post(at).text)[0] for _ in range(2))
    assert rooms.visitor().get(f"/come-in/{first}").status_code == 404
    assert open_link(rooms.visitor(), second).status_code == 303


def test_journal_and_notices_say_that_a_way_in_was_made_and_used(
    rooms: Rooms, tom: TestClient, coordinator: TestClient
) -> None:
    curator, reporter = account_id(coordinator), account_id(tom)
    (token,) = LINK.findall(coordinator.post(f"/reporters/{reporter}/way-in").text)
    open_link(rooms.visitor(), token)
    with rooms.database.read() as session:
        noted = [(each.actor, each.act, each.subject) for each in session.query(JournalEntry)]
    assert (curator, "make-link-sign-in", reporter) in noted
    assert "use-link-sign-in" in [act for actor, act, _ in noted if actor == reporter]
    assert token not in str(noted)
    assert [each["kind"] for each in tom.get("/api/v1/notices").json()] == ["sign-in-link-made"]


def test_card_speaks_the_languages_of_the_pilot(rooms: Rooms, ada: TestClient) -> None:
    ada.post("/pilots", data={"code": "winter", "name": "Winter", "language": ["fi", "pl"]})
    browser, page = rooms.visitor(), ada.post("/invitations", data={"pilot": "winter", "role": "reporter"})
    open_link(browser, LINK.findall(page.text)[0], name="Tom")
    card = ada.post(f"/reporters/{account_id(browser)}/way-in").text
    assert ('lang="fi"' in card, 'lang="pl"' in card) == (True, True)


def test_coordinators_see_and_reach_the_reporters_of_their_own_pilots(
    rooms: Rooms, tom: TestClient, coordinator: TestClient, ada: TestClient
) -> None:
    at = f"/reporters/{account_id(tom)}"
    elsewhere = rooms.browser(rooms.field.account(Role.CURATOR, rooms.field.pilot("autumn")))
    assert "Tom" not in elsewhere.get("/reporters").text
    for deed in ("way-in", "sign-out"):
        assert elsewhere.post(f"{at}/{deed}").status_code == 404
        assert coordinator.post(f"/reporters/{'0' * 32}/{deed}").status_code == 404
        assert tom.post(f"{at}/{deed}").status_code == 403
    assert "Tom" in coordinator.get("/reporters").text
    assert coordinator.post(f"{at}/way-in").status_code == 200
    assert ada.post(f"{at}/way-in").status_code == 200


@pytest.mark.parametrize("by", ["role", "story"])
def test_way_in_that_opens_more_than_its_maker_curates_is_for_administrators(
    rooms: Rooms, tom: TestClient, coordinator: TestClient, ada: TestClient, by: str
) -> None:
    mine, autumn = account_id(tom), rooms.field.pilot("autumn")
    with rooms.database.write() as session:
        accounts.give_role(session, mine, autumn, Role.REPORTER, actor="test")
        them = accounts.principal_of(session, session.get_one(Account, mine))
    if by == "story":
        rooms.field.story(by=them, pilots=[autumn])
        with rooms.database.write() as session:
            accounts.take_role(session, mine, autumn, Role.REPORTER, actor="test")
    assert "Also in other pilots: ask an administrator." in coordinator.get("/reporters").text
    refused = coordinator.post(f"/reporters/{mine}/way-in")
    assert (refused.status_code, "pilots that you do not coordinate" in refused.text) == (403, True)
    assert ada.post(f"/reporters/{mine}/way-in").status_code == 200
    assert coordinator.post(f"/reporters/{mine}/sign-out").status_code == 303, (
        "that closes, and opens nothing"
    )


def test_coordinator_signs_a_lost_phone_out_and_the_paper_ends_too(
    rooms: Rooms, tom: TestClient, coordinator: TestClient
) -> None:
    at = f"/reporters/{account_id(tom)}"
    (token,) = LINK.findall(coordinator.post(f"{at}/way-in").text)
    (form,) = forms_of(coordinator.get("/reporters").text, f"{at}/sign-out")
    assert coordinator.post(form.action).headers["location"] == "/reporters"
    assert not is_in(tom)
    assert rooms.visitor().get(f"/come-in/{token}").status_code == 404
    assert "signed in nowhere" in coordinator.get("/reporters").text


@pytest.mark.parametrize("deed", ["way-in", "sign-out"])
def test_nobody_with_a_password_or_another_role_is_let_in_by_paper(
    rooms: Rooms, ada: TestClient, make_person: Callable[..., Principal], deed: str
) -> None:
    curator = rooms.field.account(Role.CURATOR, rooms.field.pilot())
    for person in (make_person("rosa", Role.REPORTER), make_person("cleo", Role.CURATOR), curator):
        refused = ada.post(f"/reporters/{person.account_id}/{deed}")
        assert (refused.status_code, "reporters without a password" in refused.text) == (409, True)
    assert "There is none." in ada.get("/reporters").text


def test_reporters_are_found_by_name_on_one_page_or_the_next(
    rooms: Rooms, coordinator: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reporters, "A_PAGE", 2)
    names = ["Ann", "Bea", "Bea", "Cas", "Dan"]
    for name in names:
        open_link(rooms.visitor(), invitation(rooms), name=name)
    seen, at = [], "/reporters"
    while at:
        page = coordinator.get(at).text
        seen += re.findall(r'govuk-table__header cr-break">([^<]*)<', page)
        further = re.search(r'href="(/reporters\?[^"]*cursor=[^"]*)"', page)
        at = further[1].replace("&amp;", "&") if further else ""
    assert seen == names
    assert "Cas" in coordinator.get("/reporters?name=cas").text
    assert "Nobody fits this." in coordinator.get("/reporters?name=zoe").text
    assert coordinator.get("/reporters?cursor=x").status_code == 422


# ---- a role that weighs more -------------------------------------------------------------------------------------


def test_reporter_who_becomes_a_curator_is_signed_out_and_needs_a_password(
    rooms: Rooms, tom: TestClient, ada: TestClient
) -> None:
    mine = account_id(tom)
    (paper,) = LINK.findall(ada.post(f"/reporters/{mine}/way-in").text)
    ada.post(f"/people/{mine}/roles", data={"pilot": "spring", "role": "curator", "is_given": "true"})
    assert not is_in(tom)
    assert rooms.visitor().get(f"/come-in/{paper}").status_code == 404
    assert ada.post(f"/reporters/{mine}/way-in").status_code == 409
    assert "they were signed out" in ada.get(f"/people/{mine}").text

    page = ada.post(f"/people/{mine}/new-password").text
    assert "chooses the password of Tom." in page
    (token,) = LINK.findall(page)
    browser = rooms.visitor()
    (form,) = forms_of(browser.get(f"/come-in/{token}").text, "/come-in")
    assert set(form.fields) == {"token", "sign_in_name", "password"}, "nobody knows the name that was made"
    assert browser.post("/come-in", data={"token": token, "password": PASSWORD}).status_code == 422
    assert open_link(browser, token, sign_in_name="tom", password=PASSWORD).status_code == 303
    assert browser.get("/review").status_code == 200
    rooms.later(timedelta(hours=3))
    assert not is_in(browser), "an ordinary session"
    assert sign_in(rooms.visitor(), "tom").status_code == 303


def test_paper_that_was_made_in_the_moment_of_a_heavier_role_opens_nothing(
    rooms: Rooms, tom: TestClient
) -> None:
    mine, spring = account_id(tom), rooms.field.pilot()
    with rooms.database.write() as session:
        accounts.give_role(session, mine, spring, Role.CURATOR, actor="test")
        token = accounts.make_link(session, LinkPurpose.SIGN_IN, account_id=mine)
    late = rooms.visitor()
    assert late.post("/come-in", data={"token": token}).status_code == 404
    assert not is_in(late)


# ---- a password after all ----------------------------------------------------------------------------------------


def test_reporter_who_chooses_a_password_is_as_everybody_else(
    rooms: Rooms, tom: TestClient, coordinator: TestClient
) -> None:
    mine = account_id(tom)
    (paper,) = LINK.findall(coordinator.post(f"/reporters/{mine}/way-in").text)
    other = rooms.visitor()
    open_link(other, paper)
    (paper,) = LINK.findall(coordinator.post(f"/reporters/{mine}/way-in").text)
    (form,) = forms_of(tom.get("/account").text, "/account/first-password")
    answer = tom.post(form.action, data=form.filled(sign_in_name="Tom", password=PASSWORD))
    assert answer.status_code == 303
    assert (is_in(tom), is_in(other)) == (True, False)
    assert rooms.visitor().get(f"/come-in/{paper}").status_code == 404
    assert forms_of(tom.get("/account").text, "/account/first-password") == []
    assert coordinator.post(f"/reporters/{mine}/way-in").status_code == 409
    rooms.later(timedelta(hours=3))
    assert not is_in(tom), "an ordinary session"
    assert sign_in(tom, "tom").status_code == 303


@pytest.mark.parametrize(
    ("given", "status", "says"),
    [
        ({"sign_in_name": "cleo"}, 409, "Somebody has this sign-in name."),
        ({"sign_in_name": " "}, 422, "Give a name."),
        ({"password": "short"}, 422, "between 12 and 200"),
        ({"password": "tom tom 123456"}, 422, "made of your name"),
    ],
)
def test_first_password_that_does_not_do_changes_nothing(
    rooms: Rooms, tom: TestClient, cleo: Principal, given: dict[str, str], status: int, says: str
) -> None:
    sent = {"sign_in_name": "tom", "password": PASSWORD} | given
    refused = tom.post("/account/first-password", data=sent)
    assert (refused.status_code, says in refused.text) == (status, True)
    assert is_in(tom)
    assert not account_of(rooms, tom).has_own_sign_in_name


def test_first_password_is_for_who_has_none_and_is_tried_ten_times_a_minute(
    rooms: Rooms, cleo: Principal, tom: TestClient
) -> None:
    sent = {"sign_in_name": "other", "password": "another bench, another well"}
    assert rooms.browser(cleo).post("/account/first-password", data=sent).status_code == 403
    assert sign_in(rooms.visitor(), "cleo").status_code == 303
    for _ in range(10):
        assert tom.post("/account/first-password", data=sent | {"password": "short"}).status_code == 422
    assert tom.post("/account/first-password", data=sent).status_code == 429


def test_reporter_who_sends_a_password_with_the_invitation_has_it(rooms: Rooms) -> None:
    """A page that was open before, or a program: the form itself asks for none."""
    sent = {"token": invitation(rooms), "name": "Tom", "sign_in_name": "tom", "password": PASSWORD}
    browser = rooms.visitor()
    assert browser.post("/come-in", data=sent).status_code == 303
    assert sign_in(rooms.visitor(), "tom").status_code == 303
    rooms.later(timedelta(hours=3))
    assert not is_in(browser)
