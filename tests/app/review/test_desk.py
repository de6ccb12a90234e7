"""At the desk: saved as one types, versions, who has it in hand, comments, and how far the pipeline has come."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import update

from app.review import progress
from models.base import utc_now
from models.reviewing import LOCK_LASTS, Assignment
from models.roles import Principal, Role
from models.stories import Story
from models.transcripts import Transcript
from models.work import WishKind
from storage import journal, wishes, withdrawals
from storage.working_versions import SITTING
from tests.app.conftest import Rooms, forms_of


@pytest.fixture
def other(rooms: Rooms) -> Principal:
    """Another curator of the same pilot."""
    return rooms.field.account(Role.CURATOR, rooms.field.pilot())


def at(story: Story, rest: str = "") -> str:
    return f"/review/{story.id}/recordings/{story.recordings[0].id}{rest}"


def type_in(desk: TestClient, story: Story, text: str, over: str = "1", position: int = 0) -> httpx2.Response:
    segments = [{"position": position, "text": text, "speaker": None}]
    sent = {"based_on": over, "segments": segments}
    return desk.put(at(story, "/draft"), json=sent, headers={"accept": "application/json"})


def versions(rooms: Rooms, story: Story) -> list[tuple[int, str]]:
    with rooms.database.read() as session:
        rows = session.query(Transcript).filter_by(story_id=story.id).order_by(Transcript.version)
        return [(row.version, row.segments[0].text) for row in rows]


def as_long_ago(rooms: Rooms, kind: Any, column: str, passed: timedelta) -> None:
    with rooms.database.write() as session:
        session.execute(update(kind).values({column: utc_now() - passed}))


# ---- saved as one types ------------------------------------------------------------------------------------------


def test_what_is_typed_in_one_sitting_is_one_version(rooms: Rooms, desk: TestClient, story: Story) -> None:
    first = type_in(desk, story, "I lost my good job.").json()
    assert (first["version"], first["based_on"]) == (2, "2")
    second = type_in(desk, story, "I lost my very good job.", over=first["based_on"]).json()
    assert (second["version"], second["based_on"]) == (2, "2.1")
    assert versions(rooms, story) == [(1, "I lost my job."), (2, "I lost my very good job.")]
    with rooms.database.read() as session:
        acts = [entry.act for entry in journal.of_story(session, story.id)]
        newest = session.query(Transcript).filter_by(story_id=story.id, version=2).one()
        assert [row.text for row in newest.segments][1:] == ["My <neighbours> listened."]
    assert acts.count("correct-transcript") == 1, "the journal is not flooded"


def test_what_is_typed_later_is_another_version(rooms: Rooms, desk: TestClient, story: Story) -> None:
    type_in(desk, story, "First sitting.")
    as_long_ago(rooms, Transcript, "written_at", SITTING)
    assert type_in(desk, story, "Second sitting.", over="2").json()["version"] == 3


def test_what_was_approved_is_never_gone_on_with(rooms: Rooms, desk: TestClient, story: Story) -> None:
    type_in(desk, story, "Read against the recording.")
    desk.post(at(story, "/transcript"), data={"based_on_version": "2", "approve": "yes"})
    assert type_in(desk, story, "Gone on with.", over="2").json()["version"] == 3
    assert versions(rooms, story)[1] == (2, "Read against the recording.")


def test_themes_and_search_follow_what_is_typed(desk: TestClient, program: TestClient, story: Story) -> None:
    answer = type_in(desk, story, "I walked to the bakery.").json()
    assert answer["themes"]["work"] == "obsolete"
    assert program.get("/api/v1/search", params={"q": "bakery"}).json()["total"] == 1
    page = desk.get(f"/review/{story.id}").text
    assert "No longer suggested, since their words were edited away: Work and unemployment." in page


def test_what_is_typed_over_other_words_is_refused_and_both_are_kept(
    rooms: Rooms, desk: TestClient, story: Story
) -> None:
    form = forms_of(desk.get(f"/review/{story.id}").text, at(story, "/transcript"))[0]
    second_window = type_in(desk, story, "Typed in another window.")
    assert second_window.status_code == 200
    late = type_in(desk, story, "Mine.")
    assert (late.status_code, late.json()["code"]) == (409, "changed-meanwhile")
    page = desk.post(form.action, data=form.filled(**{"segment-0-text": "Mine."}) | {"save": "yes"})
    assert page.status_code == 409
    assert "<del>Typed in another window.</del><ins>Mine.</ins>" in page.text
    (again,) = forms_of(page.text, form.action)
    assert desk.post(form.action, data=again.fields).status_code == 303
    assert versions(rooms, story)[1:] == [(2, "Typed in another window."), (3, "Mine.")]


@pytest.mark.parametrize(
    "sent",
    [
        {"based_on": "1", "segments": [{"position": 2, "text": "a"}]},
        {"based_on": "1", "segments": [{"position": -1, "text": "a"}]},
        {"based_on": "1", "segments": [{"position": 0, "text": "a" * 10_001}]},
        {"based_on": "newest", "segments": []},
        {"segments": []},
    ],
)
def test_draft_that_fits_no_transcript_is_refused(
    rooms: Rooms, desk: TestClient, story: Story, sent: dict[str, Any]
) -> None:
    assert desk.put(at(story, "/draft"), json=sent).status_code == 422
    assert len(versions(rooms, story)) == 1


# ---- versions ----------------------------------------------------------------------------------------------------


def test_versions_are_listed_with_what_changed_between_them_and_restored_as_a_new_one(
    rooms: Rooms, desk: TestClient, story: Story
) -> None:
    type_in(desk, story, "I left my job.")
    page = desk.get(at(story, "/versions")).text
    assert "I <del>lost </del><ins>left </ins>my job." in page
    assert "the machine" in page
    (back,) = forms_of(page, at(story, "/versions/1/restore"))
    assert desk.post(back.action).headers["location"] == f"/review/{story.id}"
    assert versions(rooms, story) == [(1, "I lost my job."), (2, "I left my job."), (3, "I lost my job.")]
    assert "Nothing." in desk.get(at(story, "/versions"), params={"before": 1, "after": 3}).text
    with rooms.database.read() as session:
        kept = session.query(Transcript).filter_by(story_id=story.id, version=3).one().segments[0]
        assert [word["start"] for word in kept.words] == [0.0, 0.5, 1.0, 1.2], "with the words' times"


@pytest.mark.parametrize("path", ["/versions?after=7", "/versions?before=7"])
def test_version_that_never_was_is_not_found(desk: TestClient, story: Story, path: str) -> None:
    assert desk.get(at(story, path)).status_code == 404
    assert desk.post(at(story, "/versions/7/restore")).status_code == 404


# ---- in whose hands ----------------------------------------------------------------------------------------------


def test_while_somebody_is_at_a_story_nobody_else_writes_in_it(
    rooms: Rooms, desk: TestClient, story: Story, other: Principal
) -> None:
    theirs = rooms.browser(other)
    assert theirs.post(f"/review/{story.id}/take").status_code == 303
    page = desk.get(f"/review/{story.id}").text
    assert "is at this story.</strong>" in page
    assert "readonly" in page
    refused = type_in(desk, story, "Mine.")
    assert (refused.status_code, refused.json()["code"]) == (409, "story-in-hand")
    assert desk.post(f"/review/{story.id}/take").status_code == 409
    assert desk.post(f"/review/{story.id}/take", data={"over": "yes"}).status_code == 303
    assert type_in(desk, story, "Mine.").status_code == 200
    assert type_in(theirs, story, "Theirs.", over="2").status_code == 409


def test_lock_lapses_when_nobody_was_seen_for_half_an_hour(
    rooms: Rooms, desk: TestClient, story: Story, other: Principal
) -> None:
    rooms.browser(other).post(f"/review/{story.id}/take")
    as_long_ago(rooms, Assignment, "seen_at", LOCK_LASTS)
    page = desk.get(f"/review/{story.id}").text
    assert "has this story in hand, and is not at it now." in page
    assert type_in(desk, story, "Mine.").status_code == 200
    assert "You have this story in hand." in desk.get(f"/review/{story.id}").text


@pytest.mark.parametrize(
    ("work", "sent"),
    [
        ("stay", {}),
        ("comments", {"text": "Ask her."}),
        ("themes", {"theme": "work", "decision": "accepted"}),
        ("steps", {"verb": "return"}),
    ],
)
def test_whoever_works_at_a_story_stays_at_it(
    rooms: Rooms, desk: TestClient, story: Story, other: Principal, work: str, sent: dict[str, str]
) -> None:
    theirs = rooms.browser(other)
    theirs.post(f"/review/{story.id}/take")
    as_long_ago(rooms, Assignment, "seen_at", LOCK_LASTS)
    assert theirs.post(f"/review/{story.id}/{work}", data=sent).status_code in (204, 303)
    assert "is at this story.</strong>" in desk.get(f"/review/{story.id}").text
    assert type_in(desk, story, "Mine.").status_code == 409


def test_nobody_stays_at_a_story_that_they_do_not_have_in_hand(
    rooms: Rooms, desk: TestClient, story: Story, other: Principal
) -> None:
    theirs = rooms.browser(other)
    assert theirs.post(f"/review/{story.id}/stay").status_code == 204
    assert "Nobody has this story in hand." in desk.get(f"/review/{story.id}").text
    desk.post(f"/review/{story.id}/take")
    as_long_ago(rooms, Assignment, "seen_at", LOCK_LASTS)
    theirs.post(f"/review/{story.id}/stay")
    assert type_in(theirs, story, "Mine.").status_code == 200, "the lock of whoever was away was not renewed"


def test_story_that_is_put_back_is_nobodys(desk: TestClient, story: Story) -> None:
    desk.post(f"/review/{story.id}/take")
    desk.post(f"/review/{story.id}/put-back")
    assert "Nobody has this story in hand." in desk.get(f"/review/{story.id}").text


# ---- among curators ----------------------------------------------------------------------------------------------


def test_comments_are_read_by_curators_and_taken_back_by_whoever_wrote_them(
    rooms: Rooms, desk: TestClient, story: Story, other: Principal
) -> None:
    assert (
        desk.post(f"/review/{story.id}/comments", data={"text": "Who is <she>?\r\nAsk."}).status_code == 303
    )
    theirs = rooms.browser(other)
    assert "Who is &lt;she&gt;?\nAsk." in theirs.get(f"/review/{story.id}").text
    found = re.search(r'action="([^"]+/take-back)"', desk.get(f"/review/{story.id}").text)
    assert found is not None
    assert theirs.post(found[1]).status_code == 404
    assert desk.post(found[1]).status_code == 303
    assert "Ask." not in desk.get(f"/review/{story.id}").text
    for unfit in ("  ", "a" * 4001):
        assert desk.post(f"/review/{story.id}/comments", data={"text": unfit}).status_code == 422


# ---- how far the pipeline has come -------------------------------------------------------------------------------


def test_progress_is_sent_and_ends_when_nothing_is_being_worked_on(desk: TestClient, story: Story) -> None:
    answer = desk.get(f"/review/{story.id}/progress")
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = [line for line in answer.text.splitlines() if line.startswith("event:")]
    assert events == ["event: recordings", "event: rest"]


def test_gate_is_asked_again_while_progress_is_sent(
    rooms: Rooms, desk: TestClient, story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    with rooms.database.write() as session:
        wishes.make(session, WishKind.PROCESS, story.id, recording_id=story.recordings[0].id)
    monkeypatch.setattr(progress, "LOOK_EVERY_SECONDS", 0.05)
    looks = 0
    look = progress._look

    def withdrawn_at_the_third_look(*asked: Any) -> Any:
        nonlocal looks
        looks += 1
        if looks == 3:
            with rooms.database.write() as session:
                taken = session.get_one(Story, story.id)
                withdrawals.withdraw(session, taken, actor=taken.submitted_by)
        return look(*asked)

    monkeypatch.setattr(progress, "_look", withdrawn_at_the_third_look)
    assert "event: rest\ndata: true" in desk.get(f"/review/{story.id}/progress").text
    assert looks == 3


def test_progress_is_watched_by_nobody_who_may_not_review(rooms: Rooms, story: Story) -> None:
    stranger = rooms.field.account(Role.CURATOR, rooms.field.pilot("autumn"))
    assert rooms.browser(stranger).get(f"/review/{story.id}/progress").status_code == 404
    assert rooms.visitor().get(f"/review/{story.id}/progress").status_code == 401
