"""Consent that ends by its date: warned of before, closed at its second by the gate, and erased when nobody renews.

The gate needs nothing from here: its rows say until when. Here the ledger says so too, people are told in time, and
a story whose consent ended goes the way of one that was withdrawn.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.consent import ConsentEvent, EventKind, Face, Naming, Voice
from models.curation import State
from models.notices import NoticeKind
from models.stories import Story, StoryPerson
from storage import consents, journal, notices, withdrawals
from storage.consents import Terms
from storage.database import WriteSession

WARN_BEFORE = (timedelta(days=30), timedelta(days=7))
# Time for whoever overlooked the warnings: nobody is shown anything meanwhile.
RENEWED_WITHIN = timedelta(days=7)
# Nobody can be cut out of a recording yet: what one of several took back is closed, and then kept for nothing.
SAID_ANEW_WITHIN = timedelta(days=30)


def warn(session: WriteSession, now: datetime) -> int:
    """Tell each person, and the story's curators, a month and a week before consent ends; how many were told."""
    told = 0
    for event in _last_words(session, ends_by=now + max(WARN_BEFORE)):
        until = event.until
        if until is None or until <= now:
            continue
        days = min(before.days for before in WARN_BEFORE if until <= now + before)
        story, person = session.get_one(Story, event.story_id), session.get_one(StoryPerson, event.person_id)
        about = {"until": until.date().isoformat(), "person_id": person.id}
        once = f"ends:{event.id}:{days}"
        notices.tell_person(session, person, NoticeKind.CONSENT_ENDS_SOON, once=once, **about)
        notices.tell_curators(session, story, NoticeKind.CONSENT_ENDS_SOON, once=once, **about)
        told += 1
    return told


def expire(session: WriteSession, now: datetime) -> int:
    """Write into the ledger what ended by its date, and say until when it can be renewed; how many ended."""
    ended = [event for event in _last_words(session, ends_by=now) if event.until and event.until <= now]
    for event in ended:
        story, person = session.get_one(Story, event.story_id), session.get_one(StoryPerson, event.person_id)
        consents.record(
            session, story, person.id, _nothing_of(event), actor=journal.SERVICE, kind=EventKind.EXPIRED
        )
        about = {"until": (now + RENEWED_WITHIN).date().isoformat(), "person_id": person.id}
        once = f"ended:{event.id}"
        notices.tell_person(session, person, NoticeKind.CONSENT_ENDED, once=once, **about)
        notices.tell_curators(session, story, NoticeKind.CONSENT_ENDED, once=once, **about)
    return len(ended)


def not_renewed(session: Session, now: datetime) -> list[Story]:
    """Stories in which somebody's consent ended a week ago or more, and was not renewed."""
    found: dict[str, Story] = {}
    for event in _last_words(session, kind=EventKind.EXPIRED):
        if event.recorded_at <= now - RENEWED_WITHIN:
            found[event.story_id] = session.get_one(Story, event.story_id)
    return list(found.values())


def erase_taken_back(session: WriteSession, now: datetime) -> int:
    """Take back, wholly, every story that somebody in it closed a month ago or more and did not open again."""
    closed = {
        event.story_id
        for event in _last_words(session, kind=EventKind.WITHDRAWN)
        if event.recorded_at <= now - SAID_ANEW_WITHIN
    }
    for story_id in sorted(closed):
        withdrawals.withdraw(session, session.get_one(Story, story_id), actor=journal.SERVICE)
    return len(closed)


def erase_expired(session: WriteSession, now: datetime) -> int:
    """Take back, wholly, every story whose consent ended and was not renewed; how many."""
    ended = not_renewed(session, now)
    for story in ended:
        withdrawals.withdraw(session, story, actor=journal.SERVICE)
    return len(ended)


def _last_words(
    session: Session, *, ends_by: datetime | None = None, kind: EventKind | None = None
) -> Iterator[ConsentEvent]:
    """The events that are their giver's last for a person, of stories that were not withdrawn."""
    later = ConsentEvent.__table__.alias("later")
    is_followed = (
        select(later.c.id)
        .where(
            later.c.person_id == ConsentEvent.person_id,
            later.c.given_by == ConsentEvent.given_by,
            later.c.sequence > ConsentEvent.sequence,
        )
        .exists()
    )
    query = (
        select(ConsentEvent)
        .join(Story, Story.id == ConsentEvent.story_id)
        .where(Story.state != State.WITHDRAWN, ~is_followed)
        .order_by(ConsentEvent.story_id, ConsentEvent.sequence)
    )
    if ends_by is not None:
        query = query.where(ConsentEvent.until <= ends_by)
    if kind is not None:
        query = query.where(ConsentEvent.kind == kind)
    yield from list(session.scalars(query))


def _nothing_of(event: ConsentEvent) -> Terms:
    """The same person's word, allowing nothing any more; how they appear stays as they said."""
    said = Terms(
        naming=Naming(event.naming),
        face=Face(event.face),
        voice=Voice(event.voice),
        language=event.language,
        given_by=event.given_by,
        wording_id=event.wording_id,
    )
    return replace(said, uses=frozenset(), pilot_ids=frozenset(), until=None)
