"""The second factor on pages: set up, asked for, required; without JavaScript, and no way past it."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
import segno
from fastapi.testclient import TestClient
from limits import RateLimitItemPerMinute
from structlog.testing import capture_logs

from app.operations.logs import configure_logging
from app.people import asking, pages
from app.web.cookies import SESSION_COOKIE
from models import second_factors as rules
from models.accounts import LinkPurpose
from models.base import utc_now
from models.journal import JournalEntry
from models.roles import Principal, Role
from storage import accounts, second_factors, sign_ins
from storage.database import Database
from tests.app.conftest import Rooms, forms_of
from tests.app.people.conftest import PASSWORD, code_of, fresh_code, sign_in

FACTOR = "/account/second-factor"


def is_in(browser: TestClient) -> bool:
    return browser.get("/stories").status_code == 200


def send_code(browser: TestClient, page: str, code: str) -> httpx2.Response:
    (form,) = forms_of(page, "/sign-in/code")
    return browser.post("/sign-in/code", data=form.filled(code=code))


def secret_on(page: str) -> str:
    (address,) = re.findall(r'href="(otpauth:[^"]+)"', page)
    return parse_qs(urlsplit(address.replace("&amp;", "&")).query)["secret"][0]


# ---- setting it up -----------------------------------------------------------------------------------------------


def test_it_is_set_up_with_the_password_and_a_code_and_asked_for_from_then_on(
    rooms: Rooms, cleo: Principal
) -> None:
    here, elsewhere = rooms.browser(cleo), rooms.browser(cleo)
    (form,) = forms_of(here.get(FACTOR).text, FACTOR)
    assert here.post(FACTOR, data=form.filled(password="not this one")).status_code == 403
    page = here.post(FACTOR, data=form.filled(password=PASSWORD))
    assert page.status_code == 200, page.text
    secret = secret_on(page.text)
    assert secret in page.text.replace(" ", ""), "as text, for who cannot scan"
    drawn = segno.make(rules.address_of(secret, "cleo", "Community Reporting"), error="m", micro=False)
    assert re.search(r' d="([^"]+)"', drawn.svg_inline(scale=5))[1] in page.text, "and as a picture"
    (confirm,) = forms_of(page.text, f"{FACTOR}/confirm")
    wrong = here.post(f"{FACTOR}/confirm", data=confirm.filled(code="12345x"))
    assert (wrong.status_code, secret_on(wrong.text)) == (422, secret), "another try, with the same secret"
    assert sign_in(rooms.visitor(), "cleo").status_code == 303, "it is not on yet"
    proof = rules.code_of(secret, rules.step_at(utc_now()))
    done = here.post(f"{FACTOR}/confirm", data=confirm.filled(code=proof))
    shown = re.findall(r'<code class="cr-link">([a-z2-7-]{29})</code>', done.text)
    assert len(shown) == rules.RECOVERY_CODES
    assert is_in(here)
    assert not is_in(elsewhere), "sessions that a password alone had opened end"
    answer = sign_in(rooms.visitor(), "cleo")
    assert (answer.status_code, "set-cookie" in answer.headers) == (200, False)
    assert "One more step: the code" in answer.text
    assert shown[0] not in here.get("/account").text, "they were shown once"
    assert "8 recovery codes are left" in here.get("/account").text


def test_secret_is_shown_to_nobody_once_it_counts(rooms: Rooms, cleo: Principal, secured: list[str]) -> None:
    browser = rooms.browser(cleo)
    for answer in (
        browser.get(FACTOR),
        browser.get("/account"),
        browser.post(FACTOR, data={"password": PASSWORD}),
        browser.post(f"{FACTOR}/confirm", data={"code": "000000"}),
    ):
        assert answer.status_code in (200, 409)
        assert "otpauth:" not in answer.text


def test_account_without_a_second_factor_signs_in_as_before_and_is_offered_one(
    rooms: Rooms, cleo: Principal, make_person: Callable[..., Principal]
) -> None:
    browser = rooms.visitor()
    assert sign_in(browser, "cleo").status_code == 303
    assert f'href="{FACTOR}"' in browser.get("/").text
    assert f'href="{FACTOR}"' not in rooms.browser(make_person("rosa", Role.REPORTER)).get("/").text


# ---- being asked -------------------------------------------------------------------------------------------------


def test_password_alone_opens_nothing_and_the_code_opens_once(
    rooms: Rooms, cleo: Principal, secured: list[str]
) -> None:
    browser = rooms.visitor()
    page = sign_in(browser, "cleo")
    assert page.status_code == 200
    assert not is_in(browser)
    (form,) = forms_of(page.text, "/sign-in/code")
    stolen = rooms.visitor()
    stolen.cookies.set(SESSION_COOKIE, form.fields["token"])
    assert not is_in(stolen), "what waits for a code is no session"
    code = code_of(rooms, cleo)
    answer = send_code(browser, page.text, code)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert is_in(browser)
    assert send_code(rooms.visitor(), page.text, code).status_code == 401, "gone on with once"
    again = rooms.visitor()
    refused = send_code(again, sign_in(again, "cleo").text, code)
    assert (refused.status_code, "set-cookie" in refused.headers) == (401, False)
    assert "This code is not right, or was used already." in refused.text
    assert send_code(again, refused.text, fresh_code(rooms, cleo)).status_code == 303, "another try"


def test_recovery_code_opens_in_its_place(rooms: Rooms, cleo: Principal, secured: list[str]) -> None:
    browser = rooms.visitor()
    assert send_code(browser, sign_in(browser, "cleo").text, secured[0].upper()).status_code == 303
    assert is_in(browser)
    again = rooms.visitor()
    assert send_code(again, sign_in(again, "cleo").text, secured[0]).status_code == 401
    assert "7 recovery codes are left" in browser.get("/account").text


def test_five_wrong_codes_ask_for_the_password_again_and_ten_for_patience(
    rooms: Rooms, cleo: Principal, secured: list[str]
) -> None:
    for _ in range(2):
        browser = rooms.visitor()
        page = sign_in(browser, "cleo").text
        for _ in range(5):
            assert send_code(browser, page, "000000").status_code == 401
        ended = send_code(browser, page, code_of(rooms, cleo))
        assert (ended.status_code, "Sign in again from the beginning." in ended.text) == (401, True)
    browser = rooms.visitor()
    refused = send_code(browser, sign_in(browser, "cleo").text, code_of(rooms, cleo))
    assert (refused.status_code, int(refused.headers["retry-after"]) > 3000) == (429, True)
    assert "somebody knows your password" in refused.text


def test_codes_are_tried_ten_times_a_minute_from_one_address(rooms: Rooms, cleo: Principal) -> None:
    guesser = rooms.visitor()
    statuses = [
        guesser.post("/sign-in/code", data={"token": f"guess-{n}", "code": "000000"}).status_code
        for n in range(11)
    ]
    assert statuses == [401] * 10 + [429]


def test_code_that_came_too_often_is_asked_for_again_and_neither_looked_at_nor_shown(
    rooms: Rooms, cleo: Principal, secured: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = rooms.visitor(**{"accept-language": "pl"})
    (form,) = forms_of(browser.get("/sign-in?next=%2Freview").text, "/sign-in")
    asked = browser.post("/sign-in", data=form.filled(sign_in_name="cleo", password=PASSWORD)).text
    (form,) = forms_of(asked, "/sign-in/code")
    code = code_of(rooms, cleo)
    with monkeypatch.context() as too_often:
        too_often.setattr(pages, "TEN_A_MINUTE", RateLimitItemPerMinute(0))
        too_often.setattr(sign_ins, "begun", lambda *_: pytest.fail("a token was looked up"))
        answer = send_code(browser, asked, code)
        told = rooms.program().post("/sign-in/code", data=form.filled(code=code))
    assert (told.status_code, told.json()["code"]) == (429, "too-many-attempts")
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "60")
    assert '<a href="#code">Za dużo prób. Poczekaj (1 minuta)' in answer.text
    assert code not in answer.text
    (again,) = forms_of(answer.text, "/sign-in/code")
    assert again.fields == form.fields
    answer = send_code(browser, answer.text, code)
    assert (answer.status_code, answer.headers["location"]) == (303, "/review")


@pytest.mark.parametrize(
    ("action", "of_form", "fixtures"),
    [("", "", ()), ("/off", "-off", ("secured",)), ("/recovery-codes", "-codes", ("secured",))],
)
def test_refused_password_or_code_of_the_account_is_asked_for_again(
    rooms: Rooms,
    cleo: Principal,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    action: str,
    of_form: str,
    fixtures: tuple[str, ...],
) -> None:
    for each in fixtures:
        request.getfixturevalue(each)
    browser = rooms.browser(cleo)

    def refused(status: int, field: str, **sent: str) -> None:
        answer = browser.post(f"{FACTOR}{action}", data={"password": PASSWORD, "code": "000000"} | sent)
        assert answer.status_code == status
        assert f'<a href="#{field}{of_form}">' in answer.text
        assert f'id="{field}{of_form}-error"' in answer.text
        assert forms_of(answer.text, f"{FACTOR}{action}"), "another try"

    refused(403, "password", password="not this one")
    if fixtures:
        refused(403, "code")
    monkeypatch.setattr(asking, "TEN_A_MINUTE", RateLimitItemPerMinute(0))
    refused(429, "password")


def test_step_that_waits_ends_after_ten_minutes(rooms: Rooms, cleo: Principal, secured: list[str]) -> None:
    browser = rooms.visitor()
    page = sign_in(browser, "cleo").text
    rooms.later(timedelta(minutes=10))
    assert send_code(browser, page, code_of(rooms, cleo)).status_code == 401


def test_page_that_was_wanted_is_found_after_the_code_also_when_one_was_wrong(
    rooms: Rooms, cleo: Principal, secured: list[str]
) -> None:
    browser = rooms.visitor()
    (form,) = forms_of(browser.get("/sign-in?next=%2Freview%3Fstate%3Ddeclined").text, "/sign-in")
    asked = browser.post("/sign-in", data=form.filled(sign_in_name="cleo", password=PASSWORD))
    wrong = send_code(browser, asked.text, "000000")
    assert wrong.status_code == 401
    answer = send_code(browser, wrong.text, code_of(rooms, cleo))
    assert (answer.status_code, answer.headers["location"]) == (303, "/review?state=declined")


def test_form_of_another_site_sends_no_code(rooms: Rooms, cleo: Principal, secured: list[str]) -> None:
    browser = rooms.visitor()
    (form,) = forms_of(sign_in(browser, "cleo").text, "/sign-in/code")
    sent = form.filled(code=code_of(rooms, cleo))
    foreign = browser.post("/sign-in/code", data=sent, headers={"origin": "https://evil.example"})
    assert foreign.status_code == 403
    assert not is_in(browser)


@pytest.mark.parametrize("purpose", [LinkPurpose.NEW_PASSWORD, LinkPurpose.SIGN_IN])
def test_one_time_link_does_not_lead_past_it(
    rooms: Rooms, cleo: Principal, secured: list[str], purpose: LinkPurpose
) -> None:
    """Nor does an administrator who makes one and opens it."""
    with rooms.database.write() as session:
        token = accounts.make_link(session, purpose, account_id=cleo.account_id)
    browser = rooms.visitor()
    page = browser.post("/come-in", data={"token": token, "password": "another bench, another well"})
    assert (page.status_code, "set-cookie" in page.headers) == (200, False)
    assert not is_in(browser)
    assert send_code(browser, page.text, code_of(rooms, cleo)).status_code == 303
    assert is_in(browser)


def test_keys_and_tellers_do_not_know_it(rooms: Rooms, cleo: Principal, secured: list[str]) -> None:
    assert rooms.program(cleo).get("/api/v1/stories").status_code == 200


def test_wrong_codes_are_in_journal_and_log_without_what_was_typed(
    rooms: Rooms, cleo: Principal, secured: list[str]
) -> None:
    browser = rooms.visitor()
    page = sign_in(browser, "cleo").text
    configure_logging()
    with capture_logs() as noted:
        send_code(browser, page, "314159")
    assert "code was wrong" in [each["event"] for each in noted]
    with rooms.database.read() as session:
        entries = session.query(JournalEntry).all()
    assert (cleo.account_id, "wrong-code") in [(each.actor, each.act) for each in entries]
    (form,) = forms_of(page, "/sign-in/code")
    written = str(noted) + str([each.__dict__ for each in entries])
    assert all(secret not in written for secret in ("314159", form.fields["token"], *secured))


# ---- giving it up ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("action", ["off", "recovery-codes"])
def test_it_is_changed_with_password_and_code_alone(
    rooms: Rooms, cleo: Principal, secured: list[str], action: str
) -> None:
    browser = rooms.browser(cleo)
    (form,) = forms_of(browser.get(FACTOR).text, f"{FACTOR}/{action}")
    for wrong in (
        {"password": "not this one", "code": fresh_code(rooms, cleo)},
        {"password": PASSWORD, "code": "000000"},
    ):
        assert browser.post(f"{FACTOR}/{action}", data=form.filled(**wrong)).status_code == 403
    right = form.filled(password=PASSWORD, code=fresh_code(rooms, cleo))
    assert browser.post(f"{FACTOR}/{action}", data=right).status_code == (303 if action == "off" else 200)
    asked = sign_in(rooms.visitor(), "cleo")
    assert asked.status_code == (303 if action == "off" else 200)
    assert is_in(browser), "who did it stays"


# ---- when it is required -----------------------------------------------------------------------------------------


@pytest.fixture
def strict(sqlite_database: Database, tmp_path: Path, cheap_passwords: None, logs_as_served: None) -> Rooms:
    """A service where curators and administrators must have one."""
    return Rooms(sqlite_database, tmp_path, require_second_factor=True)


@pytest.mark.parametrize("role", [Role.CURATOR, None])
def test_who_must_have_one_does_nothing_else_by_session_before(
    strict: Rooms, rooms: Rooms, make_person: Callable[..., Principal], role: Role | None
) -> None:
    strict.use(strict.parts.objects)
    person = make_person("sam", role, is_administrator=role is None)
    browser = strict.visitor()
    assert sign_in(browser, "sam").status_code == 303
    for path in ("/", "/stories", "/review", "/pilots", "/account", "/search", f"/stories/{'0' * 32}"):
        answer = browser.get(path)
        assert (answer.status_code, answer.headers.get("location")) == (303, f"{FACTOR}?led=yes"), path
    led = browser.post("/account/password", data={"password": PASSWORD, "new_password": "something else"})
    assert (led.status_code, led.headers["location"]) == (303, f"{FACTOR}?led=yes")
    assert "What you wanted needs a second factor." in browser.get(led.headers["location"]).text
    assert "What you wanted" not in browser.get(FACTOR).text
    told = browser.get("/api/v1/me")
    assert (told.status_code, told.json()["code"]) == (403, "second-factor-missing")
    assert "Until it is set up, nothing else opens." in browser.get(FACTOR).text
    page = browser.post(FACTOR, data={"password": PASSWORD}).text
    code = rules.code_of(secret_on(page), rules.step_at(utc_now()))
    assert browser.post(f"{FACTOR}/confirm", data={"code": code}).status_code == 200
    assert browser.get("/").status_code == 200
    browser.post(f"{FACTOR}/off", data={"password": PASSWORD, "code": fresh_code(strict, person)})
    assert browser.get("/").status_code == 303, "nor is it turned off to get around it"
    assert browser.post("/sign-out").headers["location"] == "/?signed-out=yes"


def test_who_need_not_have_one_and_keys_are_left_alone(
    strict: Rooms, rooms: Rooms, make_person: Callable[..., Principal]
) -> None:
    strict.use(strict.parts.objects)
    reporter, curator = make_person("rosa", Role.REPORTER), make_person("sam", Role.CURATOR)
    assert strict.browser(reporter).get("/stories").status_code == 200
    assert strict.program(curator).get("/api/v1/stories").status_code == 200
    assert strict.visitor().get("/").status_code == 200
    with rooms.database.read() as session:
        assert not second_factors.is_on(session, curator.account_id or "")
