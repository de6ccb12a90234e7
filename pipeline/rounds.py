"""The hourly round: what falls due by its date, whether or not anybody looks.

Each part is its own transaction, and doing it twice is doing it once; so a round that was cut off is simply made
again, and several workers may make theirs at the same time.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import structlog

from storage import expiry, guessing, holds, recalls, retention, sign_ins, tellers
from storage.database import Database, WriteSession
from storage.objects import Objects

log = structlog.get_logger()

SCHEDULE = "17 * * * *"

# In the order in which they happen: people are warned before anything ends.
PARTS: tuple[Callable[[WriteSession, datetime], int | None], ...] = (
    expiry.warn,
    expiry.warn_of_kept,
    retention.warn_of_unreviewed,
    holds.warn_of_passed,
    expiry.expire,
    expiry.erase_expired,
    expiry.erase_taken_back,
    retention.erase_unreviewed,
    recalls.remind,
    tellers.remove_ended,
    sign_ins.remove_ended,
    guessing.remove_ended,
)


def make_round(database: Database, objects: Objects, now: datetime) -> None:
    """Do everything that is due at ``now``.

    :raises Unavailable: database or object store do not answer; what was done stays done
    """
    for part in PARTS:
        with database.write() as session:
            count = part(session, now)
        if count:
            log.info("round", part=f"{part.__module__.rpartition('.')[2]}.{part.__name__}", count=count)
    with database.write() as session:
        keys = retention.let_originals_go(session, now)
    for recording_id, key in keys.items():
        objects.delete(key)
        # Until it is seen gone, every round tries again.
        if not objects.exists(key):
            with database.write() as session:
                retention.note_gone(session, recording_id)
