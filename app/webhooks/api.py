"""Webhooks for programs: register, look, test, remove."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Response

from app.access import Curator, scope
from app.parts import House
from app.webhooks import service
from app.webhooks.schemas import DeliveryOut, NewWebhookOut, WebhookIn, WebhookOut
from models.roles import Scope
from storage import webhooks

router = APIRouter(prefix="/webhooks", tags=["webhooks"])

MAY_READ = [Depends(scope(Scope.COLLECTIONS_READ))]
MAY_WRITE = [Depends(scope(Scope.COLLECTIONS_WRITE))]
ONE = "/{webhook_id}"


@router.get("", dependencies=MAY_READ, summary="My pilots' webhooks")
def list_webhooks(parts: House, curator: Curator) -> list[WebhookOut]:
    """Each with its last deliveries."""
    with parts.database.read() as session:
        return service.mine(session, curator)


@router.post("", status_code=201, dependencies=MAY_WRITE, summary="Register a webhook")
def register(parts: House, curator: Curator, wanted: WebhookIn) -> NewWebhookOut:
    """Its ``secret`` is in this answer, and in no other."""
    with parts.database.write() as session:
        webhook = service.register(session, curator, wanted, parts.settings)
        seen = service.view(session, webhook)
        return NewWebhookOut(**seen.model_dump(), secret=webhook.shown_secret)


@router.get(ONE, dependencies=MAY_READ, summary="One webhook")
def read(parts: House, curator: Curator, webhook_id: str) -> WebhookOut:
    with parts.database.read() as session:
        return service.view(session, service.within_reach(session, curator, webhook_id))


@router.post(f"{ONE}/test", status_code=202, dependencies=MAY_WRITE, summary="Send a test event")
def test(parts: House, curator: Curator, webhook_id: str) -> DeliveryOut:
    """It is delivered as any other event. What became of it is in the list of deliveries a moment later."""
    with parts.database.write() as session:
        webhook = service.within_reach(session, curator, webhook_id)
        delivery = webhooks.enqueue_test(session, webhook, actor=service.actor_of(curator))
        return service.delivery_view(delivery)


@router.delete(ONE, status_code=204, dependencies=MAY_WRITE, summary="Remove a webhook")
def remove(parts: House, curator: Curator, webhook_id: str) -> Response:
    """What waits for it is dropped."""
    with parts.database.write() as session:
        webhook = service.within_reach(session, curator, webhook_id)
        webhooks.remove(session, webhook, actor=service.actor_of(curator))
    return Response(status_code=204)
