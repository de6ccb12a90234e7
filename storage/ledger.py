"""The ledger of consent, read: what people said, what stands by it, and what the gate lets through because of it.

Reading decides nothing: consent is changed in ``storage.consents``, which writes what the rule allows as rows.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.base import utc_now
from models.consent import (
    Allowance,
    ConsentEvent,
    Permission,
    Protocol,
    Standing,
    Use,
    allowed,
    narrowest,
    standing_of,
)
from models.curation import State
from models.errors import NotFound
from models.holds import Hold
from models.pilots import Pilot
from models.stories import Recording, RecordingState, Story, StoryPerson

# Of an event, in SQL: it leaves something standing.
ALLOWS_SOMETHING = func.json_array_length(ConsentEvent.uses) > 0


def events_of(session: Session, story_id: str, person_id: str | None = None) -> list[ConsentEvent]:
    """The ledger of a story, or of one person in it, oldest first."""
    query = select(ConsentEvent).where(ConsentEvent.story_id == story_id).order_by(ConsentEvent.sequence)
    if person_id is not None:
        query = query.where(ConsentEvent.person_id == person_id)
    return list(session.scalars(query))


def event_of(session: Session, story_id: str, event_id: str) -> ConsentEvent:
    """One event of a story's ledger.

    :raises NotFound: there is none such
    """
    event = session.get(ConsentEvent, event_id)
    if event is None or event.story_id != story_id:
        raise NotFound("consent-event-not-found")
    return event


def standings_of(session: Session, story_id: str) -> dict[str, Standing]:
    """What each person in a story allows, by person id; who said nothing allows nothing."""
    return standings_by_story(session, [story_id])[story_id]


def standings_by_story(session: Session, story_ids: Iterable[str]) -> dict[str, dict[str, Standing]]:
    """The same for several stories, by story id, in two queries."""
    ids = list(story_ids)
    said: dict[str, list[ConsentEvent]] = {}
    for event in session.scalars(select(ConsentEvent).where(ConsentEvent.story_id.in_(ids))):
        said.setdefault(event.person_id, []).append(event)
    found: dict[str, dict[str, Standing]] = {story_id: {} for story_id in ids}
    people = select(StoryPerson).where(StoryPerson.story_id.in_(ids)).order_by(StoryPerson.position)
    for person in session.scalars(people):
        has_guardian = person.guardian is not None
        standing = standing_of(said.get(person.id, []), has_guardian=has_guardian)
        found[person.story_id][person.id] = standing
    return found


def standing_of_story(session: Session, story_id: str) -> Standing:
    """What all the people of a story allow together."""
    return narrowest(list(standings_of(session, story_id).values()))


def protocols_of(session: Session, story: Story) -> dict[str, Protocol]:
    """The protocols of a story's pilots, by pilot id."""
    pilots = session.scalars(select(Pilot).where(Pilot.id.in_(story.pilot_ids)))
    return {pilot.id: pilot.protocol for pilot in pilots}


def is_held(session: Session, story_id: str) -> bool:
    """Whether an embargo or a safeguarding flag keeps the story with its curators."""
    standing = select(Hold.id).where(Hold.story_id == story_id, Hold.lifted_at.is_(None))
    return session.scalars(standing).first() is not None


def recompute(session: Session, story: Story) -> frozenset[Allowance]:
    """What the rule allows for a story, from its ledger and its pilots' protocols: rows are not looked at."""
    if story.state == State.WITHDRAWN:
        return frozenset()
    return allowed(
        list(standings_of(session, story.id).values()),
        protocols_of(session, story),
        has_picture=may_show_faces(session, story.id),
        is_masked=story.is_masked,
        is_held=is_held(session, story.id),
    )


def rows_of(session: Session, story_id: str) -> frozenset[Allowance]:
    """A story's permissions as the rows say them, to be compared with :func:`recompute`."""
    rows = session.scalars(select(Permission).where(Permission.story_id == story_id))
    return frozenset(Allowance(Use(row.use), row.pilot_id, row.until) for row in rows)


def permits(session: Session, story_id: str, use: Use) -> bool:
    """Whether a use is permitted now, to any pilot or to all, going by the rows that the gate reads."""
    rows = session.scalars(select(Permission).where(Permission.story_id == story_id, Permission.use == use))
    now = utc_now()
    return any(row.until is None or row.until > now for row in rows)


def ever_allowed(session: Session, story: Story) -> frozenset[Allowance]:
    """All that the rule allowed after one event of the ledger or another, as far as today's protocols tell."""
    events = events_of(session, story.id)
    protocols = protocols_of(session, story)
    has_picture = may_show_faces(session, story.id)
    ever: frozenset[Allowance] = frozenset()
    for count in range(1, len(events) + 1):
        people = [
            standing_of(
                (event for event in events[:count] if event.person_id == person.id),
                has_guardian=person.guardian is not None,
            )
            for person in story.people
        ]
        ever |= allowed(people, protocols, has_picture=has_picture, is_masked=story.is_masked)
    return ever


def may_show_faces(session: Session, story_id: str) -> bool:
    """Whether somebody might be seen: a recording has a picture, or nobody has looked at it yet.

    A recording that was refused is shown to nobody.
    """
    pictures = list(
        session.scalars(
            select(Recording.has_picture).where(
                Recording.story_id == story_id, Recording.state != RecordingState.REFUSED
            )
        )
    )
    return not pictures or any(picture is not False for picture in pictures)
