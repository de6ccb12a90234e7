"""Collections: stories chosen for a purpose, and their releases: fixed, numbered states that others pull."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, Id, new_id, one_of, utc_now


class Collection(Base):
    """A pilot team's choice of stories, by hand or from a query (``query`` is kept to run it again).

    ``published_at``: since then its title and purpose are for everybody, with those stories of its newest release
    that are published themselves.
    """

    __tablename__ = "collection"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    pilot_id: Mapped[str] = mapped_column(ForeignKey("pilot.id"), index=True)
    title: Mapped[str] = mapped_column(String(300))
    purpose: Mapped[str] = mapped_column(Text, default="")
    query: Mapped[dict[str, Any] | None]
    made_by: Mapped[str] = mapped_column(ForeignKey("account.id"))
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    published_at: Mapped[datetime | None]

    entries: Mapped[list[CollectionEntry]] = relationship(
        cascade="all, delete-orphan", passive_deletes=True, order_by="CollectionEntry.position"
    )
    releases: Mapped[list[Release]] = relationship(
        cascade="all, delete-orphan", passive_deletes=True, order_by="Release.number"
    )


class CollectionEntry(Base):
    """One story in a collection, in its place, with the team's note beside it."""

    __tablename__ = "collection_entry"
    __table_args__ = (Index(None, "collection_id", "story_id", unique=True),)

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    collection_id: Mapped[str] = mapped_column(ForeignKey("collection.id", ondelete="CASCADE"))
    story_id: Mapped[str] = mapped_column(ForeignKey("story.id", ondelete="CASCADE"), index=True)
    position: Mapped[int]
    note: Mapped[str] = mapped_column(Text, default="")


class Release(Base):
    """A numbered state of a collection. ``root_digest`` is over its entries' digests, in order."""

    __tablename__ = "release"
    __table_args__ = (Index(None, "collection_id", "number", unique=True),)

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    collection_id: Mapped[str] = mapped_column(ForeignKey("collection.id", ondelete="CASCADE"))
    number: Mapped[int]
    root_digest: Mapped[str] = mapped_column(String(64))
    left_out: Mapped[dict[str, Any]]
    released_by: Mapped[str] = mapped_column(ForeignKey("account.id"))
    released_at: Mapped[datetime] = mapped_column(default=utc_now)

    entries: Mapped[list[ReleaseEntry]] = relationship(
        cascade="all, delete-orphan", passive_deletes=True, order_by="ReleaseEntry.position"
    )


class ReleaseEntry(Base):
    """One story as released. ``digest`` is SHA-256 over ``salt`` and the entry's canonical JSON.

    When the story is withdrawn, ``story_id``, ``salt`` and ``manifest`` are emptied and the digest alone
    stays: the root still verifies, and nothing can be guessed back from it.
    """

    __tablename__ = "release_entry"
    __table_args__ = (Index(None, "release_id", "position", unique=True),)

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    release_id: Mapped[str] = mapped_column(ForeignKey("release.id", ondelete="CASCADE"))
    position: Mapped[int]
    story_id: Mapped[str | None] = mapped_column(ForeignKey("story.id", ondelete="SET NULL"), index=True)
    digest: Mapped[str] = mapped_column(String(64))
    salt: Mapped[str | None] = mapped_column(String(64))
    manifest: Mapped[dict[str, Any] | None]


class Disclosure(Base):
    """That a release was pulled: by whom, when, in which format. Recalls go to those named here."""

    __tablename__ = "disclosure"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    release_id: Mapped[str] = mapped_column(ForeignKey("release.id", ondelete="CASCADE"), index=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("account.id"))
    format: Mapped[str] = mapped_column(String(40))
    pulled_at: Mapped[datetime] = mapped_column(default=utc_now)


class RecallReason(StrEnum):
    """Why a holder is asked to delete their copies, the gravest first.

    ``NARROWED``: it may still be shared, for fewer uses, or with people appearing less than in the copy.
    """

    WITHDRAWN = "withdrawn"
    SHARING_ENDED = "sharing-ended"
    NARROWED = "narrowed"


class Recall(Base):
    """Word to a holder that a story of a release may no longer be used. It carries ids only.

    ``reminders`` counts how often the holder was reminded, the last time at ``reminded_at``.
    """

    __tablename__ = "recall"
    __table_args__ = (Index(None, "release_id", "story_id", "account_id", unique=True),)

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    release_id: Mapped[str] = mapped_column(ForeignKey("release.id", ondelete="CASCADE"))
    story_id: Mapped[str] = mapped_column(Id)
    account_id: Mapped[str] = mapped_column(ForeignKey("account.id"), index=True)
    reason: Mapped[RecallReason] = mapped_column(one_of(RecallReason), default=RecallReason.WITHDRAWN)
    issued_at: Mapped[datetime] = mapped_column(default=utc_now)
    reminders: Mapped[int] = mapped_column(default=0)
    reminded_at: Mapped[datetime | None]
    acknowledged_at: Mapped[datetime | None]


class Response(Base):
    """What those who listened answer to a collection: words, when, and what will change. Its tellers see it."""

    __tablename__ = "response"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    collection_id: Mapped[str] = mapped_column(ForeignKey("collection.id", ondelete="CASCADE"), index=True)
    answered_on: Mapped[date]
    words: Mapped[str] = mapped_column(Text)
    will_change: Mapped[str] = mapped_column(Text, default="")
    made_by: Mapped[str] = mapped_column(ForeignKey("account.id"))
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
