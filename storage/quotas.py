"""How much was sent in a while: by one account, or to one pilot. What limits count."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, case, func, select
from sqlalchemy.orm import Session

from models.base import utc_now
from models.stories import Recording, StoryPilot
from models.uploads import Upload
from storage import accounts
from storage.database import WriteSession
from storage.uploads import is_being_sent

# Keeps our locks apart from everybody else's in a PostgreSQL database.
LETTING_IN = 1_635_017_060


@dataclass(frozen=True)
class Sent:
    """``size_bytes`` were sent; those of them that were received first, ``first_at`` (None: all are on their way)."""

    size_bytes: int
    first_at: datetime | None


def one_at_a_time(session: WriteSession, account_id: str, pilot_ids: Collection[str]) -> None:
    """Until the end of this transaction nobody else is let in by what one account, or these pilots, may still take.

    Not by the pilots' rows: who changes a story's consent has the story's row when they read those, and whoever is let
    in writes beside the story when they have these.
    """
    accounts.lock(session, account_id)
    # SQLite has one that writes at a time.
    if session.get_bind().dialect.name == "postgresql":
        for pilot_id in sorted(pilot_ids):
            session.execute(select(func.pg_advisory_xact_lock(LETTING_IN, func.hashtext(pilot_id))))


def sent_by(session: Session, account_id: str, since: datetime, *, but: str | None = None) -> Sent:
    """What one account has sent since a moment, with what is kept of its uploads that go on.

    Those that are on their way now count as long as they were said to be: their bytes may all come.

    :param but: the id of an upload that counts as far as it came, whether it is on its way or not
    """
    return _sent(session, Recording.sent_by == account_id, Upload.account_id == account_id, since, but)


def sent_to(session: Session, pilot_id: str, since: datetime, *, but: str | None = None) -> Sent:
    """The same, for one pilot."""
    stories = select(StoryPilot.story_id).where(StoryPilot.pilot_id == pilot_id)
    return _sent(session, Recording.story_id.in_(stories), Upload.story_id.in_(stories), since, but)


def _sent(
    session: Session,
    whose: ColumnElement[bool],
    whose_uploads: ColumnElement[bool],
    since: datetime,
    but: str | None,
) -> Sent:
    received, first_at = session.execute(
        select(func.coalesce(func.sum(Recording.size_bytes), 0), func.min(Recording.received_at)).where(
            whose, Recording.received_at > since
        )
    ).one()
    comes_whole = and_(Upload.length_bytes.is_not(None), is_being_sent(utc_now()), Upload.id != (but or ""))
    counted = case((comes_whole, Upload.length_bytes), else_=Upload.offset_bytes)
    arriving = session.scalar(
        select(func.coalesce(func.sum(counted), 0)).where(
            whose_uploads, Upload.completed_at.is_(None), Upload.created_at > since
        )
    )
    return Sent(int(received or 0) + int(arriving or 0), first_at)


def seconds_until(moment: datetime) -> int:
    """How long somebody over a limit is to wait, a minute at least."""
    return max(60, int((moment - utc_now()).total_seconds()) + 1)
