"""Stories, their people, their recordings and what is made from them."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, ForeignKey, Index, String, Text, case
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, Id, new_id, one_of, utc_now
from models.consent import Naming
from models.curation import State

DETECT = "detect"


class Purpose(StrEnum):
    """What a story is gathered for."""

    INPUT = "input"
    CO_EVALUATION = "co-evaluation"
    BOTH = "both"


class Part(StrEnum):
    """What a person does in a story."""

    TELLER = "teller"
    HEARD = "heard"
    SEEN = "seen"


class RecordingState(StrEnum):
    """How far a recording has come. ``FAILED`` says why in ``failure_code`` and can be retried."""

    UPLOADING = "uploading"
    WAITING = "waiting"
    INSPECTED = "inspected"
    PROCESSING = "processing"
    READY = "ready"
    REFUSED = "refused"
    FAILED = "failed"


_IN_ORDER = ("created_at", "id")
_LOOKED_AT = ("submitted_by", "language", "detected_language", "purpose")


class Story(Base):
    """One person's account."""

    __tablename__ = "story"
    __table_args__ = (
        # Lists are walked in the order of these; a story that is passed by is judged without its row.
        Index("ix_story_by_moment", *_IN_ORDER, "state", *_LOOKED_AT),
        Index("ix_story_by_state", "state", *_IN_ORDER, *_LOOKED_AT),
        Index("ix_story_by_sender", "submitted_by", *_IN_ORDER, "state"),
        # Whether few stories are in a language is counted by these.
        Index("ix_story_by_language", "language", "id"),
        Index("ix_story_by_detected_language", "detected_language", "id"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    title: Mapped[str] = mapped_column(String(300))
    language: Mapped[str] = mapped_column(String(8))
    detected_language: Mapped[str | None] = mapped_column(String(8))
    purpose: Mapped[Purpose] = mapped_column(one_of(Purpose))
    told_when: Mapped[str | None] = mapped_column(String(100))
    told_where: Mapped[str | None] = mapped_column(String(200))
    recorded_by: Mapped[str | None] = mapped_column(String(200))
    told_in_sign_language: Mapped[bool] = mapped_column(default=False)
    is_masked: Mapped[bool] = mapped_column(default=False)
    is_safeguarding: Mapped[bool] = mapped_column(default=False)
    content_warning: Mapped[str | None] = mapped_column(String(500))
    state: Mapped[State] = mapped_column(one_of(State), default=State.SUBMITTED)
    object_token: Mapped[str] = mapped_column(Id, unique=True, default=new_id)
    submitted_by: Mapped[str] = mapped_column(ForeignKey("account.id"))
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    changed_at: Mapped[datetime] = mapped_column(default=utc_now)

    pilots: Mapped[list[StoryPilot]] = relationship(cascade="all, delete-orphan", passive_deletes=True)
    people: Mapped[list[StoryPerson]] = relationship(
        cascade="all, delete-orphan", passive_deletes=True, order_by="StoryPerson.position"
    )
    recordings: Mapped[list[Recording]] = relationship(
        cascade="all, delete-orphan", passive_deletes=True, order_by="Recording.position"
    )

    @hybrid_property
    def spoken_language(self) -> str | None:
        """The language it is told in: as given, or as heard; None while that is not known."""
        return self.detected_language if self.language == DETECT else self.language

    @spoken_language.inplace.expression
    @classmethod
    def _spoken_language(cls) -> ColumnElement[str | None]:
        return case((cls.language == DETECT, cls.detected_language), else_=cls.language)

    @property
    def pilot_ids(self) -> list[str]:
        return [row.pilot_id for row in self.pilots]


class StoryPilot(Base):
    """That a story belongs to a pilot."""

    __tablename__ = "story_pilot"
    __table_args__ = (Index(None, "pilot_id", "story_id"),)

    story_id: Mapped[str] = mapped_column(ForeignKey("story.id", ondelete="CASCADE"), primary_key=True)
    pilot_id: Mapped[str] = mapped_column(ForeignKey("pilot.id"), primary_key=True)


class StoryPerson(Base):
    """Someone who tells, is heard or is seen. ``label`` is how the curators know them ("my neighbour").

    ``shown_name`` is what leaves where the person consents to a name or a pseudonym; ``named_as`` says for which of
    the two it was given, and it is shown as nothing else. The link's token is kept
    as a digest: the person's own door to consent and withdrawal. ``guardian`` says who stands beside somebody
    who is a minor or represented ("her mother"): then the guardian's consent is asked for as well, behind a link of
    the guardian's own.
    """

    __tablename__ = "story_person"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    story_id: Mapped[str] = mapped_column(ForeignKey("story.id", ondelete="CASCADE"), index=True)
    position: Mapped[int]
    part: Mapped[Part] = mapped_column(one_of(Part))
    label: Mapped[str] = mapped_column(String(200))
    shown_name: Mapped[str | None] = mapped_column(String(200))
    named_as: Mapped[Naming] = mapped_column(one_of(Naming), default=Naming.NAMED)
    guardian: Mapped[str | None] = mapped_column(String(200))
    link_digest: Mapped[str | None] = mapped_column(String(64), unique=True)
    guardian_link_digest: Mapped[str | None] = mapped_column(String(64), unique=True)


class TellerContact(Base):
    """How a person in a story can be reached: in a table of its own, read by nothing else."""

    __tablename__ = "teller_contact"

    person_id: Mapped[str] = mapped_column(
        ForeignKey("story_person.id", ondelete="CASCADE"), primary_key=True
    )
    contact: Mapped[str] = mapped_column(Text)


class Recording(Base):
    """A media file as received: the original, never altered. Its renditions are what people play.

    ``original_erased_at``: it was let go, as its people agreed and its pilots set; renditions stay. While it is still
    *uploading*: it is awaited no more, and what came of it is being deleted.
    ``original_gone_at``: since when it lies in the object store no more, seen after it was let go.
    ``original_checked_at``: when its bytes were last read in the store and compared with ``sha256``.
    ``original_damaged_at``: when they were first found to be others, or not to be read any more.
    ``inspection`` is what was found by decoding (see ``pipeline.media.inspection``): never metadata.
    """

    __tablename__ = "recording"
    __table_args__ = (Index(None, "story_id", "position"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    story_id: Mapped[str] = mapped_column(ForeignKey("story.id", ondelete="CASCADE"))
    position: Mapped[int]
    state: Mapped[RecordingState] = mapped_column(one_of(RecordingState), default=RecordingState.UPLOADING)
    original_key: Mapped[str] = mapped_column(String(80), unique=True)
    size_bytes: Mapped[int | None] = mapped_column(BigInteger)
    sha256: Mapped[str | None] = mapped_column(String(64))
    sent_name: Mapped[str] = mapped_column(String(255))
    sent_by: Mapped[str | None] = mapped_column(ForeignKey("account.id"))
    duration_seconds: Mapped[float | None]
    has_picture: Mapped[bool | None]
    inspection: Mapped[dict[str, Any] | None]
    failure_code: Mapped[str | None] = mapped_column(String(60))
    failure_parameters: Mapped[dict[str, Any] | None]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    received_at: Mapped[datetime | None]
    original_erased_at: Mapped[datetime | None]
    original_gone_at: Mapped[datetime | None]
    original_checked_at: Mapped[datetime | None]
    original_damaged_at: Mapped[datetime | None]

    renditions: Mapped[list[Rendition]] = relationship(cascade="all, delete-orphan", passive_deletes=True)


class RenditionKind(StrEnum):
    """What is made from a recording. ``SPEECH`` is for recognition only, and is served to nobody."""

    SPEECH = "speech"
    AUDIO = "audio"
    VIDEO = "video"
    POSTER = "poster"
    PEAKS = "peaks"


MEDIA_TYPES = {
    RenditionKind.SPEECH: "audio/wav",
    RenditionKind.AUDIO: "audio/mp4",
    RenditionKind.VIDEO: "video/mp4",
    RenditionKind.POSTER: "image/jpeg",
    RenditionKind.PEAKS: "application/json",
}


class Rendition(Base):
    """One file made from a recording, named here only once it lies whole in the object store."""

    __tablename__ = "rendition"
    __table_args__ = (Index(None, "recording_id", "kind", unique=True),)

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    recording_id: Mapped[str] = mapped_column(ForeignKey("recording.id", ondelete="CASCADE"))
    kind: Mapped[RenditionKind] = mapped_column(one_of(RenditionKind))
    object_key: Mapped[str] = mapped_column(String(80), unique=True)
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class Tombstone(Base):
    """What stays of a withdrawn story: its id, dates and salted digests; no content, no names.

    ``erased_at`` is when nothing could be found of it any more, in the database and in the object store. What their
    files still hold is taken out within a deadline from then (``models.erasure``).

    ``known_to`` holds the ids of accounts, and the marks of pilots' roles (``models.roles.readers_mark``), that
    could read it: they are told *gone* (410) where others are told *not found*. ``releases`` are the ids of the
    releases that it was in.
    """

    __tablename__ = "tombstone"

    story_id: Mapped[str] = mapped_column(Id, primary_key=True)
    gathered_at: Mapped[datetime]
    withdrawn_at: Mapped[datetime]
    erased_at: Mapped[datetime | None]
    was_published: Mapped[bool] = mapped_column(default=False)
    known_to: Mapped[list[str]]
    releases: Mapped[list[str]] = mapped_column(default=list)
    salt: Mapped[str] = mapped_column(String(64))
    digests: Mapped[list[str]]
