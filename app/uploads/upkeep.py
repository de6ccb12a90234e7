"""What nobody asks for: uploads that were abandoned end, whole ones are finished, and the spool is swept."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from app.parts import Parts
from app.uploads import finishing
from app.uploads.service import Uploads
from models.base import utc_now
from models.errors import Conflict, NotFound
from storage import uploads

log = structlog.get_logger()


def finish_whole(house: Uploads) -> int:
    """Finish the uploads whose bytes are all kept, and whose last request ended before they were finished."""
    with house.parts.database.read() as session:
        waiting = uploads.whole_but_not_complete(session)
    finished = 0
    for each in waiting:
        with _unless_held(house, each.id) as is_ours:
            if is_ours:
                finished += _finish(house, each.id)
    return finished


def _finish(house: Uploads, upload_id: str) -> bool:
    try:
        with house.parts.database.write() as session:
            opened = house.opened(session, uploads.by_id(session, upload_id))
    except (Conflict, NotFound):
        # Completed, ended or withdrawn since.
        return False
    try:
        if opened.upload.is_whole:
            finishing.finish(house, house.with_digest(opened))
        return opened.upload.is_whole
    except Conflict as failure:
        finishing.begin_again_if_lost(house, opened, failure)
        log.warning("upload not finished", upload=upload_id, code=failure.code)
        return False
    finally:
        opened.tail.close()


def end_abandoned(house: Uploads) -> int:
    """End the uploads that nobody has gone on with for too long."""
    with house.parts.database.read() as session:
        abandoned = uploads.expired(session, utc_now())
    for each in abandoned:
        with _unless_held(house, each.id) as is_ours:
            if is_ours and _is_still_abandoned(house, each.id):
                house.forget(each)
    return len(abandoned)


def _is_still_abandoned(house: Uploads, upload_id: str) -> bool:
    with house.parts.database.read() as session:
        return any(each.id == upload_id for each in uploads.expired(session, utc_now()))


def sweep(house: Uploads) -> int:
    """Remove from the spool what no upload needs: completed, withdrawn or ended while something stood still."""
    here = house.spool.upload_ids()
    with house.parts.database.read() as session:
        needless = uploads.without_spool(session, here) if here else set()
    for upload_id in needless:
        with _unless_held(house, upload_id) as is_ours:
            if is_ours:
                house.spool.forget(upload_id)
    return len(needless)


@contextmanager
def _unless_held(house: Uploads, upload_id: str) -> Iterator[bool]:
    """Have an upload for oneself, if nobody has it: nobody is disturbed."""
    hold = house.spool.request(upload_id)
    try:
        yield hold.take(asks=False)
    finally:
        hold.let_go()


def keep_uploads(parts: Parts) -> None:
    """All of it. It knows no digests: what it finishes it reads once."""
    house = Uploads(parts)
    end_abandoned(house)
    finish_whole(house)
    sweep(house)
