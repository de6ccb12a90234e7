"""The verbs of stories: what is said of one when it is sent, and who is in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import select

from models.base import new_id
from models.errors import Invalid
from models.pilots import Pilot
from models.stories import (
    Part,
    Purpose,
    Story,
    StoryPerson,
    StoryPilot,
    TellerContact,
)
from storage import journal
from storage.database import WriteSession


@dataclass(frozen=True)
class PersonDetails:
    """Somebody who tells, is heard or is seen."""

    label: str
    part: Part = Part.TELLER
    shown_name: str | None = None
    contact: str | None = None
    guardian: str | None = None


@dataclass(frozen=True)
class StoryDetails:
    """What is said of a story when it is sent. ``language`` is a code or ``detect``."""

    title: str
    language: str
    pilot_ids: Sequence[str]
    purpose: Purpose = Purpose.INPUT
    people: Sequence[PersonDetails] = field(default_factory=lambda: [PersonDetails("teller")])
    told_when: str | None = None
    told_where: str | None = None
    recorded_by: str | None = None
    told_in_sign_language: bool = False
    content_warning: str | None = None


def create(
    session: WriteSession, details: StoryDetails, *, submitted_by: str, story_id: str | None = None
) -> Story:
    """A new story, submitted and without a recording yet.

    :param story_id: a new random id, where it was chosen before, so that sending twice makes one story
    :raises Invalid: no pilot, a pilot that does not exist, or nobody who tells it
    """
    pilots = list(session.scalars(select(Pilot).where(Pilot.id.in_(details.pilot_ids))))
    if not pilots or len(pilots) != len(set(details.pilot_ids)):
        raise Invalid("pilot-unknown")
    if sum(person.part is Part.TELLER for person in details.people) != 1:
        raise Invalid("one-teller")
    story = Story(
        id=story_id or new_id(),
        title=details.title,
        language=details.language,
        purpose=details.purpose,
        told_when=details.told_when,
        told_where=details.told_where,
        recorded_by=details.recorded_by,
        told_in_sign_language=details.told_in_sign_language,
        content_warning=details.content_warning,
        submitted_by=submitted_by,
    )
    story.pilots = [StoryPilot(pilot_id=pilot.id) for pilot in pilots]
    story.people = [
        StoryPerson(
            position=n,
            part=person.part,
            label=person.label,
            shown_name=person.shown_name,
            guardian=person.guardian,
        )
        for n, person in enumerate(details.people)
    ]
    session.add(story)
    session.flush()
    session.add_all(
        TellerContact(person_id=row.id, contact=person.contact)
        for row, person in zip(story.people, details.people, strict=True)
        if person.contact
    )
    journal.note(session, submitted_by, "submit", story_id=story.id)
    return story
