"""Every original is read again within a month, a little at a time, and its bytes compared with its digest."""

from __future__ import annotations

import hashlib
from datetime import timedelta

import structlog

from app.parts import Parts
from models.base import utc_now
from models.errors import NotFound, StoryError
from storage import fixity
from storage.fixity import Original

log = structlog.get_logger()

WITHIN = timedelta(days=30)
# Begun before it is due: a service that was away for some days still keeps its word.
AGAIN_AFTER = timedelta(days=23)
# For one look, once a minute: 370 GB a day at most, and never long in the way of people who listen.
BYTES_A_LOOK = 256 * 2**20
MOST_A_LOOK = 100


def check_originals(parts: Parts) -> int:
    """Read the originals that are due, at least one and as many as fit into a look; how many were read.

    :raises Unavailable: the store or the database does not answer
    """
    with parts.database.read() as session:
        waiting = fixity.due(session, utc_now() - AGAIN_AFTER, at_most=MOST_A_LOOK)
    read_bytes = checked = 0
    for original in waiting:
        if checked and read_bytes + original.size_bytes > BYTES_A_LOOK:
            break
        is_well = is_whole(parts, original)
        read_bytes, checked = read_bytes + original.size_bytes, checked + 1
        with parts.database.write() as session:
            is_new = fixity.note(session, original.recording_id, is_whole=is_well, now=utc_now())
        if is_new:
            log.error("an original is not what was sent", recording=original.recording_id)
    return checked


def is_whole(parts: Parts, original: Original) -> bool:
    """Whether the store's bytes of an original are those that were sent. Reads all of them.

    :raises Unavailable: the store does not answer
    """
    digest = hashlib.sha256()
    try:
        for chunk in parts.objects.open_range(original.key, 0, None):
            digest.update(chunk)
    except NotFound:
        return False
    except StoryError:
        # A store that answers everything else cannot read this one any more.
        parts.objects.probe()
        return False
    return digest.hexdigest() == original.sha256
