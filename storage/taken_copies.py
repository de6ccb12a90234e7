"""Copies of a story that were taken, as its people may know of them: by which pilot, when, what became of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from models.collections import Collection, Disclosure, Recall, Release, ReleaseEntry
from models.pilots import Pilot


@dataclass(frozen=True)
class Copy:
    """That a pilot pulled a release with the story in it. Whose account it was is nobody else's business.

    ``recalled_at`` is when it was asked to delete its copies, ``acknowledged_at`` when it said that they are gone.
    A recall that is older than the copy was of another one.
    """

    pilot_id: str
    pilot: str
    format: str
    pulled_at: datetime
    recalled_at: datetime | None
    acknowledged_at: datetime | None


def of_story(session: Session, story_id: str) -> list[Copy]:
    """Every copy that was taken of a story, oldest first."""
    is_of_it = and_(
        Recall.release_id == Disclosure.release_id,
        Recall.account_id == Disclosure.account_id,
        Recall.story_id == story_id,
        Recall.issued_at >= Disclosure.pulled_at,
    )
    entry = select(ReleaseEntry.id).where(
        ReleaseEntry.release_id == Disclosure.release_id, ReleaseEntry.story_id == story_id
    )
    query = (
        select(
            Pilot.id,
            Pilot.name,
            Disclosure.format,
            Disclosure.pulled_at,
            Recall.issued_at,
            Recall.acknowledged_at,
        )
        .join(Release, Release.id == Disclosure.release_id)
        .join(Collection, Collection.id == Release.collection_id)
        .join(Pilot, Pilot.id == Collection.pilot_id)
        .outerjoin(Recall, is_of_it)
        .where(entry.exists())
        .order_by(Disclosure.pulled_at, Disclosure.id)
    )
    return [Copy(*row) for row in session.execute(query)]
