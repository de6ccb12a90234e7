"""Transcripts: numbered versions, each made of segments with words and their times."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, Id, new_id, utc_now


class Transcript(Base):
    """One version of what is said in a recording. The machine's is version 1; a correction is a new one.

    ``is_machine_made`` holds until a person approves the version or writes a new one; ``approved_at`` says
    when that was, and is what exports look at before they say "made by a machine".
    """

    __tablename__ = "transcript"
    __table_args__ = (Index(None, "recording_id", "language", "version", unique=True),)

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    story_id: Mapped[str] = mapped_column(ForeignKey("story.id", ondelete="CASCADE"), index=True)
    recording_id: Mapped[str] = mapped_column(ForeignKey("recording.id", ondelete="CASCADE"))
    language: Mapped[str] = mapped_column(String(8))
    version: Mapped[int]
    is_machine_made: Mapped[bool]
    engine: Mapped[str | None] = mapped_column(String(40))
    weights: Mapped[str | None] = mapped_column(String(80))
    written_by: Mapped[str | None] = mapped_column(ForeignKey("account.id"))
    written_at: Mapped[datetime] = mapped_column(default=utc_now)
    approved_by: Mapped[str | None] = mapped_column(ForeignKey("account.id"))
    approved_at: Mapped[datetime | None]
    edits: Mapped[int] = mapped_column(default=0, server_default="0")

    segments: Mapped[list[Segment]] = relationship(
        cascade="all, delete-orphan", passive_deletes=True, order_by="Segment.position"
    )

    @property
    def is_approved(self) -> bool:
        return self.approved_at is not None

    @property
    def mark(self) -> str:
        """What it says, in short: a change that was made over another mark was made over other words."""
        return f"{self.version}.{self.edits}" if self.edits else str(self.version)

    @property
    def text(self) -> str:
        return "\n".join(segment.text for segment in self.segments)


class Segment(Base):
    """A transcript's unit. ``words`` are ``{start, end, text, probability}`` with times in seconds."""

    __tablename__ = "segment"
    __table_args__ = (Index(None, "transcript_id", "position", unique=True),)

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    transcript_id: Mapped[str] = mapped_column(ForeignKey("transcript.id", ondelete="CASCADE"))
    position: Mapped[int]
    start_seconds: Mapped[float]
    end_seconds: Mapped[float]
    speaker: Mapped[str | None] = mapped_column(String(100))
    text: Mapped[str] = mapped_column(Text)
    words: Mapped[list[dict[str, Any]]]
