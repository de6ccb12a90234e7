"""Themes on stories: suggested with evidence, accepted or rejected or added by curators."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Id, new_id, one_of, utc_now


class ThemeState(StrEnum):
    """How a theme stands on a story. ``OBSOLETE``: suggested, and its words were since edited away."""

    SUGGESTED = "suggested"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    OBSOLETE = "obsolete"


class StoryTheme(Base):
    """One theme of the codebook on one story.

    ``evidence`` is a list of ``{recording_id, segment, start_char, end_char, start_seconds, end_seconds,
    text, why}``: empty for a theme that a curator added by hand (``score`` is then None). ``sent_at`` is the moment in
    which the story was sent, as the story has it: it never changes, and a list of one theme is walked in its order.
    """

    __tablename__ = "story_theme"
    __table_args__ = (
        Index(None, "story_id", "theme", unique=True),
        # In the order of lists of one theme.
        Index("ix_story_theme_by_moment", "theme", "state", "sent_at", "story_id"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    story_id: Mapped[str] = mapped_column(ForeignKey("story.id", ondelete="CASCADE"))
    theme: Mapped[str] = mapped_column(String(60))
    sent_at: Mapped[datetime]
    state: Mapped[ThemeState] = mapped_column(one_of(ThemeState))
    score: Mapped[float | None]
    evidence: Mapped[list[dict[str, Any]]]
    codebook_version: Mapped[int]
    decided_by: Mapped[str | None] = mapped_column(ForeignKey("account.id"))
    decided_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
