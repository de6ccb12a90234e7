"""Curators around a story: who has it in hand, and what they say to each other about it."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ForeignKey, Text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Id, new_id, utc_now

# Listening to a long recording without a word written is still being at it.
LOCK_LASTS = timedelta(minutes=30)
MAX_COMMENT_CHARACTERS = 4000


class Assignment(Base):
    """Who has a story in hand. While they were seen at it in the last half hour, nobody else writes in it."""

    __tablename__ = "assignment"

    story_id: Mapped[str] = mapped_column(ForeignKey("story.id", ondelete="CASCADE"), primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), index=True)
    taken_at: Mapped[datetime] = mapped_column(default=utc_now)
    seen_at: Mapped[datetime] = mapped_column(default=utc_now)

    @property
    def locks_until(self) -> datetime:
        return self.seen_at + LOCK_LASTS

    def locks_out(self, account_id: str, now: datetime) -> bool:
        """Whether somebody else is at the story."""
        return self.account_id != account_id and self.locks_until > now


class Comment(Base):
    """What a curator says to the others about a story. It never leaves them, and is erased with the story."""

    __tablename__ = "story_comment"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    story_id: Mapped[str] = mapped_column(ForeignKey("story.id", ondelete="CASCADE"), index=True)
    written_by: Mapped[str] = mapped_column(ForeignKey("account.id"))
    written_at: Mapped[datetime] = mapped_column(default=utc_now)
    text: Mapped[str] = mapped_column(Text)
