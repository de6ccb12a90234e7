"""Private links in the hands of those who care for a story: made, shown once on a sheet, replaced, revoked."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator

import pytest
import segno
import structlog

from app.access import TELLER_COOKIE
from app.operations.logs import configure_logging
from app.web.translation import LANGUAGES
from models.roles import Principal, Scope
from models.stories import Part, Story, StoryPerson
from tests.app.conftest import Rooms, forms_of
from tests.app.tellers.conftest import Doors

ADDRESS = re.compile(r"<code class=\"cr-link\">([^<]+)</code>")


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What the service logs meanwhile, as it logs."""
    before, written = structlog.get_config(), io.StringIO()
    configure_logging()
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(written))
    yield written
    structlog.configure(**before)


def sheet(rooms: Rooms, person: Principal, story: Story, language: str = "en") -> str:
    page = f"/stories/{story.id}/people/{story.people[0].id}/link"
    answer = rooms.browser(person).post(page, data={"language": language})
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    return answer.text


def address_on(page: str) -> str:
    match = ADDRESS.search(page)
    assert match
    return match[1]


def test_sheet_carries_the_link_in_words_and_as_a_code_that_is_drawn_here(
    rooms: Rooms, sender: Principal
) -> None:
    story = rooms.field.story(by=sender, title="The well")
    page = sheet(rooms, sender, story)
    address = address_on(page)
    assert address.startswith(f"{rooms.parts.settings.base_url}/teller/enter/")
    drawn = re.search(r'<path[^>]* d="([^"]+)"', page)
    expected = re.search(r'<path[^>]* d="([^"]+)"', segno.make(address, error="m", micro=False).svg_inline())
    assert drawn
    assert expected
    assert drawn[1] == expected[1]
    assert not re.search(r'(src|href)="https?:', page), "nothing is fetched from elsewhere"
    printed = page.split('<div class="cr-sheet">')[1]
    assert "The well" not in page
    assert "teller" not in ADDRESS.sub("", printed), "who finds the sheet learns no name"
    assert "Tell the person who gave it to you." in printed
    opened = rooms.visitor().get(address)
    assert opened.headers["location"] == "/teller"


def test_link_is_shown_once_and_a_new_one_ends_the_old(rooms: Rooms, sender: Principal) -> None:
    story, browser = rooms.field.story(by=sender), rooms.browser(sender)
    page = f"/stories/{story.id}/people/{story.people[0].id}/link"
    assert f'href="{page}"' in browser.get(f"/stories/{story.id}").text
    assert "There is no link" in browser.get(page).text
    first = address_on(sheet(rooms, sender, story))
    token = first.rpartition("/")[2]
    again = browser.get(page).text
    assert "It cannot be shown again." in again
    assert token not in again
    visitor = rooms.visitor()
    assert visitor.get(first).status_code == 303
    second = address_on(sheet(rooms, sender, story))
    assert visitor.get("/teller").status_code == 401, "what the old link opened is closed"
    assert rooms.visitor().get(first).status_code == 404
    assert rooms.visitor().get(second).status_code == 303


def test_revoked_link_opens_nothing_and_closes_what_it_had_opened(rooms: Rooms, sender: Principal) -> None:
    story, browser, visitor = rooms.field.story(by=sender), rooms.browser(sender), rooms.visitor()
    address = address_on(sheet(rooms, sender, story))
    visitor.get(address)
    page = f"/stories/{story.id}/people/{story.people[0].id}/link"
    shown = browser.get(page).text
    assert shown.count("<details") == 2, "what has no way back is asked first, without a script"
    for words in ("The old link stops working at once", "The link stops working at once"):
        assert words in shown
    assert shown.index("<details") < shown.index("<form", shown.index("There is a link."))
    (form,) = forms_of(shown, f"{page}/revoke")
    assert browser.post(form.action).headers["location"] == page
    assert visitor.get("/teller").status_code == 401
    assert visitor.get(address).status_code == 404
    assert not forms_of(browser.get(page).text, f"{page}/revoke")


def test_sheet_is_in_the_persons_language(rooms: Rooms, sender: Principal) -> None:
    story, browser = rooms.field.story(by=sender, language="pl"), rooms.browser(sender)
    page = f"/stories/{story.id}/people/{story.people[0].id}/link"
    (form,) = forms_of(browser.get(page).text, page)
    assert form.fields["language"] == "pl"
    assert form.choices["language"] == list(LANGUAGES)
    assert '<html lang="pl"' in sheet(rooms, sender, story, "pl")
    assert browser.post(page, data={"language": "xx"}).status_code == 422


def test_program_makes_and_revokes_links(rooms: Rooms, curator: Principal) -> None:
    story, program = rooms.field.story(), rooms.program(curator)
    path = f"/api/v1/stories/{story.id}/people/{story.people[0].id}/link"
    answer = program.post(path)
    assert (answer.status_code, answer.headers["cache-control"]) == (201, "no-store")
    assert answer.json()["person_id"] == story.people[0].id
    assert rooms.visitor().get(answer.json()["link"]).status_code == 303
    for _ in range(2):
        assert program.delete(path).status_code == 204
    assert rooms.visitor().get(answer.json()["link"]).status_code == 404
    reading = rooms.program(curator, Scope.STORIES_READ)
    assert (reading.post(path).status_code, reading.delete(path).status_code) == (403, 403)


def test_guardian_is_given_a_link_of_their_own(rooms: Rooms, sender: Principal) -> None:
    story, browser = rooms.field.story(by=sender, consented_to=None), rooms.browser(sender)
    path = f"/stories/{story.id}/people/{story.people[0].id}/link"
    program = rooms.program(sender, Scope.STORIES_WRITE)
    assert program.post(f"/api/v1{path}?giver=guardian").json()["code"] == "no-guardian"
    with rooms.database.write() as session:
        session.get_one(StoryPerson, story.people[0].id).guardian = "his sister"
    assert "Private link for his sister" in browser.get(path).text
    forms = {form.fields["giver"]: form for form in forms_of(browser.get(path).text, path)}
    assert list(forms) == ["person", "guardian"]
    page = browser.post(path, data=forms["guardian"].fields).text
    assert "his sister: <strong>Print this page now" in page
    printed = page.split('<div class="cr-sheet">')[1]
    assert "in which you speak as guardian" in printed
    assert "sister" not in printed, "who finds the sheet learns nothing of them"
    by_page, made = address_on(page), program.post(f"/api/v1{path}").json()
    assert made["giver"] == "person"
    assert [rooms.visitor().get(each).status_code for each in (by_page, made["link"])] == [303, 303]
    assert browser.post(f"{path}/revoke", data={"giver": "guardian"}).status_code == 303
    assert [rooms.visitor().get(each).status_code for each in (by_page, made["link"])] == [404, 303]
    by_program = program.post(f"/api/v1{path}?giver=guardian").json()
    assert by_program["giver"] == "guardian"
    assert program.delete(f"/api/v1{path}?giver=guardian").status_code == 204
    assert rooms.visitor().get(by_program["link"]).status_code == 404


def test_links_are_given_by_those_who_care_for_the_story(
    rooms: Rooms, doors: Doors, sender: Principal, curator: Principal, team: Principal
) -> None:
    story = rooms.field.story(by=sender)
    other = rooms.field.story()
    page = f"/stories/{story.id}/people/{story.people[0].id}/link"
    allowed = {
        rooms.browser(each).post(page, data={"language": "en"}).status_code for each in (sender, curator)
    }
    assert allowed == {200}
    assert rooms.browser(team).post(page, data={"language": "en"}).status_code == 404
    assert rooms.visitor().post(page, data={"language": "en"}).status_code == 401
    teller = doors.opened(story)
    teller.cookies.set(TELLER_COOKIE, teller.cookies[TELLER_COOKIE], path="/")
    assert teller.post(page, data={"language": "en"}).status_code == 401, "a link makes no others"
    elsewhere = f"/stories/{story.id}/people/{other.people[0].id}/link"
    assert rooms.browser(sender).get(elsewhere).status_code == 404
    assert rooms.browser(sender).post(elsewhere, data={"language": "en"}).status_code == 404


@pytest.mark.parametrize("part", ["teller", "heard"])
def test_token_and_cookie_stand_in_no_answer_after_the_exchange_and_in_no_log(
    rooms: Rooms, doors: Doors, part: str, log: io.StringIO
) -> None:
    story = rooms.field.story(others=(Part.HEARD,), with_recording=True)
    token, browser = doors.link(story, 0 if part == "teller" else 1), rooms.visitor()
    browser.get(f"/teller/enter/{token}")
    secrets = (token, browser.cookies[TELLER_COOKIE])
    paths = ("", "/consent", "/stop/sharing", "/withdraw", "/receipt", "/receipt.json", "/nothing", "/left")
    answers = [browser.get(f"/teller{path}") for path in paths]
    answers += [browser.post("/teller/consent", data={"appearance": "?"})]
    answers += [browser.post("/teller/withdraw", data={"sure": "yes"}), browser.get("/teller")]
    # What goes wrong inside is logged by the pattern of its address.
    rooms.app.state.parts = None
    assert rooms.visitor().get(f"/teller/enter/{token}").status_code == 500
    for answer in answers:
        said = answer.text + str({k: v for k, v in answer.headers.items() if k != "set-cookie"})
        assert not any(secret in said for secret in secrets), answer.url
    assert "request failed" in log.getvalue()
    assert not any(secret in log.getvalue() for secret in secrets)


def test_nobody_is_called_by_the_rules_own_word(rooms: Rooms, sender: Principal) -> None:
    """Whose name was left to us is called so in the reader's language, wherever a page names them."""
    story, browser = rooms.field.story(by=sender), rooms.browser(sender)
    browser.headers["accept-language"] = "el"
    with rooms.database.write() as session:
        session.get_one(StoryPerson, story.people[0].id).guardian = "Μαρία"
    at = f"/stories/{story.id}/people/{story.people[0].id}"
    assert "Προσωπικός σύνδεσμος: αφηγητής/-τρια" in browser.get(f"{at}/link").text
    asked = browser.get(f"{at}/consent").text
    assert "Συγκατάθεση: αφηγητής/-τρια" in asked
    assert re.search(r'for="given_by-person">Ποιος τη λέει<', asked)
    assert "Ποιος τη λέει: <strong>" in browser.post(f"{at}/link", data={"language": "pl"}).text
