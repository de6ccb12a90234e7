"""Pilots: the communities of practice that stories belong to, their protocol, and the wordings of consent."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Id, new_id, utc_now
from models.consent import Use


class Pilot(Base):
    """A pilot: one service context in one place, kept apart from the others.

    Its *protocol* is the community's key beside the person's: the uses it lets a story be put to. What is
    not listed is not allowed; sharing inside the pilot itself is what a pilot is for.
    """

    __tablename__ = "pilot"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    code: Mapped[str] = mapped_column(String(40), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    languages: Mapped[list[str]]
    protocol_uses: Mapped[list[str]] = mapped_column(
        default=lambda: [Use.CURATION, Use.SHARING, Use.PUBLICATION, Use.TRANSLATION, Use.EXCERPTS]
    )
    safeguarding_contact: Mapped[str | None] = mapped_column(String(200))
    daily_upload_bytes: Mapped[int | None] = mapped_column(BigInteger)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class Wording(Base):
    """The text read or heard when consent was given: versioned, per pilot and language, never edited.

    ``pilot_id`` is None for the service's own wording, used where a pilot has none.
    """

    __tablename__ = "wording"
    __table_args__ = (UniqueConstraint("pilot_id", "language", "version"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    pilot_id: Mapped[str | None] = mapped_column(ForeignKey("pilot.id"))
    language: Mapped[str] = mapped_column(String(8))
    version: Mapped[int]
    text: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
