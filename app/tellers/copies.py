"""The teller's review copy: exactly what would leave, and their answer to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool

from app.access import Teller
from app.parts import House, Parts
from app.problems import status_of
from app.stories.schemas import RecordingOut
from app.stories.views import recording_view
from app.stories.words import CHOICE_MISSING
from app.tellers import service, views
from app.tellers.words import ANSWERS, SHOWN_AS
from app.web.doors import DOOR
from app.web.fields import fields_of
from app.web.rendering import render
from app.web.translation import Translator, translator_for
from app.words import say
from models.errors import Conflict, Invalid, NotFound
from models.roles import Principal
from models.stories import Part, Story
from models.tellers import CopyAnswer, ReviewCopy
from models.transcripts import Transcript
from pipeline.themes.codebook import Codebook
from storage import recordings, review_copies
from storage.release_entries import manifest_of

router = APIRouter()


@dataclass(frozen=True)
class Leaving:
    """What a release would fix of a story now, as its teller reads it."""

    title: str
    language: str | None
    content_warning: str | None
    recordings: list[tuple[RecordingOut, Transcript | None]]
    themes: list[str]
    people: list[tuple[str, str | None]]


@router.get("/copy")
def show(request: Request, parts: House, teller: Teller) -> Response:
    return _page(request, parts, teller)


@router.post("/copy")
async def answer(request: Request, parts: House, teller: Teller) -> Response:
    """Answer it. What cannot stand so is said in the form, where what was written stays."""
    fields = await fields_of(request)
    try:
        await run_in_threadpool(_answer, parts, teller, fields)
    except (Invalid, Conflict) as error:
        return await run_in_threadpool(_page, request, parts, teller, fields, error)
    return RedirectResponse(f"{DOOR}/copy", 303)


def _answer(parts: Parts, teller: Principal, fields: Mapping[str, str]) -> None:
    says = fields.get("answer", "")
    if says not in tuple(CopyAnswer):
        raise Invalid("form-incomplete")
    with parts.database.write() as session:
        service.answer_copy(
            session, teller, fields.get("copy_id", ""), CopyAnswer(says), fields.get("message", "")
        )


def _page(
    request: Request,
    parts: Parts,
    teller: Principal,
    filled: Mapping[str, str] | None = None,
    error: Invalid | Conflict | None = None,
) -> Response:
    """The copy with its form; in it what was ``filled`` in, and why that cannot stand."""
    translator, filled = translator_for(request), filled or {}
    with parts.database.read() as session:
        story, person = service.at_the_door(session, teller)
        copy = views.copy_for(session, story, person)
        if copy is None:
            raise NotFound("copy-not-there")
        return render(
            request,
            "teller-copy.html",
            status=status_of(error) if error else 200,
            translator=translator,
            errors=_wrong(error, translator) if error else {},
            # Who is to look again has not answered yet to what they see then.
            chosen="" if isinstance(error, Conflict) else filled.get("answer", ""),
            written=filled.get("message", ""),
            copy=copy,
            is_current=_is_current(session, story, copy),
            leaving=leaving(session, story, parts.codebook, translator),
            answers=[(each.value, translator(says)) for each, says in ANSWERS.items()],
            answered=translator(ANSWERS[said]) if (said := copy.answer_of(teller.giver)) else None,
            message=copy.message_of(teller.giver),
            most=review_copies.MAX_MESSAGE_CHARACTERS,
        )


def _wrong(error: Invalid | Conflict, translator: Translator) -> dict[str, str]:
    """What is wrong with an answer, by where it is said."""
    if error.code == "form-incomplete":
        return {"answer-approved": translator(CHOICE_MISSING)}
    where = "copy" if isinstance(error, Conflict) else "message"
    return {where: say(error.code, dict(error.parameters), translator)}


def leaving(session: Session, story: Story, codebook: Codebook, translator: Translator) -> Leaving:
    """Exactly what :func:`storage.release_entries.manifest_of` fixes, and nothing that stays behind."""
    manifest = manifest_of(session, story, "")
    return Leaving(
        title=manifest["title"],
        language=manifest["language"],
        content_warning=manifest["content_warning"],
        recordings=[_recording(session, story, each) for each in manifest["recordings"]],
        themes=[
            codebook.theme(each).label(translator.language)
            for each in manifest["themes"]
            if each in codebook.ids()
        ],
        people=[
            (translator(SHOWN_AS[Part(each["part"])]), each["shown_name"]) for each in manifest["people"]
        ],
    )


def _recording(
    session: Session, story: Story, released: dict[str, Any]
) -> tuple[RecordingOut, Transcript | None]:
    recording = recordings.of_story(session, story.id, released["recording_id"])
    return recording_view(session, recording), _transcript(session, released)


def _transcript(session: Session, released: dict[str, Any]) -> Transcript | None:
    """The version that would leave; a later one that nobody has approved stays."""
    if released["transcript"] is None:
        return None
    transcript = session.scalars(
        select(Transcript).where(
            Transcript.recording_id == released["recording_id"],
            Transcript.language == released["transcript"]["language"],
            Transcript.version == released["transcript"]["version"],
        )
    ).one()
    _ = transcript.segments
    return transcript


def _is_current(session: Session, story: Story, copy: ReviewCopy) -> bool:
    return copy.fingerprint == review_copies.fingerprint_of(session, story)
