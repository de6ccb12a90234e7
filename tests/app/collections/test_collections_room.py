"""Choosing stories: by hand, by query, in an order, with notes; and who may not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx2
import pytest
from sqlalchemy import select

from models.collections import Collection
from models.consent import Use
from models.curation import State
from models.roles import Role, Scope
from models.stories import Story
from pipeline.index import reindex
from storage import accounts

if TYPE_CHECKING:
    from tests.app.collections.conftest import Room

UNKNOWN = "0" * 32


def test_collection_by_hand_keeps_its_order_and_notes(room: Room) -> None:
    one, two, three = (room.story(title) for title in ("One", "Two", "Three"))
    path = f"/api/v1/collections/{room.collect(one, two, three)}"

    def seen() -> list[tuple[str, str]]:
        return [(each["title"], each["note"]) for each in room.as_team.get(path).json()["entries"]]

    assert seen() == [("One", "hear it"), ("Two", "hear it"), ("Three", "hear it")]
    order = {"story_ids": [three.id, one.id, two.id]}
    assert room.as_team.put(f"{path}/entries", json=order).status_code == 200
    noted = room.as_curator.put(f"{path}/entries/{one.id}/note", json={"note": " zażółć \n<b> "})
    assert noted.status_code == 200
    assert seen() == [("Three", "hear it"), ("One", "zażółć \n<b>"), ("Two", "hear it")]
    assert room.as_team.delete(f"{path}/entries/{one.id}").status_code == 200
    assert seen() == [("Three", "hear it"), ("Two", "hear it")]


def test_what_changed_meanwhile_or_is_not_there_is_said(room: Room) -> None:
    one, two = room.story("One"), room.story("Two")
    path = f"/api/v1/collections/{room.collect(one, two)}"

    def code(answer: httpx2.Response, status: int) -> str:
        assert answer.status_code == status, answer.text
        return str(answer.json()["code"])

    team = room.as_team
    assert code(team.post(f"{path}/entries", json={"story_id": one.id}), 409) == "story-in-collection"
    assert code(team.post(f"{path}/entries", json={"story_id": UNKNOWN}), 404) == "not-found"
    assert code(team.put(f"{path}/entries", json={"story_ids": [one.id]}), 409) == "changed-meanwhile"
    twice = {"story_ids": [one.id, one.id]}
    assert code(team.put(f"{path}/entries", json=twice), 409) == "changed-meanwhile"
    assert code(team.delete(f"{path}/entries/{UNKNOWN}"), 404) == "story-not-in-collection"
    assert code(team.post(f"{path}/query"), 409) == "collection-has-no-query"
    assert code(team.get(f"{path}/releases/7"), 404) == "release-not-found"


@pytest.mark.parametrize("state", [State.SUBMITTED, State.IN_REVIEW, State.WITHDRAWN])
def test_story_that_is_not_curated_is_not_collected(room: Room, state: State) -> None:
    story = room.field.story(state=state)
    path = f"/api/v1/collections/{room.collect()}/entries"
    assert room.as_team.post(path, json={"story_id": story.id}).status_code in (404, 410)


def test_story_that_may_not_be_shared_any_more_is_not_collected(room: Room) -> None:
    story = room.story()
    room.consent(story, uses=frozenset({Use.CURATION}))
    path = f"/api/v1/collections/{room.collect()}/entries"
    assert room.as_team.post(path, json={"story_id": story.id}).status_code == 404
    # A curator may read it, and so is told that it cannot be collected.
    assert room.as_curator.post(path, json={"story_id": story.id}).status_code == 403


def test_story_of_another_pilot_is_not_collected_even_by_its_curator(room: Room) -> None:
    theirs = room.story("Theirs", pilots=[room.other_pilot])
    both = room.field.account(Role.CURATOR, room.other_pilot)
    with room.database.write() as session:
        accounts.give_role(session, both.account_id or "", room.pilot, Role.PILOT_TEAM, actor="test")
    client = room.served.client(both)
    path = f"/api/v1/collections/{room.collect()}/entries"
    assert client.post(path, json={"story_id": theirs.id}).status_code == 404


def test_query_fills_a_collection_and_adds_what_came_since(room: Room) -> None:
    first = room.story("First", language="pl")
    room.story("English", language="en")
    path = f"/api/v1/collections/{room.collect(query={'theme': 'belonging', 'language': 'pl'})}"
    assert [each["title"] for each in room.as_team.get(path).json()["entries"]] == ["First"]
    room.story("Second", language="pl")
    room.story("Nobody agreed", language="pl", consented_to={Use.CURATION}, state=State.SUBMITTED)
    ran = room.as_team.post(f"{path}/query").json()
    assert ran["added"] == 1
    assert [each["title"] for each in ran["collection"]["entries"]] == ["First", "Second"]
    assert ran["collection"]["query"] == {
        "q": "",
        "theme": "belonging",
        "language": "pl",
        "purpose": None,
        "pilot": None,
        "from_date": None,
        "to_date": None,
    }
    assert room.as_team.post(f"{path}/query").json()["added"] == 0
    # A story that fits no more keeps its place, without a title: for curators, who can take it out.
    room.consent(first, uses=frozenset({Use.CURATION}))
    assert [each["title"] for each in room.as_team.get(path).json()["entries"]] == ["Second"]
    entries = room.as_curator.get(path).json()["entries"]
    assert [(each["title"], each["is_open"]) for each in entries] == [(None, False), ("Second", True)]


def test_query_with_words_finds_what_the_library_finds(room: Room) -> None:
    room.story("A quiet kettle", language="en")
    both = room.story("Kettles in the garden", language="en")
    room.story("The garden", language="en")
    closed = room.story("A kettle in a closed garden", language="en")
    with room.database.write() as session:
        for story in session.scalars(select(Story)):
            reindex(session, story)
    room.consent(closed, uses=frozenset({Use.CURATION}))
    for words in ("garden kettle", 'kettle* "the garden"'):
        found = room.as_team.get("/api/v1/search", params={"q": words}).json()["hits"]
        assert [each["title"] for each in found] == [both.title]
        path = f"/api/v1/collections/{room.collect(query={'q': f' {words} '})}"
        collection = room.as_team.get(path).json()
        assert [each["story_id"] for each in collection["entries"]] == [both.id]
        assert collection["query"]["q"] == words
    new = room.story("Another kettle, another garden", language="en")
    with room.database.write() as session:
        reindex(session, session.get_one(Story, new.id))
    ran = room.as_team.post(f"{path}/query").json()
    assert ran["added"] == 0, "“the garden” stands side by side"
    made = room.as_team.post(f"{path}/releases").json()
    assert made["entries"] == 1
    wordless = room.collect(query={"q": "…"})
    assert room.as_team.get(f"/api/v1/collections/{wordless}").json()["entries"] == []


@pytest.mark.parametrize("by", ["program", "page"])
def test_words_of_a_query_are_looked_up_anew_whenever_it_is_run(room: Room, by: str) -> None:
    collection = room.collect(query={"q": "kettles", "language": "en"})
    room.story("A quiet kettle", language="en")
    room.story("A loud kettle", language="en", state=State.IN_REVIEW)
    with room.database.write() as session:
        for story in session.scalars(select(Story)):
            reindex(session, story)
    # As a dictionary kept them that did not know the word.
    terms = [{"words": ["kettles"], "lemmas": [], "is_prefix": False}]
    stale = {"q": "kettles", "language": "en", "terms": terms}
    with room.database.write() as session:
        session.get_one(Collection, collection).query = stale
    path = f"/collections/{collection}"
    ask = room.as_team.post if by == "program" else room.served.browser(room.team).post
    api = "/api/v1" if by == "program" else ""
    assert ask(f"{api}{path}/query").status_code in (200, 303)
    (entry,) = room.as_team.get(f"/api/v1{path}").json()["entries"]
    assert entry["title"] == "A quiet kettle"
    with room.database.write() as session:
        session.get_one(Collection, collection).query = stale
    assert ask(f"{api}{path}/releases").status_code in (201, 303)
    (released,) = room.as_curator.get(f"/api/v1{path}/releases").json()
    assert released["left_out"] == {"not-curated": 1}


def test_releases_are_numbered_and_say_to_curators_what_they_leave_out(room: Room) -> None:
    kept, left = room.story("Kept"), room.story("Left")
    collection = f"/api/v1/collections/{room.collect(kept, left)}"
    room.consent(left, uses=frozenset({Use.CURATION}))
    for number in (1, 2):
        made = room.as_team.post(f"{collection}/releases").json()
        assert (made["number"], made["entries"], made["left_out"]) == (number, 1, None)
    listed = room.as_curator.get(f"{collection}/releases").json()
    assert [(each["number"], each["left_out"]) for each in listed] == [
        (2, {"no-consent-to-sharing": 1}),
        (1, {"no-consent-to-sharing": 1}),
    ]
    assert [each["left_out"] for each in room.as_team.get(f"{collection}/releases").json()] == [None, None]
    entries = room.as_curator.get(collection).json()["entries"]
    assert [each["closed_because"] for each in entries] == [None, "no-consent-to-sharing"]
    assert {each["closed_because"] for each in room.as_team.get(collection).json()["entries"]} == {None}
    assert [line["releases"] for line in room.as_team.get("/api/v1/collections").json()] == [2]


def in_all_answers(room: Room, collection: str) -> list[str]:
    """Everything that the pilot's team is told of a collection before it is released."""
    browser = room.served.browser(room.team)
    return [
        room.as_team.get("/api/v1/collections").text,
        room.as_team.get(f"/api/v1/collections/{collection}").text,
        browser.get("/collections").text,
        browser.get(f"/collections/{collection}").text,
    ]


@pytest.mark.parametrize("place", [0, 1, 2])
def test_collection_is_the_same_for_its_team_with_and_without_what_they_may_not_see(
    room: Room, place: int
) -> None:
    hidden = room.story("Amal")
    seen = [room.story("First"), room.story("Second")]
    collection = room.collect(*seen[:place], hidden, *seen[place:])
    path = f"/api/v1/collections/{collection}"
    note = {"note": "Amal on what she lost"}
    assert room.as_team.put(f"{path}/entries/{hidden.id}/note", json=note).status_code == 200
    room.consent(hidden, uses=frozenset({Use.CURATION}))
    with_it = in_all_answers(room, collection)
    # Its curators are told, with the note: they care for the story.
    entries = room.as_curator.get(path).json()["entries"]
    assert (entries[place]["story_id"], entries[place]["note"]) == (hidden.id, note["note"])
    assert room.as_curator.get("/api/v1/collections").json()[0]["entries"] == 3
    # The team orders what it sees; the other keeps its place.
    turned = room.as_team.put(f"{path}/entries", json={"story_ids": [seen[1].id, seen[0].id]})
    assert [each["title"] for each in turned.json()["entries"]] == ["Second", "First"]
    moved = room.served.browser(room.team).post(
        f"/collections/{collection}/entries/{seen[0].id}/move", data={"where": "up"}
    )
    assert moved.status_code in (200, 303)
    order = [each["story_id"] for each in room.as_curator.get(path).json()["entries"]]
    assert order == [*[seen[0].id, seen[1].id][:place], hidden.id, *[seen[0].id, seen[1].id][place:]]
    # Who curates the pilot and not this story any more is told that there is one, and not what was written of it.
    room.consent(hidden, uses=frozenset())
    assert room.as_curator.get(path).json()["entries"][place]["note"] == ""
    assert room.as_curator.delete(f"{path}/entries/{hidden.id}").status_code == 200
    assert in_all_answers(room, collection) == with_it


def test_nothing_to_release_is_said(room: Room) -> None:
    answer = room.as_team.post(f"/api/v1/collections/{room.collect()}/releases")
    assert (answer.status_code, answer.json()["code"]) == (409, "nothing-to-release")


def every_request(release: str, story_id: str) -> list[tuple[str, str, dict[str, object] | None]]:
    """Every route of the room on one collection: method, path, body."""
    one = release.rpartition("/releases/")[0]
    return [
        ("GET", one, None),
        ("POST", f"{one}/entries", {"story_id": story_id}),
        ("PUT", f"{one}/entries", {"story_ids": [story_id]}),
        ("PUT", f"{one}/entries/{story_id}/note", {"note": "x"}),
        ("DELETE", f"{one}/entries/{story_id}", None),
        ("POST", f"{one}/query", None),
        ("GET", f"{one}/releases", None),
        ("POST", f"{one}/releases", None),
        ("GET", release, None),
        ("GET", f"{release}/download.zip", None),
        ("GET", f"{release}/stories/{story_id}/captions.vtt", None),
        ("GET", f"{release}/left-out", None),
    ]


def test_another_pilot_is_told_that_there_is_nothing(room: Room, subtests: pytest.Subtests) -> None:
    story = room.story()
    release = room.release(story)
    other_curator = room.served.client(room.field.account(Role.CURATOR, room.other_pilot))
    for method, path, body in every_request(release, story.id):
        with subtests.test(request=f"{method} {path}"):
            for client in (room.as_stranger, other_curator):
                answer = client.request(method, path, json=body)
                assert answer.status_code in (403, 404), answer.text
                assert answer.status_code == 404 or path.endswith("/left-out")
                assert story.title not in answer.text
    assert room.as_stranger.get("/api/v1/collections").json() == []
    assert [each["id"] for each in room.as_team.get("/api/v1/collections").json()] == [release.split("/")[4]]
    theirs = room.as_stranger.post("/api/v1/collections", json={"pilot": "spring", "title": "x"})
    assert theirs.status_code == 403


def test_nobody_and_reporters_are_refused_everywhere(
    room: Room, as_nobody: httpx2.Client, subtests: pytest.Subtests
) -> None:
    story = room.story()
    release = room.release(story)
    reporter = room.served.client(room.field.account(Role.REPORTER, room.pilot))
    administrator = room.served.client(room.field.account(is_administrator=True))
    for method, path, body in every_request(release, story.id):
        with subtests.test(request=f"{method} {path}"):
            assert as_nobody.request(method, path, json=body).status_code == 401
            assert reporter.request(method, path, json=body).status_code == 403
            assert administrator.request(method, path, json=body).status_code == 403
    assert room.as_team.get(release).status_code == 200


def test_key_needs_the_scope_for_what_it_does(room: Room) -> None:
    collection = f"/api/v1/collections/{room.collect(room.story())}"
    reads = httpx2.Client(base_url=room.served.address)
    with reads:
        key = room.served.key(room.team, (Scope.COLLECTIONS_READ,))
        reads.headers["authorization"] = f"Bearer {key}"
        assert reads.get(collection).status_code == 200
        answer = reads.post(f"{collection}/releases")
        assert (answer.status_code, answer.json()["code"]) == (403, "scope-missing")
        reads.headers["authorization"] = f"Bearer {room.served.key(room.team, (Scope.STORIES_READ,))}"
        assert reads.get(collection).json()["code"] == "scope-missing"


@pytest.mark.parametrize(
    "wanted",
    [
        {"title": "x"},
        {"pilot": "spring", "title": "  "},
        {"pilot": "spring", "title": "x" * 301},
        {"pilot": "spring'--", "title": "x"},
        {"pilot": "spring", "title": "x", "query": {"theme": "a' OR 1=1"}},
        {"pilot": "spring", "title": "x", "query": {"from_date": "yesterday"}},
        {"pilot": "spring", "title": "x", "query": {"q": "x" * 501}},
        {"pilot": "spring", "title": "x", "query": {"unknown": 1}},
    ],
)
def test_what_cannot_be_understood_is_refused_in_words(room: Room, wanted: dict[str, object]) -> None:
    answer = room.as_team.post("/api/v1/collections", json=wanted)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert room.as_team.get("/api/v1/collections").json() == []


# The same without JavaScript


def test_people_make_order_release_and_pull_by_forms(room: Room) -> None:
    one, two = room.story("One <script>"), room.story("Two & more")
    browser = room.served.browser(room.team)
    made = browser.post("/collections", data={"pilot": "spring", "title": "For <the> council"})
    assert made.status_code == 303, made.text
    page = made.headers["location"]
    for story in (one, two):
        added = browser.post(f"{page}/entries", data={"story_id": story.id, "note": "<i>listen</i>"})
        assert added.status_code == 303, added.text
    assert browser.post(f"{page}/releases").status_code == 303
    shown = browser.get(page)
    assert shown.status_code == 200
    assert "One &lt;script&gt;" in shown.text
    assert "&lt;i&gt;listen&lt;/i&gt;" in shown.text
    assert "<script>" not in shown.text.replace("<script src", "")
    pulled = browser.get(f"{page}/releases/1/download.zip")
    assert (pulled.status_code, pulled.content[:2]) == (200, b"PK")
    assert room.served.browser(room.stranger).get(page).status_code == 404


def test_page_shows_no_title_of_what_is_closed(room: Room) -> None:
    story = room.story("A secret bench")
    path = f"/collections/{room.collect(story)}"
    assert "A secret bench" in room.served.browser(room.team).get(path).text
    room.consent(story, uses=frozenset({Use.CURATION}))
    assert "A secret bench" not in room.served.browser(room.team).get(path).text
