"""Who pulled which release, when, and as what: read by the curators of the pilot that released it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from models.accounts import Account
from models.collections import Collection as StoryCollection
from models.collections import Disclosure, Release


@dataclass(frozen=True)
class Pull:
    """One pull. ``holder`` is the name of whoever pulled, as they are known to those who work with them."""

    disclosure: Disclosure
    release: Release
    pilot_id: str
    holder: str


def of_pilots(
    session: Session,
    pilot_ids: Collection[str],
    *,
    limit: int,
    before: tuple[datetime, str] | None = None,
) -> list[Pull]:
    """Pulls of these pilots' releases, newest first.

    :param before: moment and id of the last one that was read
    """
    query = (
        select(Disclosure, Release, StoryCollection.pilot_id, Account.name)
        .join(Release, Release.id == Disclosure.release_id)
        .join(StoryCollection, StoryCollection.id == Release.collection_id)
        .join(Account, Account.id == Disclosure.account_id)
        .where(StoryCollection.pilot_id.in_(pilot_ids))
        .order_by(Disclosure.pulled_at.desc(), Disclosure.id.desc())
        .limit(limit)
    )
    if before is not None:
        query = query.where(tuple_(Disclosure.pulled_at, Disclosure.id) < tuple_(*before))
    return [Pull(*row) for row in session.execute(query)]
