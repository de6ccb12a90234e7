"""Choosing a collection's stories: what a query asks for, and those that can be added by hand."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from app.collections.schemas import QueryIn
from models.collections import Collection, Release
from models.pilots import Pilot
from models.roles import Principal
from models.stories import Story
from pipeline.index import terms_of
from storage import collections, pilots, releases
from storage.collections import CollectionQuery
from storage.database import WriteSession
from storage.search import has_all

# To choose from in one list; the others are searched for.
MOST_CHOICES = 200


def query_of(session: Session, asked: QueryIn) -> CollectionQuery:
    """What was asked for, as it is kept.

    :raises NotFound: there is no such pilot
    """
    return CollectionQuery(
        q=asked.q,
        terms=terms_of(asked.q, asked.language),
        theme=asked.theme,
        language=asked.language,
        purpose=asked.purpose,
        pilot_id=pilots.by_code(session, asked.pilot).id if asked.pilot else None,
        from_date=asked.from_date,
        to_date=asked.to_date,
    )


def query_view(session: Session, collection: Collection) -> QueryIn | None:
    """A collection's query with the pilot by its code; None if it was made by hand."""
    if collection.query is None:
        return None
    query = CollectionQuery.from_dict(collection.query)
    return QueryIn(
        q=query.q,
        theme=query.theme,
        language=query.language,
        purpose=query.purpose,
        pilot=session.get_one(Pilot, query.pilot_id).code if query.pilot_id else None,
        from_date=query.from_date,
        to_date=query.to_date,
    )


def run_query(session: WriteSession, principal: Principal, collection: Collection, *, actor: str) -> int:
    """Add what a collection's query finds now, by what its words stand for now.

    :returns: how many stories were added
    :raises Conflict: the collection was made by hand
    """
    collections.read_words(session, collection, terms_of)
    return collections.run_query(session, principal, collection, actor=actor)


def release(session: WriteSession, principal: Principal, collection: Collection, *, actor: str) -> Release:
    """Release a collection; what its query finds and is left out is counted by what its words stand for now.

    :raises Conflict: nothing of it may be shared
    """
    collections.read_words(session, collection, terms_of)
    return releases.release(session, principal, collection, actor=actor)


@dataclass(frozen=True)
class Choices:
    """The newest of the stories that could be added now and have all ``words``, and how many there are in all."""

    words: str
    stories: tuple[Story, ...]
    count: int


def choices(session: Session, principal: Principal, collection: Collection, words: str = "") -> Choices:
    """Stories that could be added now, newest first."""
    open_now = _could_be_added(session, principal, collection).where(*has_all(session, terms_of(words, None)))
    newest = session.scalars(open_now.order_by(Story.created_at.desc(), Story.id).limit(MOST_CHOICES))
    count = session.scalar(select(func.count()).select_from(open_now.order_by(None).subquery()))
    return Choices(words, tuple(newest), count or 0)


def choice(session: Session, principal: Principal, collection: Collection, story_id: str) -> Story | None:
    """A story, if it could be added now."""
    open_now = _could_be_added(session, principal, collection).where(Story.id == story_id)
    return session.scalars(open_now).one_or_none()


def _could_be_added(session: Session, principal: Principal, collection: Collection) -> Select[Story]:
    present = [entry.story_id for entry in collections.entries_of(session, collection)]
    return collections.shareable(principal, collection.pilot_id).where(Story.id.not_in(present))
