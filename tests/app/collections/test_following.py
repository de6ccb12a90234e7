"""What a pilot follows of its releases: the feed, who pulled what, how far recalls have come."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from models.base import utc_now
from models.consent import Use
from models.curation import State
from models.roles import Role, Scope
from models.stories import Story
from storage import accounts, consents, recalls, withdrawals
from storage.consents import Terms

if TYPE_CHECKING:
    from tests.app.conftest import Rooms

CHANGES = "/api/v1/changes"
DAY = "2026-03-09"


class Pilots:
    """Two pilots with their people, and the rooms that they come to."""

    def __init__(self, rooms: Rooms) -> None:
        self.rooms, self.field = rooms, rooms.field
        self.here, self.elsewhere = rooms.field.pilot("spring"), rooms.field.pilot("autumn")
        self.team = rooms.field.account(Role.PILOT_TEAM, self.here)
        self.colleague = rooms.field.account(Role.PILOT_TEAM, self.here)
        self.curator = rooms.field.account(Role.CURATOR, self.here)
        self.stranger = rooms.field.account(Role.CURATOR, self.elsewhere)
        self.as_team, self.as_colleague = rooms.program(self.team), rooms.program(self.colleague)
        self.as_curator, self.as_stranger = rooms.program(self.curator), rooms.program(self.stranger)

    def release(self, *stories: Any) -> str:
        made = self.as_team.post("/api/v1/collections", json={"pilot": "spring", "title": "Canary words"})
        path = f"/api/v1/collections/{made.json()['id']}"
        for story in stories:
            added = self.as_team.post(f"{path}/entries", json={"story_id": story.id})
            assert added.status_code == 201, added.text
        assert self.as_team.post(f"{path}/releases").status_code == 201
        return path

    def story(self, **given: Any) -> Any:
        return self.field.story(
            **({"state": State.CURATED, "pilots": [self.here], "title": "Canary title"} | given)
        )

    def withdraw(self, story: Any) -> None:
        with self.rooms.database.write() as session:
            withdrawals.withdraw(session, session.get_one(Story, story.id), actor="test")


@pytest.fixture
def pilots(rooms: Rooms) -> Pilots:
    return Pilots(rooms)


def kinds(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [each["kind"] for each in answer.json()["changes"]]


def test_feed_is_resumed_where_it_was_left(pilots: Pilots) -> None:
    story = pilots.story()
    path = pilots.release(story)
    first = pilots.as_team.get(CHANGES)
    assert kinds(first) == ["release"]
    assert first.json()["has_more"] is False
    assert pilots.as_team.get(CHANGES, params={"since": ""}).json() == first.json()
    assert pilots.as_team.get(f"{path}/releases/1").status_code == 200
    pilots.withdraw(story)
    then = pilots.as_team.get(CHANGES, params={"since": first.json()["next"]})
    assert kinds(then) == ["recall", "entry-closed"]
    recall, closed = then.json()["changes"]
    assert recall["recall"]["story_id"] == story.id
    assert (recall["recall"]["reason"], recall["recall"]["is_mine"]) == ("withdrawn", True)
    assert closed["entry"]["position"] == 1
    assert (closed["pilot"], closed["release"], closed["recall"]) == ("spring", 1, None)
    last = pilots.as_team.get(CHANGES, params={"since": then.json()["next"]})
    assert kinds(last) == []
    # A colleague is told as well, and that it is not theirs to acknowledge.
    told = pilots.as_colleague.get(CHANGES).json()["changes"]
    assert [each["recall"]["is_mine"] for each in told if each["recall"]] == [False]
    pilots.as_team.post(f"/api/v1/recalls/{recall['recall']['id']}/acknowledge")
    again = pilots.as_colleague.get(CHANGES, params={"since": then.json()["next"]})
    assert kinds(again) == ["recall-acknowledged"]


def test_feed_in_small_pieces_is_the_whole_feed(pilots: Pilots) -> None:
    stories = [pilots.story() for _ in range(3)]
    pilots.release(*stories)
    for story in stories:
        pilots.withdraw(story)
    whole = pilots.as_team.get(CHANGES).json()["changes"]
    read, since, has_more = [], None, True
    while has_more:
        answer = pilots.as_team.get(CHANGES, params={"limit": 1} | ({"since": since} if since else {})).json()
        read += answer["changes"]
        since, has_more = answer["next"], answer["has_more"]
    assert read == whole
    assert len(whole) == 4


def test_feed_answers_304_until_something_comes(pilots: Pilots) -> None:
    story = pilots.story()
    pilots.release(story)
    since = pilots.as_team.get(CHANGES).json()["next"]
    empty = pilots.as_team.get(CHANGES, params={"since": since})
    asked = {"if-none-match": empty.headers["etag"]}
    # What others do moves the journal on, and is no news.
    pilots.story(pilots=[pilots.elsewhere])
    nothing = pilots.as_team.get(CHANGES, params={"since": since}, headers=asked)
    assert (nothing.status_code, nothing.content) == (304, b"")
    pilots.withdraw(story)
    assert kinds(pilots.as_team.get(CHANGES, params={"since": since}, headers=asked)) == ["entry-closed"]


def test_feed_says_ids_and_dates_alone(pilots: Pilots) -> None:
    story = pilots.story(said=["Canary said"])
    path = pilots.release(story)
    pilots.as_team.get(f"{path}/releases/1")
    pilots.withdraw(story)
    text = pilots.as_team.get(CHANGES).text
    assert "anary" not in text
    assert "pilot-team" not in text, "no names of holders"


def test_feed_of_another_pilot_is_empty(pilots: Pilots) -> None:
    both = pilots.story(pilots=[pilots.here, pilots.elsewhere])
    path = pilots.release(both)
    pilots.as_team.get(f"{path}/releases/1")
    pilots.withdraw(both)
    assert kinds(pilots.as_stranger.get(CHANGES)) == []
    assert pilots.as_stranger.get("/api/v1/recalls/tracked").json() == {"recalls": [], "next": None}
    assert pilots.as_stranger.get("/api/v1/disclosures").json() == {"disclosures": [], "next": None}


def test_holder_who_left_the_pilot_is_still_told_of_what_they_hold(pilots: Pilots) -> None:
    story = pilots.story()
    path = pilots.release(story)
    pilots.as_team.get(f"{path}/releases/1")
    team = pilots.team.account_id or ""
    with pilots.rooms.database.write() as session:
        accounts.take_role(session, team, pilots.here, Role.PILOT_TEAM, actor="test")
        accounts.give_role(session, team, pilots.elsewhere, Role.PILOT_TEAM, actor="test")
    pilots.withdraw(story)
    assert kinds(pilots.as_team.get(CHANGES)) == ["recall"]


@pytest.mark.parametrize(
    "since", ["x", "W10", "WyJqb3VybmFsIiwtMV0", "WyJqb3VybmFsIiw5OTk5OTk5OV0", "é", "WzEsMiwzXQ"]
)
def test_cursor_that_is_none_of_ours_is_refused(pilots: Pilots, since: str) -> None:
    answer = pilots.as_team.get(CHANGES, params={"since": since})
    assert (answer.status_code, answer.json()["code"]) == (422, "cursor-unfit")


def test_feed_asks_for_role_and_scope(pilots: Pilots, rooms: Rooms) -> None:
    reporter = rooms.program(rooms.field.account(Role.REPORTER, pilots.here))
    narrow = rooms.program(pilots.team, Scope.STORIES_READ)
    assert rooms.program().get(CHANGES).status_code == 401
    assert reporter.get(CHANGES).status_code == 403
    assert narrow.get(CHANGES).json()["code"] == "scope-missing"
    for path in ("/api/v1/disclosures", "/api/v1/recalls/tracked"):
        assert pilots.as_team.get(path).status_code == 403, "for curators"


def test_curators_see_who_pulled_which_release_when(pilots: Pilots) -> None:
    path = pilots.release(pilots.story())
    for client in (pilots.as_team, pilots.as_colleague, pilots.as_team):
        client.get(f"{path}/releases/1")
    whole = pilots.as_curator.get("/api/v1/disclosures").json()
    assert [each["holder_id"] for each in whole["disclosures"]] == [
        pilots.team.account_id,
        pilots.colleague.account_id,
        pilots.team.account_id,
    ]
    assert {each["format"] for each in whole["disclosures"]} == {"manifest.json"}
    assert whole["next"] is None
    read, cursor = [], None
    while True:
        page = pilots.as_curator.get(
            "/api/v1/disclosures", params={"limit": 1} | ({"cursor": cursor} if cursor else {})
        ).json()
        read += page["disclosures"]
        cursor = page["next"]
        if cursor is None:
            break
    assert read == whole["disclosures"]
    bad = pilots.as_curator.get("/api/v1/disclosures", params={"cursor": "WzEsMl0"})
    assert (bad.status_code, bad.json()["code"]) == (422, "cursor-unfit")


def test_recalls_are_tracked_from_open_to_acknowledged(pilots: Pilots, rooms: Rooms) -> None:
    stories = [pilots.story() for _ in range(2)]
    path = pilots.release(*stories)
    pilots.as_team.get(f"{path}/releases/1")
    for story in stories:
        pilots.withdraw(story)
    tracked = "/api/v1/recalls/tracked"

    def states() -> set[tuple[str, int]]:
        return {
            (each["state"], each["reminders"]) for each in pilots.as_curator.get(tracked).json()["recalls"]
        }

    assert states() == {("open", 0)}
    with rooms.database.write() as session:
        assert recalls.remind(session, utc_now() + 2 * recalls.REMIND_EVERY) == 2
    assert states() == {("reminded", 1)}
    mine = pilots.as_team.get("/api/v1/recalls").json()
    pilots.as_team.post(f"/api/v1/recalls/{mine[0]['id']}/acknowledge")
    assert states() == {("reminded", 1), ("acknowledged", 1)}
    waiting = pilots.as_curator.get(tracked, params={"state": "waiting"}).json()["recalls"]
    assert [each["id"] for each in waiting] == [mine[1]["id"]]
    page = rooms.browser(pilots.curator).get("/collections/recalls")
    assert page.status_code == 200
    assert "reminded 1 time," in page.text
    assert "copies deleted" in page.text
    assert rooms.browser(pilots.team).get("/collections/recalls").status_code == 403
    assert "/collections/recalls" in rooms.browser(pilots.curator).get("/collections").text


def test_recall_says_whether_it_was_taken_back_or_sharing_ended(pilots: Pilots, rooms: Rooms) -> None:
    story = pilots.story()
    path = pilots.release(story)
    pilots.as_team.get(f"{path}/releases/1")
    with rooms.database.write() as session:
        kept = session.get_one(Story, story.id)
        consents.record(session, kept, kept.people[0].id, Terms(uses=frozenset({Use.CURATION})), actor="test")
    (recall,) = pilots.as_team.get("/api/v1/recalls").json()
    assert recall["reason"] == "sharing-ended"
    assert "may not be shared any more" in rooms.browser(pilots.team).get("/collections").text


def test_response_is_recorded_listed_and_shown(pilots: Pilots, rooms: Rooms) -> None:
    path = pilots.release(pilots.story())
    sent = {"words": "We <b>listened</b>.", "answered_on": DAY, "will_change": "Longer hours"}
    made = pilots.as_team.post(f"{path}/responses", json=sent)
    assert made.status_code == 201, made.text
    assert pilots.as_curator.get(f"{path}/responses").json() == [made.json()]
    assert made.json()["will_change"] == "Longer hours"
    page = path.removeprefix("/api/v1")
    browser = rooms.browser(pilots.team)
    form = {"words": "And then again.", "answered_on": DAY, "will_change": ""}
    assert browser.post(f"{page}/responses", data=form).status_code == 303
    shown = browser.get(page).text
    assert "We &lt;b&gt;listened&lt;/b&gt;." in shown
    assert "And then again." in shown
    assert browser.post(f"{page}/responses", data=form | {"answered_on": "soon"}).status_code == 422
    assert pilots.as_team.post(f"{path}/responses", json=sent | {"words": "  "}).status_code == 422
    assert pilots.as_stranger.get(f"{path}/responses").status_code == 404
    assert pilots.as_stranger.post(f"{path}/responses", json=sent).status_code == 404
