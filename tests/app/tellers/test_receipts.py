"""A receipt: the fields of ISO/IEC TS 27560:2023, as the schema in docs/reference/ has them, and a page to print."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from models.base import utc_now
from models.consent import Giver, Manner, Use
from models.curation import State
from models.roles import Principal
from models.stories import Part, Story, StoryPerson
from storage import consents, wordings
from storage.consents import Terms
from tests.app.conftest import Rooms
from tests.app.tellers.conftest import Doors
from tests.app.tellers.schema import faults
from tests.app.tellers.test_teller_pages import pulled
from tests.conftest import ROOT
from tests.plugins.stories import SHARED

SCHEMA: dict[str, Any] = json.loads((ROOT / "docs/reference/receipt.schema.json").read_text())


def told(rooms: Rooms, team: Principal) -> Story:
    """A story with a past: agreed in a form that had a wording, pulled, spoken for by a guardian, and narrowed."""
    with rooms.database.write() as session:
        read = wordings.add(session, "en", "What you agree to.", pilot_id=None, actor="test").id
    until = utc_now() + timedelta(days=30)
    story = rooms.field.story(state=State.CURATED, until=until, others=(Part.HEARD,), wording=read)
    pulled(rooms, story, team)
    with rooms.database.write() as session:
        kept = session.get_one(Story, story.id)
        session.get_one(StoryPerson, kept.people[0].id).guardian = "his daughter"
        session.flush()
        ours = frozenset(kept.pilot_ids)
        spoken = Terms(uses=SHARED, pilot_ids=ours, given_by=Giver.GUARDIAN, manner=Manner.SPOKEN)
        consents.record(session, kept, kept.people[0].id, spoken, actor="test")
        consents.record(session, kept, kept.people[0].id, Terms(wording_id=read), actor="test")
    return story


def test_receipt_fits_its_schema_and_tells_what_was_said(rooms: Rooms, doors: Doors, team: Principal) -> None:
    story = told(rooms, team)
    answer = doors.opened(story).get("/teller/receipt.json")
    assert answer.status_code == 200
    receipt = answer.json()
    assert faults(receipt, SCHEMA) == []
    about, processing = receipt["record_metadata"], receipt["pii_processing"]
    assert about["pii_principal_id"] == story.people[0].id
    assert (about["record_id"], about["receipt_id"]) == (
        receipt["events"][0]["event_id"],
        receipt["events"][-1]["event_id"],
    )
    said = {each["purpose"]: each["is_allowed"] for each in processing["purposes"]}
    assert said == {use.value: use is Use.CURATION for use in Use}
    assert processing["privacy_notice"] == {**processing["privacy_notice"], "version": 1, "language": "en"}
    assert processing["retention_period"]["backup_days"] == rooms.parts.settings.backup_days
    assert processing["pii_controllers"] == [rooms.field.pilot()]
    assert receipt["party_identification"][0]["party_name"] == "Spring"
    (recipient,) = processing["recipients"]
    assert recipient["received"][0]["recalled_at"], "sharing ended"
    assert [(each["entity"], each["manner"], each["event_state"]) for each in receipt["events"]] == [
        ("person", "form", "given"),
        ("guardian", "spoken", "given"),
        ("person", "form", "given"),
    ]
    assert receipt["events"][0]["validity_duration"].startswith("P29DT")
    assert (team.account_id or "") not in answer.text


@pytest.mark.parametrize(
    ("where", "wrong"),
    [
        ("record_metadata.record_id", "7"),
        ("pii_processing.purposes", []),
        ("pii_processing.face", "seen"),
        ("pii_processing.retention_period.backup_days", True),
        ("events", None),
        ("note", "more"),
    ],
)
def test_schema_refuses_what_is_none(rooms: Rooms, doors: Doors, where: str, wrong: object) -> None:
    receipt = doors.opened(rooms.field.story()).get("/teller/receipt.json").json()
    assert faults(receipt, SCHEMA) == []
    *path, last = where.split(".")
    part = receipt
    for name in path:
        part = part[name]
    part[last] = wrong
    assert len(faults(receipt, SCHEMA)) == 1


def test_receipt_is_of_one_person_alone(rooms: Rooms, doors: Doors) -> None:
    story = rooms.field.story(others=(Part.HEARD,))
    answer = doors.opened(story, 1).get("/teller/receipt.json")
    assert answer.json()["record_metadata"]["pii_principal_id"] == story.people[1].id
    assert story.people[0].id not in answer.text


def test_receipt_can_be_printed_in_the_persons_language(rooms: Rooms, doors: Doors, team: Principal) -> None:
    page = doors.opened(told(rooms, team)).get("/teller/receipt").text
    for line in ("Spring", "Allowed for the first time, in a form", "spoken, by the guardian"):
        assert line in page


def test_without_a_word_there_is_no_receipt(rooms: Rooms, doors: Doors) -> None:
    browser = doors.opened(rooms.field.story(consented_to=None))
    assert "/teller/receipt" not in browser.get("/teller").text
    assert browser.get("/teller/receipt").status_code == 404
    assert browser.get("/teller/receipt.json").status_code == 404


def test_those_who_care_for_the_story_hand_receipts_over(
    rooms: Rooms, curator: Principal, team: Principal
) -> None:
    story, other = told(rooms, team), rooms.field.story()
    path = f"/api/v1/stories/{story.id}/people/{story.people[0].id}/receipt"
    answer = rooms.program(curator).get(path)
    assert faults(answer.json(), SCHEMA) == []
    assert rooms.program(team).get(path).status_code == 404
    elsewhere = f"/api/v1/stories/{story.id}/people/{other.people[0].id}/receipt"
    assert rooms.program(curator).get(elsewhere).status_code == 404
