"""Pilots: the communities of practice that stories belong to, their protocol, and the wordings of consent."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Id, new_id, one_of, utc_now
from models.consent import Combination, Protocol, Use
from models.roles import Role


class Pilot(Base):
    """A pilot: one service context in one place, kept apart from the others.

    Its *protocol* is the community's key beside the person's, strict until the community opens it: the uses that
    it lets a story be put to, whether a story may be shared with another pilot that it belongs to as well, and
    which roles inside the pilot may see what is shared. What is not listed is not allowed.

    ``labels`` are a community's own marks on its stories (``{"code", "text", "uri"}``, as Local Contexts' labels
    are), ``terms`` what it asks of whoever uses them: both travel in every export.

    ``weights`` names the recogniser's weights that its stories are heard with; None: the service's own.
    """

    __tablename__ = "pilot"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    code: Mapped[str] = mapped_column(String(40), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    languages: Mapped[list[str]]
    protocol_uses: Mapped[list[str]] = mapped_column(default=lambda: [Use.CURATION, Use.SHARING])
    protocol_combination: Mapped[Combination] = mapped_column(one_of(Combination), default=Combination.ALL)
    protocol_shares_outside: Mapped[bool] = mapped_column(default=False)
    protocol_readers: Mapped[list[str]] = mapped_column(default=lambda: [Role.CURATOR, Role.PILOT_TEAM])
    labels: Mapped[list[dict[str, Any]]] = mapped_column(default=list)
    terms: Mapped[str] = mapped_column(Text, default="")
    requires_review_copy: Mapped[bool] = mapped_column(default=False)
    safeguarding_contact: Mapped[str | None] = mapped_column(String(200))
    safeguarding_account_id: Mapped[str | None] = mapped_column(ForeignKey("account.id"))
    unreviewed_days: Mapped[int | None]
    originals_days: Mapped[int | None]
    daily_upload_bytes: Mapped[int | None] = mapped_column(BigInteger)
    weights: Mapped[str | None] = mapped_column(String(100))
    created_at: Mapped[datetime] = mapped_column(default=utc_now)

    @property
    def protocol(self) -> Protocol:
        """The pilot's protocol as the rule of consent takes it."""
        return Protocol(
            uses=frozenset(Use(use) for use in self.protocol_uses),
            combination=self.protocol_combination,
            shares_outside=self.protocol_shares_outside,
        )


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
