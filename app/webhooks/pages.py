"""Webhooks for people: register, look, test, remove."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import ValidationError

from app.access import Curator, scope
from app.parts import House, Parts
from app.problems import ask_again
from app.web.rendering import render
from app.web.translation import N_
from app.webhooks import service
from app.webhooks.schemas import WebhookIn
from models.errors import Conflict, Invalid, NotAllowed, NotFound
from models.roles import Principal, Role, Scope
from storage import pilots, webhooks

router = APIRouter(prefix="/webhooks")

MAY_READ = [Depends(scope(Scope.COLLECTIONS_READ))]
MAY_WRITE = [Depends(scope(Scope.COLLECTIONS_WRITE))]
FAILURES = {
    "address-refused": N_("its address is not on the public internet"),
    "name-unknown": N_("its name has no address"),
    "connection-failed": N_("no connection"),
    "certificate-refused": N_("its certificate is not valid"),
    "timeout": N_("no answer in time"),
    "redirected": N_("it answered with another address, which is not followed"),
    "refused": N_("it did not take it"),
}


# Which field a refusal is about, where it is not the address.
OF_PILOT = frozenset({"pilot-unknown", "pilot-not-yours", "too-many-webhooks"})
# Wider than what may be kept: what is too long is shown again, to be shortened.
Typed = Annotated[str, Form(max_length=20_000)]


@router.get("", dependencies=MAY_READ)
def mine(request: Request, parts: House, curator: Curator) -> Response:
    return render(request, "webhooks.html", errors={}, chosen="", url="", **_shown(parts, curator))


def _shown(parts: Parts, curator: Principal) -> dict[str, Any]:
    """What the page of webhooks shows beside what was written there."""
    with parts.database.read() as session:
        return {
            "webhooks": service.mine(session, curator),
            "pilots": pilots.of_ids(session, curator.pilots_as(Role.CURATOR)),
            "failures": FAILURES,
        }


@router.post("", dependencies=MAY_WRITE)
def register(
    request: Request, parts: House, curator: Curator, pilot: Typed = "", url: Typed = ""
) -> Response:
    try:
        wanted = _wanted(pilot, url)
        with parts.database.write() as session:
            webhook = service.register(session, curator, wanted, parts.settings)
    except (Conflict, Invalid, NotAllowed, NotFound) as error:
        at = "pilot" if error.code in OF_PILOT else "url"
        return ask_again(
            request, error, "webhooks.html", at=at, chosen=pilot, url=url, **_shown(parts, curator)
        )
    return render(request, "webhook-secret.html", url=webhook.url, secret=webhook.shown_secret)


def _wanted(pilot: str, url: str) -> WebhookIn:
    """
    :raises NotFound, Invalid: it can be no pilot, or no address
    """
    try:
        return WebhookIn(pilot=pilot, url=url)
    except ValidationError as error:
        if any("pilot" in each["loc"] for each in error.errors()):
            raise NotFound("pilot-unknown") from error
        raise Invalid("webhook-address-unfit") from error


@router.post("/{webhook_id}/test", dependencies=MAY_WRITE)
def test(parts: House, curator: Curator, webhook_id: str) -> Response:
    with parts.database.write() as session:
        webhook = service.within_reach(session, curator, webhook_id)
        webhooks.enqueue_test(session, webhook, actor=service.actor_of(curator))
    return RedirectResponse(f"/webhooks#webhook-{webhook_id}", 303)


@router.post("/{webhook_id}/remove", dependencies=MAY_WRITE)
def remove(parts: House, curator: Curator, webhook_id: str) -> Response:
    with parts.database.write() as session:
        webhook = service.within_reach(session, curator, webhook_id)
        webhooks.remove(session, webhook, actor=service.actor_of(curator))
    return RedirectResponse("/webhooks", 303)


@router.post("/{webhook_id}/deliveries/{delivery_id}/again", dependencies=MAY_WRITE)
def deliver_again(parts: House, curator: Curator, webhook_id: str, delivery_id: str) -> Response:
    with parts.database.write() as session:
        webhook = service.within_reach(session, curator, webhook_id)
        webhooks.deliver_again(session, webhook, delivery_id, actor=service.actor_of(curator))
    return RedirectResponse(f"/webhooks#webhook-{webhook_id}", 303)
