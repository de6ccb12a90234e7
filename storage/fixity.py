"""Fixity: whether an original's bytes are still those that were sent (the word is BagIt's, RFC 8493, and archives').

Disks forget and copies go wrong without a word. So each original is read again from time to time, and its SHA-256
compared with the one computed while it came in.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session

from models.curation import State
from models.stories import Recording, RecordingState, Story
from storage.database import WriteSession


@dataclass(frozen=True)
class Original:
    """What is known of an original's bytes."""

    recording_id: str
    story_id: str
    key: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True)
class Fixity:
    """Of all originals together. ``oldest``: since when the one that waits longest was not looked at."""

    originals: int
    damaged: int
    oldest: datetime | None


def due(session: Session, before: datetime, *, at_most: int) -> list[Original]:
    """Originals that came and were last looked at before a moment, those first that wait longest."""
    query = _originals().where(_seen_at() < before).order_by(_seen_at(), Recording.id)
    return _read(session, query.limit(at_most))


def note(session: WriteSession, recording_id: str, *, is_whole: bool, now: datetime) -> bool:
    """Keep what a look at an original found; True if it was found damaged for the first time.

    A recording that went meanwhile is nobody's concern. One that is whole again, from a backup, is no longer damaged.
    """
    recording = session.get(Recording, recording_id, with_for_update=True)
    if recording is None:
        return False
    is_new = not is_whole and recording.original_damaged_at is None
    recording.original_checked_at = now
    if is_whole:
        recording.original_damaged_at = None
    elif is_new:
        recording.original_damaged_at = now
    session.flush()
    return is_new


def figures(session: Session) -> Fixity:
    """How the originals are, together."""
    query = select(func.count(), func.count(Recording.original_damaged_at), func.min(_seen_at()))
    originals, damaged, oldest = session.execute(query.join(Story).where(*_held())).one()
    return Fixity(originals, damaged, oldest)


def damaged(session: Session, *, at_most: int | None = None) -> list[Original]:
    """Originals that were found not to be what was sent, those first that were found first."""
    query = _originals().where(Recording.original_damaged_at.is_not(None))
    query = query.order_by(Recording.original_damaged_at, Recording.id)
    return _read(session, query.limit(at_most))


def _originals() -> Select[str, str, str, int | None, str | None]:
    columns = (
        Recording.id,
        Recording.story_id,
        Recording.original_key,
        Recording.size_bytes,
        Recording.sha256,
    )
    return select(*columns).join(Story).where(*_held())


def _read(session: Session, query: Select[str, str, str, int | None, str | None]) -> list[Original]:
    rows = session.execute(query)
    return [
        Original(recording, story, key, size or 0, sha256 or "")
        for recording, story, key, size, sha256 in rows
    ]


def _held() -> tuple[ColumnElement[bool], ...]:
    """Originals that are to be there."""
    return (
        Story.state != State.WITHDRAWN,
        Recording.state != RecordingState.UPLOADING,
        Recording.original_erased_at.is_(None),
        Recording.sha256.is_not(None),
    )


def _seen_at() -> ColumnElement[datetime]:
    """When an original was last known to be whole: looked at, or computed while it came."""
    return func.coalesce(
        Recording.original_checked_at,
        Recording.received_at,
        Recording.created_at,
        type_=Recording.created_at.type,
    )
