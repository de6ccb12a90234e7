"""Having a story in hand: taken, taken over, put back. A lock holds while somebody is at it, and lapses by itself."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.base import utc_now
from models.errors import Conflict
from models.reviewing import Assignment
from models.stories import Story
from storage import consents, journal
from storage.database import WriteSession


def take(session: WriteSession, story: Story, *, actor: str, over: bool = False) -> Assignment:
    """Be at a story from now on. Whoever has it in hand already is seen at it again.

    :param over: also if somebody else is at it
    :raises Conflict: somebody else is at it, or it was withdrawn
    """
    consents.lock(session, story)
    row, now = session.get(Assignment, story.id, populate_existing=True), utc_now()
    if row is not None and row.account_id == actor:
        row.seen_at = now
        return row
    if row is not None and row.locks_out(actor, now) and not over:
        raise Conflict("story-in-hand", name=session.get_one(Account, row.account_id).name)
    if row is None:
        row = Assignment(story_id=story.id, account_id=actor)
        session.add(row)
    row.account_id, row.taken_at, row.seen_at = actor, now, now
    session.flush()
    journal.note(session, actor, "take-in-hand", story_id=story.id)
    return row


def stay(session: WriteSession, story: Story, *, actor: str) -> None:
    """Whoever has a story in hand is seen at it; for anybody else it changes nothing."""
    consents.lock(session, story)
    row = session.get(Assignment, story.id, populate_existing=True)
    if row is not None and row.account_id == actor:
        row.seen_at = utc_now()


def put_back(session: WriteSession, story: Story, *, actor: str) -> None:
    """Whoever has a story in hand lets it go; of anybody else's it changes nothing."""
    consents.lock(session, story)
    row = session.get(Assignment, story.id)
    if row is None or row.account_id != actor:
        return
    session.delete(row)
    session.flush()
    journal.note(session, actor, "put-back", story_id=story.id)


def of_stories(session: Session, story_ids: Collection[str]) -> Mapping[str, tuple[Assignment, str]]:
    """Who has each of several stories in hand, with their names; stories that nobody has are left out."""
    query = select(Assignment, Account.name).join(Account).where(Assignment.story_id.in_(story_ids))
    return {row.story_id: (row, name) for row, name in session.execute(query)}
