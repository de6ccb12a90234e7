"""Collections as pages: what would be left out, what changed since the last release, recalls on top, downloads."""

from __future__ import annotations

import base64
import json
import zlib
from datetime import UTC, datetime
from html import unescape
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select, update

from app.collections.downloads import TEXTS, WHOLE
from app.exchange.manifest import TEXT_FORMATS
from app.notices.words import place_of
from models.consent import Use
from models.notices import NoticeKind
from models.roles import Role
from models.stories import Story
from pipeline.index import reindex
from storage import accounts, notices, recalls
from tests.app.conftest import forms_of

if TYPE_CHECKING:
    from tests.app.collections.conftest import Room


def test_titles_say_the_language_that_each_story_is_told_in(room: Room) -> None:
    story = room.story("Ławka przy studni")
    with room.served.parts.database.write() as session:
        session.execute(update(Story).where(Story.id == story.id).values(language="pl"))
    collection = room.collect(story)
    room.as_team.post(f"/api/v1/collections/{collection}/releases")
    team = room.served.browser(room.team)
    for page in (f"/collections/{collection}", f"/collections/{collection}/releases/1"):
        assert f'href="/search/stories/{story.id}" lang="pl">Ławka przy studni</a>' in team.get(page).text


def test_release_says_what_changed_since_the_one_before(room: Room) -> None:
    kept, noted, gone, left = (room.story(title) for title in ("Kept", "Noted", "Gone", "Left"))
    new = room.story("New & old")
    collection = room.collect(kept, noted, gone, left)
    path, page = f"/api/v1/collections/{collection}", f"/collections/{collection}"
    team = room.served.browser(room.team)
    room.as_team.post(f"{path}/releases")
    assert "Since release" not in team.get(f"{page}/releases/1").text
    room.as_team.post(f"{path}/entries", json={"story_id": new.id})
    room.as_team.delete(f"{path}/entries/{left.id}")
    room.as_team.put(f"{path}/entries/{noted.id}/note", json={"note": "another"})
    (digest,) = [
        each["digest"]
        for each in room.as_team.get(f"{path}/releases/1").json()["entries"]
        if each["entry"]["story_id"] == gone.id
    ]
    room.withdraw(gone)
    room.as_team.post(f"{path}/releases")
    shown = team.get(f"{page}/releases/2").text
    for line in ("1 added: New &amp; old", "1 taken out: Left", "1 changed: Noted", "1 taken back"):
        assert line in shown
    changed = shown[shown.index("Since release 1") : shown.index("Download")]
    assert f'<code class="cr-link">{digest}</code>' in changed
    assert "Gone" not in shown
    assert f"{page}/releases/2#changed" in team.get(page).text


def test_collection_says_what_a_release_made_now_would_leave_out(room: Room) -> None:
    open_now, closed = room.story("Open"), room.story("Closed")
    collection = room.collect(open_now, closed)
    room.consent(closed, uses=frozenset({Use.CURATION}))
    as_team, as_curator = (
        room.served.browser(each).get(f"/collections/{collection}").text for each in (room.team, room.curator)
    )
    assert "A release made now would have 1 of 2 stories." in as_curator
    assert "A release made now would have 1 of 1 story." in as_team, "of what they see"
    assert "Left out: 1, no consent to sharing with this pilot." in as_curator
    assert "no consent" not in as_team


def test_story_that_was_taken_out_is_put_back_where_it_stood_with_its_note(room: Room) -> None:
    stories = [room.story(title) for title in ("First", "Second", "Third")]
    collection, team = room.collect(*stories), room.served.browser(room.team)
    page, second = f"/collections/{collection}", stories[1].id
    team.post(
        f"{page}/entries/{second}/remove",
        data={f"was-note-{second}": "hear it", f"note-{second}": "Ask her again."},
    )
    shown = team.get(page).text
    assert '“<span lang="en">Second</span>” is no longer in this collection.' in shown
    assert f'formaction="{page}/entries" name="back" value="yes"' in shown
    (form,) = forms_of(shown, f"{page}/notes")
    taken = {"back-story_id": second, "back-note": "Ask her again.", "back-place": "1"}
    assert taken.items() <= form.fields.items()
    written = form.fields | {"back": "yes", f"note-{stories[0].id}": "Typed above."}
    assert team.post(f"{page}/entries", data=written).status_code == 303
    entries = room.as_team.get(f"/api/v1/collections/{collection}").json()["entries"]
    assert [each["story_id"] for each in entries] == [story.id for story in stories]
    assert [each["note"] for each in entries] == ["Typed above.", "Ask her again.", "hear it"]
    assert "is no longer in this collection." not in team.get(page).text


def test_story_that_may_not_be_shared_any_more_is_not_named_to_whoever_took_it_out(room: Room) -> None:
    story = room.story("Second")
    collection, team = room.collect(story), room.served.browser(room.team)
    team.post(f"/collections/{collection}/entries/{story.id}/remove")
    room.consent(story, uses=frozenset({Use.CURATION}))
    page = team.get(f"/collections/{collection}").text
    assert "Second" not in page
    assert "Taken out" not in page


def test_recall_stands_on_top_of_the_collection_and_of_its_releases(room: Room) -> None:
    story, other = room.story(), room.story("Another")
    release, elsewhere = room.release(story), room.release(other)
    room.as_team.get(release)
    room.withdraw(story)
    team = room.served.browser(room.team)
    for address in (release, release.rpartition("/releases")[0]):
        page = team.get(address.removeprefix("/api/v1")).text
        beneath_the_title = page.partition("</h1>")[2]
        assert "1 recall waits for you" in beneath_the_title.partition("<p ")[0], address
        assert story.id in page
    assert "recall waits" not in team.get(elsewhere.removeprefix("/api/v1")).text


def test_who_left_the_team_is_led_to_their_recall_and_says_that_copies_are_gone(room: Room) -> None:
    story = room.story("Amal")
    release = room.release(story)
    room.as_team.get(release)
    account_id, team = room.team.account_id or "", room.served.browser(room.team)
    with room.database.write() as session:
        accounts.take_role(session, account_id, room.pilot, Role.PILOT_TEAM, actor="test")
    room.withdraw(story)
    with room.database.read() as session:
        (notice,) = [
            each for each in notices.of_account(session, account_id) if each.kind == NoticeKind.RECALL
        ]
        place = place_of(notice)
    page = team.get(place)
    assert page.status_code == 200
    assert "1 recall waits for you" in page.text
    assert story.id in page.text
    for of_the_team in ("Amal", "Benches", "Make a collection", f'href="{release.removeprefix("/api/v1")}"'):
        assert of_the_team not in page.text
    with room.database.read() as session:
        (recall,) = recalls.waiting_for(session, account_id)
    assert team.post(f"/collections/recalls/{recall.id}/acknowledge").status_code in (200, 303)
    with room.database.read() as session:
        assert recalls.waiting_for(session, account_id) == []
    assert "recall waits" not in team.get(place).text
    assert team.get(f"/collections/{recall.release_id}").status_code == 403


def test_every_format_is_offered_with_what_it_is_for(room: Room) -> None:
    assert [name for name, _ in TEXTS] == list(TEXT_FORMATS)
    assert all(serves != name for name, serves in TEXTS)
    release = room.release(room.story())
    team = room.served.browser(room.team)
    at = release.removeprefix("/api/v1")
    page = team.get(at).text
    for name, _, serves in WHOLE:
        assert serves in page
        assert f'href="{at}/{name}" download' in page
        assert team.get(f"{at}/{name}").status_code == 200
    for name, serves in TEXTS:
        assert serves in page
        assert f"/{name}?recording=1" in page


def test_search_in_the_library_becomes_a_collection_with_all_that_was_asked(room: Room) -> None:
    story = room.story("A bench at the well", language="en")
    room.story("Another bench", language="pl")
    with room.database.write() as session:
        for each in session.scalars(select(Story)):
            reindex(session, each)
    team = room.served.browser(room.team)
    asked = {"q": "bench", "pilot": "spring", "language": "en", "theme": "belonging", "year": "2026"}
    with room.database.write() as session:
        sent = datetime(2026, 3, 1, tzinfo=UTC)
        session.execute(update(Story).values(created_at=sent))
    found = team.get("/search", params=asked).text
    address = unescape(found.split("Make a collection of these")[0].rpartition('href="')[2].split('"')[0])
    (form,) = forms_of(team.get(address).text, "/collections")
    expected = {"q": "bench", "how": "query", "pilot": "spring", "other_pilot": "spring", "language": "en"}
    expected |= {"theme": "belonging", "from_date": "2026-01-01", "to_date": "2026-12-31"}
    assert expected.items() <= form.fields.items()
    made = team.post("/collections", data=form.fields | {"title": "Benches"})
    shown = made.text if made.status_code == 200 else team.get(made.headers["location"]).text
    assert story.title in shown
    assert "Another bench</a>" not in shown
    assert "words: bench" in shown
    assert "Make a collection of these" not in team.get("/search").text, "nothing was asked for"
    assert "Make a collection of these" not in room.served.client().get("/search", params=asked).text


def test_collection_that_cannot_be_made_is_asked_again_with_what_was_typed(room: Room) -> None:
    team = room.served.browser(room.team)
    typed = {
        "pilot": "spring",
        "title": " ",
        "purpose": "For the <council>.",
        "how": "query",
        "q": "bench " * 100,
        "language": "pl",
        "from_date": "yesterday",
    }
    refused = team.post("/collections", data=typed, headers={"Accept": "text/html"})
    assert refused.status_code == 422
    assert "<title>Error: Collections" in refused.text
    for field in ("title", "q", "from_date"):
        assert f'<a href="#{field}">' in refused.text
        assert f'id="{field}-error"' in refused.text
    assert "For the &lt;council&gt;.</textarea>" in refused.text
    for kept in ('value="yesterday"', '<option value="pl" selected', 'value="query" checked'):
        assert kept in refused.text
    problem = team.post("/collections", data=typed, headers={"Accept": "application/json"})
    assert problem.status_code == 422
    assert problem.headers["content-type"] == "application/problem+json"


def notes_of(room: Room, collection: str) -> list[str]:
    entries = room.as_team.get(f"/api/v1/collections/{collection}").json()["entries"]
    return [each["note"] for each in entries]


@pytest.mark.parametrize("button", ["Down", "Up", "Take out", "Save note"])
def test_what_was_written_beside_stories_is_kept_whichever_button_is_pressed(room: Room, button: str) -> None:
    stories = [room.story(title) for title in ("First", "Second", "Third")]
    collection, team = room.collect(*stories), room.served.browser(room.team)
    page = f"/collections/{collection}"
    (form,) = forms_of(team.get(page).text, f"{page}/notes")
    written = form.fields | {f"note-{each.id}": f"Of {each.title}:\r\nask her." for each in stories[:2]}
    second = f"{page}/entries/{stories[1].id}"
    address, pressed = {
        "Down": (f"{second}/move", {"where": "down"}),
        "Up": (f"{second}/move", {"where": "up"}),
        "Take out": (f"{second}/remove", {}),
        "Save note": (f"{page}/notes", {"at": stories[1].id}),
    }[button]
    assert team.post(address, data=written | pressed).status_code == 303
    first, other = "Of First:\nask her.", "Of Second:\nask her."
    assert (
        notes_of(room, collection)
        == {
            "Down": [first, "hear it", other],
            "Up": [other, first, "hear it"],
            "Take out": [first, "hear it"],
            "Save note": [first, other, "hear it"],
        }[button]
    )


def test_note_that_a_colleague_wrote_meanwhile_is_kept_beside_ours(room: Room) -> None:
    story, untouched = room.story("First"), room.story("Second")
    collection, team = room.collect(story, untouched), room.served.browser(room.team)
    page = f"/collections/{collection}"
    (form,) = forms_of(team.get(page).text, f"{page}/notes")
    for each in (story, untouched):
        room.as_curator.put(f"/api/v1{page}/entries/{each.id}/note", json={"note": "Hers."})
    written = form.fields | {f"note-{story.id}": "Ours."}
    team.post(f"{page}/notes", data=written)
    assert notes_of(room, collection) == ["Hers.\n\nOurs.", "Hers."]
    (form,) = forms_of(team.get(page).text, f"{page}/notes")
    team.post(f"{page}/notes", data=form.fields | {f"note-{untouched.id}": "New."})
    assert notes_of(room, collection) == ["Hers.\n\nOurs.", "New."]


def test_note_on_a_story_that_was_taken_out_meanwhile_is_refused_aloud(room: Room) -> None:
    story = room.story("First")
    collection, team = room.collect(story), room.served.browser(room.team)
    page = f"/collections/{collection}"
    (form,) = forms_of(team.get(page).text, f"{page}/notes")
    room.as_curator.delete(f"/api/v1{page}/entries/{story.id}")
    assert team.post(f"{page}/notes", data=form.fields).status_code == 303, "nothing was written"
    written = form.fields | {f"note-{story.id}": "Ours."}
    other = room.story("Second")
    team.post(f"{page}/entries", data={"story_id": other.id})
    kept = written | {f"note-{other.id}": "Of the other one."}
    assert team.post(f"{page}/notes", data=kept).status_code == 409
    assert notes_of(room, collection) == ["Of the other one."], "is not lost with it"
    long = form.fields | {f"note-{story.id}": "x" * 5001}
    assert team.post(f"{page}/notes", data=long).status_code == 422
    assert team.post(f"{page}/entries/{story.id}/move", data={"where": "aside"}).status_code == 422


def test_who_looks_for_a_story_to_add_is_told_how_many_there_are(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.collections.choosing.MOST_CHOICES", 1)
    stories = [room.story(title) for title in ("Garden", "Harbour")]
    with room.database.write() as session:
        for each in stories:
            reindex(session, session.get_one(Story, each.id))
    collection, team = room.collect(room.story("Third")), room.served.browser(room.team)
    page = f"/collections/{collection}"
    assert "The newest 1 of 2 stories stand below." in team.get(page).text
    found = team.get(f"{page}?find=garden").text
    (form,) = forms_of(found, f"{page}/notes")
    assert (form.fields["story_id"], form.fields["find"]) == (stories[0].id, "garden")
    assert "of 2 stories" not in found
    assert "No story that can be added has these words." in team.get(f"{page}?find=nowhere").text
    answer = team.post(f"{page}/entries", data=form.fields)
    assert answer.headers["location"] == f"{page}?find=garden#add"
    # Also what is not among those that are shown can be put back.
    team.post(f"{page}/entries/{stories[0].id}/remove")
    assert "is no longer in this collection." in team.get(page).text


def test_release_has_the_notes_that_were_typed_before_it(room: Room) -> None:
    story = room.story("First")
    collection, team = room.collect(story), room.served.browser(room.team)
    page = f"/collections/{collection}"
    shown = team.get(page).text
    assert f'formaction="{page}/releases"' in shown
    (form,) = forms_of(shown, f"{page}/notes")
    assert team.post(f"{page}/releases", data=form.fields | {f"note-{story.id}": "Typed."}).status_code == 303
    assert "Typed." in room.as_team.get(f"/api/v1{page}/releases/1").text


SEARCH = {"then": "search", "find": "a bench"}


@pytest.mark.parametrize(
    ("address", "pressed", "leads_to"),
    [
        ("/notes", SEARCH, "?find=a+bench#add"),
        ("/notes", SEARCH | {"find": ""}, "#add"),
        ("/notes", {"then": "respond"}, "/responses/new"),
        ("/entries", {"note": "to add"}, "#stories"),
        ("/query", {}, "?added=0#stories"),
        ("/publication", {"is_public": "yes"}, "#public"),
    ],
)
def test_what_was_written_beside_stories_is_kept_by_the_other_buttons_of_the_page_too(
    room: Room, address: str, pressed: dict[str, str], leads_to: str
) -> None:
    room.story("Another")
    collection = room.collect(room.story("First"), query={"from_date": "2100-01-01"})
    room.as_team.post(f"/api/v1/collections/{collection}/releases")
    page, curator = f"/collections/{collection}", room.served.browser(room.curator)
    shown = curator.get(page).text
    (form,) = forms_of(shown, f"{page}/notes")
    (note,) = (name for name in form.fields if name.startswith("note-"))
    assert address == "/notes" or f'formaction="{page}{address}"' in shown
    written = form.fields | {note: "Typed above."} | pressed
    answer = curator.post(f"{page}{address}", data=written)
    assert (answer.status_code, answer.headers["location"]) == (303, page + leads_to)
    assert notes_of(room, collection)[0] == "Typed above."


def test_note_beside_a_story_is_kept_also_where_another_cannot_be_added(room: Room) -> None:
    story, team = room.story("First"), room.served.browser(room.team)
    page = f"/collections/{room.collect(story)}"
    written = {f"was-note-{story.id}": "hear it", f"note-{story.id}": "Typed above."}
    for chosen in ({"story_id": story.id}, {"story_id": "none"}, {"note": "x" * 5001}, {"back": "yes"}):
        refused = team.post(f"{page}/entries", data=written | chosen)
        assert refused.status_code == (409 if chosen == {"story_id": story.id} else 422)
    assert notes_of(room, page.rpartition("/")[2]) == ["Typed above."]
    assert team.post(f"{page}/publication", data={"is_public": "perhaps"}).status_code == 403
    assert room.served.browser(room.curator).post(f"{page}/publication").status_code == 422


def test_response_that_cannot_be_recorded_is_asked_again_with_what_was_typed(room: Room) -> None:
    page, team = f"/collections/{room.collect(room.story())}", room.served.browser(room.team)
    (form,) = forms_of(team.get(f"{page}/responses/new").text, f"{page}/responses")
    typed = form.fields | {"words": " ", "will_change": "A <bench>.", "answered_on": "soon"}
    refused = team.post(f"{page}/responses", data=typed, headers={"Accept": "text/html"})
    assert refused.status_code == 422
    for field in ("words", "answered_on"):
        assert f'<a href="#{field}">' in refused.text
        assert f'id="{field}-error"' in refused.text
    for kept in ("A &lt;bench&gt;.</textarea>", 'value="soon"'):
        assert kept in refused.text
    problem = team.post(f"{page}/responses", data=typed, headers={"Accept": "application/json"})
    assert problem.status_code == 422
    assert problem.headers["content-type"] == "application/problem+json"
    assert team.post(f"{page}/responses", data=form.fields | {"words": "We heard."}).status_code == 303
    assert "We heard." in team.get(page).text


def test_cookie_of_another_shape_names_no_story(room: Room) -> None:
    collection, team = room.collect(room.story("First")), room.served.browser(room.team)
    page = f"/collections/{collection}"
    said = base64.urlsafe_b64encode(zlib.compress(json.dumps([f"{page}/entries", "", {}]).encode())).decode()
    team.cookies.set("community_reporting_before", said)
    answer = team.get(page)
    assert answer.status_code == 200
    assert "Taken out" not in answer.text
