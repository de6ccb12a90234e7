"""Private links: each person in a story has a door of their own, without an account; so has their guardian.

The link's token has 256 random bits and is kept as a digest. It is exchanged for a cookie at once; both end when
a new link is made, when it is revoked, and with the story.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, or_, select
from sqlalchemy.orm import Session

from models.base import utc_now
from models.consent import Giver
from models.curation import State
from models.errors import Invalid, NotFound
from models.roles import Principal
from models.stories import Story, StoryPerson
from models.tellers import TellerSession
from storage import consents, journal
from storage.accounts import digest_of
from storage.database import WriteSession

SESSION_LASTS = timedelta(hours=2)


@dataclass(frozen=True)
class Acts:
    """What the journal calls what is done with a link."""

    make: str
    revoke: str
    open: str


ACTS: Mapping[Giver, Acts] = {
    Giver.PERSON: Acts("make-link", "revoke-link", "open-link"),
    Giver.GUARDIAN: Acts("make-guardian-link", "revoke-guardian-link", "open-guardian-link"),
}


def make_link(
    session: WriteSession, story: Story, person_id: str, *, actor: str, giver: Giver = Giver.PERSON
) -> str:
    """A person's private link, returned as its token, once; the one they had before is worth nothing any more.

    :param giver: whose link it is, and so whose word is said behind it: the person's own, or their guardian's
    :raises NotFound: the person is not in this story
    :raises Invalid: nobody stands beside the person as guardian
    :raises Conflict: the story was withdrawn
    """
    person = _person(session, story, person_id)
    if giver is Giver.GUARDIAN and not person.guardian:
        raise Invalid("no-guardian")
    token = secrets.token_urlsafe(32)
    _replace(session, person, giver, digest_of(token))
    journal.note(session, actor, ACTS[giver].make, story_id=story.id, subject=person.id)
    return token


def revoke_link(
    session: WriteSession, story: Story, person_id: str, *, actor: str, giver: Giver = Giver.PERSON
) -> None:
    """End a person's link, or their guardian's, and every session behind it: what was lost opens nothing.

    :raises NotFound: the person is not in this story
    """
    person = _person(session, story, person_id)
    _replace(session, person, giver, None)
    journal.note(session, actor, ACTS[giver].revoke, story_id=story.id, subject=person.id)


def begin_session(session: WriteSession, token: str) -> tuple[str, datetime]:
    """Exchange a link's token for a cookie's: the cookie's token, and when it ends.

    :raises NotFound: the link is not known, was replaced or revoked, or its story is gone
    """
    digest = digest_of(token)
    person = session.scalars(
        select(StoryPerson)
        .join(Story, Story.id == StoryPerson.story_id)
        .where(
            or_(StoryPerson.link_digest == digest, StoryPerson.guardian_link_digest == digest),
            Story.state != State.WITHDRAWN,
        )
    ).one_or_none()
    if person is None:
        raise NotFound("private-link-unknown")
    giver = Giver.PERSON if person.link_digest == digest else Giver.GUARDIAN
    cookie = secrets.token_urlsafe(32)
    standing = TellerSession(
        token_digest=digest_of(cookie), person_id=person.id, giver=giver, ends_at=utc_now() + SESSION_LASTS
    )
    session.add(standing)
    session.flush()
    journal.note(session, party_of(giver), ACTS[giver].open, story_id=person.story_id, subject=person.id)
    return cookie, standing.ends_at


def end_session(session: WriteSession, cookie: str) -> None:
    """Leave: the cookie is worth nothing from now on."""
    session.execute(delete(TellerSession).where(TellerSession.token_digest == digest_of(cookie)))


def holder_of(session: Session, cookie: str) -> Principal | None:
    """Who asks behind a private link, if its cookie still stands: that person, in that story, and nobody else."""
    query = (
        select(StoryPerson.story_id, StoryPerson.id, TellerSession.giver)
        .join(TellerSession, TellerSession.person_id == StoryPerson.id)
        .where(TellerSession.token_digest == digest_of(cookie), TellerSession.ends_at > utc_now())
    )
    found = session.execute(query).one_or_none()
    if found is None:
        return None
    return Principal(story_id=found.story_id, person_id=found.id, giver=found.giver)


def party_of(giver: Giver) -> str:
    """Who acts behind a private link, as the journal names them."""
    return journal.GUARDIAN if giver is Giver.GUARDIAN else journal.TELLER


def remove_ended(session: WriteSession, now: datetime) -> None:
    """Delete sessions that have run out."""
    session.execute(delete(TellerSession).where(TellerSession.ends_at <= now))


def _person(session: WriteSession, story: Story, person_id: str) -> StoryPerson:
    consents.lock(session, story)
    person = session.get(StoryPerson, person_id)
    if person is None or person.story_id != story.id:
        raise NotFound("person-not-found", person_id=person_id)
    return person


def _replace(session: WriteSession, person: StoryPerson, giver: Giver, digest: str | None) -> None:
    session.execute(
        delete(TellerSession).where(TellerSession.person_id == person.id, TellerSession.giver == giver)
    )
    if giver is Giver.GUARDIAN:
        person.guardian_link_digest = digest
    else:
        person.link_digest = digest
    session.flush()
