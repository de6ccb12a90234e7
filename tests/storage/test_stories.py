"""A story as it is sent."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from models.curation import State
from models.errors import Invalid
from models.stories import DETECT, Part, Story, TellerContact
from storage import journal, stories
from storage.database import Database
from storage.stories import PersonDetails, StoryDetails
from tests.plugins.stories import Field


def test_a_new_story_is_submitted_and_open_to_nobody_but_its_sender(database: Database, field: Field) -> None:
    pilot, sender = field.pilot(), field.account().account_id or ""
    people = [PersonDetails("me", contact="by the well"), PersonDetails("my neighbour", Part.HEARD)]
    details = StoryDetails("A bench", "pl", [pilot], people=people, told_where="the square")
    with database.write() as session:
        made = stories.create(session, details, submitted_by=sender)
    with database.read() as session:
        story = session.get_one(Story, made.id)
        assert story.state is State.SUBMITTED
        assert story.pilot_ids == [pilot]
        assert [(person.label, person.part) for person in story.people] == [
            ("me", Part.TELLER),
            ("my neighbour", Part.HEARD),
        ]
        assert [entry.act for entry in journal.of_story(session, story.id)] == ["submit"]
        (contact,) = session.scalars(select(TellerContact))
        assert (contact.person_id, contact.contact) == (story.people[0].id, "by the well")


@pytest.mark.parametrize("which", ["none", "unknown", "one-unknown"])
def test_a_story_belongs_to_pilots_that_exist(database: Database, field: Field, which: str) -> None:
    pilots = {"none": [], "unknown": ["0" * 32], "one-unknown": [field.pilot(), "0" * 32]}[which]
    sender = field.account().account_id or ""
    with pytest.raises(Invalid, match="pilot-unknown"), database.write() as session:
        stories.create(session, StoryDetails("A bench", "en", pilots), submitted_by=sender)


@pytest.mark.parametrize("parts", [[], [Part.HEARD], [Part.TELLER, Part.TELLER]])
def test_a_story_has_one_teller(database: Database, field: Field, parts: list[Part]) -> None:
    people = [PersonDetails("somebody", part) for part in parts]
    details = StoryDetails("A bench", "en", [field.pilot()], people=people)
    sender = field.account().account_id or ""
    with pytest.raises(Invalid, match="one-teller"), database.write() as session:
        stories.create(session, details, submitted_by=sender)


def test_a_pilot_named_twice_is_named_once(database: Database, field: Field) -> None:
    pilot, sender = field.pilot(), field.account().account_id or ""
    with database.write() as session:
        details = StoryDetails("A bench", "en", [pilot, pilot])
        assert stories.create(session, details, submitted_by=sender).pilot_ids == [pilot]


def test_the_language_is_the_one_given_or_the_one_heard() -> None:
    assert Story(language="pl").spoken_language == "pl"
    assert Story(language=DETECT).spoken_language is None
    assert Story(language=DETECT, detected_language="hu").spoken_language == "hu"
