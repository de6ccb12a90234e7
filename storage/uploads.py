"""The verbs of resumable uploads: begun, kept up to an offset, moved on by a part, completed, forgotten."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from models.base import utc_now
from models.curation import State
from models.errors import Conflict, NotFound
from models.stories import Recording, Story
from models.uploads import SENDING_LASTS, Upload, UploadPart
from storage import recordings
from storage.database import WriteSession

# As long as its column. Who sent it knows it by its beginning; nothing here goes by it.
NAME_CHARACTERS = 255


def begin(
    session: WriteSession,
    story: Story,
    *,
    account_id: str,
    sent_name: str,
    sent_metadata: str,
    length_bytes: int | None,
    lasts: timedelta,
) -> Upload:
    """Make room for a recording that comes in as many requests as it takes.

    :raises Conflict: the story takes no recording now
    """
    recording = recordings.expect_recording(session, story, sent_name[:NAME_CHARACTERS], sent_by=account_id)
    upload = Upload(
        story_id=story.id,
        recording_id=recording.id,
        account_id=account_id,
        length_bytes=length_bytes,
        sent_metadata=sent_metadata,
        expires_at=utc_now() + lasts,
    )
    session.add(upload)
    session.flush()
    return upload


def by_id(session: Session, upload_id: str) -> Upload:
    """
    :raises NotFound: there is no such upload, or no longer
    """
    upload = session.get(Upload, upload_id)
    if upload is None:
        raise NotFound("upload-not-found")
    return upload


def key_of(session: Session, upload: Upload) -> str:
    """The key of the object that it becomes."""
    return session.get_one(Recording, upload.recording_id).original_key


def parts_of(session: Session, upload_id: str) -> list[UploadPart]:
    """Its parts in the object store, in order."""
    query = select(UploadPart).where(UploadPart.upload_id == upload_id).order_by(UploadPart.number)
    return list(session.scalars(query))


def next_part(session: Session, upload_id: str) -> int:
    """The number of the part that its next bytes in the object store will be."""
    last = session.scalar(select(func.max(UploadPart.number)).where(UploadPart.upload_id == upload_id))
    return (last or 0) + 1


def declare_length(session: WriteSession, upload: Upload, length_bytes: int) -> None:
    """Its sender knows now how long it is."""
    _change(session, upload, length_bytes=length_bytes)


def note_sending(session: WriteSession, upload: Upload, now: datetime, lasts: timedelta) -> None:
    """A request that brings bytes is at work."""
    _change(session, upload, sending_at=now, expires_at=now + lasts)


def keep_up_to(
    session: WriteSession,
    upload: Upload,
    offset_bytes: int,
    now: datetime,
    lasts: timedelta,
    *,
    goes_on: bool,
) -> None:
    """So many bytes are kept. Call it when they are.

    :param goes_on: whether the request that brought them is still at work
    :raises Conflict: it was completed or forgotten, its story withdrawn, or somebody else wrote to it
    """
    sending_at = now if goes_on else None
    _change(session, upload, offset_bytes=offset_bytes, sending_at=sending_at, expires_at=now + lasts)


def note_parted(session: WriteSession, upload: Upload, store_token: str) -> None:
    """Its object is being put in parts, under this token of the store's."""
    _change(session, upload, store_token=store_token)


def note_part(session: WriteSession, upload: Upload, number: int, tag: str, size_bytes: int) -> None:
    """Its next bytes lie in the object store, as a part.

    :raises Conflict: as for :func:`keep_up_to`
    """
    stored = upload.stored_bytes + size_bytes
    _change(session, upload, stored_bytes=stored, offset_bytes=max(upload.offset_bytes, stored))
    session.add(UploadPart(upload_id=upload.id, number=number, tag=tag, size_bytes=size_bytes))


def begin_again(session: WriteSession, upload: Upload) -> None:
    """What was kept of it is lost, as after a restore: it begins anew, and whoever sends it is told so."""
    session.execute(delete(UploadPart).where(UploadPart.upload_id == upload.id))
    _change(session, upload, offset_bytes=0, stored_bytes=0, store_token=None)


def complete(session: WriteSession, upload_id: str, *, size_bytes: int, sha256: str) -> Upload:
    """It lies whole in the object store: its recording is received. A second time changes nothing.

    :raises NotFound: it was forgotten
    :raises Conflict: its story was withdrawn
    """
    upload = by_id(session, upload_id)
    recordings.receive(session, upload.recording_id, size_bytes=size_bytes, sha256=sha256)
    if upload.completed_at is None:
        upload.completed_at, upload.sending_at = utc_now(), None
        # A form says only now how long its file was.
        upload.length_bytes = upload.offset_bytes = size_bytes
        session.execute(delete(UploadPart).where(UploadPart.upload_id == upload_id))
    session.flush()
    return upload


def give_up(session: WriteSession, upload: Upload) -> bool:
    """Await the recording no more: it cannot be received now, and its bytes may go. False if it was received."""
    return recordings.give_up_unfinished(session, upload.recording_id)


def forget(session: WriteSession, upload: Upload) -> bool:
    """Forget an upload and the recording that was expected; False if that was received, and both stay.

    The row goes with the recording's. Its bytes are the caller's to delete, before.
    """
    return recordings.give_up_recording(session, upload.recording_id)


def expired(session: Session, now: datetime) -> list[Upload]:
    """Uploads that nobody has gone on with for too long."""
    query = select(Upload).where(Upload.completed_at.is_(None), Upload.expires_at <= now, ~_is_whole())
    return list(session.scalars(query.order_by(Upload.id)))


def whole_but_not_complete(session: Session) -> list[Upload]:
    """Uploads whose bytes are all kept and whose recording was not received yet: something stopped in between."""
    query = select(Upload).join(Story).where(Upload.completed_at.is_(None), _is_whole(), _is_live())
    return list(session.scalars(query.order_by(Upload.id)))


def resting_keys(session: Session, now: datetime) -> set[str]:
    """The keys of the objects that uploads will become to which nobody is sending at this moment."""
    rests = Upload.sending_at.is_(None) | ~is_being_sent(now)
    query = select(Recording.original_key).join(Upload, Upload.recording_id == Recording.id)
    return set(session.scalars(query.where(Upload.completed_at.is_(None), rests)))


def without_spool(session: Session, upload_ids: Collection[str]) -> set[str]:
    """Which of these need nothing in the spool any more: complete, of a withdrawn story, or gone."""
    needing = select(Upload.id).join(Story).where(Upload.completed_at.is_(None), _is_live())
    return set(upload_ids) - set(session.scalars(needing.where(Upload.id.in_(upload_ids))))


def of_stories(session: Session, story_ids: Collection[str]) -> list[str]:
    """The ids of the uploads of these stories."""
    return list(session.scalars(select(Upload.id).where(Upload.story_id.in_(story_ids))))


def unfinished(session: Session, account_id: str) -> list[Upload]:
    """An account's uploads that are not complete; those that end first come first."""
    query = select(Upload).where(Upload.account_id == account_id, Upload.completed_at.is_(None))
    return list(session.scalars(query.order_by(Upload.expires_at)))


def being_sent(session: Session, account_id: str, now: datetime, *, but: str | None = None) -> int:
    """How many of an account's uploads are on their way at this moment, without one that is named."""
    query = select(func.count()).where(
        Upload.account_id == account_id,
        Upload.completed_at.is_(None),
        is_being_sent(now),
        Upload.id != (but or ""),
    )
    return session.scalar(query) or 0


def is_being_sent(now: datetime) -> ColumnElement[bool]:
    """A request that brings bytes of it was at work a moment ago."""
    # Not what was noted for a time yet to come: the clock was set back since.
    return Upload.sending_at.between(now - SENDING_LASTS, now + SENDING_LASTS)


def _is_whole() -> ColumnElement[bool]:
    return Upload.length_bytes.is_not(None) & (Upload.offset_bytes == Upload.length_bytes)


def _is_live() -> ColumnElement[bool]:
    return Story.state != State.WITHDRAWN


def _change(session: WriteSession, upload: Upload, **values: object) -> None:
    """Change it where it is as it was known to be: whoever lost their hold of it changes nothing any more."""
    live = select(Story.id).where(Story.id == upload.story_id, _is_live()).exists()
    changed = session.execute(
        update(Upload)
        .where(
            Upload.id == upload.id,
            Upload.completed_at.is_(None),
            Upload.offset_bytes == upload.offset_bytes,
            Upload.stored_bytes == upload.stored_bytes,
            live,
        )
        .values(values)
        .returning(Upload.id)
        .execution_options(synchronize_session=False)
    )
    if changed.first() is None:
        raise Conflict("upload-changed")
    for name, value in values.items():
        set_committed_value(upload, name, value)
