"""Tellers at their own door: sessions behind a private link, and the copy that they are asked to approve."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Id, new_id, one_of, utc_now
from models.consent import Giver


class TellerSession(Base):
    """A private link that was exchanged for a cookie; this row holds the cookie's SHA-256.

    It ends with the link: making a new link, or revoking it, deletes these rows. ``giver``: whose link it was, the
    person's own or their guardian's; what is said behind it is that one's word alone.
    """

    __tablename__ = "teller_session"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    token_digest: Mapped[str] = mapped_column(String(64), unique=True)
    person_id: Mapped[str] = mapped_column(ForeignKey("story_person.id", ondelete="CASCADE"), index=True)
    giver: Mapped[Giver] = mapped_column(one_of(Giver), default=Giver.PERSON)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    ends_at: Mapped[datetime]


class CopyAnswer(StrEnum):
    """What a teller says to their review copy."""

    APPROVED = "approved"
    CHANGE_ASKED = "change-asked"
    STOPPED = "stopped"


class ReviewCopy(Base):
    """What would leave, as it was when the teller was asked. ``fingerprint`` is SHA-256 over all of it.

    An answer holds for what was seen: when a word, a theme or a file changes, the fingerprint no longer fits.
    ``message`` is what the teller wants changed, in their words; it is erased with the story. Where a guardian stands
    beside the teller each answers for themselves.
    """

    __tablename__ = "review_copy"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    story_id: Mapped[str] = mapped_column(ForeignKey("story.id", ondelete="CASCADE"), index=True)
    person_id: Mapped[str] = mapped_column(ForeignKey("story_person.id", ondelete="CASCADE"))
    fingerprint: Mapped[str] = mapped_column(String(64))
    asked_by: Mapped[str] = mapped_column(Id)
    asked_at: Mapped[datetime] = mapped_column(default=utc_now)
    answer: Mapped[CopyAnswer | None] = mapped_column(one_of(CopyAnswer))
    message: Mapped[str] = mapped_column(Text, default="")
    answered_at: Mapped[datetime | None]
    guardian_answer: Mapped[CopyAnswer | None] = mapped_column(one_of(CopyAnswer))
    guardian_message: Mapped[str] = mapped_column(Text, default="")
    guardian_answered_at: Mapped[datetime | None]

    def answer_of(self, giver: Giver) -> CopyAnswer | None:
        """What the teller said, or their guardian; None: nothing yet."""
        return self.guardian_answer if giver is Giver.GUARDIAN else self.answer

    def message_of(self, giver: Giver) -> str:
        """What the teller wants changed, or their guardian."""
        return self.guardian_message if giver is Giver.GUARDIAN else self.message

    def note(self, giver: Giver, answer: CopyAnswer, message: str, at: datetime) -> None:
        """Keep what one of the two says, in place of what they said before."""
        if giver is Giver.GUARDIAN:
            self.guardian_answer, self.guardian_message, self.guardian_answered_at = answer, message, at
        else:
            self.answer, self.message, self.answered_at = answer, message, at
