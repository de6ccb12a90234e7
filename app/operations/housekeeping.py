"""What a service that runs for months does by itself: old copies, old backups and abandoned uploads end, erased content
leaves the disk, tombstones lie in their second place, rows and objects are compared, and originals are read again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta

import structlog
from starlette.concurrency import run_in_threadpool

from app.notices.mail import send_waiting
from app.operations import leftovers
from app.operations.backup import remove_expired
from app.operations.comparing import look_daily
from app.operations.fixity import check_originals
from app.parts import Parts
from app.uploads.upkeep import keep_uploads
from storage import outliving, safety_copies

log = structlog.get_logger()

EVERY_SECONDS = 60.0


async def keep_house(parts: Parts) -> None:
    """Look at everything once a minute, until it is cancelled. What fails is tried again at the next look."""
    while True:
        for look in LOOKS:
            try:
                await run_in_threadpool(look, parts)
            # Whatever it is: a house that nobody keeps any more erases nothing, and says nothing.
            except Exception as error:
                log.warning("housekeeping", what=look.__name__, error=type(error).__name__)
        await asyncio.sleep(EVERY_SECONDS)


def remove_old_copies(parts: Parts) -> None:
    """Remove the copies of the database that upgrades made, once they were kept long enough."""
    safety_copies.remove_old(parts.settings.copies_folder)


def remove_old_backups(parts: Parts) -> None:
    """Remove backups after the days that tellers were told, though nobody makes new ones."""
    remove_expired(parts)


def write_tombstones(parts: Parts) -> None:
    """Write what could not be written at once, or was written by a process that cannot reach this place."""
    place = parts.settings.tombstones_folder
    outliving.write_missing(parts.database, place)
    outliving.forget_ended(parts.database, place)


def erase_leftovers(parts: Parts, *, after: timedelta = leftovers.NAMES_ARE_WRITTEN_AFTER) -> bool:
    """Take the bytes of erased stories out of the embedded store's volumes; False if there is nothing new.

    :param after: how long after an erasure the store has written its log of names
    :raises NoSpace: the disk is too full to erase from
    :raises Unavailable: something deleted is still there
    """
    if parts.embedded is None:
        return False
    waiting = leftovers.backlog(parts, leftovers.VOLUMES, after=after)
    if waiting is None:
        return False
    leftovers.rewrite(parts, leftovers.VOLUMES, waiting.newest)
    return True


def rewrite_files(parts: Parts) -> None:
    """Once a night, or when the deadline nears, rewrite the other files that still hold what was erased."""
    leftovers.rewrite_at_night(parts)


LOOKS: tuple[Callable[[Parts], object], ...] = (
    remove_old_copies,
    keep_uploads,
    erase_leftovers,
    rewrite_files,
    write_tombstones,
    look_daily,
    check_originals,
    send_waiting,
    remove_old_backups,
)
