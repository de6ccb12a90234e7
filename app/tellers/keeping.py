"""What people take with them from behind their private link: a receipt, and everything that is held."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from app.access import Teller
from app.parts import House
from app.tellers import receipts, service
from app.tellers.schemas import ReceiptOut
from app.tellers.words import CHANGES, GIVERS, MANNERS
from app.web.translated import page
from app.web.translation import translator_for

router = APIRouter()


@router.get("/receipt")
def receipt(request: Request, parts: House, teller: Teller) -> Response:
    translator = translator_for(request)
    with parts.database.read() as session:
        story, person = service.at_the_door(session, teller)
        made = receipts.receipt_of(session, story, person, parts.settings, translator)
        title = story.title
    return page(
        request,
        "teller-receipt.html",
        translator,
        title=title,
        receipt=made,
        changes=CHANGES,
        manners=MANNERS,
        givers=GIVERS,
    )


@router.get("/receipt.json")
def receipt_as_file(request: Request, parts: House, teller: Teller) -> ReceiptOut:
    with parts.database.read() as session:
        story, person = service.at_the_door(session, teller)
        return receipts.receipt_of(session, story, person, parts.settings, translator_for(request))
