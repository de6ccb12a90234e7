"""Consent for people: recording it for each person in a story, and taking the story back."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse
from starlette.concurrency import run_in_threadpool

from app.access import SignedIn
from app.consents import evidence
from app.consents.forms import CameFrom, consent_of, fields_of_standing, wrong_in
from app.consents.service import terms_of, way_back
from app.often import EVENTS, at_most
from app.parts import House, Parts
from app.stories import aloud
from app.stories.words import EXAMPLES
from app.tellers.words import APPEARANCES, CHANGES, MANNERS, USES
from app.web.bodies import STREAMED
from app.web.fields import fields_of
from app.web.rendering import render
from app.web.translation import translator_for
from models.consent import Giver, Manner
from models.errors import Invalid, NotFound
from models.roles import Action, Principal
from pipeline.transcription.languages import PILOT_LANGUAGES, language_names
from storage import consents, gate, ledger, pilots, withdrawals, wordings

router = APIRouter(prefix="/stories/{story_id}")


@router.get("/people/{person_id}/consent")
def consent_form(
    request: Request,
    parts: House,
    actor: SignedIn,
    story_id: str,
    person_id: str,
    said: str = "",
    came_from: CameFrom = "",
) -> Response:
    """The whole of what a person allows. ``said`` is how they have just said it, where that is known."""
    return _form(request, parts, actor, story_id, person_id, came_from, said=said)


@router.post("/people/{person_id}/consent", dependencies=[at_most(EVENTS)])
async def record(
    request: Request,
    parts: House,
    actor: SignedIn,
    story_id: str,
    person_id: str,
    came_from: CameFrom = "",
) -> Response:
    """Record it. What cannot stand so is said in the form, where everything stays filled in."""
    fields = await fields_of(request)
    try:
        await run_in_threadpool(_record, parts, actor, story_id, person_id, fields)
    except Invalid as error:
        return await run_in_threadpool(
            _form, request, parts, actor, story_id, person_id, came_from, filled=fields, error=error
        )
    return RedirectResponse(way_back(story_id, came_from), 303)


def _form(
    request: Request,
    parts: Parts,
    actor: Principal,
    story_id: str,
    person_id: str,
    came_from: str,
    *,
    said: str = "",
    filled: dict[str, str] | None = None,
    error: Invalid | None = None,
) -> Response:
    """The form, with what stands now; or with what was ``filled`` in, and why that cannot stand."""
    translator = translator_for(request)
    with parts.database.read() as session:
        story = gate.may(session, actor, Action.RECORD_CONSENT, story_id)
        person = next((each for each in story.people if each.id == person_id), None)
        if person is None:
            raise NotFound("person-not-found")
        events = ledger.events_of(session, story_id, person_id)
        language = events[-1].language if events else translator.language
        names = language_names()
        pilot_names = ", ".join(pilot.name for pilot in pilots.of_ids(session, story.pilot_ids))
        if filled is None:
            filled = fields_of_standing(ledger.standings_of(session, story_id)[person_id])
            filled["manner"] = said if said in tuple(Manner) else Manner.FORM
            if not events:
                # Nothing is chosen beforehand: consent is something that a person does.
                filled["appearance"] = ""
        wording = wordings.current(session, story.pilot_ids, language)
        return render(
            request,
            "consent.html",
            status=422 if error else 200,
            translator=translator,
            story=story,
            person=person,
            filled={"given_by": Giver.PERSON, "consent_language": language} | filled,
            errors=wrong_in(error, translator) if error else {},
            uses=[
                (use, translator(label, pilot=pilot_names), translator(EXAMPLES[use]), translator(follows))
                for use, (label, follows) in USES.items()
            ],
            appearances=[
                (name, translator(label), translator(hint) if hint else "")
                for name, (label, hint) in APPEARANCES.items()
            ],
            changes=CHANGES,
            manners=MANNERS,
            events=events,
            wording=wording,
            can_be_heard=wording is not None
            and aloud.can_be_heard(wording.text, wording.language, parts.settings),
            asks_for_renewal=wordings.asks_for_renewal(session, story.pilot_ids, events),
            spoken={code: names[code] for code in dict.fromkeys([language, *PILOT_LANGUAGES, *names])},
            recordings=story.recordings,
            back=way_back(story_id, came_from),
        )


def _record(parts: Parts, actor: Principal, story_id: str, person_id: str, fields: dict[str, str]) -> None:
    assert actor.account_id is not None
    with parts.database.write() as session:
        story = gate.may(session, actor, Action.RECORD_CONSENT, story_id)
        codes = [pilot.code for pilot in pilots.of_ids(session, story.pilot_ids)]
        terms = terms_of(session, consent_of(fields, codes))
        consents.record(session, story, person_id, terms, actor=actor.account_id)


@router.post("/consents/{event_id}/form", max_body_size=STREAMED)
async def attach_form(
    request: Request, parts: House, actor: SignedIn, story_id: str, event_id: str
) -> Response:
    event = await evidence.take_form(request, parts, actor, story_id, event_id)
    return RedirectResponse(f"/stories/{story_id}/people/{event.person_id}/consent", 303)


@router.get("/consents/{event_id}/form")
def read_form(parts: House, actor: SignedIn, story_id: str, event_id: str) -> Response:
    return evidence.send_form(parts, actor, story_id, event_id)


@router.get("/withdraw")
def withdraw_form(request: Request, parts: House, actor: SignedIn, story_id: str) -> Response:
    with parts.database.read() as session:
        story = gate.may(session, actor, Action.WITHDRAW, story_id)
        return render(request, "withdraw.html", story=story)


@router.post("/withdraw")
def withdraw(
    request: Request, parts: House, actor: SignedIn, story_id: str, sure: Annotated[str, Form()]
) -> Response:
    assert actor.account_id is not None
    with parts.database.write() as session:
        story = gate.may(session, actor, Action.WITHDRAW, story_id)
        withdrawals.withdraw(session, story, actor=actor.account_id)
    return render(request, "withdrawn.html")
