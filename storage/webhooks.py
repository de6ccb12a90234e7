"""Webhooks as they are kept: who wants to be told where, and what is to be delivered. Sending is the pipeline's."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.base import utc_now
from models.errors import NotFound
from models.webhooks import Delivery, Webhook
from storage import journal
from storage.database import WriteSession


def register(session: WriteSession, pilot_id: str, account_id: str, url: str) -> Webhook:
    """An address that wants to be told of a pilot's releases and recalls; its secret signs every delivery."""
    webhook = Webhook(pilot_id=pilot_id, account_id=account_id, url=url, secret=secrets.token_hex(32))
    session.add(webhook)
    session.flush()
    journal.note(session, account_id, "register-webhook", subject=webhook.id)
    return webhook


def remove(session: WriteSession, webhook: Webhook, *, actor: str) -> None:
    """Tell this address no more; what waits for it is dropped."""
    session.delete(webhook)
    session.flush()
    journal.note(session, actor, "remove-webhook", subject=webhook.id)


def of_pilots(session: Session, pilot_ids: frozenset[str]) -> list[Webhook]:
    """The webhooks of some pilots, oldest first."""
    query = select(Webhook).where(Webhook.pilot_id.in_(pilot_ids))
    return list(session.scalars(query.order_by(Webhook.created_at, Webhook.id)))


def within_reach(session: Session, webhook_id: str, pilot_ids: frozenset[str]) -> Webhook:
    """One of these pilots' webhooks.

    :raises NotFound: there is none such
    """
    webhook = session.get(Webhook, webhook_id)
    if webhook is None or webhook.pilot_id not in pilot_ids:
        raise NotFound("webhook-not-found")
    return webhook


def enqueue(session: WriteSession, pilot_id: str, event: str, body: dict[str, Any]) -> None:
    """Let every webhook of a pilot be told of an event, in the transaction that makes it true.

    :param body: ids and dates only
    """
    for webhook in session.scalars(
        select(Webhook).where(Webhook.pilot_id == pilot_id, Webhook.is_active).order_by(Webhook.id)
    ):
        session.add(Delivery(webhook_id=webhook.id, event=event, body=body, next_try_at=utc_now()))
    session.flush()


def due(session: Session, now: datetime, *, limit: int = 50) -> list[Delivery]:
    """Deliveries whose time has come, oldest first."""
    waiting = select(Delivery).where(Delivery.delivered_at.is_(None), Delivery.next_try_at <= now)
    return list(session.scalars(waiting.order_by(Delivery.next_try_at, Delivery.id).limit(limit)))
