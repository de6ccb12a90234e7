"""Private links and review copies, for those who care for a story: made, printed, revoked; sent."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse
from starlette.datastructures import URL

from app.access import Curator, SignedIn
from app.parts import House
from app.tellers import service
from app.web.rendering import render
from app.web.translation import LANGUAGES, Translator, translator_for
from models.consent import Giver
from models.errors import Invalid
from models.roles import Action
from storage import gate, review_copies, tellers

router = APIRouter(prefix="/stories/{story_id}")

Language = Annotated[str, Form(max_length=8)]
Whose = Annotated[Giver, Form()]


@router.get("/people/{person_id}/link")
def link_form(request: Request, parts: House, actor: SignedIn, story_id: str, person_id: str) -> Response:
    with parts.database.read() as session:
        story = gate.may(session, actor, Action.GIVE_LINK, story_id)
        return render(
            request,
            "person-link.html",
            story=story,
            person=service.person_in(session, story, person_id),
            sheets=LANGUAGES,
            sheet=service.language_of(story),
        )


@router.post("/people/{person_id}/link")
def make_link(
    request: Request,
    parts: House,
    actor: SignedIn,
    story_id: str,
    person_id: str,
    language: Language,
    giver: Whose = Giver.PERSON,
) -> Response:
    """A new link on a sheet to be printed, once. The QR code is drawn here: the address goes to nobody else."""
    if language not in LANGUAGES:
        raise Invalid("language-unknown", language=language)
    with parts.database.write() as session:
        story = gate.may(session, actor, Action.GIVE_LINK, story_id)
        person = service.person_in(session, story, person_id)
        token = tellers.make_link(session, story, person.id, actor=actor.account_id or "", giver=giver)
        label = person.guardian if giver is Giver.GUARDIAN else person.label
    address = service.address_of(parts.settings, token)
    response = render(
        request,
        "link-to-print.html",
        translator=Translator(language),
        reader=translator_for(request),
        story_id=story_id,
        label=label,
        is_guardian=giver is Giver.GUARDIAN,
        address=address,
        picture=service.picture_of(address),
    )
    response.headers["Cache-Control"] = "no-store"
    return response


@router.post("/people/{person_id}/link/revoke")
def revoke_link(
    parts: House, actor: SignedIn, story_id: str, person_id: str, giver: Whose = Giver.PERSON
) -> Response:
    with parts.database.write() as session:
        story = gate.may(session, actor, Action.GIVE_LINK, story_id)
        tellers.revoke_link(session, story, person_id, actor=actor.account_id or "", giver=giver)
    return RedirectResponse(f"/stories/{story_id}/people/{person_id}/link", 303)


@router.post("/review-copy")
def send_copy(request: Request, parts: House, curator: Curator, story_id: str) -> Response:
    """Send it, and lead back to the desk, which keeps in its address which stories are being worked on."""
    with parts.database.write() as session:
        story = gate.may(session, curator, Action.REVIEW, story_id)
        review_copies.send(session, story, actor=curator.account_id or "")
    return RedirectResponse(
        str(URL(f"/review/{story_id}").replace(query=request.url.query, fragment="copy")), 303
    )
