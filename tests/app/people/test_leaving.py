"""Leaving at once: nobody is signed in any more, and the page that follows says nothing of us."""

from __future__ import annotations

import calendar

from app.web.cookies import LEAVING
from models.base import utc_now
from models.roles import Role
from tests.app.conftest import Rooms, forms_of


def test_leaving_signs_out_and_leaves_nothing_behind(rooms: Rooms) -> None:
    browser = rooms.browser(rooms.field.account(Role.REPORTER, rooms.field.pilot()))
    browser.post("/stories/new")
    page = browser.get("/stories/new/title").text
    (form,) = forms_of(page, "/leave")
    answer = browser.post("/leave", data=form.fields)
    assert (answer.status_code, answer.headers["location"]) == (303, "/leave")
    assert answer.headers["clear-site-data"] == LEAVING["Clear-Site-Data"]
    assert browser.get("/stories").status_code == 401
    assert browser.get("/stories/new/title").status_code == 401


def test_page_that_follows_is_a_calendar_and_nothing_else(rooms: Rooms) -> None:
    page = rooms.visitor().get("/leave").text
    today = utc_now()
    assert f"<title>{calendar.month_name[today.month]} {today.year}</title>" in page
    assert 'aria-current="date"' in page
    for word in ("ommunity", "story", "stories", "<a ", "<form", "<script"):
        assert word not in page
    polish = rooms.visitor(**{"accept-language": "pl"}).get("/leave").text
    assert '<html lang="pl"' in polish
    assert calendar.month_name[today.month] not in polish


def test_every_page_of_reporters_has_the_way_out(rooms: Rooms) -> None:
    sender = rooms.field.account(Role.REPORTER, rooms.field.pilot())
    story, browser = rooms.field.story(by=sender), rooms.browser(sender)
    at = f"/stories/{story.id}"
    person = f"{at}/people/{story.people[0].id}"
    for path in ("/", "/stories", "/stories/new", at, f"{at}/sent", f"{at}/recording", f"{person}/consent"):
        assert len(forms_of(browser.get(path).text, "/leave")) == 1, path
    assert forms_of(rooms.visitor().get("/sign-in").text, "/leave") == [], "nobody is in"
