"""Curation as people and programs do it: the queue, the desk, corrections, themes, steps, and the journal."""

from __future__ import annotations

import json
import math
from typing import Any

import httpx2
import pytest
from fastapi.testclient import TestClient

from models.accounts import Account
from models.consent import Face, Use
from models.curation import State
from models.roles import Principal, Role
from models.stories import Part, Recording, Story
from storage import recordings
from tests.app.conftest import Form, Rooms, forms_of
from tests.app.review.conftest import SAID, WORDS
from tests.plugins.stories import EVERY_USE


def at(story: Story, rest: str = "") -> str:
    return f"/api/v1/stories/{story.id}{rest}"


def transcript_path(story: Story) -> str:
    return at(story, f"/recordings/{story.recordings[0].id}/transcript")


def read(program: TestClient, story: Story) -> dict[str, Any]:
    answer = program.get(transcript_path(story))
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def correct(program: TestClient, story: Story, *texts: str, based_on: int) -> httpx2.Response:
    """Replace the texts of the segments, by the API."""
    times = [(each.start_seconds, each.end_seconds) for each in SAID]
    segments = [
        {"start_seconds": start, "end_seconds": end, "text": text}
        for (start, end), text in zip(times, texts, strict=True)
    ]
    return program.put(transcript_path(story), json={"based_on_version": based_on, "segments": segments})


def desk_forms(desk: TestClient, story: Story, to: str) -> list[Form]:
    page = desk.get(f"/review/{story.id}")
    assert page.status_code == 200, page.text
    return forms_of(page.text, f"/review/{story.id}{to}")


def transcript_form(desk: TestClient, story: Story) -> Form:
    (form,) = desk_forms(desk, story, f"/recordings/{story.recordings[0].id}/transcript")
    return form


def themes_of(program: TestClient, story: Story) -> dict[str, str]:
    found = program.get(at(story, "/themes")).json()
    return {each["theme"]: each["state"] for each in found["themes"]}


def name_of(rooms: Rooms, person: Principal) -> str:
    with rooms.database.read() as session:
        return session.get_one(Account, person.account_id).name


def finds(program: TestClient, typed: str) -> int:
    total: int = program.get("/api/v1/search", params={"q": typed}).json()["total"]
    return total


# ---- who comes in -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", [None, Role.REPORTER, Role.FACILITATOR, Role.PILOT_TEAM])
def test_nobody_but_curators_opens_queue_and_desk(rooms: Rooms, story: Story, role: Role | None) -> None:
    browser = rooms.browser(rooms.field.account(role, rooms.field.pilot()))
    for path in ("/review", f"/review/{story.id}"):
        assert browser.get(path).status_code == 403
    assert rooms.visitor().get(f"/review/{story.id}").status_code == 401


def test_curator_of_another_pilot_finds_no_story_at_the_desk(rooms: Rooms, story: Story) -> None:
    stranger = rooms.field.account(Role.CURATOR, rooms.field.pilot("autumn"))
    assert rooms.browser(stranger).get(f"/review/{story.id}").status_code == 404
    program = rooms.program(stranger)
    assert correct(program, story, "a", "b", based_on=1).status_code == 404
    for path in ("/themes", "/steps", "/journal"):
        assert program.get(at(story, path)).status_code == 404


# ---- the desk ----------------------------------------------------------------------------------------------------


def test_desk_shows_all_that_a_curator_needs(desk: TestClient, story: Story) -> None:
    page = desk.get(f"/review/{story.id}").text
    for shown in (
        "Transcript, version 1</h3>",
        "Written by a machine: listen, correct, approve.",
        "My &lt;neighbours&gt; listened.",
        "1:05 – 1:08",
        "Work and unemployment",
        '<mark lang="en">lost my job</mark>',
        f"/stories/{story.id}/withdraw",
        f"/stories/{story.id}/people/{story.people[0].id}/consent",
        "<strong>publication</strong>: yes",
        "took the story up for review",
        "Nobody has this story in hand.",
    ):
        assert shown in page, shown
    assert page.count("<script") == 1, "of ours, and none in the page itself"


def test_transcript_in_a_language_that_is_hard_to_hear_says_so(rooms: Rooms, program: TestClient) -> None:
    story = rooms.field.story(language="pl", with_recording=True)
    assert read(program, story)["quality_note"]


# ---- correcting --------------------------------------------------------------------------------------------------


def test_correction_is_a_new_version_and_words_that_stayed_keep_their_times(
    program: TestClient, story: Story, curator: Principal
) -> None:
    before = read(program, story)
    assert (before["version"], before["is_machine_made"], before["engine"]) == (1, True, "faster-whisper")
    answer = correct(program, story, "I lost my good job.", "My <neighbours> listened.", based_on=1)
    assert answer.status_code == 200, answer.text
    after = read(program, story)
    assert after == answer.json()
    assert (after["version"], after["is_machine_made"], after["is_approved"]) == (2, False, False)
    words = {word["text"]: (word["start"], word["end"]) for word in after["segments"][0]["words"]}
    kept = {text: (start, end) for text, start, end in WORDS}
    assert {text: times for text, times in words.items() if text in kept} == kept
    start, end = words["good"]
    assert 1.2 <= start <= end <= 1.2, "between the words around it, which left it no time"


def test_correction_by_the_form_keeps_lines_speakers_and_is_found(
    program: TestClient, desk: TestClient, story: Story
) -> None:
    assert finds(program, "bakery") == 0
    form = transcript_form(desk, story)
    assert form.fields["segment-1-text"] == "My <neighbours> listened."
    sent = form.filled(**{"segment-0-text": "I lost the bakery.\r\nAll of it. ", "segment-0-speaker": "Ewa"})
    answer = desk.post(form.action, data=sent | {"save": "yes"})
    assert (answer.status_code, answer.headers["location"]) == (303, f"/review/{story.id}")
    after = read(program, story)
    assert (after["version"], after["is_approved"]) == (2, False)
    first = after["segments"][0]
    assert (first["text"], first["speaker"]) == ("I lost the bakery.\nAll of it.", "Ewa")
    assert finds(program, "bakery") == 1
    assert "Corrected, not approved yet." in desk.get(f"/review/{story.id}").text


def test_form_that_changes_nothing_makes_no_version(
    program: TestClient, desk: TestClient, story: Story
) -> None:
    form = transcript_form(desk, story)
    assert desk.post(form.action, data=form.fields | {"save": "yes"}).status_code == 303
    assert read(program, story)["version"] == 1


def test_correction_of_what_somebody_changed_meanwhile_is_refused(
    rooms: Rooms, program: TestClient, desk: TestClient, story: Story
) -> None:
    mine = transcript_form(desk, story)
    theirs = rooms.program(rooms.field.account(Role.CURATOR, rooms.field.pilot()))
    assert correct(theirs, story, "Theirs.", "", based_on=1).status_code == 200
    late = [
        correct(program, story, "Mine.", "", based_on=1),
        correct(program, story, "Mine.", "", based_on=7),
        program.post(f"{transcript_path(story)}/1/approve"),
        desk.post(mine.action, data=mine.filled(**{"segment-0-text": "Mine."}) | {"save": "yes"}),
        desk.post(mine.action, data=mine.fields | {"approve": "yes"}),
    ]
    assert [answer.status_code for answer in late] == [409] * 5
    assert all("Somebody changed this while you worked." in answer.text for answer in late[:3])
    assert all("Somebody else saved in between" in answer.text for answer in late[3:])
    assert late[0].json()["code"] == "changed-meanwhile"
    after = read(program, story)
    assert (after["version"], after["segments"][0]["text"], after["is_approved"]) == (2, "Theirs.", False)


@pytest.mark.parametrize(
    "segment",
    [
        {"start_seconds": 5, "end_seconds": 2, "text": "a"},
        {"start_seconds": -1, "end_seconds": 2, "text": "a"},
        {"start_seconds": 0, "end_seconds": 2, "text": "x" * 10_001},
        {"start_seconds": 0, "end_seconds": 2},
        {"start_seconds": 0, "end_seconds": math.inf, "text": "a"},
        {"start_seconds": math.nan, "end_seconds": math.nan, "text": "a"},
        {"start_seconds": 0, "end_seconds": 2, "text": "a", "speaker": "x" * 101},
    ],
)
def test_segment_that_cannot_be_is_refused(
    program: TestClient, story: Story, segment: dict[str, Any]
) -> None:
    # Python's JSON writes and reads what JSON has not: an infinite number.
    sent = json.dumps({"based_on_version": 1, "segments": [segment]})
    answer = program.put(transcript_path(story), content=sent, headers={"content-type": "application/json"})
    assert answer.status_code == 422
    assert read(program, story)["version"] == 1


def test_recording_of_another_story_is_not_in_this_one(
    rooms: Rooms, program: TestClient, desk: TestClient, story: Story
) -> None:
    other = rooms.field.story(with_recording=True)
    mixed = f"/recordings/{other.recordings[0].id}/transcript"
    sent = {"based_on_version": 1, "segments": []}
    assert program.get(at(story, mixed)).json()["code"] == "recording-not-found"
    assert program.put(at(story, mixed), json=sent).json()["code"] == "recording-not-found"
    assert program.post(at(story, f"{mixed}/1/approve")).json()["code"] == "recording-not-found"
    assert desk.post(f"/review/{story.id}{mixed}", data={"based_on_version": "1"}).status_code == 404


def test_recording_without_a_transcript_yet_says_so(rooms: Rooms, program: TestClient) -> None:
    story = rooms.field.story(state=State.IN_REVIEW)
    with rooms.database.write() as session:
        recording = rooms.field.recording(session, session.get_one(Story, story.id))
    answer = program.get(at(story, f"/recordings/{recording.id}/transcript"))
    assert (answer.status_code, answer.json()["code"]) == (404, "transcript-not-there")


# ---- approving ---------------------------------------------------------------------------------------------------


def test_transcript_is_approved_by_a_program(program: TestClient, story: Story) -> None:
    answer = program.post(f"{transcript_path(story)}/1/approve")
    assert answer.status_code == 200
    assert (answer.json()["is_approved"], answer.json()["version"]) == (True, 1)
    assert program.post(f"{transcript_path(story)}/2/approve").status_code == 409, "there is none"


def test_saved_and_approved_in_one_act(program: TestClient, desk: TestClient, story: Story) -> None:
    form = transcript_form(desk, story)
    assert {"save", "approve"} <= {name for name, _ in form.buttons}
    sent = form.filled(**{"segment-1-text": "My neighbours listened."}) | {"approve": "yes"}
    assert desk.post(form.action, data=sent).status_code == 303
    after = read(program, story)
    assert (after["version"], after["is_approved"], after["is_machine_made"]) == (2, True, False)
    assert '<p class="govuk-body">Approved.</p>' in desk.get(f"/review/{story.id}").text


def test_correction_after_approval_is_to_be_approved_again(program: TestClient, story: Story) -> None:
    program.post(f"{transcript_path(story)}/1/approve")
    correct(program, story, "I lost my job!", "", based_on=1)
    assert read(program, story)["is_approved"] is False


# ---- themes ------------------------------------------------------------------------------------------------------


def test_themes_come_with_the_words_behind_them_and_their_moment(program: TestClient, story: Story) -> None:
    found = program.get(at(story, "/themes")).json()
    assert found["is_not_yet_in_this_language"] is False
    work = next(each for each in found["themes"] if each["theme"] == "work")
    (evidence,) = work["evidence"]
    assert (work["state"], work["label"], evidence["text"]) == (
        "suggested",
        "Work and unemployment",
        "lost my job",
    )
    assert (evidence["start_seconds"], evidence["end_seconds"]) == (0.5, 2.0)
    said = SAID[evidence["segment"]].text[evidence["start_char"] : evidence["end_char"]]
    assert said == evidence["text"]


def test_theme_is_accepted_rejected_and_added_by_programs(
    program: TestClient, story: Story, rooms: Rooms
) -> None:
    assert program.put(at(story, "/themes/work/accepted")).status_code == 200
    assert program.put(at(story, "/themes/belonging/rejected")).status_code == 200
    assert program.put(at(story, "/themes/housing/accepted")).status_code == 200
    states = themes_of(program, story)
    assert (states["work"], states["belonging"], states["housing"]) == ("accepted", "rejected", "accepted")
    assert program.get(at(story)).json()["themes"] == ["housing", "work"]
    assert finds(program, "unemployment") == 1, "found by the theme's name"
    program.put(at(story, "/themes/work/rejected"))
    assert finds(program, "unemployment") == 0
    unknown = program.put(at(story, "/themes/nothing/accepted"))
    assert (unknown.status_code, unknown.json()["code"]) == (404, "theme-unknown")
    assert "no theme called nothing" in unknown.json()["detail"]


def test_theme_is_accepted_rejected_and_added_at_the_desk(
    program: TestClient, desk: TestClient, story: Story
) -> None:
    forms = desk_forms(desk, story, "/themes")
    suggested = {form.fields["theme"]: form for form in forms if "theme" not in form.choices}
    assert suggested.keys() == {"work", "belonging", "being-heard"}
    adding = next(form for form in forms if "theme" in form.choices)
    for sent in (
        suggested["work"].fields | {"decision": "accepted"},
        suggested["belonging"].fields | {"decision": "rejected"},
        adding.filled(theme="housing") | dict(adding.buttons),
    ):
        answer = desk.post(adding.action, data=sent)
        assert (answer.status_code, answer.headers["location"]) == (303, f"/review/{story.id}#themes")
    states = themes_of(program, story)
    assert (states["work"], states["belonging"], states["housing"]) == ("accepted", "rejected", "accepted")
    after = {form.fields["theme"]: dict(form.buttons) for form in desk_forms(desk, story, "/themes")[:-1]}
    assert after["work"] == {"decision": "rejected"}, "what is accepted can only be rejected"


@pytest.mark.parametrize("decision", ["suggested", "obsolete", "maybe"])
def test_curator_decides_and_suggests_nothing(desk: TestClient, story: Story, decision: str) -> None:
    answer = desk.post(f"/review/{story.id}/themes", data={"theme": "work", "decision": decision})
    assert answer.status_code == 422


def test_suggestion_is_obsolete_when_its_words_are_edited_away(program: TestClient, story: Story) -> None:
    program.put(at(story, "/themes/belonging/accepted"))
    correct(program, story, "I walked home.", "Somebody listened.", based_on=1)
    states = themes_of(program, story)
    assert states == {"work": "obsolete", "belonging": "accepted", "being-heard": "suggested"}
    found = program.get(at(story, "/themes")).json()["themes"]
    evidence = {each["theme"]: [piece["text"] for piece in each["evidence"]] for each in found}
    assert evidence["belonging"] == [], "a decision stands; words that are gone are not shown"
    assert evidence["being-heard"] == ["listened"]
    correct(program, story, "I lost my job.", "Somebody listened.", based_on=2)
    assert themes_of(program, story)["work"] == "suggested", "the words are back"


def test_rejected_theme_is_not_suggested_again(program: TestClient, story: Story) -> None:
    program.put(at(story, "/themes/work/rejected"))
    correct(program, story, "I lost my job again.", "Somebody listened.", based_on=1)
    assert themes_of(program, story)["work"] == "rejected"


def test_language_without_vocabulary_says_so_and_themes_are_added_by_hand(
    rooms: Rooms, program: TestClient, desk: TestClient
) -> None:
    story = rooms.field.story(language="cy", with_recording=True, said=["Collais fy swydd."])
    found = program.get(at(story, "/themes")).json()
    assert (found["is_not_yet_in_this_language"], found["themes"]) == (True, [])
    assert "Themes are not suggested yet in this language." in desk.get(f"/review/{story.id}").text
    assert program.put(at(story, "/themes/work/accepted")).status_code == 200
    assert correct_all(program, story, "Collais fy swydd ddoe.").status_code == 200
    assert themes_of(program, story) == {"work": "accepted"}


def correct_all(program: TestClient, story: Story, text: str) -> httpx2.Response:
    segments = [{"start_seconds": 0, "end_seconds": 3.5, "text": text}]
    return program.put(transcript_path(story), json={"based_on_version": 1, "segments": segments})


# ---- steps -------------------------------------------------------------------------------------------------------


def steps_of(program: TestClient, story: Story) -> dict[str, list[str]]:
    """Each possible verb with why it waits."""
    return {each["verb"]: each["says"] for each in program.get(at(story, "/steps")).json()}


def take(program: TestClient, story: Story, verb: str) -> httpx2.Response:
    return program.post(at(story, "/steps"), json={"verb": verb})


def test_story_walks_from_the_queue_to_everybody_and_back(rooms: Rooms, program: TestClient) -> None:
    story = rooms.field.story(consented_to=EVERY_USE, with_recording=True, approved=True)
    for verb, state in (
        ("take-up", "in-review"),
        ("return", "returned"),
        ("take-up", "in-review"),
        ("curate", "curated"),
        ("publish", "published"),
        ("unpublish", "curated"),
        ("reopen", "in-review"),
        ("decline", "declined"),
        ("reopen", "in-review"),
    ):
        assert steps_of(program, story)[verb] == [], verb
        assert take(program, story, verb).status_code == 200, verb
        assert program.get(at(story)).json()["state"] == state
        can_be_read = rooms.visitor().get(f"/stories/{story.id}").status_code == 200
        assert can_be_read is (state == "published")


def test_step_that_waits_says_for_what(rooms: Rooms, program: TestClient, desk: TestClient) -> None:
    story = rooms.field.story(state=State.IN_REVIEW, consented_to={Use.CURATION}, face=Face.MASKED)
    with rooms.database.write() as session:
        rooms.field.recording(session, session.get_one(Story, story.id), has_picture=True)
    why = [
        "the recording is not processed yet",
        "nobody has approved the transcript",
        "no theme is accepted",
        "there is no consent to sharing that the pilots' protocols admit",
        "consent asks for masking that has not been made: not possible yet",
    ]
    assert steps_of(program, story) == {"return": [], "decline": [], "curate": why}
    refused = take(program, story, "curate")
    assert (refused.status_code, refused.json()["code"]) == (409, "guards-unmet")
    assert refused.json()["missing"] == [
        "recording-processed", "transcript-approved", "theme-accepted", "consent-to-sharing", "masking-done",
    ]  # fmt: skip
    assert refused.json()["detail"] == f"'curate' is not possible yet: {', '.join(why)}."
    page = desk.get(f"/review/{story.id}").text
    assert "Not possible yet: " + "; ".join(why).replace("'", "&#39;") in page
    assert page.count("disabled") == 1
    assert desk.post(f"/review/{story.id}/steps", data={"verb": "curate"}).status_code == 409


def test_publication_waits_for_consent_to_it(rooms: Rooms, program: TestClient) -> None:
    story = rooms.field.story(state=State.CURATED)
    assert steps_of(program, story)["publish"] == [
        "there is no consent to publication that the pilots' protocols admit"
    ]
    assert take(program, story, "publish").status_code == 409


@pytest.mark.parametrize("verb", ["curate", "publish", "withdraw", "fly", ""])
def test_step_that_the_state_has_not_is_refused(rooms: Rooms, program: TestClient, verb: str) -> None:
    story = rooms.field.story()
    refused = take(program, story, verb)
    assert (refused.status_code, refused.json()["code"]) == (409, "no-such-step")
    assert refused.json()["detail"] == f"A story that is submitted cannot take the step '{verb}'."
    assert program.get(at(story)).json()["state"] == "submitted"


def test_steps_are_buttons_at_the_desk(rooms: Rooms, program: TestClient, desk: TestClient) -> None:
    story = rooms.field.story()
    forms = {form.fields["verb"]: form for form in desk_forms(desk, story, "/steps")}
    assert forms.keys() == {"take-up", "decline"}
    answer = desk.post(forms["take-up"].action, data=forms["take-up"].fields)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/review/{story.id}")
    assert program.get(at(story)).json()["state"] == "in-review"


def test_refused_recording_does_not_hold_a_story_up(rooms: Rooms, program: TestClient, story: Story) -> None:
    program.post(f"{transcript_path(story)}/1/approve")
    program.put(at(story, "/themes/work/accepted"))
    with rooms.database.write() as session:
        second = rooms.field.recording(session, session.get_one(Story, story.id))
    assert steps_of(program, story)["curate"][0] == "the recording is not processed yet"
    with rooms.database.write() as session:
        recordings.note_failure(session, session.get_one(Recording, second.id), "no-sound", {}, is_final=True)
    assert steps_of(program, story)["curate"] == []


# ---- the journal -------------------------------------------------------------------------------------------------


def test_journal_says_who_did_what_without_content(
    rooms: Rooms, program: TestClient, desk: TestClient, story: Story, curator: Principal
) -> None:
    correct(program, story, "Waldemar fetched water.", "", based_on=1)
    program.post(f"{transcript_path(story)}/2/approve")
    program.put(at(story, "/themes/work/accepted"))
    program.put(at(story, "/themes/being-heard/rejected"))
    take(program, story, "decline")
    entries = program.get(at(story, "/journal")).json()
    mine = [(each["act"], each["actor"] == curator.account_id) for each in entries][-5:]
    assert mine == [
        ("correct-transcript", True),
        ("approve-transcript", True),
        ("theme-accepted", True),
        ("theme-rejected", True),
        ("decline", True),
    ]
    assert [each["act"] for each in entries][:2] == ["submit", "consent-granted"]
    assert "Waldemar" not in str(entries)
    page = desk.get(f"/review/{story.id}").text
    assert f"{name_of(rooms, curator)} corrected a transcript" in page
    assert f"{name_of(rooms, curator)} accepted the theme “Work and unemployment”" in page


def test_journal_of_one_story_tells_nothing_of_another(
    rooms: Rooms, program: TestClient, story: Story
) -> None:
    other = rooms.field.story(others=[Part.HEARD])
    take(program, other, "take-up")
    assert "take-up" in {each["act"] for each in program.get(at(other, "/journal")).json()}
    people = {person.id for person in other.people}
    assert not people & {each["subject"] for each in program.get(at(story, "/journal")).json()}
