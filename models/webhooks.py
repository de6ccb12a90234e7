"""Webhooks: where a pilot's own systems want to hear of releases and recalls, and what became of each delivery."""

from __future__ import annotations

import base64
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Id, new_id, utc_now

# How long after each failed try the next one is made; after the last of them none is.
TRIED_AGAIN_AFTER = (
    timedelta(seconds=10),
    timedelta(minutes=1),
    timedelta(minutes=10),
    timedelta(hours=1),
    timedelta(hours=6),
    timedelta(hours=24),
)


def next_try(tries: int, now: datetime) -> datetime | None:
    """When to try again after so many tries that failed; None: it is given up."""
    return now + TRIED_AGAIN_AFTER[tries - 1] if tries <= len(TRIED_AGAIN_AFTER) else None


class DeliveryState(StrEnum):
    """What became of a delivery so far."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"


class Webhook(Base):
    """An address that wants to be told. ``secret`` signs each delivery (HMAC-SHA256), so it is kept as it is."""

    __tablename__ = "webhook"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    pilot_id: Mapped[str] = mapped_column(ForeignKey("pilot.id"), index=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("account.id"))
    url: Mapped[str] = mapped_column(Text)
    secret: Mapped[str] = mapped_column(String(64))
    is_active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)

    @property
    def shown_secret(self) -> str:
        """The secret as libraries for Standard Webhooks take it."""
        return f"whsec_{base64.b64encode(bytes.fromhex(self.secret)).decode()}"


class Delivery(Base):
    """One event to one webhook: tried until it is taken, or until it has been tried for long enough.

    ``body`` carries ids and dates only. ``status`` is the last answer's HTTP status; None before the first, or
    where no answer came (``failure`` then says why, as a code).
    """

    __tablename__ = "delivery"
    __table_args__ = (Index(None, "delivered_at", "next_try_at"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    webhook_id: Mapped[str] = mapped_column(ForeignKey("webhook.id", ondelete="CASCADE"), index=True)
    event: Mapped[str] = mapped_column(String(40))
    body: Mapped[dict[str, Any]]
    made_at: Mapped[datetime] = mapped_column(default=utc_now)
    tries: Mapped[int] = mapped_column(default=0)
    next_try_at: Mapped[datetime | None]
    status: Mapped[int | None]
    failure: Mapped[str | None] = mapped_column(String(60))
    delivered_at: Mapped[datetime | None]

    @property
    def state(self) -> DeliveryState:
        if self.delivered_at is not None:
            return DeliveryState.DELIVERED
        return DeliveryState.WAITING if self.next_try_at is not None else DeliveryState.FAILED
