"""Coming in and going out: passwords, one-time links, sessions, keys."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

import httpx2
import pytest
from argon2 import PasswordHasher, Type, extract_parameters
from fastapi.testclient import TestClient
from limits import RateLimitItemPerMinute

from app.operations.serving import invite_first_administrator
from app.people import pages
from app.web.cookies import SESSION_COOKIE, name_of
from models.accounts import Account, LinkPurpose, SignIn
from models.base import utc_now
from models.roles import Principal, Role, Scope
from storage import accounts, guessing
from storage.database import Database
from tests.app.conftest import Rooms, forms_of

PASSWORD = "the bench by the well"
# As many different words as are wanted of one length.
SENTENCE = "über den Zaun hinweg reden wir jeden Abend von früher und vom Brunnen, an dem wir saßen, bevor es dunkel "
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


@pytest.fixture
def rita(rooms: Rooms) -> Principal:
    """A reporter who has chosen :data:`PASSWORD`."""
    pilot = rooms.field.pilot()
    with rooms.database.write() as session:
        account = accounts.create(session, "Rita", "Rita@Example.org", actor="test")
        accounts.choose_password(session, account, accounts.hash_of(PASSWORD))
        accounts.give_role(session, account.id, pilot, Role.REPORTER, actor="test")
        return accounts.principal_of(session, account)


def sign_in(browser: TestClient, password: str = PASSWORD, name: str = "rita@example.org") -> httpx2.Response:
    return browser.post("/sign-in", data={"sign_in_name": name, "password": password})


def is_signed_in(browser: TestClient) -> bool:
    return browser.get("/stories").status_code == 200


def cookie_of(answer: httpx2.Response, name: str = SESSION_COOKIE) -> Any:
    given = [
        morsel for each in answer.headers.get_list("set-cookie") for morsel in SimpleCookie(each).values()
    ]
    (morsel,) = [each for each in given if each.key == name]
    return morsel


def link(rooms: Rooms, purpose: LinkPurpose = LinkPurpose.INVITATION, **of: Any) -> str:
    """The token of a one-time link; an invitation of a reporter unless another is named."""
    if purpose is LinkPurpose.INVITATION:
        of = {"pilot_id": rooms.field.pilot(), "role": Role.REPORTER} | of
    with rooms.database.write() as session:
        return accounts.make_link(session, purpose, **of)


def come_in(browser: TestClient, token: str, **given: str) -> httpx2.Response:
    filled = {"name": "Tom", "sign_in_name": "tom", "password": PASSWORD} | given
    return browser.post("/come-in", data={"token": token, **filled})


# ---- signing in and out ------------------------------------------------------------------------------------------


def test_person_signs_in_by_the_form_and_is_greeted(rooms: Rooms, rita: Principal) -> None:
    browser = rooms.visitor()
    (form,) = forms_of(browser.get("/sign-in").text, "/sign-in")
    answer = browser.post("/sign-in", data=form.filled(sign_in_name=" RITA@example.ORG ", password=PASSWORD))
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    home = browser.get("/").text
    assert "Hello Rita" in home
    assert "You work in: Spring." in home
    assert browser.get("/api/v1/me").json() == {
        "account_id": rita.account_id,
        "is_administrator": False,
        "roles": {"spring": ["reporter"]},
        "scopes": None,
    }


def test_who_had_to_sign_in_first_finds_the_page_that_they_wanted(rooms: Rooms, rita: Principal) -> None:
    browser = rooms.visitor()
    refused = browser.get("/stories/new?lang=pl")
    assert refused.status_code == 401
    (way,) = set(re.findall(r'href="(/sign-in[^"]*)"', refused.text))
    (form,) = forms_of(browser.get(way).text, "/sign-in")
    wrong = browser.post("/sign-in", data=form.filled(sign_in_name="rita@example.org", password="wrong"))
    (again,) = forms_of(wrong.text, "/sign-in")
    answer = browser.post("/sign-in", data=again.filled(password=PASSWORD))
    assert (answer.status_code, answer.headers["location"]) == (303, "/stories/new?lang=pl")


@pytest.mark.parametrize(
    "wanted", ["//evil.example", "/\\evil.example", "https://evil.example", "/" + "x" * 3000]
)
def test_signing_in_leads_to_no_other_site(rooms: Rooms, rita: Principal, wanted: str) -> None:
    browser = rooms.visitor()
    (form,) = forms_of(browser.get("/sign-in", params={"next": wanted}).text, "/sign-in")
    assert form.fields["next"] == "/"
    given = {"sign_in_name": "rita@example.org", "password": PASSWORD, "next": wanted}
    assert browser.post("/sign-in", data=given).headers["location"] == "/"


def test_refused_sign_in_keeps_the_name_and_no_password(rooms: Rooms, rita: Principal) -> None:
    browser = rooms.visitor()
    answer = sign_in(browser, "not the right one", "rita")
    assert answer.status_code == 401
    assert "<title>Error: Sign in" in answer.text
    assert '<a href="#sign_in_name">Name and password do not belong together.' in answer.text
    (form,) = forms_of(answer.text, "/sign-in")
    assert (form.fields["sign_in_name"], form.fields["password"]) == ("rita", "")
    assert "not the right one" not in answer.text
    program = rooms.program().post("/sign-in", data={"sign_in_name": "rita", "password": "wrong"})
    assert (program.status_code, program.json()["code"]) == (401, "sign-in-failed")


def test_sign_in_that_came_too_often_keeps_the_name_and_says_when_to_try_again(
    rooms: Rooms, rita: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "TEN_A_MINUTE", RateLimitItemPerMinute(1))
    browser = rooms.visitor()
    assert sign_in(browser, "wrong", "rita").status_code == 401
    answer = sign_in(browser, PASSWORD, "rita")
    (form,) = forms_of(answer.text, "/sign-in")
    assert (answer.status_code, form.fields["sign_in_name"]) == (429, "rita")
    assert int(answer.headers["retry-after"]) > 0


@pytest.fixture
def throttled(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if everybody had tried too often; and nobody looks at a link."""
    monkeypatch.setattr(pages, "TEN_A_MINUTE", RateLimitItemPerMinute(0))
    for name in ("look_at_link", "use_link"):
        monkeypatch.setattr(accounts, name, lambda *_: pytest.fail("a link was looked at"))


@pytest.mark.usefixtures("throttled")
def test_who_comes_in_too_often_finds_what_they_wrote_and_when_to_try_again(rooms: Rooms) -> None:
    browser, token = rooms.visitor(**{"accept-language": "pl"}), link(rooms, role=Role.CURATOR)
    answer = come_in(browser, token)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "60")
    assert '<a href="#come-in">Za dużo prób. Poczekaj (1 minuta)' in answer.text
    (form,) = forms_of(answer.text, "/come-in")
    assert form.fields == {"token": token, "name": "Tom", "sign_in_name": "tom", "password": ""}
    assert PASSWORD not in answer.text
    (form,) = forms_of(browser.post("/come-in", data={"token": token}).text, "/come-in")
    assert set(form.fields) == {"token"}, "nothing else was asked of them"
    told = rooms.program().post("/come-in", data={"token": token})
    assert (told.status_code, told.json()["code"]) == (429, "too-many-attempts")


@pytest.mark.usefixtures("throttled")
def test_who_opens_links_too_often_learns_when_to_try_again_and_nothing_of_a_link(rooms: Rooms) -> None:
    browser, known, unknown = rooms.visitor(), link(rooms), "x" * 43
    pages_of = [browser.get(f"/come-in/{each}") for each in (known, unknown)]
    for answer in pages_of:
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "60")
        assert answer.headers["referrer-policy"] == "strict-origin"
        assert "Too many attempts. Wait (1 minute), then try again." in answer.text
    assert f'id="again" href="/come-in/{known}"' in pages_of[0].text
    assert pages_of[0].text.replace(known, unknown) == pages_of[1].text
    answers = [come_in(browser, each).text for each in (known, unknown)]
    assert answers[0].replace(known, unknown) == answers[1]


@pytest.mark.parametrize(
    ("given", "status", "at"),
    [
        ({"password": "too short"}, 422, "password"),
        ({"password": ""}, 422, "password"),
        ({"sign_in_name": "rita@example.org"}, 409, "sign_in_name"),
        ({"sign_in_name": " "}, 422, "sign_in_name"),
        ({"name": " "}, 422, "name"),
    ],
)
def test_who_comes_in_and_is_refused_finds_what_they_wrote(
    rooms: Rooms, rita: Principal, given: dict[str, str], status: int, at: str
) -> None:
    token, browser = link(rooms, role=Role.CURATOR), rooms.visitor()
    answer = come_in(browser, token, **given)
    assert answer.status_code == status
    assert f'<a href="#{at}">' in answer.text
    assert f'id="{at}-error"' in answer.text
    (form,) = forms_of(answer.text, "/come-in")
    written = {"name": "Tom", "sign_in_name": "tom"} | {n: v for n, v in given.items() if n != "password"}
    assert {name: form.fields[name] for name in written} == written
    assert form.fields["password"] == ""
    given_now = form.filled(name="Tom", sign_in_name="tom", password=PASSWORD)
    assert browser.post("/come-in", data=given_now).status_code == 303, "the link still works"


def test_answer_does_not_say_which_of_name_and_password_is_wrong(rooms: Rooms, rita: Principal) -> None:
    with_name, with_neither = sign_in(rooms.visitor(), "wrong"), sign_in(rooms.visitor(), "wrong", "nobody")
    assert with_name.status_code == with_neither.status_code == 401
    # Beside the name, which is what they wrote.
    assert with_name.text.replace('"rita@example.org"', '"nobody"') == with_neither.text
    assert "Name and password do not belong together." in with_name.text
    assert "set-cookie" not in with_name.headers


def test_password_is_compared_as_often_for_a_name_that_is_not_there(
    rooms: Rooms, rita: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[str] = []
    verify = type(accounts._hasher).verify
    monkeypatch.setattr(
        type(accounts._hasher),
        "verify",
        lambda hasher, stored, password: compared.append(password) or verify(hasher, stored, password),
    )
    sign_in(rooms.visitor(), "wrong one")
    sign_in(rooms.visitor(), "wrong two", "nobody")
    assert compared == ["wrong one", "wrong two"]


def test_account_without_a_password_opens_with_none(rooms: Rooms) -> None:
    with rooms.database.write() as session:
        accounts.create(session, "Tom", "tom", actor="test")
    for password in ("", "None", PASSWORD):
        assert sign_in(rooms.visitor(), password, "tom").status_code in (401, 422)


def test_password_is_kept_as_argon2id_at_its_full_cost(sqlite_database: Database) -> None:
    with sqlite_database.write() as session:
        account = accounts.create(session, "Rita", "rita", actor="test")
        accounts.choose_password(session, account, accounts.hash_of(PASSWORD))
        kept = extract_parameters(account.password_hash or "")
    # What RFC 9106 names where memory is scarce: 64 MiB, three passes.
    assert (kept.type, kept.memory_cost >= 65536, kept.time_cost >= 3) == (Type.ID, True, True)


def test_password_that_was_kept_at_less_cost_is_kept_at_the_full_one_from_the_next_sign_in_on(
    rooms: Rooms, rita: Principal
) -> None:
    weak = PasswordHasher(time_cost=1, memory_cost=1024).hash(PASSWORD)

    def kept() -> str:
        with rooms.database.read() as session:
            return session.get_one(Account, rita.account_id).password_hash or ""

    with rooms.database.write() as session:
        session.get_one(Account, rita.account_id).password_hash = weak
    browser = rooms.visitor()
    assert sign_in(browser, "the bench by the brook").status_code == 401
    assert kept() == weak
    assert sign_in(browser).status_code == 303
    stronger = kept()
    assert extract_parameters(stronger) == extract_parameters(accounts.hash_of(PASSWORD))
    # Whoever was in stays in, and the next sign-in has nothing to change.
    assert is_signed_in(browser)
    assert sign_in(rooms.visitor()).status_code == 303
    assert kept() == stronger


def test_password_that_was_changed_while_the_old_one_was_looked_at_opens_nothing(
    rooms: Rooms, rita: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    def meanwhile(*_: object) -> None:
        with rooms.database.write() as session:
            account = session.get_one(Account, rita.account_id)
            accounts.choose_password(session, account, accounts.hash_of("another bench by another well"))

    monkeypatch.setattr(accounts, "stronger_hash", meanwhile)
    browser = rooms.visitor()
    refused = sign_in(browser)
    assert (refused.status_code, "set-cookie" in refused.headers) == (401, False)
    assert not is_signed_in(browser)


def test_ten_attempts_a_minute_from_one_address_and_no_more(rooms: Rooms, rita: Principal) -> None:
    guesser = rooms.visitor()
    for _ in range(10):
        assert sign_in(guesser, "wrong").status_code == 401
    refused = sign_in(guesser, PASSWORD)
    assert refused.status_code == 429
    assert refused.headers["retry-after"] == "60"
    assert "Too many attempts. Wait (1 minute), then try again." in refused.text
    assert "set-cookie" not in refused.headers
    assert sign_in(rooms.visitor()).status_code == 303, "the others are let in"


def test_guesses_from_many_addresses_count_and_do_not_keep_out_whoever_was_here_before(
    rooms: Rooms, rita: Principal
) -> None:
    here = rooms.visitor()
    sign_in(here)
    here.post("/sign-out")
    for name in ("rita@example.org", "nobody"):
        answers = [sign_in(rooms.visitor(), "wrong", name) for _ in range(guessing.MOST_TRIES + 1)]
        assert [each.status_code for each in answers] == [401] * guessing.MOST_TRIES + [429]
        assert int(answers[-1].headers["retry-after"]) > 3000
    assert sign_in(rooms.visitor()).status_code == 429, "not even the right one"
    assert sign_in(here).status_code == 303, "but where they have signed in before"
    assert (
        come_in(rooms.visitor(), link(rooms, LinkPurpose.SIGN_IN, account_id=rita.account_id)).status_code
        == 303
    )


def test_links_are_guessed_no_faster_than_passwords(rooms: Rooms) -> None:
    guesser = rooms.visitor()
    for n in range(5):
        assert guesser.get(f"/come-in/guess-{n}").status_code == 404
        assert come_in(guesser, f"guess-{n}").status_code == 404
    assert guesser.get(f"/come-in/{link(rooms)}").status_code == 429
    assert come_in(guesser, link(rooms)).status_code == 429


def test_session_ends_at_once_when_its_person_signs_out(rooms: Rooms, rita: Principal) -> None:
    here, elsewhere = rooms.visitor(), rooms.browser(rita)
    sign_in(here)
    kept = here.cookies[SESSION_COOKIE]
    answer = here.post("/sign-out")
    assert (answer.status_code, answer.headers["location"]) == (303, "/?signed-out=yes")
    assert cookie_of(answer)["max-age"] == "0"
    assert answer.headers["clear-site-data"] == '"cache"'
    stolen = rooms.visitor()
    stolen.cookies.set(SESSION_COOKIE, kept)
    assert not is_signed_in(stolen), "the token is worth nothing any more"
    assert is_signed_in(elsewhere), "signing out here leaves the other device alone"


def test_session_ends_when_it_is_not_used_and_by_the_end_of_the_day(rooms: Rooms, rita: Principal) -> None:
    idle, used = rooms.browser(rita), rooms.browser(rita)
    for times in range(1, 8):
        rooms.later(HOUR + 50 * MINUTE)
        if times < 7:
            assert is_signed_in(used), "it was in use"
    assert not is_signed_in(idle)
    assert not is_signed_in(used), "twelve hours are over"


def test_deactivated_account_loses_session_key_and_password(rooms: Rooms, rita: Principal) -> None:
    browser, program = rooms.browser(rita), rooms.program(rita)
    assert is_signed_in(browser)
    assert program.get("/api/v1/stories").status_code == 200
    rooms.deactivate(rita)
    assert not is_signed_in(browser)
    assert program.get("/api/v1/stories").status_code == 401
    assert sign_in(rooms.visitor()).status_code == 401


def test_made_up_cookie_is_nobody(rooms: Rooms) -> None:
    for token in ("", "x", "x" * 4000, "é"):
        browser = rooms.visitor(cookie=f"{SESSION_COOKIE}={token}".encode())
        assert browser.get("/").status_code == 200
        assert not is_signed_in(browser)


# ---- what the cookie is ------------------------------------------------------------------------------------------


def test_cookie_is_for_this_site_alone_and_no_script_reads_it(rooms: Rooms, rita: Principal) -> None:
    cookie = cookie_of(sign_in(rooms.visitor()))
    assert cookie["httponly"] is True
    assert (cookie["samesite"], cookie["path"], cookie["domain"]) == ("lax", "/", "")
    assert cookie["max-age"] == str(12 * 3600)
    assert len(cookie.value) >= 43, "256 random bits"
    with rooms.database.read() as session:
        kept = session.query(SignIn).one()
        assert cookie.value not in str(kept.__dict__), "only a digest of it is kept"


@pytest.mark.parametrize(
    ("settings", "is_secure"),
    [
        ({}, ""),
        ({"public_url": "https://stories.example"}, True),
        ({"public_url": "https://stories.example", "secure_cookies": False}, ""),
        ({"secure_cookies": True}, True),
    ],
)
def test_cookie_travels_by_https_alone_where_people_reach_it_so(
    sqlite_database: Database,
    tmp_path: Path,
    cheap_passwords: None,
    settings: dict[str, Any],
    is_secure: object,
) -> None:
    rooms = Rooms(sqlite_database, tmp_path, **settings)
    token, name = link(rooms), f"{'__Host-' if is_secure else ''}{SESSION_COOKIE}"
    assert name == name_of(SESSION_COOKIE, rooms.parts.settings)
    assert cookie_of(come_in(rooms.visitor(), token), name)["secure"] == is_secure
    browser = rooms.visitor()
    cookie = cookie_of(sign_in(browser, name="tom"), name)
    # What a browser asks of the prefix (RFC 6265bis §4.1.3.2).
    assert (cookie["secure"], cookie["path"], cookie["domain"]) == (is_secure, "/", "")
    gone = cookie_of(browser.post("/sign-out"), name)
    assert (gone["secure"], gone["path"], gone["max-age"]) == (is_secure, "/", "0")


def test_cookie_that_a_neighbour_could_plant_is_not_taken_over_https(
    sqlite_database: Database, tmp_path: Path, cheap_passwords: None, logs_as_served: None
) -> None:
    rooms = Rooms(sqlite_database, tmp_path, public_url="https://stories.example")
    come_in(rooms.visitor(), link(rooms))
    browser = rooms.visitor()
    sign_in(browser, name="tom")
    assert is_signed_in(browser)
    planted = rooms.visitor()
    planted.cookies.set(SESSION_COOKIE, browser.cookies[name_of(SESSION_COOKIE, rooms.parts.settings)])
    assert not is_signed_in(planted)


# ---- one-time links ----------------------------------------------------------------------------------------------


def test_whoever_installs_the_service_becomes_its_first_administrator(rooms: Rooms) -> None:
    address = invite_first_administrator(rooms.parts) or ""
    other = invite_first_administrator(rooms.parts) or ""
    assert address.startswith(f"{rooms.parts.settings.base_url}/come-in/")
    browser = rooms.visitor()
    page = browser.get(address)
    assert "You are the first here: become the administrator" in page.text
    (form,) = forms_of(page.text, "/come-in")
    sent = form.filled(name="Ada", sign_in_name="ada", password=PASSWORD)
    assert browser.post("/come-in", data=sent).status_code == 303
    assert "You run this service." in browser.get("/").text
    assert invite_first_administrator(rooms.parts) is None, "somebody runs it now"
    late = come_in(rooms.visitor(), other.rsplit("/", 1)[1])
    assert late.status_code == 404, "there is one first administrator"
    with rooms.database.read() as session:
        assert session.query(Account).count() == 1


def test_invitation_becomes_an_account_with_that_role(rooms: Rooms) -> None:
    browser, token = rooms.visitor(), link(rooms, role=Role.CURATOR)
    (form,) = forms_of(browser.get(f"/come-in/{token}").text, "/come-in")
    answer = browser.post("/come-in", data=form.filled(name="Tom", sign_in_name="Tom", password=PASSWORD))
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    me = browser.get("/api/v1/me").json()
    assert (me["roles"], me["is_administrator"]) == ({"spring": ["curator"]}, False)
    assert sign_in(rooms.visitor(), name="tom").status_code == 303, "the password was kept"


def test_link_that_was_used_opens_nothing_more(rooms: Rooms) -> None:
    token = link(rooms)
    come_in(rooms.visitor(), token)
    again, look = (
        come_in(rooms.visitor(), token, sign_in_name="tim"),
        rooms.visitor().get(f"/come-in/{token}"),
    )
    for answer in (again, look):
        assert answer.status_code == 404
        assert "This link was used already, or has ended." in answer.text
        assert "set-cookie" not in answer.headers
    with rooms.database.read() as session:
        assert [each.sign_in_name for each in session.query(Account)] == ["tom"]


def test_looking_at_a_link_does_not_use_it_up(rooms: Rooms) -> None:
    scanner, token = rooms.visitor(), link(rooms)
    for _ in range(3):
        assert scanner.get(f"/come-in/{token}").status_code == 200
        assert "set-cookie" not in scanner.get(f"/come-in/{token}").headers
    assert come_in(rooms.visitor(), token).status_code == 303


def test_page_whose_address_is_a_secret_tells_it_to_nobody(rooms: Rooms) -> None:
    page = rooms.visitor().get(f"/come-in/{link(rooms)}")
    assert page.headers["referrer-policy"] == "strict-origin"
    assert page.headers["cache-control"] == "private, no-store"


def test_link_ends_by_its_date(rooms: Rooms) -> None:
    token = link(rooms, lasts=timedelta(days=1))
    rooms.later(23 * HOUR)
    assert rooms.visitor().get(f"/come-in/{token}").status_code == 200
    rooms.later(HOUR)
    assert rooms.visitor().get(f"/come-in/{token}").status_code == 404
    assert come_in(rooms.visitor(), token).status_code == 404


@pytest.mark.parametrize(("length", "status"), [(0, 422), (11, 422), (12, 303), (200, 303), (201, 422)])
def test_password_has_between_12_and_200_characters(rooms: Rooms, length: int, status: int) -> None:
    token = link(rooms, role=Role.CURATOR)
    assert come_in(rooms.visitor(), token, password=(SENTENCE * 2)[:length]).status_code == status
    if status == 422:
        assert come_in(rooms.visitor(), token).status_code == 303, "the link was not used up by that"


def test_password_that_is_too_short_is_refused_in_words(rooms: Rooms) -> None:
    refused = come_in(rooms.visitor(), link(rooms), password="short")
    assert "A password has between 12 and 200 characters." in refused.text
    assert "short" not in refused.text.replace("too short", "")


@pytest.mark.parametrize(
    "password", ["password12345", "qwertyuiop[]", "Tom Sawyer 1986", "TomTomTomTom", "community reporting"]
)
def test_password_that_many_choose_is_refused_in_words(rooms: Rooms, password: str) -> None:
    refused = come_in(rooms.visitor(), link(rooms), name="Tom Sawyer", password=password)
    assert refused.status_code == 422
    assert "Too many people choose a password like this one" in refused.text


@pytest.mark.parametrize(
    ("given", "status", "says"),
    [
        ({"sign_in_name": "RITA@example.org "}, 409, "Somebody has this sign-in name."),
        ({"name": " "}, 422, "Give a name."),
        ({"sign_in_name": " "}, 422, "Give a name."),
        ({"name": "x" * 201}, 422, "name"),
    ],
)
def test_invitation_stays_open_until_the_account_is_made(
    rooms: Rooms, rita: Principal, given: dict[str, str], status: int, says: str
) -> None:
    token = link(rooms)
    refused = come_in(rooms.visitor(), token, **given)
    assert refused.status_code == status
    assert says in refused.text
    assert come_in(rooms.visitor(), token).status_code == 303


def test_who_signs_in_again_leaves_no_session_behind(rooms: Rooms, rita: Principal) -> None:
    browser = rooms.visitor()
    sign_in(browser)
    left = rooms.visitor()
    left.cookies.set(SESSION_COOKIE, browser.cookies[SESSION_COOKIE])
    assert is_signed_in(left)
    assert sign_in(browser).status_code == 303
    assert (is_signed_in(browser), is_signed_in(left)) == (True, False)


def test_who_guesses_wrongly_keeps_the_session_they_have(rooms: Rooms, rita: Principal) -> None:
    browser = rooms.visitor()
    sign_in(browser)
    assert sign_in(browser, "wrong").status_code == 401
    assert is_signed_in(browser)


def test_new_password_ends_sessions_keys_and_links_of_the_old_one(rooms: Rooms, rita: Principal) -> None:
    before, program = rooms.browser(rita), rooms.program(rita)
    other = link(rooms, LinkPurpose.NEW_PASSWORD, account_id=rita.account_id)
    token = link(rooms, LinkPurpose.NEW_PASSWORD, account_id=rita.account_id)
    browser = rooms.visitor()
    (form,) = forms_of(browser.get(f"/come-in/{token}").text, "/come-in")
    assert set(form.fields) == {"token", "password"}, "who it is is known already"
    chosen = form.filled(password="another bench, another well")
    assert browser.post("/come-in", data=chosen).status_code == 303
    assert browser.get("/api/v1/me").json()["account_id"] == rita.account_id
    assert not is_signed_in(before)
    assert program.get("/api/v1/me").status_code == 401
    assert come_in(rooms.visitor(), other).status_code == 404
    assert sign_in(rooms.visitor()).status_code == 401
    assert sign_in(rooms.visitor(), "another bench, another well").status_code == 303


def test_link_does_not_wake_a_deactivated_account(rooms: Rooms, rita: Principal) -> None:
    token = link(rooms, LinkPurpose.NEW_PASSWORD, account_id=rita.account_id)
    rooms.deactivate(rita)
    browser = rooms.visitor()
    come_in(browser, token)
    assert not is_signed_in(browser)


# ---- keys for programs -------------------------------------------------------------------------------------------


def make_key(browser: TestClient, **wanted: Any) -> httpx2.Response:
    asked = {"name": "laptop", "scopes": ["stories:read"], "password": PASSWORD}
    return browser.post("/api/v1/api-keys", json=asked | wanted)


def with_key(rooms: Rooms, token: str) -> TestClient:
    return rooms.visitor(accept="application/json", authorization=f"Bearer {token}")


def test_key_may_do_what_its_scopes_and_its_persons_roles_allow(rooms: Rooms, rita: Principal) -> None:
    made = make_key(rooms.browser(rita), scopes=["stories:read", "review"])
    assert made.status_code == 201
    program = with_key(rooms, made.json()["token"])
    me = program.get("/api/v1/me").json()
    assert (me["account_id"], me["scopes"]) == (rita.account_id, ["review", "stories:read"])
    assert program.get("/api/v1/stories").status_code == 200
    wanted = {"title": "A", "language": "en", "pilots": ["spring"]}
    refused = program.post("/api/v1/stories", json=wanted)
    assert refused.status_code == 403
    assert refused.json()["code"] == "scope-missing"
    assert "without the scope stories:write" in refused.json()["detail"]
    not_a_curator = program.get(f"/api/v1/stories/{'0' * 32}/themes")
    assert (not_a_curator.status_code, not_a_curator.json()["code"]) == (403, "role-missing")


def test_key_ends_by_its_date(rooms: Rooms, rita: Principal) -> None:
    made = make_key(rooms.browser(rita), days=2).json()
    left = datetime.fromisoformat(made["ends_at"]) - utc_now()
    assert timedelta(hours=47) < left <= timedelta(days=2)
    program = with_key(rooms, made["token"])
    rooms.later(47 * HOUR)
    assert program.get("/api/v1/me").status_code == 200
    rooms.later(HOUR)
    ended = program.get("/api/v1/me")
    assert (ended.status_code, ended.json()["code"]) == (401, "api-key-unknown")
    assert ended.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "wanted", [{"days": 0}, {"days": 367}, {"scopes": []}, {"scopes": ["everything"]}, {"name": " "}]
)
def test_key_without_end_scope_or_name_is_not_made(
    rooms: Rooms, rita: Principal, wanted: dict[str, Any]
) -> None:
    refused = make_key(rooms.browser(rita), **wanted)
    assert refused.status_code == 422
    assert next(iter(wanted)) in refused.json()["detail"]


def test_key_is_made_by_whoever_shows_the_password_again(rooms: Rooms, rita: Principal) -> None:
    browser = rooms.browser(rita)
    refused = make_key(browser, password="the bench by the wall")
    assert (refused.status_code, refused.json()["code"]) == (403, "password-wrong")
    without = browser.post("/api/v1/api-keys", json={"name": "laptop", "scopes": ["review"]})
    assert (without.status_code, "password" in without.json()["detail"]) == (422, True)
    for _ in range(9):
        assert make_key(browser, password="wrong").status_code == 403
    assert make_key(browser).status_code == 429, "guessing is slow here too"
    assert browser.get("/api/v1/api-keys").json() == []


def test_key_makes_no_keys(rooms: Rooms, rita: Principal) -> None:
    refused = make_key(rooms.program(rita))
    assert (refused.status_code, refused.json()["code"]) == (403, "session-needed")


def test_keys_are_listed_without_what_they_open_with_and_ended_before_their_time(
    rooms: Rooms, rita: Principal
) -> None:
    browser = rooms.browser(rita)
    made = [make_key(browser, name=name).json() for name in ("phone", "laptop")]
    listed = browser.get("/api/v1/api-keys").json()
    assert {each["name"] for each in listed} == {"phone", "laptop"}
    assert all(one["token"] not in str(listed) for one in made)
    phone = with_key(rooms, made[0]["token"])
    assert phone.get("/api/v1/me").status_code == 200
    assert browser.delete(f"/api/v1/api-keys/{made[0]['id']}").status_code == 204
    assert phone.get("/api/v1/me").status_code == 401
    assert with_key(rooms, made[1]["token"]).get("/api/v1/me").status_code == 200
    assert [each["name"] for each in browser.get("/api/v1/api-keys").json()] == ["laptop"]
    again = browser.delete(f"/api/v1/api-keys/{made[0]['id']}")
    assert (again.status_code, again.json()["code"]) == (404, "api-key-not-found")


def test_key_of_somebody_else_is_not_ended(rooms: Rooms, rita: Principal) -> None:
    made = make_key(rooms.browser(rita)).json()
    other = rooms.browser(rooms.field.account(Role.REPORTER))
    assert other.delete(f"/api/v1/api-keys/{made['id']}").status_code == 404
    assert with_key(rooms, made["token"]).get("/api/v1/me").status_code == 200


@pytest.mark.parametrize(("method", "path"), [("GET", ""), ("DELETE", f"/{'0' * 32}")])
def test_key_neither_lists_nor_ends_keys(rooms: Rooms, rita: Principal, method: str, path: str) -> None:
    refused = rooms.program(rita).request(method, f"/api/v1/api-keys{path}")
    assert (refused.status_code, refused.json()["code"]) == (403, "session-needed")


def test_account_without_a_password_makes_no_keys(rooms: Rooms) -> None:
    assert make_key(rooms.browser(rooms.field.account(Role.REPORTER, rooms.field.pilot()))).status_code == 403


def test_nobody_in_particular_makes_no_keys(rooms: Rooms) -> None:
    assert make_key(rooms.program()).status_code == 401


def test_key_opens_no_page(rooms: Rooms, rita: Principal) -> None:
    program = rooms.program(rita)
    assert program.get("/api/v1/stories").status_code == 200
    assert program.get("/stories").status_code == 401


@pytest.mark.parametrize("sent", ["Bearer cr_unknown", "Bearer", "Basic cml0YTp4", "Bearer \xe9"])
def test_key_that_is_not_known_is_not_passed_over(rooms: Rooms, rita: Principal, sent: str) -> None:
    """Even beside a session: whoever sends a key means to be its person."""
    browser = rooms.browser(rita)
    answer = browser.get("/api/v1/me", headers={"authorization": sent.encode("latin-1")})
    assert (answer.status_code, answer.json()["code"]) == (401, "api-key-unknown")


def test_role_that_was_taken_back_is_gone_from_keys_too(rooms: Rooms, rita: Principal) -> None:
    program = rooms.program(rita, Scope.STORIES_WRITE)
    wanted = {"title": "A", "language": "en", "pilots": ["spring"]}
    assert program.post("/api/v1/stories", json=wanted).status_code == 201
    pilot = rooms.field.pilot()
    with rooms.database.write() as session:
        accounts.take_role(session, rita.account_id or "", pilot, Role.REPORTER, actor="test")
    assert program.post("/api/v1/stories", json=wanted).status_code == 403
