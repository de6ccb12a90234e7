"""Responses: what those who listened answer to a collection, told back to the people whose stories are in it."""

from __future__ import annotations

from datetime import date

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from models.collections import Collection, Release, ReleaseEntry, Response
from models.errors import Invalid
from models.notices import NoticeKind
from models.stories import Part, StoryPerson
from storage import collections, journal, notices
from storage.database import WriteSession


def record(
    session: WriteSession,
    collection: Collection,
    words: str,
    *,
    answered_on: date,
    actor: str,
    will_change: str = "",
) -> Response:
    """Keep an answer to a collection, and let the tellers of every story in its releases know of it, once each.

    :param will_change: what will be different because of the stories; empty where nothing was said
    :raises Invalid: there are no words
    """
    if not words.strip():
        raise Invalid("response-empty")
    in_releases = [each for each in session.scalars(_stories_of(collection)) if each]
    # Held, so that none of them is erased while its tellers are told.
    collections.hold(session, in_releases)
    response = Response(
        collection_id=collection.id,
        answered_on=answered_on,
        words=words.strip(),
        will_change=will_change.strip(),
        made_by=actor,
    )
    session.add(response)
    session.flush()
    tellers = select(StoryPerson).where(
        StoryPerson.story_id.in_(in_releases), StoryPerson.part == Part.TELLER
    )
    for person in session.scalars(tellers.order_by(StoryPerson.story_id, StoryPerson.id)):
        notices.tell_person(
            session,
            person,
            NoticeKind.RESPONSE,
            once=f"response:{response.id}",
            response_id=response.id,
        )
    journal.note(session, actor, "record-response", subject=response.id)
    return response


def of_collection(session: Session, collection: Collection) -> list[Response]:
    """The answers to a collection, newest first."""
    return list(session.scalars(_newest_first().where(Response.collection_id == collection.id)))


def for_story(session: Session, story_id: str) -> list[Response]:
    """The answers to every collection in whose releases a story is, newest first: for the people in it."""
    with_it = (
        select(Release.collection_id)
        .join(ReleaseEntry, ReleaseEntry.release_id == Release.id)
        .where(ReleaseEntry.story_id == story_id)
    )
    return list(session.scalars(_newest_first().where(Response.collection_id.in_(with_it))))


def _newest_first() -> Select[Response]:
    return select(Response).order_by(Response.answered_on.desc(), Response.created_at.desc(), Response.id)


def _stories_of(collection: Collection) -> Select[str | None]:
    """The stories in any release of a collection; what was withdrawn has left them."""
    return (
        select(ReleaseEntry.story_id)
        .join(Release, Release.id == ReleaseEntry.release_id)
        .where(Release.collection_id == collection.id, ReleaseEntry.story_id.is_not(None))
        .distinct()
    )
