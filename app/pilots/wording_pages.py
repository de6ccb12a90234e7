"""A pilot's wordings of consent: each version with what changed, looked at as tellers see it, and a new one added."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import zip_longest

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool

from app.access import Curator
from app.parts import House, Parts
from app.pilots import governance
from app.pilots.comparing import Piece, differences
from app.web.fields import fields_of, from_text_area
from app.web.rendering import render
from app.web.translation import translator_for
from app.words import say
from models.errors import Invalid, NotFound
from models.pilots import Pilot, Wording
from models.roles import Principal
from pipeline.transcription.languages import is_known, language_names
from storage import wordings

router = APIRouter(prefix="/governance/{code}/wordings")

# Comparing takes long where texts are long and share nothing.
MOST_COMPARED = 10


@dataclass(frozen=True)
class Version:
    """A version of a wording, and how it differs from the one before."""

    wording: Wording
    pieces: list[Piece]


@router.get("/{language}")
def history(request: Request, parts: House, curator: Curator, code: str, language: str) -> Response:
    _check(language)
    with parts.database.read() as session:
        pilot = governance.within_reach(session, curator, code)
        return _shown(request, session, pilot, language)


@router.post("")
async def add(request: Request, parts: House, curator: Curator, code: str) -> Response:
    """A new version; or, where the form only asks to look, the text as tellers would see it."""
    fields = await fields_of(request)
    return await run_in_threadpool(_add, request, parts, curator, code, fields)


def _add(request: Request, parts: Parts, curator: Principal, code: str, fields: dict[str, str]) -> Response:
    language, text = fields.get("language", ""), from_text_area(fields.get("text", "")).strip()
    _check(language)
    assert curator.account_id is not None
    if "look" in fields:
        with parts.database.read() as session:
            pilot = governance.within_reach(session, curator, code)
            return _shown(request, session, pilot, language, text, looks=bool(text))
    try:
        with parts.database.write() as session:
            pilot = governance.within_reach(session, curator, code)
            wordings.add(session, language, text, pilot_id=pilot.id, actor=curator.account_id)
    except Invalid as error:
        with parts.database.read() as session:
            pilot = governance.within_reach(session, curator, code)
            says = say(error.code, dict(error.parameters), translator_for(request))
            return _shown(request, session, pilot, language, text, error=says)
    return RedirectResponse(f"/governance/{code}/wordings/{language}", 303)


def _shown(
    request: Request,
    session: Session,
    pilot: Pilot,
    language: str,
    text: str | None = None,
    *,
    looks: bool = False,
    error: str = "",
) -> Response:
    own = [each for each in wordings.of_pilot(session, pilot.id) if each.language == language]
    of_service = wordings.current(session, [], language)
    versions = [
        Version(each, differences(before.text, each.text) if before and n < MOST_COMPARED else [])
        for n, (each, before) in enumerate(zip_longest(own, own[1:]))
    ]
    shown = own[0] if own else of_service
    return render(
        request,
        "wording.html",
        status=422 if error else 200,
        pilot=pilot,
        wording_language=language,
        language_name=language_names()[language],
        versions=versions,
        of_service=of_service,
        shown=shown,
        text=text if text is not None else (shown.text if shown else ""),
        looks=looks,
        pieces=differences(shown.text, text) if looks and text and shown else [],
        errors={"text": error} if error else {},
        most=wordings.MAX_CHARACTERS,
    )


def _check(language: str) -> None:
    """
    :raises NotFound: the language is none that can be heard
    """
    if not is_known(language):
        raise NotFound("not-found")
