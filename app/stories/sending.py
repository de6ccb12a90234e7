"""Sending a story, one question a page; nothing is kept here until the person says so on the last one."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy.exc import IntegrityError
from starlette.concurrency import run_in_threadpool

from app.access import Sender
from app.consents.forms import APPEARANCES, consent_of
from app.consents.service import terms_of
from app.often import STORIES, at_most
from app.parts import House, Parts
from app.stories import aloud, draft, forms, service, steps, summary, words
from app.stories.steps import BY_NAME, CHECK, DONE, Wrong
from app.stories.uploading import account_of
from app.tellers.words import APPEARANCES as APPEARANCE_WORDS
from app.tellers.words import USES
from app.web import kiosk
from app.web.cookies import DRAFTING
from app.web.fields import fields_of
from app.web.rendering import render
from app.web.translation import LANGUAGES, Translator, translator_for
from models.base import new_id
from models.errors import NotFound
from models.pilots import Pilot, Wording
from models.roles import Principal
from models.stories import Part, Purpose, Story
from pipeline.transcription.languages import PILOT_LANGUAGES, language_names
from storage import consents, pilots, wordings

router = APIRouter(prefix="/new")


@router.get("")
def before(request: Request, parts: House, sender: Sender) -> Response:
    """What happens to a story, before the first question."""
    begun, translator = draft.read(request, parts.settings), translator_for(request)
    return render(
        request,
        "new-before.html",
        translator=translator,
        what_happens=aloud.sentences(translator, parts.settings),
        can_be_heard=aloud.can_be_heard(
            aloud.what_happens(translator.language, parts.settings), translator.language, parts.settings
        ),
        goes_on_at=f"{DRAFTING}/{steps.first_open(begun)}" if begun.get(DONE) else None,
    )


@router.post("")
def begin(request: Request, parts: House, sender: Sender) -> Response:
    """To the first question, with nothing answered."""
    mine = _pilots_of(parts, sender)
    answers = {"story": new_id()}
    if len(mine) == 1:
        answers |= {"pilot": mine[0].code, "one_pilot": steps.YES}
    return _go_to(request, parts, steps.STEPS[0].name, answers)


@router.get("/aloud/{language}")
def read_aloud(parts: House, sender: Sender, language: str, wording: str = "") -> Response:
    """What happens to a story, as sound; or a text about consent of the sender's pilots or the service, by its id."""
    if language not in LANGUAGES:
        raise NotFound("not-found")
    text = aloud.what_happens(language, parts.settings)
    if wording:
        read = _wording_of(parts, [pilot.id for pilot in _pilots_of(parts, sender)], wording)
        if read is None or read.language != language:
            raise NotFound("not-found")
        text = read.text
    return aloud.play(text, language, parts.settings)


@router.get("/check")
def check(request: Request, parts: House, sender: Sender) -> Response:
    answers = draft.read(request, parts.settings)
    if not answers or steps.first_open(answers) != CHECK:
        return RedirectResponse(_open(answers), 303)
    translator = translator_for(request)
    return render(
        request,
        "new-check.html",
        translator=translator,
        rows=summary.rows(answers, _pilots_of(parts, sender), translator),
        back=f"{DRAFTING}/{steps.before(CHECK, answers)}",
    )


@router.post("/check", dependencies=[at_most(STORIES)])
def send(request: Request, parts: House, sender: Sender) -> Response:
    """Now it is kept: the story, who is in it, and what its teller allows. Its recording comes next."""
    answers = draft.read(request, parts.settings)
    if not answers or steps.first_open(answers) != CHECK:
        return RedirectResponse(_open(answers), 303)
    story_id = _make(parts, sender, answers, translator_for(request))
    response = RedirectResponse(f"/stories/{story_id}/recording", 303)
    draft.drop(response, parts.settings)
    if request.state.is_kiosk:
        kiosk.begin_story(request, response, parts.settings, story_id)
    return response


@router.get("/person")
def ask_of_person(request: Request, parts: House, sender: Sender) -> Response:
    answers = draft.read(request, parts.settings)
    if not answers or len(steps.others(answers)) == forms.MAX_OTHERS:
        return RedirectResponse(_open(answers), 303)
    return _show_person(request, {}, {})


@router.post("/person")
async def add_person(request: Request, parts: House, sender: Sender) -> Response:
    answers, sent = draft.read(request, parts.settings), await fields_of(request)
    if not answers:
        return RedirectResponse(_open(answers), 303)
    answers, wrong = steps.add_other(answers, sent)
    if wrong:
        return _show_person(request, sent, wrong)
    try:
        return _go_to(request, parts, "others", answers)
    except draft.DraftTooLarge:
        return _show_person(request, sent, {"person": words.TOO_LONG})


@router.get("/{step}")
def ask(request: Request, parts: House, sender: Sender, step: str) -> Response:
    answers = draft.read(request, parts.settings)
    if step not in BY_NAME:
        raise NotFound("not-found")
    if not answers or not BY_NAME[step].comes(answers):
        return RedirectResponse(_open(answers), 303)
    return _show(request, parts, sender, step, answers, {})


@router.post("/{step}")
async def answer(request: Request, parts: House, sender: Sender, step: str) -> Response:
    answers, sent = draft.read(request, parts.settings), await fields_of(request)
    if step not in BY_NAME:
        raise NotFound("not-found")
    if not answers:
        return RedirectResponse(_open(answers), 303)
    return await run_in_threadpool(_take, request, parts, sender, step, answers, sent)


def _take(
    request: Request,
    parts: Parts,
    sender: Principal,
    step: str,
    answers: dict[str, str],
    sent: Mapping[str, str],
) -> Response:
    if step == "others" and "remove" in sent:
        return _go_to(request, parts, step, steps.without_other(answers, sent["remove"]))
    before, (answers, wrong) = answers.get("pilot"), steps.take(BY_NAME[step], answers, sent)
    mine = {pilot.code: pilot.id for pilot in _pilots_of(parts, sender)}
    chosen = answers.get("pilot", "")
    if step == "pilot" and chosen not in mine:
        wrong = {"pilot": words.CHOICE_MISSING}
    elif step == "pilot" and chosen != before:
        answers = steps.read_anew(answers)
    elif "wording" in answers and not _wording_of(parts, [mine.get(chosen, "")], answers["wording"]):
        del answers["wording"]
    if wrong:
        return _show(request, parts, sender, step, answers, wrong)
    asks_who = step == "others" and answers["more"] == steps.YES
    following = "person" if asks_who else steps.after(BY_NAME[step], answers)
    try:
        return _go_to(request, parts, following, answers)
    except draft.DraftTooLarge:
        too_long = {BY_NAME[step].fields[0]: words.TOO_LONG}
        return _show(request, parts, sender, step, answers, too_long)


def _go_to(request: Request, parts: Parts, step: str, answers: Mapping[str, str]) -> Response:
    response = RedirectResponse(f"{DRAFTING}/{step}", 303)
    draft.keep(request, response, parts.settings, answers)
    return response


def _open(answers: Mapping[str, str]) -> str:
    """Where somebody goes on who came to a page too early; who has begun nothing is told what happens first."""
    return f"{DRAFTING}/{steps.first_open(answers)}" if answers else DRAFTING


def _show(
    request: Request,
    parts: Parts,
    sender: Principal,
    step: str,
    answers: Mapping[str, str],
    wrong: Wrong,
) -> Response:
    translator, mine = translator_for(request), _pilots_of(parts, sender)
    came_from = steps.before(step, answers)
    more = _choices(step, answers, mine, translator)
    if step == "uses":
        its = [pilot.id for pilot in mine if pilot.code == answers.get("pilot")]
        with parts.database.read() as session:
            text = wordings.current(session, its, translator.language)
        more["wording"] = text
        more["can_be_heard"] = text and aloud.can_be_heard(text.text, text.language, parts.settings)
    return _page(
        request,
        step,
        translator,
        answers,
        wrong,
        back=f"{DRAFTING}/{came_from}" if came_from else DRAFTING,
        **more,
    )


def _show_person(request: Request, answers: Mapping[str, str], wrong: Wrong) -> Response:
    return _page(request, "person", translator_for(request), answers, wrong, back=f"{DRAFTING}/others")


def _page(
    request: Request,
    step: str,
    translator: Translator,
    answers: Mapping[str, str],
    wrong: Wrong,
    *,
    back: str,
    **more: Any,
) -> Response:
    return render(
        request,
        f"new-{step}.html",
        translator=translator,
        status=422 if wrong else 200,
        step=step,
        question=translator(words.QUESTIONS[step]),
        answers=answers,
        errors={name: translator(says) for name, says in wrong.items()},
        longest=steps.longest,
        back=back,
        **more,
    )


def _choices(step: str, answers: Mapping[str, str], mine: list[Pilot], _: Translator) -> dict[str, Any]:
    """What can be chosen on a page, in words: value, label and hint of each."""
    match step:
        case "pilot":
            return {"choices": [(pilot.code, pilot.name, "") for pilot in mine]}
        case "language":
            named = language_names()
            return {
                "choices": [(code, named[code], "") for code in dict.fromkeys([*PILOT_LANGUAGES, *named])]
            }
        case "purpose":
            return {"choices": [(each, *map(_, words.PURPOSES[each])) for each in Purpose]}
        case "others":
            return {
                "others": [(n, label, _(words.PARTS[part])) for n, label, part in steps.others(answers)],
                "most": forms.MAX_OTHERS,
            }
        case "agree":
            return {"choices": [(name, *map(_, said)) for name, said in words.MANNERS.items()]}
        case "uses":
            names = ", ".join(pilot.name for pilot in mine if pilot.code == answers.get("pilot"))
            return {
                "uses": [
                    (f"use-{use}", _(label, pilot=names), _(words.EXAMPLES[use]), _(consequence))
                    for use, (label, consequence) in USES.items()
                ]
            }
        case "appearance":
            return {"choices": [(name, *map(_, APPEARANCE_WORDS[name])) for name in APPEARANCES]}
    return {}


def _pilots_of(parts: Parts, sender: Principal) -> list[Pilot]:
    with parts.database.read() as session:
        return pilots.of_ids(session, sender.pilots_as(*service.SENDERS))


def _wording_of(parts: Parts, pilot_ids: list[str], wording_id: str) -> Wording | None:
    """A text about consent that may have been shown for these pilots."""
    with parts.database.read() as session:
        return wordings.shown(session, wording_id, pilot_ids)


def _make(parts: Parts, sender: Principal, answers: Mapping[str, str], translator: Translator) -> str:
    fields = steps.fields_of(answers)
    read = _wording_of(parts, [each.id for each in _pilots_of(parts, sender)], fields.get("wording", ""))
    # In the language of what was read or heard, whichever the last page was in.
    fields |= {"consent_language": read.language if read else translator.language}
    sent = forms.story_of(fields)
    consent = consent_of(fields, sent.pilots)
    story_id = answers["story"]
    # Whoever taps twice sends once, also where the other tap is quicker.
    with contextlib.suppress(IntegrityError), parts.database.write() as session:
        if session.get(Story, story_id) is None:
            story = service.submit(session, sender, sent, story_id=story_id)
            if consent.uses:
                terms = terms_of(session, consent)
                teller = next(each for each in story.people if each.part is Part.TELLER)
                consents.record(session, story, teller.id, terms, actor=account_of(sender))
    return story_id
