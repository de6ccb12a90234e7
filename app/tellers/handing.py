"""A receipt to be handed over when a story was sent: what came, what was allowed, and the private link to change it."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from sqlalchemy.orm import Session

from app.access import SignedIn
from app.parts import House, Parts
from app.tellers import receipts, service
from app.tellers.schemas import ReceiptOut
from app.tellers.words import CHANGES, GIVERS, MANNERS
from app.web.rendering import render
from app.web.translation import Translator, translator_for
from models.errors import NotFound
from models.roles import Action
from models.stories import Story, StoryPerson
from storage import gate, tellers

router = APIRouter(prefix="/stories/{story_id}/people/{person_id}/receipt")


@router.get("")
def before(request: Request, parts: House, actor: SignedIn, story_id: str, person_id: str) -> Response:
    """What a receipt is; it is made by pressing a button, since it has a new private link on it."""
    with parts.database.read() as session:
        story = gate.may(session, actor, Action.GIVE_LINK, story_id)
        person = service.person_in(session, story, person_id)
        return render(
            request,
            "receipt-before.html",
            story_id=story.id,
            has_link=person.link_digest is not None,
        )


@router.post("")
def hand_over(request: Request, parts: House, actor: SignedIn, story_id: str, person_id: str) -> Response:
    """The receipt, once: its link cannot be shown again."""
    translator = translator_for(request)
    with parts.database.write() as session:
        story = gate.may(session, actor, Action.GIVE_LINK, story_id)
        person = service.person_in(session, story, person_id)
        token = tellers.make_link(session, story, person.id, actor=actor.account_id or "")
    address = service.address_of(parts.settings, token)
    with parts.database.read() as session:
        story = gate.may(session, actor, Action.GIVE_LINK, story_id)
        person = service.person_in(session, story, person_id)
        return render(
            request,
            "receipt-to-print.html",
            translator=translator,
            story=story,
            durations=[recording.duration_seconds for recording in story.recordings],
            receipt=_receipt(session, parts, story, person, translator),
            changes=CHANGES,
            manners=MANNERS,
            givers=GIVERS,
            address=address,
            picture=service.picture_of(address),
        )


def _receipt(
    session: Session, parts: Parts, story: Story, person: StoryPerson, translator: Translator
) -> ReceiptOut | None:
    """What the person allowed; None: they have not been asked yet."""
    try:
        return receipts.receipt_of(session, story, person, parts.settings, translator)
    except NotFound:
        return None
