"""Private links: each person in a story has a door of their own, without an account.

The link's token has 256 random bits and is kept as a digest. It is exchanged for a cookie at once; both end when
a new link is made, when it is revoked, and with the story.
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from models.base import utc_now
from models.curation import State
from models.errors import NotFound
from models.roles import Principal
from models.stories import Story, StoryPerson
from models.tellers import TellerSession
from storage import consents, journal
from storage.accounts import digest_of
from storage.database import WriteSession

SESSION_LASTS = timedelta(hours=2)


def make_link(session: WriteSession, story: Story, person_id: str, *, actor: str) -> str:
    """A person's private link, returned as its token, once; the one they had before is worth nothing any more.

    :raises NotFound: the person is not in this story
    :raises Conflict: the story was withdrawn
    """
    person = _person(session, story, person_id)
    token = secrets.token_urlsafe(32)
    _end_sessions(session, person)
    person.link_digest = digest_of(token)
    session.flush()
    journal.note(session, actor, "make-link", story_id=story.id, subject=person.id)
    return token


def revoke_link(session: WriteSession, story: Story, person_id: str, *, actor: str) -> None:
    """End a person's link and every session behind it: what was lost opens nothing.

    :raises NotFound: the person is not in this story
    """
    person = _person(session, story, person_id)
    _end_sessions(session, person)
    person.link_digest = None
    session.flush()
    journal.note(session, actor, "revoke-link", story_id=story.id, subject=person.id)


def begin_session(session: WriteSession, token: str) -> tuple[str, datetime]:
    """Exchange a link's token for a cookie's: the cookie's token, and when it ends.

    :raises NotFound: the link is not known, was replaced or revoked, or its story is gone
    """
    person = session.scalars(
        select(StoryPerson)
        .join(Story, Story.id == StoryPerson.story_id)
        .where(StoryPerson.link_digest == digest_of(token), Story.state != State.WITHDRAWN)
    ).one_or_none()
    if person is None:
        raise NotFound("private-link-unknown")
    cookie = secrets.token_urlsafe(32)
    standing = TellerSession(
        token_digest=digest_of(cookie), person_id=person.id, ends_at=utc_now() + SESSION_LASTS
    )
    session.add(standing)
    session.flush()
    journal.note(session, journal.TELLER, "open-link", story_id=person.story_id, subject=person.id)
    return cookie, standing.ends_at


def end_session(session: WriteSession, cookie: str) -> None:
    """Leave: the cookie is worth nothing from now on."""
    session.execute(delete(TellerSession).where(TellerSession.token_digest == digest_of(cookie)))


def person_of_session(session: Session, cookie: str) -> StoryPerson | None:
    """Whose cookie it is, if it still stands."""
    query = (
        select(StoryPerson)
        .join(TellerSession, TellerSession.person_id == StoryPerson.id)
        .where(TellerSession.token_digest == digest_of(cookie), TellerSession.ends_at > utc_now())
    )
    return session.scalars(query).one_or_none()


def principal_of(person: StoryPerson) -> Principal:
    """Who asks behind a private link: that person, in that story, and nobody else."""
    return Principal(story_id=person.story_id, person_id=person.id)


def remove_ended(session: WriteSession, now: datetime) -> None:
    """Delete sessions that have run out."""
    session.execute(delete(TellerSession).where(TellerSession.ends_at <= now))


def _person(session: WriteSession, story: Story, person_id: str) -> StoryPerson:
    consents.lock(session, story)
    person = session.get(StoryPerson, person_id)
    if person is None or person.story_id != story.id:
        raise NotFound("person-not-found", person_id=person_id)
    return person


def _end_sessions(session: WriteSession, person: StoryPerson) -> None:
    session.execute(delete(TellerSession).where(TellerSession.person_id == person.id))
