"""A review copy: sent by curators, looked at as it would leave, and answered for what was seen and nothing else."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient

from models.curation import State
from models.notices import NoticeKind
from models.roles import Principal
from models.stories import Part, Story, StoryPerson
from models.tellers import ReviewCopy
from storage import notices, review_copies, themes, transcripts
from storage.transcripts import SegmentText
from tests.app.conftest import Form, Rooms, forms_of
from tests.app.tellers.conftest import Doors
from tests.plugins.stories import CODEBOOK


def sent(rooms: Rooms, curator: Principal, **terms: object) -> Story:
    """A curated story, of which a copy was sent."""
    story = rooms.field.story(state=State.CURATED, **terms)  # type: ignore[arg-type]
    answer = rooms.browser(curator).post(f"/stories/{story.id}/review-copy")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/review/{story.id}#copy"), answer.text
    return story


def answer_form(browser: TestClient) -> Form:
    (form,) = forms_of(browser.get("/teller/copy").text, "/teller/copy")
    return form


def newest(rooms: Rooms, story: Story) -> ReviewCopy:
    with rooms.database.read() as session:
        copy = review_copies.newest(session, story.id)
    assert copy is not None
    return copy


def test_copy_shows_exactly_what_would_leave(rooms: Rooms, doors: Doors, curator: Principal) -> None:
    story = rooms.field.story(state=State.CURATED, others=(Part.HEARD,), title="The <bench>")
    with rooms.database.write() as session:
        kept = session.get_one(Story, story.id)
        kept.content_warning, kept.told_where = "Speaks of hunger", "Kowalewo"
        for person, name in zip(kept.people, ("Waldemar", None), strict=True):
            session.get_one(StoryPerson, person.id).shown_name = name
        newest = transcripts.latest(session, kept.recordings[0].id)
        assert newest is not None
        # A correction that nobody has approved does not leave.
        transcripts.correct(
            session,
            kept,
            kept.recordings[0],
            [SegmentText(0, 3, "Not yet.")],
            actor=story.submitted_by,
            based_on_version=1,
        )
        review_copies.send(session, kept, actor="test")
    browser = doors.opened(story)
    assert "A copy of your story is ready" in browser.get("/teller").text
    page = browser.get("/teller/copy").text
    for held in ("The &lt;bench&gt;", "Speaks of hunger", "Nobody was there.", "Who tells it: Waldemar"):
        assert held in page
    assert "Who is heard: without a name" in page
    assert f"/teller/recordings/{story.recordings[0].id}/renditions/audio" in page
    for stays in ("Not yet.", "Kowalewo", "captions.vtt"):
        assert stays not in page


@pytest.mark.parametrize(
    ("answer", "message", "state"),
    [
        ("approved", "", State.CURATED),
        ("change-asked", "Leave out my street.", State.IN_REVIEW),
        ("stopped", "", State.IN_REVIEW),
    ],
)
def test_answer_reaches_the_desk_and_takes_the_story_where_it_says(
    rooms: Rooms, doors: Doors, curator: Principal, answer: str, message: str, state: State
) -> None:
    story = sent(rooms, curator)
    browser = doors.opened(story)
    form = answer_form(browser).filled(answer=answer, message=message)
    assert browser.post("/teller/copy", data=form).status_code == 303
    assert "You have answered:" in browser.get("/teller/copy").text
    assert "ready for you to look at.</p>" not in browser.get("/teller").text
    desk = rooms.browser(curator).get(f"/review/{story.id}").text
    says = {"approved": "approves it", "change-asked": "asks for a change", "stopped": "stops it"}
    assert f"The teller {says[answer]}" in desk
    assert message in desk
    with rooms.database.read() as session:
        assert session.get_one(Story, story.id).state is state
        told = notices.of_account(session, curator.account_id or "")
        assert NoticeKind.REVIEW_COPY_ANSWERED in {each.kind for each in told}


def test_change_without_words_is_asked_for_again(rooms: Rooms, doors: Doors, curator: Principal) -> None:
    story = sent(rooms, curator)
    browser = doors.opened(story)
    answer = browser.post("/teller/copy", data=answer_form(browser).filled(answer="change-asked"))
    assert answer.status_code == 422
    assert "Say what should change" in answer.text
    assert newest(rooms, story).answer is None


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"message": "Leave out my street."}, "answer-approved"),
        ({"message": "Leave out my street.", "answer": "perhaps"}, "answer-approved"),
        ({"message": "m" * (review_copies.MAX_MESSAGE_CHARACTERS + 1), "answer": "change-asked"}, "message"),
        ({"message": "", "answer": "change-asked"}, "message"),
    ],
)
def test_answer_that_is_wrong_says_where_and_loses_nothing_that_was_written(
    rooms: Rooms, doors: Doors, curator: Principal, wrong: dict[str, str], field: str
) -> None:
    story = sent(rooms, curator)
    browser = doors.opened(story)
    answer = browser.post("/teller/copy", data=answer_form(browser).fields | wrong)
    assert answer.status_code == 422
    assert "<title>Error: " in answer.text
    assert f'<li><a href="#{field}">' in answer.text
    assert f'id="{field}-error"' in answer.text
    (again,) = forms_of(answer.text, "/teller/copy")
    assert again.fields["message"] == wrong["message"]
    assert again.fields.get("answer") == (wrong["answer"] if field == "message" else None)
    assert newest(rooms, story).answer is None
    assert browser.post("/teller/copy", data=again.filled(answer="stopped", message="")).status_code == 303


def test_who_wrote_while_the_story_changed_finds_their_words_again_and_chooses_anew(
    rooms: Rooms, doors: Doors, curator: Principal
) -> None:
    story = sent(rooms, curator)
    browser = doors.opened(story)
    seen = answer_form(browser).filled(answer="change-asked", message="Leave out <my> street.")
    with rooms.database.write() as session:
        kept = session.get_one(Story, story.id)
        themes.accept(session, kept, "money", actor=story.submitted_by, codebook=CODEBOOK)
    answer = browser.post("/teller/copy", data=seen)
    assert answer.status_code == 409
    assert "Your words have not been sent:" in answer.text
    assert "Leave out &lt;my&gt; street." in answer.text
    rooms.browser(curator).post(f"/stories/{story.id}/review-copy")
    answer = browser.post("/teller/copy", data=seen)
    assert (answer.status_code, '<a href="#copy">' in answer.text) == (409, True)
    (again,) = forms_of(answer.text, "/teller/copy")
    assert again.fields["message"] == seen["message"]
    assert "answer" not in again.fields
    assert again.fields["copy_id"] == newest(rooms, story).id


def test_answer_holds_for_what_was_seen_alone(rooms: Rooms, doors: Doors, curator: Principal) -> None:
    story = sent(rooms, curator)
    browser = doors.opened(story)
    seen = answer_form(browser).filled(answer="approved")
    with rooms.database.write() as session:
        kept = session.get_one(Story, story.id)
        themes.accept(session, kept, "money", actor=story.submitted_by, codebook=CODEBOOK)
    answer = browser.post("/teller/copy", data=seen)
    assert answer.status_code == 409
    assert "The story has changed since you looked." in answer.text
    page = browser.get("/teller/copy").text
    assert "You will get a new copy" in page
    assert not forms_of(page, "/teller/copy")
    desk = rooms.browser(curator)
    assert "The story has changed since: send it again." in desk.get(f"/review/{story.id}").text
    desk.post(f"/stories/{story.id}/review-copy")
    assert browser.post("/teller/copy", data=seen).status_code == 409, "an old page approves no newer copy"
    assert newest(rooms, story).answer is None
    browser.post("/teller/copy", data=answer_form(browser).filled(answer="approved"))
    assert newest(rooms, story).answer == "approved"


def test_copy_is_for_the_teller_and_is_there_when_it_was_sent(
    rooms: Rooms, doors: Doors, curator: Principal
) -> None:
    story = sent(rooms, curator, others=(Part.HEARD,))
    heard = doors.opened(story, 1)
    assert heard.get("/teller/copy").status_code == 404
    form = {"copy_id": newest(rooms, story).id, "answer": "stopped"}
    assert heard.post("/teller/copy", data=form).status_code == 404
    assert newest(rooms, story).answer is None
    assert doors.opened(rooms.field.story()).get("/teller/copy").status_code == 404


def test_copy_of_nothing_is_not_sent(rooms: Rooms, curator: Principal) -> None:
    story = rooms.field.story()
    assert rooms.browser(curator).post(f"/stories/{story.id}/review-copy").status_code == 409


def test_program_sends_a_copy_and_reads_its_answers(rooms: Rooms, doors: Doors, curator: Principal) -> None:
    story, program = rooms.field.story(state=State.CURATED), rooms.program(curator)
    answer = program.post(f"/api/v1/stories/{story.id}/review-copies")
    assert answer.status_code == 201, answer.text
    assert (answer.json()["answer"], answer.json()["is_current"]) == (None, True)
    browser = doors.opened(story)
    browser.post("/teller/copy", data=answer_form(browser).filled(answer="stopped"))
    (copy,) = program.get(f"/api/v1/stories/{story.id}/review-copies").json()
    assert (copy["id"], copy["answer"], copy["person_id"]) == (
        answer.json()["id"],
        "stopped",
        story.people[0].id,
    )


def test_copies_are_the_curators_to_send(rooms: Rooms, sender: Principal, team: Principal) -> None:
    story = rooms.field.story(state=State.CURATED, by=sender)
    for person in (sender, team):
        assert rooms.browser(person).post(f"/stories/{story.id}/review-copy").status_code == 403
        assert rooms.program(person).post(f"/api/v1/stories/{story.id}/review-copies").status_code == 403
