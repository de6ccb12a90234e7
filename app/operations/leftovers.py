"""What is left of erased stories in files: of the database, of the embedded store's volumes, and of its index.

The volumes are rewritten within minutes, while everything goes on. Database and index are locked while they are
rewritten, so this is done once a night, or when the deadline nears that the settings promise.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import structlog
from sqlalchemy import func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.parts import Parts
from models.base import utc_now
from models.erasure import is_due, is_near
from models.journal import JournalEntry
from models.stories import Recording, Tombstone
from storage import journal, physical_erasure, uploads
from storage.embedded.upkeep import NAMES_ARE_WRITTEN_AFTER_SECONDS

log = structlog.get_logger()

NAMES_ARE_WRITTEN_AFTER = timedelta(seconds=NAMES_ARE_WRITTEN_AFTER_SECONDS)
VOLUMES, NAMES, DATABASE = "volumes", "index of names", "database"
STAMPS = {VOLUMES: "erased-until", NAMES: "names-erased-until"}
ACT = "rewrite-files"


@dataclass(frozen=True)
class Backlog:
    """What was erased and is still in some files: how many stories and originals, and from when to when."""

    stories: int
    originals: int
    oldest: datetime
    newest: datetime


def places(parts: Parts) -> list[str]:
    """The files that we rewrite ourselves; an S3 of others is theirs."""
    return [VOLUMES, NAMES, DATABASE] if parts.embedded is not None else [DATABASE]


def backlog(parts: Parts, place: str, *, after: timedelta = timedelta(0)) -> Backlog | None:
    """What waits to be taken out of the files of a place; None if nothing does.

    :param after: passing over those that were erased less than this ago
    """
    until, _ = _done(parts, place)
    before = utc_now() - after
    with parts.database.read() as session:
        stories, *times = _erased(session, Tombstone.erased_at, until, before)
        originals = 0
        # Of an original that was let go the database keeps its row, and nothing else.
        if place != DATABASE:
            originals, *more = _erased(session, Recording.original_gone_at, until, before)
            times += more
    moments = [each for each in times if each is not None]
    return Backlog(stories, originals, min(moments), max(moments)) if moments else None


def _erased(
    session: Session, at: InstrumentedAttribute[datetime | None], until: datetime | None, before: datetime
) -> tuple[int, datetime | None, datetime | None]:
    which = [at <= before, *([at > until] if until else [])]
    count, oldest, newest = session.execute(
        select(func.count(), func.min(at), func.max(at)).where(*which)
    ).one()
    return count, oldest, newest


def rewrite(parts: Parts, place: str, newest: datetime | None = None) -> None:
    """Rewrite the files of a place, and note up to which erasure (``newest``) that was.

    :raises NoSpace: the disk is too full for it
    :raises Unavailable: it could not be done now; nothing is lost
    """
    store = parts.embedded
    if place == DATABASE:
        physical_erasure.rewrite_files(parts.database, parts.settings.workflow_url)
    elif store is not None and place == NAMES:
        store.rebuild_names()
        # What no name leads to any more was only marked.
        store.erase_leftovers()
    elif store is not None:
        store.erase_leftovers()
    log.info("files rewritten", place=place)
    if newest is not None:
        _note(parts, place, newest)


def rewrite_at_night(parts: Parts, *, now: datetime | None = None, hour: int | None = None) -> list[str]:
    """Rewrite what is due of index and database; which it was.

    The store answers nobody while its index is rebuilt, so uploads on their way are let end, unless the deadline is
    near.
    """
    now = now or utc_now()
    hour = now.astimezone().hour if hour is None else hour
    done = []
    for place in places(parts):
        waiting = backlog(parts, place, after=NAMES_ARE_WRITTEN_AFTER) if place != VOLUMES else None
        if waiting is None:
            continue
        deadline, (_, last) = deadline_of(parts), _done(parts, place)
        if not is_due(waiting.oldest, now=now, hour=hour, deadline=deadline, last=last):
            continue
        if (
            place == NAMES
            and not is_near(waiting.oldest, now=now, deadline=deadline)
            and _somebody_sends(parts, now)
        ):
            continue
        rewrite(parts, place, waiting.newest)
        done.append(place)
    return done


def _somebody_sends(parts: Parts, now: datetime) -> bool:
    """Whether an upload is on its way. One that rests, to be gone on with another day, loses nothing."""
    with parts.database.read() as session:
        resting = uploads.resting_keys(session, now)
    return any(key not in resting for key in parts.objects.list_unfinished(""))


def rewrite_everything(parts: Parts, on_place: Callable[[str], None] = lambda place: None) -> None:
    """Rewrite everything now, whatever the hour: for whoever cannot wait for the night."""
    # The index first: what it finds without a name is then taken out of the volumes.
    order = [place for place in (NAMES, VOLUMES, DATABASE) if place in places(parts)]
    for place in order:
        waiting = backlog(parts, place)
        on_place(place)
        rewrite(parts, place, waiting.newest if waiting else None)


def deadline_of(parts: Parts) -> timedelta:
    """How long after its erasure a story may still be in files."""
    return timedelta(hours=parts.settings.erasure_deadline_hours)


def _done(parts: Parts, place: str) -> tuple[datetime | None, datetime | None]:
    """Up to which erasure files were rewritten, and when."""
    if place in STAMPS:
        stamp = _stamp(parts, place)
        if not stamp.exists():
            return None, None
        written = datetime.fromtimestamp(stamp.stat().st_mtime).astimezone()
        return datetime.fromisoformat(stamp.read_text()), written
    # In the journal, because several machines share the database.
    last = (
        select(JournalEntry)
        .where(JournalEntry.act == ACT, JournalEntry.actor == journal.SERVICE)
        .order_by(JournalEntry.sequence.desc())
        .limit(1)
    )
    with parts.database.read() as session:
        entry = session.scalars(last).one_or_none()
    if entry is None or entry.subject is None:
        return None, None
    return datetime.fromisoformat(entry.subject), entry.at


def _note(parts: Parts, place: str, newest: datetime) -> None:
    if place in STAMPS:
        _stamp(parts, place).write_text(newest.isoformat())
        return
    with parts.database.write() as session:
        journal.note(session, journal.SERVICE, ACT, subject=newest.isoformat())


def _stamp(parts: Parts, place: str) -> Path:
    # Beside the volumes, so that a service that starts again does not begin anew.
    assert parts.embedded is not None
    return parts.embedded.folder / STAMPS[place]
