"""A pilot's webhooks as its curators set them up."""

from __future__ import annotations

from sqlalchemy.orm import Session

from app.settings import Settings
from app.webhooks.schemas import DeliveryOut, WebhookIn, WebhookOut
from models.addresses import target_of
from models.errors import NotAllowed
from models.pilots import Pilot
from models.roles import Principal, Role
from models.webhooks import Delivery, Webhook
from storage import pilots, webhooks
from storage.database import WriteSession

SHOWN_DELIVERIES = 10


def actor_of(principal: Principal) -> str:
    """The account that acts."""
    assert principal.account_id is not None
    return principal.account_id


def register(session: WriteSession, curator: Principal, wanted: WebhookIn, settings: Settings) -> Webhook:
    """A new webhook of one of the curator's pilots.

    :raises Invalid: the address is none that may be called
    :raises NotFound: there is no such pilot
    :raises NotAllowed: it is not the curator's
    """
    target_of(wanted.url, settings.webhook_hosts)
    pilot = pilots.by_code(session, wanted.pilot)
    if pilot.id not in curator.pilots_as(Role.CURATOR):
        raise NotAllowed("pilot-not-yours")
    return webhooks.register(session, pilot.id, actor_of(curator), wanted.url)


def mine(session: Session, curator: Principal) -> list[WebhookOut]:
    """The webhooks of a curator's pilots, oldest first, with what was delivered last."""
    return [view(session, each) for each in webhooks.of_pilots(session, curator.pilots_as(Role.CURATOR))]


def within_reach(session: Session, curator: Principal, webhook_id: str) -> Webhook:
    """One of the webhooks of a curator's pilots.

    :raises NotFound: there is none such
    """
    return webhooks.within_reach(session, webhook_id, curator.pilots_as(Role.CURATOR))


def view(session: Session, webhook: Webhook) -> WebhookOut:
    """A webhook without its secret."""
    last = webhooks.deliveries_of(session, webhook, limit=SHOWN_DELIVERIES)
    return WebhookOut(
        id=webhook.id,
        pilot=session.get_one(Pilot, webhook.pilot_id).code,
        url=webhook.url,
        created_at=webhook.created_at,
        deliveries=[delivery_view(each) for each in last],
    )


def delivery_view(delivery: Delivery) -> DeliveryOut:
    """A delivery without its body: that is in the feed of changes."""
    return DeliveryOut(
        id=delivery.id,
        event=delivery.event,
        made_at=delivery.made_at,
        state=delivery.state,
        tries=delivery.tries,
        next_try_at=delivery.next_try_at,
        status=delivery.status,
        failure=delivery.failure,
        delivered_at=delivery.delivered_at,
    )
