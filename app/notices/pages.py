"""Notices for people: the list, and letters to print for those whom no mail reaches."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from app.access import SignedIn
from app.notices.words import body_of, place_of, subject_of
from app.parts import House
from app.tellers.service import language_of
from app.web.rendering import render
from app.web.translation import Translator, translator_for
from models.consent import Giver
from models.errors import NotFound
from models.roles import Action
from storage import gate, notices

router = APIRouter()


@router.get("/notices")
def mine(request: Request, parts: House, reader: SignedIn) -> Response:
    _ = translator_for(request)
    with parts.database.read() as session:
        found = notices.of_account(session, reader.account_id or "")
        lines = [(each, subject_of(each, _), body_of(each, _), place_of(each)) for each in found]
        return render(request, "notices.html", lines=lines)


@router.post("/notices/{notice_id}/read")
def read(parts: House, reader: SignedIn, notice_id: str) -> Response:
    with parts.database.write() as session:
        notices.mark_read(session, notices.one_of(session, reader.account_id or "", notice_id))
    return RedirectResponse("/notices", 303)


@router.get("/stories/{story_id}/people/{person_id}/letter")
def letter(
    request: Request,
    parts: House,
    actor: SignedIn,
    story_id: str,
    person_id: str,
    giver: Giver = Giver.PERSON,
) -> Response:
    """What a person in a story is to know, or their guardian, on paper: for its carers to print and hand over.

    It is in the story's language.
    """
    with parts.database.read() as session:
        story = gate.may(session, actor, Action.RECORD_CONSENT, story_id)
        if person_id not in {person.id for person in story.people}:
            raise NotFound("person-not-found")
        found = notices.of_person(session, person_id, giver)
        theirs = Translator(language_of(story))
        lines = [(each, subject_of(each, theirs), body_of(each, theirs)) for each in found]
        return render(
            request,
            "letter.html",
            translator=theirs,
            reader=translator_for(request),
            can_switch=False,
            story_id=story_id,
            lines=lines,
        )
