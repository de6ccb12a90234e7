"""What nobody asks for: uploads that were abandoned end, whole ones are finished, and the spool is swept."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import structlog

from app.parts import Parts
from app.uploads import finishing
from app.uploads.service import Uploads
from models.base import utc_now
from models.errors import Conflict, NotFound
from storage import uploads

log = structlog.get_logger()


# A store that hangs must not hold up the rest of the housekeeping: what is left waits for the next look.
AT_MOST_SECONDS = 120.0


def finish_whole(house: Uploads) -> int:
    """Finish the uploads whose bytes are all kept, and whose last request ended before they were finished."""
    with house.parts.database.read() as session:
        waiting = [each.id for each in uploads.whole_but_not_complete(session)]
    return _each(house, waiting, _finish)


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
        abandoned = [each.id for each in uploads.expired(session, utc_now())]
    return _each(house, abandoned, _end)


def _end(house: Uploads, upload_id: str) -> bool:
    with house.parts.database.read() as session:
        found = next((each for each in uploads.expired(session, utc_now()) if each.id == upload_id), None)
    if found is not None:
        house.forget(found)
    return found is not None


def sweep(house: Uploads) -> int:
    """Remove from the spool what no upload needs: completed, withdrawn or ended while something stood still."""
    here = house.spool.upload_ids()
    with house.parts.database.read() as session:
        needless = uploads.without_spool(session, here) if here else set()
    return _each(house, needless, _sweep)


def _sweep(house: Uploads, upload_id: str) -> bool:
    house.spool.forget(upload_id)
    return True


def _each(house: Uploads, upload_ids: Iterable[str], deed: Callable[[Uploads, str], bool]) -> int:
    """Do it to each that nobody has. What fails is said, keeps no other waiting, and is tried again later."""
    done, until = 0, time.monotonic() + AT_MOST_SECONDS
    for upload_id in upload_ids:
        if time.monotonic() > until:
            break
        try:
            with _unless_held(house, upload_id) as is_ours:
                done += is_ours and deed(house, upload_id)
        except Exception as error:
            _say(deed, error, upload=upload_id)
    return done


def _say(deed: Callable[..., object], error: Exception, **of: str) -> None:
    log.warning("uploads not kept", what=deed.__name__.strip("_"), error=type(error).__name__, **of)


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
    for look in (end_abandoned, finish_whole, sweep):
        try:
            look(house)
        except Exception as error:
            _say(look, error)
