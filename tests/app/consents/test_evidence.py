"""Evidence of consent: a signed form, the moment at which it was spoken, the text that was read, a guardian's word."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from models.base import utc_now
from models.consent import ConsentEvent, EventKind, Giver, Use
from models.curation import State
from models.roles import Principal, Role
from models.stories import Story, StoryPerson
from storage import ledger, wordings
from storage.objects import Objects
from tests.app.conftest import Rooms, forms_of
from tests.plugins.stories import SHARED

PDF = b"%PDF-1.7\n" + b"signed, in ink " * 1000


@pytest.fixture
def rooms(rooms: Rooms, object_store: Objects) -> Rooms:
    """With the store for what is uploaded."""
    rooms.use(object_store)
    return rooms


@pytest.fixture
def sender(rooms: Rooms) -> Principal:
    return rooms.field.account(Role.REPORTER)


@pytest.fixture
def story(rooms: Rooms, sender: Principal) -> Story:
    return rooms.field.story(by=sender, consented_to=SHARED, with_recording=True)


def said(rooms: Rooms, story: Story) -> list[ConsentEvent]:
    with rooms.database.read() as session:
        return ledger.events_of(session, story.id)


def stored(rooms: Rooms, story: Story) -> list[str]:
    return list(rooms.parts.objects.list_prefix(f"{story.object_token}-e"))


def attach(client: TestClient, rooms: Rooms, story: Story, content: bytes) -> Any:
    event = said(rooms, story)[0]
    return client.post(
        f"/api/v1/stories/{story.id}/consents/{event.id}/form", files={"form": ("../../form.html", content)}
    )


def test_a_signed_form_is_kept_once_and_sent_back_as_a_file(
    rooms: Rooms, story: Story, sender: Principal
) -> None:
    program = rooms.program(sender)
    answer = attach(program, rooms, story, PDF)
    assert answer.status_code == 201, answer.text
    assert answer.json()["evidence_media_type"] == "application/pdf"
    event = said(rooms, story)[0]
    assert stored(rooms, story) == [event.evidence_object_key]
    where = f"/stories/{story.id}/consents/{event.id}/form"
    got = program.get(f"/api/v1{where}")
    assert got.content == PDF
    assert got.headers["content-type"] == "application/octet-stream"
    assert got.headers["content-disposition"] == 'attachment; filename="consent-1.pdf"'
    assert got.headers["x-content-type-options"] == "nosniff"
    again = attach(program, rooms, story, PDF)
    assert (again.status_code, again.json()["code"]) == (409, "evidence-there")
    assert stored(rooms, story) == [event.evidence_object_key]
    assert rooms.browser(sender).get(where).content == PDF


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"<html><script>alert(1)</script></html>", "evidence-unfit"),
        (b"", "evidence-unfit"),
        (b"%PDF-" + b"\0" * (20 * 1024**2), "too-large"),
    ],
)
def test_what_is_no_form_leaves_nothing(
    rooms: Rooms, story: Story, sender: Principal, content: bytes, code: str
) -> None:
    answer = attach(rooms.program(sender), rooms, story, content)
    assert answer.status_code in (413, 422)
    assert answer.json()["code"] == code
    assert stored(rooms, story) == []
    assert said(rooms, story)[0].evidence_object_key is None


def test_forms_are_for_those_who_care_for_the_story(rooms: Rooms, story: Story, sender: Principal) -> None:
    attach(rooms.program(sender), rooms, story, PDF)
    event = said(rooms, story)[0]
    where = f"/api/v1/stories/{story.id}/consents/{event.id}/form"
    curator, team = rooms.field.account(Role.CURATOR), rooms.field.account(Role.PILOT_TEAM)
    assert rooms.program(curator).get(where).status_code == 200
    assert rooms.program(team).get(where).status_code == 404
    other = rooms.field.story(by=sender)
    assert rooms.program(sender).get(where.replace(story.id, other.id)).status_code == 404


def test_spoken_consent_names_the_moment_in_a_recording_of_the_story(
    rooms: Rooms, story: Story, sender: Principal
) -> None:
    program, person = rooms.program(sender), story.people[0].id
    where = f"/api/v1/stories/{story.id}/people/{person}/consents"
    moment = {"recording_id": story.recordings[0].id, "start_seconds": 2.5, "end_seconds": 7}
    said = program.post(where, json={"uses": ["curation"], "manner": "spoken", "moment": moment})
    assert said.status_code == 201, said.text
    assert said.json()["evidence_start_seconds"] == 2.5
    for wrong, code in (
        ({"end_seconds": 1}, "moment-unfit"),
        ({"recording_id": "0" * 32}, "recording-not-found"),
    ):
        answer = program.post(where, json={"uses": ["curation"], "moment": moment | wrong})
        assert (answer.status_code, answer.json()["code"]) == (422, code)


def test_the_form_of_consent_carries_moment_end_and_wording(
    rooms: Rooms, story: Story, sender: Principal
) -> None:
    with rooms.database.write() as session:
        text = wordings.add(session, "en", "We keep it safe.", pilot_id=story.pilot_ids[0], actor="test")
    browser = rooms.browser(sender)
    where = f"/stories/{story.id}/people/{story.people[0].id}/consent"
    page = browser.get(where).text
    assert "We keep it safe." in page
    form = next(each for each in forms_of(page, "") if "appearance" in each.choices)
    day = (utc_now() + timedelta(days=100)).date()
    sent = form.filled(
        until=day.isoformat(),
        moment_recording=story.recordings[0].id,
        moment_start="0:40",
        moment_end="1:02",
        manner="spoken",
    )
    assert browser.post(where, data=sent).status_code == 303
    event = said(rooms, story)[-1]
    assert event.until is not None
    assert event.until.date() == day
    assert (event.evidence_start_seconds, event.evidence_end_seconds) == (40.0, 62.0)
    assert event.wording_id == text.id
    assert day.isoformat() in browser.get(where).text
    for wrong in ({"moment_start": "soon"}, {"until": "tomorrow"}, {"wording": "0" * 32}):
        assert browser.post(where, data=sent | wrong).status_code == 422


def test_a_newer_wording_asks_for_renewal_and_changes_nothing(
    rooms: Rooms, story: Story, sender: Principal
) -> None:
    browser = rooms.browser(sender)
    where = f"/stories/{story.id}/people/{story.people[0].id}/consent"
    before = said(rooms, story)
    for text in ("We keep it.", "We keep it safe."):
        with rooms.database.write() as session:
            wordings.add(session, "en", text, pilot_id=story.pilot_ids[0], actor="test")
        page = browser.get(where).text
        assert "It is not known that the text below was read at the last yes." in page
        (form,) = [each for each in forms_of(page, "") if "appearance" in each.choices]
        assert [event.wording_id for event in said(rooms, story)][: len(before)] == [
            event.wording_id for event in before
        ]
        renewed = browser.post(where, data=form.fields)
        assert renewed.status_code == 303, renewed.text
        assert "It is not known that the text below was read at the last yes." not in browser.get(where).text
    assert said(rooms, story)[-1].kind in (EventKind.RENEWED, EventKind.NARROWED, EventKind.WIDENED)


def test_for_somebody_with_a_guardian_both_are_asked_and_the_narrower_counts(
    rooms: Rooms, sender: Principal
) -> None:
    team = rooms.field.account(Role.PILOT_TEAM)
    story = rooms.field.story(by=sender, consented_to=None)
    with rooms.database.write() as session:
        session.get_one(StoryPerson, story.people[0].id).guardian = "her mother"
    program = rooms.program(sender)
    where = f"/api/v1/stories/{story.id}/people/{story.people[0].id}/consents"

    def say(giver: Giver, *uses: Use) -> None:
        terms = {
            "uses": list(uses),
            "given_by": giver,
            "share_with": ["spring"],
            "naming": "named",
            "face": "shown",
        }
        answer = program.post(where, json=terms)
        assert answer.status_code == 201, answer.text

    def open_uses() -> set[str]:
        shown = program.get(f"/api/v1/stories/{story.id}/consents").json()["allowed"]
        return {each["use"] for each in shown if each["is_allowed"]}

    say(Giver.PERSON, Use.CURATION, Use.SHARING)
    assert open_uses() == set()
    say(Giver.GUARDIAN, Use.CURATION)
    assert open_uses() == {"curation"}
    say(Giver.GUARDIAN, Use.CURATION, Use.SHARING, Use.PUBLICATION)
    assert open_uses() == {"curation", "sharing"}
    say(Giver.PERSON, Use.CURATION)
    assert open_uses() == {"curation"}
    assert team.pilots_as(Role.PILOT_TEAM)
    page = rooms.browser(sender).get(where.removeprefix("/api/v1").removesuffix("s")).text
    assert "her mother" in page


def test_a_guardians_word_is_not_taken_where_there_is_none(
    rooms: Rooms, story: Story, sender: Principal
) -> None:
    where = f"/api/v1/stories/{story.id}/people/{story.people[0].id}/consents"
    answer = rooms.program(sender).post(where, json={"uses": ["curation"], "given_by": "guardian"})
    assert (answer.status_code, answer.json()["code"]) == (422, "no-guardian")
    assert story.state is State.SUBMITTED
