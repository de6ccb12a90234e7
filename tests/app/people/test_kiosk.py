"""A kiosk: one device for many tellers, which opens the story that is being sent and nothing else."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from app.web import kiosk
from app.web.cookies import AT_A_KIOSK_COOKIE, DRAFT_COOKIES, KIOSK_COOKIE, SESSION_COOKIE, TELLER_COOKIE
from models.roles import Principal, Role
from models.stories import Story
from tests.app.conftest import Rooms, forms_of
from tests.app.people.conftest import PASSWORD, sign_in

NEW = "/stories/new"
# Its start, which then says why one is there.
LED = "/kiosk?led=yes"
ANSWERS = {
    "title": {"title": "The bench"},
    "language": {"language": "pl"},
    "purpose": {"purpose": "both"},
    "teller": {"teller_is": "other", "teller": "the first one"},
    "guardian": {"has_guardian": "no"},
    "others": {"more": "no"},
    "told": {},
    "warning": {},
    "agree": {"manner": "later"},
    "contact": {},
}


@pytest.fixture
def fred(make_person: Callable[..., Principal]) -> Principal:
    return make_person("fred", Role.FACILITATOR)


@pytest.fixture
def device(rooms: Rooms, fred: Principal) -> TestClient:
    """A facilitator's device in kiosk mode."""
    browser = rooms.visitor()
    assert sign_in(browser, "fred").status_code == 303
    (form,) = forms_of(browser.get("/").text, "/kiosk")
    assert browser.post("/kiosk", data=form.fields).headers["location"] == "/kiosk"
    return browser


def send_story(device: TestClient) -> str:
    """Answer the questions and send; the story's id."""
    device.post(NEW)
    for step, given in ANSWERS.items():
        assert device.post(f"{NEW}/{step}", data=given).status_code == 303, step
    return device.post(f"{NEW}/check").headers["location"].split("/")[2]


def test_kiosk_opens_sending_and_nothing_else(rooms: Rooms, device: TestClient, fred: Principal) -> None:
    earlier = rooms.field.story(by=fred)
    closed = ("/", "/stories", "/account", "/notices", "/search", "/sign-in", f"/stories/{earlier.id}")
    for path in closed:
        answer = device.get(path)
        assert (answer.status_code, answer.headers.get("location")) == (303, LED), path
    program = device.get(f"/api/v1/stories/{earlier.id}", headers={"accept": "application/json"})
    assert (program.status_code, program.json()["code"]) == (403, "kiosk-closed")
    for path in ("/listen", "/listen/stories/1", "/listen/embed/1"):
        assert device.get(path).headers["location"] == LED, "no way leads out of it"
    led = device.get(LED).text
    assert "What you wanted does not open on this device." in led
    assert 'class="cr-header__finished cr-finished" href="/kiosk"' in led, "it goes, for the next teller"
    assert "What you wanted" not in device.get("/kiosk").text
    for path in ("/kiosk", NEW):
        page = device.get(path).text
        assert "/listen" not in page
        assert "My stories" not in page
        assert "My account" not in page
        assert "Fred" not in page


def test_each_teller_finds_nothing_of_the_one_before(rooms: Rooms, device: TestClient) -> None:
    story_id = send_story(device)
    for path in ("recording", "sent"):
        assert device.get(f"/stories/{story_id}/{path}").status_code == 200
    with rooms.database.read() as session:
        person = session.scalars(select(Story)).one().people[0].id
    receipt = f"/stories/{story_id}/people/{person}/receipt"
    assert "/teller/enter/" in device.post(receipt).text, "who has just told it gets their receipt"
    finished = device.get("/kiosk")
    assert finished.headers["clear-site-data"] == '"cache"'
    assert not any(device.cookies.get(name) for name in (KIOSK_COOKIE, *DRAFT_COOKIES))
    for path in (
        f"/stories/{story_id}/recording",
        f"/stories/{story_id}/sent",
        f"/stories/{story_id}",
        receipt,
    ):
        assert device.get(path).headers["location"] == LED, path
    assert device.get(f"{NEW}/title").headers["location"] == NEW, "and nothing is answered yet"


def test_answers_that_were_left_alone_are_gone_at_the_start(device: TestClient) -> None:
    device.post(NEW)
    device.post(f"{NEW}/title", data={"title": "The secret bench"})
    page = device.get(f"{NEW}/title").text
    assert "The secret bench" in page
    assert f'data-idle-seconds="{kiosk.IDLE_SECONDS}"' in page
    device.get("/kiosk")
    device.post(NEW)
    assert "The secret bench" not in device.get(f"{NEW}/title").text


def test_no_teller_is_met_in_the_language_of_the_one_before(device: TestClient) -> None:
    assert device.get(f"{NEW}?lang=hu").headers["content-language"] == "hu"
    assert device.get(NEW).headers["content-language"] == "hu"
    assert device.get("/kiosk").headers["content-language"] == "en"
    assert device.get(NEW).headers["content-language"] == "en"
    assert device.get("/kiosk?lang=pl").headers["content-language"] == "pl"
    assert device.get(NEW).headers["content-language"] == "pl", "what they choose at the start is kept"


def test_where_people_record_the_page_stays_longer(device: TestClient) -> None:
    page = device.get(f"/stories/{send_story(device)}/recording").text
    assert f'content="{kiosk.IDLE_AT_RECORDING_SECONDS}; url=/kiosk"' in page


def test_every_page_of_a_kiosk_returns_to_its_start(rooms: Rooms, device: TestClient) -> None:
    story_id = send_story(device)
    with rooms.database.read() as session:
        person = session.scalars(select(Story)).one().people[0].id
    of_person = f"/stories/{story_id}/people/{person}"
    answers = {
        "a link to print": device.post(f"{of_person}/link", data={"language": "pl"}),
        "a receipt": device.post(f"{of_person}/receipt"),
        "a letter": device.get(f"{of_person}/letter"),
        "a refusal": device.post(f"{of_person}/link", data={"language": "tlh"}),
        "a form that was misread": device.post(f"{of_person}/link"),
        "an address that is not there": device.get("/nowhere"),
        "the list of problems": device.get("/problems"),
    }
    assert "/teller/enter/" in answers["a link to print"].text
    for what, answer in answers.items():
        assert f'data-idle-seconds="{kiosk.IDLE_SECONDS}"' in answer.text, what
        assert "/static/js/kiosk.js" in answer.text, what
        assert "<dialog" in answer.text, what
        assert '<noscript><meta http-equiv="refresh" content="1800; url=/kiosk"></noscript>' in answer.text, (
            what
        )
        assert 'class="cr-header__finished cr-finished" href="/kiosk"' in answer.text, what


def test_no_private_link_opens_at_a_kiosk(rooms: Rooms, device: TestClient) -> None:
    story_id = send_story(device)
    with rooms.database.read() as session:
        person = session.scalars(select(Story)).one().people[0].id
    sheet = device.post(f"/stories/{story_id}/people/{person}/link", data={"language": "en"}).text
    (link,) = re.findall(r"/teller/enter/[\w-]+", sheet)
    for path in (link, "/teller", "/teller/receipt"):
        assert device.get(path).headers["location"] == LED, path
    assert not device.cookies.get(TELLER_COOKIE)
    elsewhere = rooms.visitor()
    assert elsewhere.get(link).headers["location"] == "/teller", (
        "and it still opens on the teller's own phone"
    )


def test_only_the_password_ends_it(device: TestClient) -> None:
    story_id = send_story(device)
    refused = device.post("/kiosk/end", data={"password": "not it"})
    assert refused.status_code == 403
    assert '<a href="#password">This is not your password.' in refused.text
    (form,) = forms_of(refused.text, "/kiosk/end")
    assert form.fields == {"password": ""}, "to be written again, at once"
    assert device.get("/stories").headers["location"] == LED
    assert device.cookies.get(AT_A_KIOSK_COOKIE)
    assert device.post("/kiosk/end", data={"password": PASSWORD}).headers["location"] == "/"
    assert not device.cookies.get(AT_A_KIOSK_COOKIE)
    assert device.get("/stories").status_code == 200
    assert device.get(f"/stories/{story_id}").status_code == 200, "the facilitator cares for it on"


def test_leaving_at_once_forgets_the_teller_and_stays_a_kiosk(device: TestClient) -> None:
    story_id = send_story(device)
    assert device.post("/leave").headers["location"] == "/leave"
    assert 'content="60; url=/kiosk"' in device.get("/leave").text
    assert device.get(f"/stories/{story_id}/sent").headers["location"] == LED
    assert device.get("/kiosk").status_code == 200


def test_only_facilitators_start_one(rooms: Rooms) -> None:
    for role in (Role.REPORTER, Role.CURATOR, Role.PILOT_TEAM):
        browser = rooms.browser(rooms.field.account(role, rooms.field.pilot()))
        assert "/kiosk" not in browser.get("/").text
        assert browser.post("/kiosk").status_code == 403
    facilitator = rooms.browser(rooms.field.account(Role.FACILITATOR, rooms.field.pilot()))
    assert facilitator.get("/kiosk").headers["location"] == "/", "it is none before it is started"


def test_whoever_opens_a_kiosk_again_whose_session_ended_is_led_to_nothing_of_the_last_teller(
    rooms: Rooms, device: TestClient
) -> None:
    story_id = send_story(device)
    address = f"/stories/{story_id}/sent"
    assert device.get(address).status_code == 200
    device.cookies.delete(SESSION_COOKIE)
    page = device.get(address)
    assert page.status_code == 401
    assert "data-idle-seconds=" in page.text, "it still returns to the start by itself"
    assert story_id not in page.text
    (form,) = forms_of(device.get("/sign-in").text, "/sign-in")
    given = form.filled(sign_in_name="fred", password=PASSWORD) | {"next": address}
    answer = device.post("/sign-in", data=given)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    gone = (KIOSK_COOKIE, AT_A_KIOSK_COOKIE, *DRAFT_COOKIES)
    assert not [name for name in gone if device.cookies.get(name)]
