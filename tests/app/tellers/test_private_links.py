"""A private link: exchanged at once, for one person in one story; dead when replaced, revoked, or its story is gone."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.access import SESSION_COOKIE, TELLER_COOKIE
from app.web.translation import LANGUAGE_COOKIE
from models.base import utc_now
from models.consent import Use
from models.curation import State
from models.roles import Principal
from models.stories import Part, Story
from models.tellers import TellerSession
from storage import journal, ledger, tellers, withdrawals
from tests.app.conftest import Rooms, forms_of
from tests.app.tellers.conftest import Doors


def revoke(rooms: Rooms, story: Story) -> None:
    with rooms.database.write() as session:
        kept = session.get_one(Story, story.id)
        tellers.revoke_link(session, kept, story.people[0].id, actor="test")


def withdraw(rooms: Rooms, story: Story) -> None:
    with rooms.database.write() as session:
        withdrawals.withdraw(session, session.get_one(Story, story.id), actor="test")


def test_link_is_exchanged_at_once_for_a_cookie_of_its_own_pages(rooms: Rooms, doors: Doors) -> None:
    story = rooms.field.story()
    token, browser = doors.link(story), rooms.visitor()
    answer = browser.get(f"/teller/enter/{token}")
    assert (answer.status_code, answer.headers["location"]) == (303, "/teller")
    assert (answer.headers["referrer-policy"], answer.headers["cache-control"]) == ("no-referrer", "no-store")
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"{TELLER_COOKIE}=")
    for part in ("HttpOnly", "SameSite=lax", "Path=/teller"):
        assert part in cookie
    assert "Secure" not in cookie, "not over http, or nobody on this machine could come in"
    assert token not in cookie + answer.text
    page = browser.get("/teller")
    assert page.status_code == 200
    assert "The bench by the well" in page.text


def test_cookie_is_secure_where_people_come_by_https(rooms: Rooms, doors: Doors) -> None:
    rooms.parts.settings.public_url = "https://stories.example"
    browser = rooms.visitor()
    answer = browser.get(f"/teller/enter/{doors.link(rooms.field.story())}")
    cookie = answer.headers["set-cookie"]
    # A browser takes a name with this prefix over https alone; for one path there is no stronger one.
    assert cookie.startswith(f"__Secure-{TELLER_COOKIE}=")
    assert "; Secure" in cookie
    assert browser.get("/teller").status_code == 200
    gone = browser.post("/teller/leave")
    assert "; Secure" in gone.headers["set-cookie"], "or the browser would keep it"
    assert gone.headers["clear-site-data"] == '"cache"'
    assert browser.get("/teller").status_code == 401


def test_what_opens_nothing_is_answered_alike_whatever_it_was(rooms: Rooms, doors: Doors) -> None:
    replaced, revoked, withdrawn = (rooms.field.story() for _ in range(3))
    old = doors.link(replaced)
    doors.link(replaced)
    dead = {"replaced": old, "revoked": doors.link(revoked), "withdrawn": doors.link(withdrawn)}
    revoke(rooms, revoked)
    withdraw(rooms, withdrawn)
    answers = [rooms.visitor().get(f"/teller/enter/{each}") for each in ("never-was", *dead.values())]
    assert [answer.status_code for answer in answers] == [404] * 4
    assert len({answer.text for answer in answers}) == 1
    for answer, token in zip(answers, ("never-was", *dead.values()), strict=True):
        assert "This link is not valid any more." in answer.text
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert TELLER_COOKIE not in answer.headers.get("set-cookie", "")
        assert token not in answer.text


def test_who_leaves_at_once_comes_to_a_page_that_says_nothing_of_us(rooms: Rooms, doors: Doors) -> None:
    browser = doors.opened(rooms.field.story())
    at_once = next(form for form in forms_of(browser.get("/teller").text, "/teller/leave") if form.buttons)
    answer = browser.post("/teller/leave", data=dict(at_once.buttons))
    assert answer.headers["location"] == "/leave"
    assert "clear-site-data" in answer.headers
    assert "story" not in browser.get("/leave").text
    assert browser.get("/teller").status_code == 401


@pytest.mark.parametrize("ending", ["a new link", "revoked", "left", "two hours", "withdrawn"])
def test_session_ends_with_its_link(rooms: Rooms, doors: Doors, ending: str) -> None:
    story = rooms.field.story()
    browser = doors.opened(story)
    assert browser.get("/teller").status_code == 200
    if ending == "a new link":
        doors.link(story)
    elif ending == "revoked":
        revoke(rooms, story)
    elif ending == "withdrawn":
        withdraw(rooms, story)
    elif ending == "two hours":
        with rooms.database.write() as session:
            session.query(TellerSession).one().ends_at = utc_now() - timedelta(seconds=1)
    else:
        cookie = browser.cookies[TELLER_COOKIE]
        assert browser.post("/teller/leave").headers["location"] == "/teller/left?lang=en"
        assert "You have left" in browser.get("/teller/left").text
        assert TELLER_COOKIE not in browser.cookies
        browser.cookies.set(TELLER_COOKIE, cookie, path="/teller")
    recording = f"/teller/recordings/{'0' * 32}/renditions/audio"
    expected = 410 if ending == "withdrawn" else 401
    for path in ("/teller", "/teller/consent", "/teller/withdraw", "/teller/receipt.json", recording):
        answer = browser.get(path)
        assert answer.status_code == expected, path
        assert "The bench by the well" not in answer.text


def test_whoever_opens_their_link_on_the_same_device_finds_their_own_story(
    rooms: Rooms, doors: Doors
) -> None:
    first, second = rooms.field.story(), rooms.field.story(title="Ławka", language="pl")
    browser = doors.opened(first)
    assert browser.get("/teller?lang=fi").status_code == 200
    before = browser.cookies[TELLER_COOKIE]
    browser.get(f"/teller/enter/{doors.link(second)}")
    assert LANGUAGE_COOKIE not in browser.cookies, "the next one reads another language"
    page = browser.get("/teller").text
    assert "Ławka" in page
    assert 'lang="pl"' in page
    with rooms.database.read() as session:
        assert tellers.holder_of(session, before) is None, "the first has left"


def test_private_link_opens_its_own_door_alone(rooms: Rooms, doors: Doors) -> None:
    story = rooms.field.story()
    browser = doors.opened(story)
    elsewhere = [f"/stories/{story.id}", f"/api/v1/stories/{story.id}", f"/review/{story.id}", "/stories"]
    browser.cookies.set(TELLER_COOKIE, browser.cookies[TELLER_COOKIE], path="/")
    statuses = [browser.get(path, headers={"accept": "text/html"}).status_code for path in elsewhere]
    assert statuses == [404, 404, 401, 401]


def test_account_opens_no_door(rooms: Rooms, sender: Principal) -> None:
    rooms.field.story(by=sender)
    browser = rooms.browser(sender)
    assert browser.get("/teller").status_code == 401
    browser.cookies.set(TELLER_COOKIE, browser.cookies[SESSION_COOKIE], path="/teller")
    assert browser.get("/teller").status_code == 401


def test_guessing_is_slow_and_a_room_full_of_people_is_not_kept_waiting(rooms: Rooms, doors: Doors) -> None:
    room, guesser, story = rooms.visitor(), rooms.visitor(), rooms.field.story()
    token = doors.link(story)
    assert {room.get(f"/teller/enter/{token}").status_code for _ in range(30)} == {303}
    answers = [guesser.get(f"/teller/enter/guess-{n}") for n in range(11)]
    assert [answer.status_code for answer in answers] == [404] * 10 + [429]
    assert answers[-1].headers["retry-after"] == "60"
    assert guesser.get(f"/teller/enter/{token}").status_code == 429
    assert room.get(f"/teller/enter/{token}").status_code == 303


def test_opening_a_link_is_in_the_journal_without_the_token(rooms: Rooms, doors: Doors) -> None:
    story = rooms.field.story()
    doors.opened(story)
    with rooms.database.read() as session:
        entries = journal.of_story(session, story.id)
    assert [entry.act for entry in entries][-2:] == ["make-link", "open-link"]
    assert (entries[-1].actor, entries[-1].subject) == ("teller", story.people[0].id)


def test_other_sites_pages_do_nothing_in_a_tellers_name(rooms: Rooms, doors: Doors) -> None:
    story = rooms.field.story(others=(Part.HEARD,))
    for foreign in ({"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}):
        browser = doors.opened(story)
        for path in ("withdraw", "stop/sharing", "consent", "copy", "leave"):
            sent = {"sure": "yes", "answer": "approved", "appearance": "named"}
            answer = browser.post(f"/teller/{path}", data=sent, headers=foreign)
            assert answer.status_code == 403, path
        assert browser.get("/teller").status_code == 200
    with rooms.database.read() as session:
        kept = session.get_one(Story, story.id)
        assert kept.state is State.SUBMITTED
        assert ledger.permits(session, story.id, Use.SHARING)


def test_nothing_is_done_by_looking(rooms: Rooms, doors: Doors) -> None:
    browser = doors.opened(rooms.field.story())
    for path in ("withdraw", "stop/sharing", "consent"):
        assert browser.get(f"/teller/{path}?sure=yes").status_code == 200
    assert browser.post("/teller/withdraw").status_code == 422, "nobody said to be sure"
    assert browser.post("/teller/stop/sharing").status_code == 422
    assert browser.get("/teller").status_code == 200
