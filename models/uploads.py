"""Resumable uploads: a recording on its way, of which so much is kept; and the rules of their length and their end."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Id, new_id, utc_now
from models.errors import Conflict, Invalid, Malformed, TooLarge

# What is sent at this moment is noted every second; after so long it counts as broken off.
SENDING_LASTS = timedelta(seconds=60)


class Upload(Base):
    """A recording that is sent in as many requests as it takes.

    ``offset_bytes`` of it are kept, whatever happens to this process or this machine's power: the first
    ``stored_bytes`` of them as parts in the object store, the rest in the spool. ``length_bytes`` None: its sender
    does not know yet; of a form it is the request's, a little longer, until it is complete. ``sent_metadata`` is the
    header as it came, to be given back. ``sending_at``: when a request that brings bytes was last seen at work.
    """

    __tablename__ = "upload"
    __table_args__ = (
        Index(None, "account_id", "completed_at"),
        Index(None, "completed_at", "expires_at"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    story_id: Mapped[str] = mapped_column(ForeignKey("story.id", ondelete="CASCADE"), index=True)
    recording_id: Mapped[str] = mapped_column(ForeignKey("recording.id", ondelete="CASCADE"), unique=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("account.id"))
    length_bytes: Mapped[int | None] = mapped_column(BigInteger)
    offset_bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    stored_bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    store_token: Mapped[str | None] = mapped_column(Text)
    sent_metadata: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    expires_at: Mapped[datetime]
    sending_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]

    @property
    def is_whole(self) -> bool:
        """Every byte is kept. That its recording was received is said by ``completed_at``."""
        return self.offset_bytes == self.length_bytes

    def is_expired(self, now: datetime) -> bool:
        """What arrived whole does not expire."""
        return self.completed_at is None and not self.is_whole and self.expires_at <= now


class UploadPart(Base):
    """One part of an upload that lies in the object store, where it has a number and a tag. Numbers begin at 1."""

    __tablename__ = "upload_part"

    upload_id: Mapped[str] = mapped_column(ForeignKey("upload.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    tag: Mapped[str] = mapped_column(String(200))
    size_bytes: Mapped[int] = mapped_column(BigInteger)


def check_length(length_bytes: int, limit_bytes: int) -> None:
    """Whether a recording of this length can be sent.

    :raises Invalid: it is empty
    :raises TooLarge: it is longer than the limit
    """
    if length_bytes == 0:
        raise Invalid("recording-empty")
    if length_bytes > limit_bytes:
        raise TooLarge("too-large", limit_bytes=limit_bytes)


def check_declared(upload: Upload, length_bytes: int) -> None:
    """Whether the length that a later request declares fits what is known and kept.

    :raises Malformed: another length was declared before, or more than this is kept already
    """
    if upload.length_bytes not in (None, length_bytes) or length_bytes < upload.offset_bytes:
        raise Malformed("upload-length-changed")


def check_offset(upload: Upload, offset_bytes: int) -> None:
    """Whether bytes from this offset on go on where the kept ones end.

    :raises Conflict: they do not; ``offset_bytes`` says where they end
    """
    if offset_bytes != upload.offset_bytes:
        raise Conflict("upload-offset-wrong", offset_bytes=upload.offset_bytes)
