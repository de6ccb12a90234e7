"""Consent that ends by its date: warned of before, closed at its second by the gate, and erased when nobody renews.

The gate needs nothing from here: its rows say until when. Here the ledger says so too, people are told in time, and
a story whose consent ended goes the way of one that was withdrawn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import takewhile

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.consent import ConsentEvent, EventKind, Face, Naming, Voice
from models.curation import State
from models.notices import NoticeKind
from models.stories import Story, StoryPerson
from storage import consents, journal, ledger, notices, withdrawals
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
        about = _about(event, until)
        once = f"ends:{event.id}:{days}"
        notices.tell_person(session, person, NoticeKind.CONSENT_ENDS_SOON, once=once, **about)
        notices.tell_curators(session, story, NoticeKind.CONSENT_ENDS_SOON, once=once, **about)
        told += 1
    return told


def expire(session: WriteSession, now: datetime) -> int:
    """Write into the ledger what ended by its date, and say until when it can be renewed; how many ended."""
    ended = 0
    for event in _last_words(session, ends_by=now):
        story = consents.lock_again(session, event.story_id)
        # Whoever renewed it meanwhile has said the last word.
        if story is None or event not in _last_words(session, ends_by=now, story_id=story.id):
            continue
        person = session.get_one(StoryPerson, event.person_id)
        consents.record(
            session, story, person.id, _nothing_of(event), actor=journal.SERVICE, kind=EventKind.EXPIRED
        )
        about = _about(event, now + RENEWED_WITHIN)
        once = f"ended:{event.id}"
        notices.tell_person(session, person, NoticeKind.CONSENT_ENDED, once=once, **about)
        notices.tell_curators(session, story, NoticeKind.CONSENT_ENDED, once=once, **about)
        ended += 1
    return ended


def warn_of_kept(session: WriteSession, now: datetime) -> int:
    """Tell people, curators and senders of stories that a first no closed, and that older versions kept; how many.

    Those wrote the no as a grant of nothing, and erased nothing by it: nobody knows yet that it leads there.
    """
    kept = [event for event in _closed_by(session) if event.kind is EventKind.GRANTED]
    for event in kept:
        story, person = session.get_one(Story, event.story_id), session.get_one(StoryPerson, event.person_id)
        about = _about(event, now + SAID_ANEW_WITHIN)
        once = f"{withdrawals.WARNED_OF_KEPT}{event.id}"
        notices.tell_person(session, person, NoticeKind.CONSENT_ENDED, once=once, **about)
        notices.tell_curators(session, story, NoticeKind.CONSENT_ENDED, once=once, **about)
        notices.tell_account(
            session, story.submitted_by, NoticeKind.CONSENT_ENDED, story_id=story.id, once=once, **about
        )
    return len(kept)


def erase_taken_back(session: WriteSession, now: datetime) -> int:
    """Take back, wholly, every story that somebody in it closed a month ago or more and did not open again.

    What older versions kept goes a month after :func:`warn_of_kept`.
    """
    long_ago = now - SAID_ANEW_WITHIN

    def is_due(event: ConsentEvent) -> bool:
        if event.kind is EventKind.GRANTED:
            once = f"{withdrawals.WARNED_OF_KEPT}{event.id}"
            return notices.was_told(
                session, event.story_id, NoticeKind.CONSENT_ENDED, before=long_ago, once=once
            )
        return event.kind is not EventKind.EXPIRED and event.recorded_at <= long_ago

    return _erase(session, is_due)


def erase_expired(session: WriteSession, now: datetime) -> int:
    """Take back, wholly, every story whose consent ended a week ago or more and was not renewed; how many."""
    return _erase(
        session, lambda event: event.kind is EventKind.EXPIRED and event.recorded_at <= now - RENEWED_WITHIN
    )


def _erase(session: WriteSession, is_due: Callable[[ConsentEvent], bool]) -> int:
    """Take back the stories that one of these events closed, and still closes when the story is locked."""
    erased = 0
    for story_id in sorted({event.story_id for event in _closed_by(session) if is_due(event)}):
        story = consents.lock_again(session, story_id)
        if story is not None and any(is_due(event) for event in _closed_by(session, story_id)):
            withdrawals.withdraw(session, story, actor=journal.SERVICE)
            erased += 1
    return erased


def _closed_by(session: Session, story_id: str | None = None) -> Iterator[ConsentEvent]:
    """The events by which somebody came to allow nothing of a story. Saying so again begins no new time."""
    for last in _last_words(session, allows_nothing=True, story_id=story_id):
        said = ledger.events_of(session, last.story_id, last.person_id)
        own = [event for event in said if event.given_by == last.given_by]
        yield [*takewhile(lambda event: not event.uses, reversed(own))][-1]


def _last_words(
    session: Session,
    *,
    ends_by: datetime | None = None,
    allows_nothing: bool = False,
    story_id: str | None = None,
) -> list[ConsentEvent]:
    """The events that are their giver's last for a person, of stories that were not withdrawn.

    :param story_id: of this story alone
    """
    later = ConsentEvent.__table__.alias("later")
    is_followed = (
        select(later.c.id)
        .where(
            later.c.story_id == ConsentEvent.story_id,
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
    if allows_nothing:
        query = query.where(~ledger.ALLOWS_SOMETHING)
    if story_id is not None:
        query = query.where(ConsentEvent.story_id == story_id)
    return list(session.scalars(query))


def _about(event: ConsentEvent, until: datetime) -> dict[str, str]:
    """What notices of a word that ends say: until when, and whose it is, the person's or their guardian's."""
    return {
        "until": until.date().isoformat(),
        "person_id": event.person_id,
        "giver": event.given_by.value,
    }


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
