"""Holds: what keeps a story with its curators for a while, whatever people consented to."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Id, new_id, one_of, utc_now


class HoldKind(StrEnum):
    """Why a story is held: until a date that its teller named, or because somebody may come to harm."""

    EMBARGO = "embargo"
    SAFEGUARDING = "safeguarding"


class Hold(Base):
    """A hold on a story. It stands until a named person lifts it; a date that passes lifts nothing by itself.

    ``until`` is the date of an embargo: when it has passed, ``warned_id`` (an account) is told once, and decides.
    An embargo without a date stands until it is lifted. ``note`` is what was seen, for those who care for the
    story alone; it is erased with the story.
    """

    __tablename__ = "hold"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    story_id: Mapped[str] = mapped_column(ForeignKey("story.id", ondelete="CASCADE"), index=True)
    kind: Mapped[HoldKind] = mapped_column(one_of(HoldKind))
    until: Mapped[datetime | None]
    note: Mapped[str] = mapped_column(Text, default="")
    raised_by: Mapped[str] = mapped_column(String(40))
    raised_at: Mapped[datetime] = mapped_column(default=utc_now)
    warned_id: Mapped[str | None] = mapped_column(ForeignKey("account.id"))
    warned_at: Mapped[datetime | None]
    lifted_by: Mapped[str | None] = mapped_column(Id)
    lifted_at: Mapped[datetime | None]
