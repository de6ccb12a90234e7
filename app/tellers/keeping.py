"""What people take with them from behind their private link: a receipt, and everything that is held."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from sqlalchemy.orm import Session

from app.access import Teller
from app.often import ARCHIVES, at_most
from app.parts import House
from app.tellers import everything, receipts, service
from app.tellers.schemas import ReceiptOut
from app.tellers.words import CHANGES, GIVERS, MANNERS
from app.web import cookies
from app.web.cookies import TELLER_COOKIE
from app.web.rendering import render
from app.web.translation import translator_for
from models.errors import NotSignedIn
from models.stories import Story, StoryPerson
from storage import tellers

router = APIRouter()


@router.get("/receipt")
def receipt(request: Request, parts: House, teller: Teller) -> Response:
    translator = translator_for(request)
    with parts.database.read() as session:
        story, person = service.at_the_door(session, teller)
        made = receipts.receipt_of(session, story, person, parts.settings, translator)
        title, language = story.title, story.spoken_language
    return render(
        request,
        "teller-receipt.html",
        translator=translator,
        title=title,
        language=language,
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


@router.get("/everything.zip", dependencies=[at_most(ARCHIVES)])
def everything_held(request: Request, parts: House, teller: Teller) -> Response:
    cookie = cookies.value_of(request, TELLER_COOKIE, parts.settings)

    def look(session: Session) -> tuple[Story, StoryPerson | None]:
        # The link may be replaced while the archive is on its way.
        if tellers.holder_of(session, cookie) is None:
            raise NotSignedIn("teller-session-ended")
        return service.at_the_door(session, teller)

    return everything.send(parts, look, translator_for(request), by=tellers.party_of(teller.giver))
