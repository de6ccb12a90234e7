"""Notices: that something wants a person's attention. Ids and dates only; the words are the app's."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Id, new_id, one_of, utc_now


class NoticeKind(StrEnum):
    """What a notice is about; ``app/notices/words.py`` says it in words."""

    EMBARGO_ENDED = "embargo-ended"
    SAFEGUARDING = "safeguarding"
    CONSENT_ENDS_SOON = "consent-ends-soon"
    CONSENT_ENDED = "consent-ended"
    CONSENT_CHANGED = "consent-changed"
    STORY_WITHDRAWN = "story-withdrawn"
    WORDING_CHANGED = "wording-changed"
    REVIEW_COPY_READY = "review-copy-ready"
    REVIEW_COPY_ANSWERED = "review-copy-answered"
    RECALL = "recall"
    RECALL_REMINDER = "recall-reminder"
    RESPONSE = "response"
    RETENTION = "retention"
    PASSWORD_CHANGED = "password-changed"  # noqa: S105 - the name of a notice
    PASSWORD_LINK_MADE = "password-link-made"  # noqa: S105 - the name of a notice
    SIGN_IN_LINK_MADE = "sign-in-link-made"
    SECOND_FACTOR_CHANGED = "second-factor-changed"
    WRONG_CODES = "wrong-codes"


class Notice(Base):
    """One notice to one recipient: an account, or a person in a story (read behind their private link).

    ``parameters`` are ids, dates and counts, never a title, a name or a text. ``sent_at`` is when a mail server
    took it over; it stays None where none is set up.
    """

    __tablename__ = "notice"
    __table_args__ = (Index(None, "account_id", "read_at"), Index(None, "person_id"))

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    account_id: Mapped[str | None] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"))
    person_id: Mapped[str | None] = mapped_column(ForeignKey("story_person.id", ondelete="CASCADE"))
    kind: Mapped[NoticeKind] = mapped_column(one_of(NoticeKind, 30))
    story_id: Mapped[str | None] = mapped_column(Id, index=True)
    parameters: Mapped[dict[str, Any]] = mapped_column(default=dict)
    made_at: Mapped[datetime] = mapped_column(default=utc_now)
    read_at: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    once: Mapped[str | None] = mapped_column(String(120), unique=True)
