"""Charts count what their reader may read, and each bar leads to as many stories as it shows."""

from __future__ import annotations

import html
import re
from datetime import date, timedelta
from itertools import pairwise

import pytest
from sqlalchemy import update

from app.charts import making
from app.charts.counting import quarters_until
from app.web.translation import Translator
from models.base import utc_now
from models.consent import Use
from models.curation import State
from models.roles import Principal, Role
from models.stories import Story
from tests.app.conftest import Rooms
from tests.plugins.stories import EVERY_USE, SHARED, THEME

TODAY = date(2026, 11, 26)


@pytest.fixture
def curator(rooms: Rooms) -> Principal:
    return rooms.field.account(Role.CURATOR)


def sent(rooms: Rooms, story: Story, days_ago: int) -> Story:
    """As if a story had come some days ago."""
    moment = utc_now() - timedelta(days=days_ago)
    with rooms.database.write() as session:
        session.execute(update(Story).where(Story.id == story.id).values(created_at=moment))
    return story


def test_quarters_are_eight_without_a_gap_and_the_last_is_now() -> None:
    for day in (date(2026, 1, 1), date(2026, 11, 26), date(2024, 2, 29), date(2026, 12, 31)):
        found = quarters_until(day)
        assert len(found) == 8
        assert found[-1].first <= day <= found[-1].last
        for before, after in pairwise(found):
            assert before.last + timedelta(days=1) == after.first
    first, *_, last = quarters_until(TODAY)
    assert [(each.number, each.first.year) for each in (first, last)] == [(1, 2025), (4, 2026)]


def test_each_bar_leads_to_as_many_stories_as_it_shows(rooms: Rooms, curator: Principal) -> None:
    for days_ago in (0, 3, 10, 100, 400):
        sent(rooms, rooms.field.story(state=State.CURATED, consented_to=SHARED), days_ago)
        sent(rooms, rooms.field.story(state=State.SUBMITTED), days_ago)
    sent(rooms, rooms.field.story(state=State.PUBLISHED, consented_to=EVERY_USE), 30)
    rooms.field.story(state=State.CURATED, pilots=[rooms.field.pilot("autumn")], title="Elsewhere")
    browser, program = rooms.browser(curator), rooms.program(curator)
    page = browser.get("/charts").text
    assert "Counted over the 11 stories" in page
    assert 'style="' not in page
    bars = {
        html.unescape(address): int(label.rpartition(": ")[2].split()[0])
        for address, label in re.findall(r'<a href="([^"]+)" aria-label="([^"]+)"', page)
    }
    searches = {each: count for each, count in bars.items() if each.startswith("/search?")}
    assert len(searches) >= 10
    for address, count in searches.items():
        assert program.get(f"/api/v1{address}").json()["total"] == count, address
    assert bars["/review?state=submitted"] == 5
    assert browser.get("/review?state=submitted").status_code == 200
    assert "autumn" not in page


def test_what_a_reader_may_not_read_is_counted_nowhere(rooms: Rooms) -> None:
    stranger = rooms.browser(rooms.field.account(Role.PILOT_TEAM, rooms.field.pilot("autumn")))
    rooms.field.story(state=State.CURATED, pilots=[rooms.field.pilot("spring")])
    nothing = stranger.get("/charts").text
    assert "There is nothing to count yet." in nothing
    rooms.field.story(state=State.CURATED, pilots=[rooms.field.pilot("autumn")])
    before = stranger.get("/charts").text
    assert "Counted over the 1 story" in before
    rooms.field.story(state=State.CURATED, pilots=[rooms.field.pilot("spring")])
    assert stranger.get("/charts").text == before
    assert "Spring" not in before
    assert rooms.browser(rooms.field.account(Role.REPORTER)).get("/charts").status_code == 403


def test_consent_is_counted_by_what_it_opens(rooms: Rooms, curator: Principal) -> None:
    rooms.field.story(state=State.CURATED, consented_to={Use.CURATION, Use.SHARING, Use.RESEARCH})
    rooms.field.story(state=State.CURATED, consented_to=SHARED)
    with rooms.database.read() as session:
        chart = making.coverage(session, curator, Translator("en"))
    assert (chart.most, chart.is_share) == (2, True)
    assert {bar.label: bar.value for bar in chart.bars} == {
        "Shared with my pilots": 2,
        "Short parts may be used": 0,
        "May be translated": 0,
        "Open to research": 1,
        "Published for everybody": 0,
    }


def test_teams_see_no_queue_and_labels_are_in_the_readers_language(rooms: Rooms) -> None:
    rooms.field.story(state=State.CURATED)
    team = rooms.browser(rooms.field.account(Role.PILOT_TEAM))
    page = team.get("/charts", headers={"accept-language": "pl"}).text
    assert "The queue" not in page
    label = rooms.parts.codebook.theme(THEME).label("pl")
    assert f"{html.escape(label)}: 1" in page
