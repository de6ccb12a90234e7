"""What a service that runs for months does by itself: old copies end, erased content leaves the disk, tombstones
lie in their second place, and once a day rows and objects are compared."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import structlog
from sqlalchemy import func, select
from starlette.concurrency import run_in_threadpool

from app.notices.mail import send_waiting
from app.operations.comparing import look_daily
from app.parts import Parts
from models.base import utc_now
from models.errors import StoryError
from models.stories import Tombstone
from storage import safety_copies, tombstones
from storage.embedded.upkeep import NAMES_ARE_WRITTEN_AFTER_SECONDS

log = structlog.get_logger()

EVERY_SECONDS = 60.0
NAMES_ARE_WRITTEN_AFTER = timedelta(seconds=NAMES_ARE_WRITTEN_AFTER_SECONDS)
STAMP = "erased-until"


async def keep_house(parts: Parts) -> None:
    """Look at everything once a minute, until it is cancelled. What fails is tried again at the next look."""
    while True:
        for look in (remove_old_copies, erase_leftovers, write_tombstones, look_daily, send_waiting):
            try:
                await run_in_threadpool(look, parts)
            except (StoryError, OSError) as error:
                log.warning("housekeeping", what=look.__name__, error=type(error).__name__)
        await asyncio.sleep(EVERY_SECONDS)


def remove_old_copies(parts: Parts) -> None:
    """Remove the copies of the database that upgrades made, once they were kept long enough."""
    safety_copies.remove_old(parts.settings.copies_folder)


def write_tombstones(parts: Parts) -> None:
    """Write what could not be written at once, or was written by a process that cannot reach this place."""
    tombstones.write_missing(parts.database, parts.settings.tombstones_folder)


def erase_leftovers(parts: Parts, *, after: timedelta = NAMES_ARE_WRITTEN_AFTER) -> bool:
    """Take what is left of erased stories out of the embedded store's files; False if there is nothing new.

    A delete leaves an object's bytes in its volume. How far this was done is kept beside the volumes, so that a
    service that starts again does not begin anew.

    :param after: how long after an erasure the store has written its log of names
    :raises NoSpace: the disk is too full to erase from
    :raises Unavailable: something deleted is still there
    """
    if parts.embedded is None:
        return False
    with parts.database.read() as session:
        erased = select(func.max(Tombstone.erased_at)).where(Tombstone.erased_at <= utc_now() - after)
        newest: datetime | None = session.scalar(erased)
    stamp = parts.embedded.folder / STAMP
    done = stamp.read_text() if stamp.exists() else ""
    if newest is None or newest.isoformat() <= done:
        return False
    parts.embedded.erase_leftovers()
    stamp.write_text(newest.isoformat())
    return True
