"""The teller's review copy: exactly what would leave, and their answer to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.access import Teller
from app.parts import House
from app.stories.schemas import RecordingOut
from app.stories.views import recording_view
from app.tellers import service, views
from app.tellers.words import ANSWERS, SHOWN_AS
from app.web.doors import DOOR
from app.web.rendering import render
from app.web.translation import Translator, translator_for
from models.errors import NotFound
from models.stories import Part, Story
from models.tellers import CopyAnswer, ReviewCopy
from models.transcripts import Transcript
from pipeline.themes.codebook import Codebook
from storage import recordings, review_copies
from storage.release_entries import manifest_of

router = APIRouter()

Message = Annotated[str, Form()]
CopyId = Annotated[str, Form(max_length=32)]


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
    translator = translator_for(request)
    with parts.database.read() as session:
        story, person = service.at_the_door(session, teller)
        copy = views.copy_for(session, story, person)
        if copy is None:
            raise NotFound("copy-not-there")
        return render(
            request,
            "teller-copy.html",
            translator=translator,
            copy=copy,
            is_current=_is_current(session, story, copy),
            leaving=leaving(session, story, parts.codebook, translator),
            answers=[(each.value, translator(says)) for each, says in ANSWERS.items()],
            answered=translator(ANSWERS[said]) if (said := copy.answer_of(teller.giver)) else None,
            message=copy.message_of(teller.giver),
            most=review_copies.MAX_MESSAGE_CHARACTERS,
        )


@router.post("/copy")
def answer(
    request: Request,
    parts: House,
    teller: Teller,
    copy_id: CopyId,
    answer: Annotated[CopyAnswer, Form()],
    message: Message = "",
) -> Response:
    with parts.database.write() as session:
        service.answer_copy(session, teller, copy_id, answer, message)
    return RedirectResponse(f"{DOOR}/copy", 303)


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
