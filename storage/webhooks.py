"""Webhooks as they are kept: who wants to be told where, and what is to be delivered. Sending is the pipeline's."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.orm import Session

from models.base import utc_now
from models.errors import Conflict, NotFound
from models.webhooks import Delivery, DeliveryState, Webhook, next_try
from storage import journal
from storage.database import WriteSession

MOST_PER_PILOT = 10
MOST_IN_A_ROW = 10
# Longer than a call may last: whoever has claimed a delivery and is not heard of by then is gone.
CLAIM_LASTS = timedelta(seconds=90)
KEPT_FOR = timedelta(days=30)
TEST = "test"


def register(session: WriteSession, pilot_id: str, account_id: str, url: str) -> Webhook:
    """An address that wants to be told of a pilot's releases and recalls; its secret signs every delivery.

    :raises Conflict: the pilot has enough of them
    """
    there = session.scalar(select(func.count()).select_from(Webhook).where(Webhook.pilot_id == pilot_id)) or 0
    if there >= MOST_PER_PILOT:
        raise Conflict("too-many-webhooks", most=MOST_PER_PILOT)
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


def enqueue_test(session: WriteSession, webhook: Webhook, *, actor: str) -> Delivery:
    """Let one webhook be told that it works."""
    delivery = Delivery(
        webhook_id=webhook.id, event=TEST, body={"webhook_id": webhook.id}, next_try_at=utc_now()
    )
    session.add(delivery)
    session.flush()
    journal.note(session, actor, "test-webhook", subject=webhook.id)
    return delivery


def deliver_again(session: WriteSession, webhook: Webhook, delivery_id: str, *, actor: str) -> None:
    """Let something that was given up be tried once more, at once; if it fails, as often as the first time.

    :raises NotFound: nothing of the kind was to be delivered there
    :raises Conflict: it was taken, or is still being tried
    """
    delivery = session.get(Delivery, delivery_id, with_for_update=True)
    if delivery is None or delivery.webhook_id != webhook.id:
        raise NotFound("delivery-not-found")
    if delivery.state is not DeliveryState.FAILED:
        raise Conflict("delivery-not-failed")
    delivery.tries, delivery.next_try_at = 0, utc_now()
    session.flush()
    journal.note(session, actor, "deliver-again", subject=delivery.id)


def deliveries_of(session: Session, webhook: Webhook, *, limit: int = 20) -> list[Delivery]:
    """What was, or will be, delivered to a webhook, newest first."""
    query = select(Delivery).where(Delivery.webhook_id == webhook.id)
    return list(session.scalars(query.order_by(Delivery.made_at.desc(), Delivery.id).limit(limit)))


def given_up(session: Session, since: datetime) -> int:
    """How many deliveries made since a moment were tried for as long as they are, and taken by nobody."""
    failed = (Delivery.delivered_at.is_(None), Delivery.next_try_at.is_(None), Delivery.made_at >= since)
    return session.scalar(select(func.count()).select_from(Delivery).where(*failed)) or 0


def due(session: Session, now: datetime) -> list[Delivery]:
    """Deliveries whose time has come: of each webhook the oldest few, one webhook's after the other's."""
    place = func.row_number().over(
        partition_by=Delivery.webhook_id, order_by=(Delivery.next_try_at, Delivery.id)
    )
    waiting = (
        select(Delivery.id, place.label("place"))
        .join(Webhook, Webhook.id == Delivery.webhook_id)
        .where(Delivery.delivered_at.is_(None), Delivery.next_try_at <= now, Webhook.is_active)
        .subquery()
    )
    first = select(waiting.c.id).where(waiting.c.place <= MOST_IN_A_ROW)
    query = select(Delivery).where(Delivery.id.in_(first))
    return list(session.scalars(query.order_by(Delivery.webhook_id, Delivery.next_try_at, Delivery.id)))


def claim(session: WriteSession, seen: Delivery, now: datetime) -> tuple[Delivery, Webhook] | None:
    """Take a delivery in hand, as it was seen; None: another worker was first, or it is wanted no more."""
    taken = session.execute(
        update(Delivery)
        .where(
            Delivery.id == seen.id,
            Delivery.tries == seen.tries,
            Delivery.delivered_at.is_(None),
            Delivery.next_try_at <= now,
        )
        .values(tries=Delivery.tries + 1, next_try_at=now + CLAIM_LASTS)
        .returning(Delivery.id)
    )
    if taken.first() is None:
        return None
    delivery = session.get_one(Delivery, seen.id, populate_existing=True)
    return delivery, session.get_one(Webhook, delivery.webhook_id)


def note_answer(
    session: WriteSession, claimed: Delivery, now: datetime, *, status: int | None, failure: str | None
) -> None:
    """Keep what came of a try. A worker that was away for longer than its claim lasts writes nothing."""
    ended = {"delivered_at": now, "next_try_at": None} if failure is None else {}
    again = {"next_try_at": next_try(claimed.tries, now)} if failure is not None else {}
    session.execute(
        update(Delivery)
        .where(Delivery.id == claimed.id, Delivery.tries == claimed.tries, Delivery.delivered_at.is_(None))
        .values(status=status, failure=failure, **ended, **again)
    )


def forget_ended(session: WriteSession, now: datetime) -> int:
    """Delete what was delivered or given up a month ago; how many."""
    ended = or_(Delivery.delivered_at.is_not(None), Delivery.next_try_at.is_(None))
    gone = delete(Delivery).where(ended, Delivery.made_at < now - KEPT_FOR).returning(Delivery.id)
    return len(session.execute(gone).all())
