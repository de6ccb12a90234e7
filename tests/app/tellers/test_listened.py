"""Who listened to a story, as its teller sees it: by team and day."""

from __future__ import annotations

from datetime import timedelta

from app.tellers.contents import SHEETS
from app.web.translation import Translator
from models.base import utc_now
from models.curation import State
from models.listening import EVERYBODY, Listening
from models.roles import Principal, Role, readers_mark
from models.stories import Story
from tests.app.conftest import Rooms
from tests.app.tellers.conftest import Doors
from tests.plugins.stories import EVERY_USE


def test_teller_sees_which_teams_listened_and_when_and_never_who(
    rooms: Rooms, doors: Doors, team: Principal
) -> None:
    story = rooms.field.story(state=State.PUBLISHED, consented_to=EVERY_USE)
    browser = doors.opened(story)
    assert "Nobody that we noted until now." in browser.get("/teller").text
    today = utc_now().date()
    days = [today - timedelta(days=9), today - timedelta(days=2), today]
    with rooms.database.write() as session:
        for mark in (readers_mark(Role.PILOT_TEAM, rooms.field.pilot()), EVERYBODY):
            for day in days if mark != EVERYBODY else days[-1:]:
                session.add(Listening(story_id=story.id, hearer=mark, day=day))
    page = browser.get("/teller").text
    says = Translator("en")
    assert f"<li>The team of Spring, {says.days(days)} (on 3 days)</li>" in page
    assert f"<li>Somebody on the public pages, {says.day(today)}</li>" in page
    assert page.index("The team of Spring, ") < page.index("Somebody on the public pages")
    assert (team.account_id or "") not in page
    with rooms.database.read() as session:
        sheet = SHEETS["listened-to.json"](session, session.get_one(Story, story.id), None)
    assert isinstance(sheet, list)
    assert {(each["by"], each["pilot"], len(each["days"])) for each in sheet} == {
        ("pilot-team", "Spring", 3),
        ("everybody", None, 1),
    }
