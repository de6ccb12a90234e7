"""Asking somebody in a story now, on the device of whoever sent it: in words to them, in a language of theirs."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse
from starlette.concurrency import run_in_threadpool

from app.access import SignedIn
from app.consents.forms import CameFrom
from app.consents.service import way_back
from app.often import EVENTS, at_most
from app.parts import House, Parts
from app.tellers import forms, service, views
from app.tellers.own_form import own_form
from app.web.fields import fields_of
from app.web.rendering import render
from app.web.translation import LANGUAGES, Translator, translator_for
from models.consent import Giver, word_of
from models.errors import Invalid, NotFound
from models.roles import Action, Principal
from models.stories import StoryPerson
from storage import consents, gate, ledger

router = APIRouter(prefix="/stories/{story_id}/people/{person_id}/ask")

CameIn = Annotated[str, Query(alias="in", description="The language of whoever asks: it is gone back to.")]


@router.get("")
def ask(
    request: Request,
    parts: House,
    actor: SignedIn,
    story_id: str,
    person_id: str,
    giver: Giver = Giver.PERSON,
    came_from: CameFrom = "",
    came_in: CameIn = "",
) -> Response:
    back = _back(request, story_id, came_from, came_in)
    return _form(request, parts, actor, story_id, person_id, giver, back)


@router.post("", dependencies=[at_most(EVENTS)])
async def answer(
    request: Request,
    parts: House,
    actor: SignedIn,
    story_id: str,
    person_id: str,
    giver: Giver = Giver.PERSON,
    came_from: CameFrom = "",
    came_in: CameIn = "",
) -> Response:
    """Record it, and go back. What cannot stand so is said in the form, where everything stays filled in."""
    fields, translator = await fields_of(request), translator_for(request)
    back = _back(request, story_id, came_from, came_in)
    try:
        await run_in_threadpool(_record, parts, actor, story_id, person_id, giver, fields, translator)
    except Invalid as error:
        return await run_in_threadpool(
            _form, request, parts, actor, story_id, person_id, giver, back, fields, error
        )
    return RedirectResponse(back, 303)


def _back(request: Request, story_id: str, came_from: str, came_in: str) -> str:
    """To where whoever asks came from, in their own language."""
    back = way_back(story_id, came_from)
    is_elsewhere = came_in in LANGUAGES and came_in != translator_for(request).language
    return f"{back}?lang={came_in}" if is_elsewhere else back


def _form(
    request: Request,
    parts: Parts,
    actor: Principal,
    story_id: str,
    person_id: str,
    giver: Giver,
    back: str,
    filled: dict[str, str] | None = None,
    error: Invalid | None = None,
) -> Response:
    translator = translator_for(request)
    with parts.database.read() as session:
        story = gate.may(session, actor, Action.RECORD_CONSENT, story_id)
        person = service.person_in(session, story, person_id)
        _check_giver(person, giver)
        shown = own_form(
            session, story, person, giver, translator, parts.settings, filled=filled, error=error
        )
        has_spoken = any(each.given_by is giver for each in ledger.events_of(session, story_id, person_id))
        if filled is None and not has_spoken:
            # Nothing is chosen beforehand: consent is something that a person does.
            shown["filled"]["appearance"] = ""
        return render(
            request,
            "asked-here.html",
            status=422 if error else 200,
            translator=translator,
            story=story,
            person=person,
            part=views.part_of(person, giver, translator),
            has_spoken=has_spoken,
            back=back,
            **shown,
        )


def _check_giver(person: StoryPerson, giver: Giver) -> None:
    if giver is Giver.GUARDIAN and not person.guardian:
        raise NotFound("person-not-found")


def _record(
    parts: Parts,
    actor: Principal,
    story_id: str,
    person_id: str,
    giver: Giver,
    fields: dict[str, str],
    translator: Translator,
) -> None:
    assert actor.account_id is not None
    with parts.database.write() as session:
        story = gate.may(session, actor, Action.RECORD_CONSENT, story_id)
        person = service.person_in(session, story, person_id)
        _check_giver(person, giver)
        before = word_of(ledger.events_of(session, story_id, person_id), giver)
        terms = forms.terms_of(session, story, fields, before, translator, giver=giver)
        consents.record(session, story, person_id, terms, actor=actor.account_id)
