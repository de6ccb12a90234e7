"""Published collections: what everybody finds on the public pages, by a curator's word.

That a collection is published opens no story: shown are those of its newest release that the gate lets nobody in
particular have, as they are now.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, selectinload

from models.base import utc_now
from models.collections import Collection, Release, ReleaseEntry
from models.consent import Use
from models.errors import Conflict, NotFound
from models.roles import ANYONE
from models.stories import Story
from storage import collections, gate, journal
from storage.database import WriteSession


@dataclass(frozen=True)
class Published:
    """A published collection, and how many of its stories everybody may hear now."""

    collection: Collection
    stories: int


def publish(session: WriteSession, collection: Collection, *, actor: str) -> None:
    """Let everybody find a collection. A second time changes nothing.

    :raises Conflict: it was never released
    """
    collections.lock(session, collection)
    if session.scalars(select(Release.id).where(Release.collection_id == collection.id)).first() is None:
        raise Conflict("collection-not-released")
    if collection.published_at is None:
        collection.published_at = utc_now()
        session.flush()
        journal.note(session, actor, "publish-collection", subject=collection.id)


def take_down(session: WriteSession, collection: Collection, *, actor: str) -> None:
    """Let nobody find a collection any more. Its stories stay as they are."""
    collections.lock(session, collection)
    if collection.published_at is not None:
        collection.published_at = None
        session.flush()
        journal.note(session, actor, "take-down-collection", subject=collection.id)


def everything(session: Session, *, limit: int = 200) -> list[Published]:
    """The published collections in which there is something to hear now, newest first."""
    published = select(Collection.id).where(Collection.published_at.is_not(None))
    open_entries = _open_entries().where(Release.collection_id.in_(published)).subquery()
    counted = (
        select(Collection, func.count())
        .join(open_entries, open_entries.c.collection_id == Collection.id)
        .group_by(Collection.id)
        .order_by(Collection.published_at.desc(), Collection.id)
    )
    return [Published(collection, count) for collection, count in session.execute(counted.limit(limit))]


def of_id(session: Session, collection_id: str) -> Collection:
    """A published collection.

    :raises NotFound: there is none, or it is not published
    """
    published = select(Collection).where(Collection.id == collection_id, Collection.published_at.is_not(None))
    found = session.scalars(published).one_or_none()
    if found is None:
        raise NotFound("not-found", collection_id=collection_id)
    return found


def size_of(session: Session, collection: Collection) -> int:
    """How many stories of a collection everybody may hear now."""
    entries = _open_entries().where(Release.collection_id == collection.id).subquery()
    return session.scalar(select(func.count()).select_from(entries)) or 0


def stories_of(
    session: Session, collection: Collection, *, after: int, limit: int
) -> list[tuple[int, Story]]:
    """What everybody may hear of a collection now, from after a place in it on; each with its place."""
    entries = _open_entries().where(Release.collection_id == collection.id, ReleaseEntry.position > after)
    part = entries.order_by(ReleaseEntry.position).limit(limit).subquery()
    placed = (
        select(part.c.position, Story)
        .join(part, part.c.story_id == Story.id)
        .order_by(part.c.position)
        .options(selectinload(Story.recordings))
    )
    return [(position, story) for position, story in session.execute(placed)]


def _open_entries() -> Select[str, str | None, int]:
    """The entries of each collection's newest release whose stories the gate opens to everybody."""
    newest = (
        select(Release.collection_id, func.max(Release.number).label("number"))
        .group_by(Release.collection_id)
        .subquery()
    )
    return (
        select(Release.collection_id, ReleaseEntry.story_id, ReleaseEntry.position)
        .join(Release, Release.id == ReleaseEntry.release_id)
        .join(
            newest,
            (newest.c.collection_id == Release.collection_id) & (newest.c.number == Release.number),
        )
        .join(Story, Story.id == ReleaseEntry.story_id)
        .where(gate.is_open_for(ANYONE, Use.PUBLICATION))
    )
