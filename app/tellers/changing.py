"""What people do behind their private link: change what they allow, stop one use, take back. Looking does nothing."""

from __future__ import annotations

import base64
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse
from starlette.concurrency import run_in_threadpool

from app.access import Teller
from app.often import EVENTS, at_most
from app.parts import House, Parts
from app.stories import aloud
from app.tellers import receipts, service, views
from app.tellers.own_form import own_form
from app.tellers.words import CHANGES, GIVERS, MANNERS
from app.web import cookies
from app.web.cookies import LEAVING, TELLER_COOKIE
from app.web.doors import DOOR
from app.web.fields import fields_of
from app.web.rendering import render
from app.web.translation import Translator, translator_for
from models.base import utc_now
from models.consent import Giver, Use, word_of
from models.errors import Invalid, NotFound
from models.roles import Action, Principal
from models.stories import Part
from storage import ledger, taken_copies, tellers, wordings

router = APIRouter()

Sure = Annotated[str, Form(pattern="^yes$")]


@router.get("/consent")
def consent_form(request: Request, parts: House, teller: Teller) -> Response:
    return _form(request, parts, teller)


@router.post("/consent", dependencies=[at_most(EVENTS)])
async def say(request: Request, parts: House, teller: Teller) -> Response:
    """Say it anew. What cannot stand so is said in the form, where everything stays filled in."""
    fields = await fields_of(request)
    try:
        await run_in_threadpool(_say, parts, teller, fields, translator_for(request))
    except Invalid as error:
        return await run_in_threadpool(_form, request, parts, teller, fields, error)
    return RedirectResponse(DOOR, 303)


@router.get("/aloud/{wording_id}")
def read_aloud(parts: House, teller: Teller, wording_id: str) -> Response:
    """A text about consent of the story's pilots or of the service, as sound: whoever is asked by it may hear it."""
    with parts.database.read() as session:
        story, _ = service.at_the_door(session, teller, Action.RECORD_CONSENT)
        read = wordings.shown(session, wording_id, story.pilot_ids)
    if read is None:
        raise NotFound("not-found")
    return aloud.play(read.text, read.language, parts.settings)


def _form(
    request: Request,
    parts: Parts,
    teller: Principal,
    filled: dict[str, str] | None = None,
    error: Invalid | None = None,
) -> Response:
    """The form, with what they said; or with what was ``filled`` in, and why that cannot stand."""
    translator = translator_for(request)
    with parts.database.read() as session:
        story, person = service.at_the_door(session, teller, Action.RECORD_CONSENT)
        return render(
            request,
            "teller-consent.html",
            status=422 if error else 200,
            translator=translator,
            **own_form(
                session, story, person, teller.giver, translator, parts.settings, filled=filled, error=error
            ),
        )


def _say(parts: Parts, teller: Principal, fields: dict[str, str], translator: Translator) -> None:
    with parts.database.write() as session:
        service.say(session, teller, fields, translator)


@router.get("/stop/{use}")
def stop_form(request: Request, parts: House, teller: Teller, use: Use) -> Response:
    translator = translator_for(request)
    with parts.database.read() as session:
        story, person = service.at_the_door(session, teller, Action.RECORD_CONSENT)
        own = word_of(ledger.events_of(session, story.id, person.id), teller.giver)
        uses = views.uses_shown(session, story, person, teller.giver, own, translator)
        shown = next(each for each in uses if each.use is use)
        is_recalled = use in (Use.CURATION, Use.SHARING) and bool(views.copies_taken(session, story))
        return render(
            request,
            "teller-stop.html",
            translator=translator,
            use=use,
            label=shown.label,
            is_everything=use is Use.CURATION,
            is_recalled=is_recalled,
        )


@router.post("/stop/{use}")
def stop(request: Request, parts: House, teller: Teller, use: Use, sure: Sure) -> Response:
    with parts.database.write() as session:
        service.stop(session, teller, use, translator_for(request))
    return RedirectResponse(DOOR, 303)


@router.get("/withdraw")
def withdraw_form(request: Request, parts: House, teller: Teller) -> Response:
    with parts.database.read() as session:
        _, person = service.at_the_door(session, teller, Action.WITHDRAW)
        is_teller = person.part is Part.TELLER
    is_guardian = teller.giver is Giver.GUARDIAN
    return render(request, "teller-withdraw.html", is_teller=is_teller, is_guardian=is_guardian)


@router.post("/withdraw")
def withdraw(request: Request, parts: House, teller: Teller, sure: Sure) -> Response:
    """Take back, and hand over the receipt: when the answer is read there is nothing left to ask for one."""
    translator, settings = translator_for(request), parts.settings
    with parts.database.write() as session:
        story, person = service.at_the_door(session, teller, Action.WITHDRAW)
        copies = taken_copies.of_story(session, story.id)
        stone = service.take_back(session, teller, translator)
        receipt = receipts.receipt_of(session, story, person, settings, translator, copies)
        if stone is not None:
            tellers.end_session(session, cookies.value_of(request, TELLER_COOKIE, settings))
    response = render(
        request,
        "teller-taken-back.html",
        translator=translator,
        is_teller=stone is not None,
        is_guardian=teller.giver is Giver.GUARDIAN,
        gone_by=utc_now() + timedelta(days=settings.backup_days),
        holders=sorted({copy.pilot for copy in copies}),
        receipt=receipt,
        receipt_file=base64.b64encode(receipt.model_dump_json(indent=1).encode()).decode(),
        changes=CHANGES,
        manners=MANNERS,
        givers=GIVERS,
    )
    if stone is not None:
        cookies.take_back(response, TELLER_COOKIE, settings)
        response.headers.update(LEAVING)
    return response
