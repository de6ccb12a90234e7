"""What others have of a story that left its curators: the words that were approved, whatever is tried out meanwhile."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from app.review import service
from app.review.schemas import SegmentIn
from models.curation import State
from models.pilots import Pilot
from models.roles import Principal, Role
from models.search import SearchEntry
from models.stories import Recording, Story
from models.tellers import CopyAnswer
from pipeline.index import reindex
from pipeline.tag import suggest_themes
from storage import changes, collections, consents, curation, releases, review_copies, themes, transcripts
from storage.changes import Kind
from storage.database import WriteSession
from tests.app.conftest import Rooms, forms_of
from tests.plugins.stories import CODEBOOK, EVERY_USE

# Both have words behind a theme.
APPROVED, CUT_OUT = "I lost my job.", "Gudrun was homeless."
SAID = [APPROVED, "Nobody was there."]


@pytest.fixture
def sender(rooms: Rooms) -> Principal:
    return rooms.field.account(Role.REPORTER, rooms.field.pilot())


@pytest.fixture
def published(rooms: Rooms, sender: Principal) -> Story:
    """Published with what a curator approved; an older version has a name that was cut out."""
    made = rooms.field.story(
        state=State.IN_REVIEW,
        consented_to=EVERY_USE,
        by=sender,
        said=[CUT_OUT, "Nobody was there."],
        with_recording=True,
        approved=False,
    )
    with rooms.database.write() as session:
        story = session.get_one(Story, made.id)
        recording = story.recordings[0]
        segments = [transcripts.SegmentText(4.0 * n, 4.0 * n + 3.5, text) for n, text in enumerate(SAID)]
        heard = transcripts.correct(
            session, story, recording, segments, actor=made.submitted_by, based_on_version=1
        )
        transcripts.approve(session, story, heard, actor=made.submitted_by)
        suggest_themes(session, story)
        for theme in ("work", "housing"):
            themes.accept(session, story, theme, actor=made.submitted_by, codebook=CODEBOOK)
        for verb in ("curate", "publish"):
            curation.change_state(session, story, verb, actor=made.submitted_by)
        reindex(session, story)
        session.refresh(story, ["people", "recordings", "pilots"])
        return story


def at(story: Story) -> str:
    return f"/api/v1/stories/{story.id}/recordings/{story.recordings[0].id}"


def type_it(desk: TestClient, story: Story) -> None:
    answer = desk.put(
        f"/review/{story.id}/recordings/{story.recordings[0].id}/draft",
        json={"based_on": "2", "segments": [{"position": 0, "text": CUT_OUT, "speaker": ""}]},
    )
    assert answer.status_code == 200, answer.text


def restore_it(desk: TestClient, story: Story) -> None:
    answer = desk.post(f"/review/{story.id}/recordings/{story.recordings[0].id}/versions/1/restore")
    assert answer.status_code == 303, answer.text


WAYS = pytest.mark.parametrize("write", [type_it, restore_it])


def everything_shown(reader: TestClient, program: TestClient, story: Story) -> str:
    """All that somebody gets of a story's words, by pages and as a program."""
    here = f"/stories/{story.id}"
    shown = [
        reader.get(f"/listen{here}").text,
        reader.get(f"/search{here}").text,
        reader.get(here).text,
        reader.get(f"{here}/recordings/{story.recordings[0].id}/captions.vtt").text,
        program.get(f"{at(story)}/captions.vtt").text,
        program.get(f"{at(story)}/transcript").text,
        program.get("/api/v1/search", params={"q": "nobody there"}).text,
        program.get("/api/v1/search", params={"q": "lost"}).text,
    ]
    return "\n".join(shown)


@WAYS
@pytest.mark.parametrize("role", [None, Role.PILOT_TEAM, Role.REPORTER])
def test_others_read_hear_and_find_what_was_approved_alone(
    rooms: Rooms,
    desk: TestClient,
    published: Story,
    write: Callable[[TestClient, Story], None],
    role: Role | None,
) -> None:
    person = rooms.field.account(role, rooms.field.pilot()) if role else None
    reader = rooms.browser(person) if person else rooms.visitor()
    program = rooms.program(person)
    before = everything_shown(reader, program, published)
    assert APPROVED in before
    write(desk, published)
    after = everything_shown(reader, program, published)
    assert "Gudrun" not in after
    assert "homeless" not in after, "nor as the words behind a theme"
    assert APPROVED in after
    assert program.get("/api/v1/search", params={"q": "Gudrun"}).json()["total"] == 0


@WAYS
def test_those_who_care_for_it_see_the_newest(
    rooms: Rooms,
    desk: TestClient,
    program: TestClient,
    sender: Principal,
    published: Story,
    write: Callable[[TestClient, Story], None],
) -> None:
    write(desk, published)
    assert CUT_OUT in desk.get(f"/review/{published.id}").text
    assert CUT_OUT in rooms.browser(sender).get(f"/stories/{published.id}").text
    for cares in (program, rooms.program(sender)):
        newest = cares.get(f"{at(published)}/transcript").json()
        assert (newest["version"], newest["segments"][0]["text"]) == (3, CUT_OUT)
    # What everybody sees is what those who care for it see there, too.
    assert CUT_OUT not in desk.get(f"/listen/stories/{published.id}").text
    assert CUT_OUT not in desk.get(f"/search/stories/{published.id}").text


def test_what_is_approved_next_is_read_and_found_by_others(
    rooms: Rooms, desk: TestClient, program: TestClient, published: Story
) -> None:
    type_it(desk, published)
    assert program.post(f"{at(published)}/transcript/3/approve").status_code == 200
    nobody, anybody = rooms.visitor(), rooms.program()
    assert CUT_OUT in nobody.get(f"/listen/stories/{published.id}").text
    assert CUT_OUT in anybody.get(f"{at(published)}/captions.vtt").text.replace("\n", " ")
    assert anybody.get("/api/v1/search", params={"q": "Gudrun"}).json()["total"] == 1
    assert state_of(rooms, published) is State.PUBLISHED, "nobody has to be asked in this pilot"


def test_story_that_is_with_its_curators_again_is_found_by_what_they_write(
    rooms: Rooms, desk: TestClient, program: TestClient, published: Story
) -> None:
    type_it(desk, published)
    for verb in ("unpublish", "reopen"):
        found = program.get("/api/v1/search", params={"q": "Gudrun"}).json()["total"]
        assert found == 0, verb
        assert program.post(f"/api/v1/stories/{published.id}/steps", json={"verb": verb}).status_code == 200
    assert program.get("/api/v1/search", params={"q": "Gudrun"}).json()["total"] == 1


def state_of(rooms: Rooms, story: Story) -> State:
    with rooms.database.read() as session:
        return State(session.get_one(Story, story.id).state)


# ---- the teller's word -------------------------------------------------------------------------------------------


def approve(session: WriteSession, story: Story) -> None:
    """The teller approves what would leave now."""
    review_copies.send(session, story, actor="test")
    review_copies.answer(session, story, story.people[0].id, CopyAnswer.APPROVED, actor="test")


@pytest.fixture
def agreed(rooms: Rooms, published: Story) -> Story:
    """In a pilot that requires copies: its teller approved what was published, and it was released."""
    team = rooms.field.account(Role.PILOT_TEAM, rooms.field.pilot())
    with rooms.database.write() as session:
        story = session.get_one(Story, published.id)
        session.get_one(Pilot, rooms.field.pilot()).requires_review_copy = True
        approve(session, story)
        made = collections.create(session, team, rooms.field.pilot(), "Work", actor=team.account_id or "")
        collections.add(session, team, made, story.id, actor=team.account_id or "")
        releases.release(session, team, made, actor=team.account_id or "")
    return published


def closings(rooms: Rooms) -> int:
    with rooms.database.read() as session:
        found = changes.since(session, [rooms.field.pilot()], 0, limit=100)
        return [each.kind for each in found.changes].count(Kind.CLOSED)


def approve_by_program(desk: TestClient, program: TestClient, story: Story) -> int:
    type_it(desk, story)
    return program.post(f"{at(story)}/transcript/3/approve").status_code


def approve_at_the_desk(desk: TestClient, program: TestClient, story: Story) -> int:
    sent = {"based_on_version": "2", "segment-0-text": CUT_OUT, "approve": "yes"}
    path = f"/review/{story.id}/recordings/{story.recordings[0].id}/transcript"
    return desk.post(path, data=sent).status_code


def decide_on_a_theme(desk: TestClient, program: TestClient, story: Story) -> int:
    return program.put(f"/api/v1/stories/{story.id}/themes/housing/rejected").status_code


@pytest.mark.parametrize("change", [approve_by_program, approve_at_the_desk, decide_on_a_theme])
def test_what_the_teller_has_not_seen_does_not_go_beyond_the_curators(
    rooms: Rooms,
    desk: TestClient,
    program: TestClient,
    agreed: Story,
    change: Callable[[TestClient, TestClient, Story], int],
) -> None:
    assert rooms.visitor().get(f"/listen/stories/{agreed.id}").status_code == 200
    assert closings(rooms) == 0
    assert change(desk, program, agreed) in (200, 303)
    assert state_of(rooms, agreed) is State.IN_REVIEW
    assert rooms.visitor().get(f"/listen/stories/{agreed.id}").status_code == 404
    assert closings(rooms) == 1, "who follows the changes hears of it"
    steps = program.get(f"/api/v1/stories/{agreed.id}/steps").json()
    missing = {each["verb"]: each["missing"] for each in steps}
    assert "teller-agreed" in missing["curate"]
    with rooms.database.write() as session:
        approve(session, session.get_one(Story, agreed.id))
    for verb in ("curate", "publish"):
        assert program.post(f"/api/v1/stories/{agreed.id}/steps", json={"verb": verb}).status_code == 200
    assert rooms.visitor().get(f"/listen/stories/{agreed.id}").status_code == 200


def test_draft_alone_takes_nothing_back(rooms: Rooms, desk: TestClient, agreed: Story) -> None:
    type_it(desk, agreed)
    assert state_of(rooms, agreed) is State.PUBLISHED


# ---- heard again -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", [State.CURATED, State.PUBLISHED])
def test_recording_that_others_have_is_not_heard_anew(
    rooms: Rooms, program: TestClient, sender: Principal, state: State
) -> None:
    story = rooms.field.story(state=state, consented_to=EVERY_USE, by=sender)
    browser = rooms.browser(sender)
    path = f"/stories/{story.id}/recordings/{story.recordings[0].id}/retry"
    assert not forms_of(browser.get(f"/stories/{story.id}").text, path)
    by_page = browser.post(path, data={"language": "pl"})
    assert by_page.status_code == 409
    assert "Ask a curator to take it back to review first." in by_page.text
    refused = rooms.program(sender).post(f"/api/v1{path}", json={"language": "pl"})
    assert (refused.status_code, refused.json()["code"]) == (409, "story-not-heard-again")
    with rooms.database.read() as session:
        kept = session.get_one(Story, story.id)
        assert (kept.language, session.get_one(Recording, story.recordings[0].id).state) == ("en", "ready")
    for verb in ("unpublish", "reopen") if state is State.PUBLISHED else ("reopen",):
        assert program.post(f"/api/v1/stories/{story.id}/steps", json={"verb": verb}).status_code == 200
    assert rooms.program(sender).post(f"/api/v1{path}", json={"language": "pl"}).status_code == 202


def test_search_follows_what_is_approved_after_the_story_stepped_back_by_itself(
    rooms: Rooms, published: Story
) -> None:
    """A draft waits at the desk, and somebody's word takes the story back: what is approved then is what is found."""
    with rooms.database.write() as session:
        story = session.get_one(Story, published.id)
        recording, actor = story.recordings[0], published.submitted_by
        before = transcripts.latest(session, recording.id)
        assert before is not None
        said = SegmentIn(start_seconds=0, end_seconds=3.5, text="Something else.")
        service.correct(session, story, recording, [said], actor=actor, over=before.mark)
        assert found(session, story) >= {APPROVED}, "a draft is found by nobody"
        consents.take_back_to_review(session, story)
        newest = transcripts.latest(session, recording.id)
        assert newest is not None
        service.approve(session, story, newest, actor=actor)
        assert "Something else." in found(session, story)
        assert APPROVED not in found(session, story)
        service.take_step(session, story, "curate", actor=actor)
        assert APPROVED not in found(session, story)


def found(session: WriteSession, story: Story) -> set[str]:
    """What a story is found by."""
    session.flush()
    return set(session.scalars(select(SearchEntry.shown).where(SearchEntry.story_id == story.id)))
