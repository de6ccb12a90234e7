"""That a story was listened to, as its people may know of it: by whose people, on which day."""

from __future__ import annotations

from datetime import date

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base

# Who listened to what is published, and came as nobody in particular.
EVERYBODY = "everybody"


class Listening(Base):
    """That a recording of a story was played here on a day. How often, and by which person, is not kept.

    ``hearer`` is a role in a pilot (:func:`models.roles.readers_mark`), or :data:`EVERYBODY`.
    """

    __tablename__ = "listening"

    story_id: Mapped[str] = mapped_column(ForeignKey("story.id", ondelete="CASCADE"), primary_key=True)
    hearer: Mapped[str] = mapped_column(String(60), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
