"""What everybody may hear: published collections, their stories with captions, and a word of concern about each.

Whoever opens these pages is nobody in particular, also if they are signed in: what is seen here is what all see.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Query, Request, Response
from fastapi.responses import RedirectResponse
from limits import RateLimitItemPerHour

from app.access import not_at_a_kiosk
from app.parts import House
from app.public import service
from app.stories.hearing import RecordingId, Seconds, Start, story_heard
from app.web import attempts
from app.web.headers import EMBEDDABLE
from app.web.rendering import render
from app.web.translation import translator_for
from app.words import say
from models.errors import Gone, NotFound, StoryError, TooMany
from models.roles import ANYONE, Action
from pipeline.transcription.languages import language_names
from storage import gate, publications

router = APIRouter(prefix="/listen", dependencies=[Depends(not_at_a_kiosk)])

STATUSES: Mapping[type[StoryError], int] = {NotFound: 404, Gone: 410, TooMany: 429}
REFUSALS = tuple(STATUSES)
# Each concern keeps a story from everybody until somebody has looked: from one household, that is slow work.
CONCERNS_AN_HOUR = RateLimitItemPerHour(3)
_concerns = attempts.counter()


@router.get("")
def collections(request: Request, parts: House) -> Response:
    with parts.database.read() as session:
        return _page(request, "listen.html", published=publications.everything(session))


@router.get("/collections/{collection_id}")
def collection(
    request: Request,
    parts: House,
    collection_id: str,
    after: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
) -> Response:
    try:
        with parts.database.read() as session:
            found = publications.of_id(session, collection_id)
            part = service.part_of(session, found, after=after)
            return _page(request, "listen-collection.html", collection=found, part=part)
    except REFUSALS as error:
        return _refuse(request, error)


@router.get("/stories/{story_id}")
def story(
    request: Request, parts: House, story_id: str, t: Seconds = None, r: RecordingId = None
) -> Response:
    """A story, to be listened to from second ``t`` of its recording ``r``."""
    try:
        with parts.database.read() as session:
            found = gate.may(session, ANYONE, Action.LISTEN, story_id)
            heard = story_heard(session, found, parts.codebook, translator_for(request).language)
            return _page(request, "listen-story.html", story=heard, start=Start(r, t) if t else None)
    except REFUSALS as error:
        return _refuse(request, error)


@router.get("/stories/{story_id}/concern")
def concern_form(request: Request, parts: House, story_id: str) -> Response:
    try:
        with parts.database.read() as session:
            found = gate.may(session, ANYONE, Action.RAISE_CONCERN, story_id)
            return _page(request, "listen-concern.html", story=found, is_empty=False)
    except REFUSALS as error:
        return _refuse(request, error)


@router.post("/stories/{story_id}/concern")
def raise_concern(
    request: Request, parts: House, story_id: str, note: Annotated[str, Form(max_length=2000)] = ""
) -> Response:
    """Whoever hears a story can say that somebody may come to harm: from then on nobody else hears it."""
    try:
        with parts.database.write() as session:
            found = gate.may(session, ANYONE, Action.RAISE_CONCERN, story_id)
            if not note.strip():
                return _page(request, "listen-concern.html", status=422, story=found, is_empty=True)
            if not _concerns.hit(CONCERNS_AN_HOUR, attempts.whose(request)):
                raise TooMany("too-many-attempts", retry_after_seconds=3600)
            service.raise_concern(session, found, note.strip())
    except REFUSALS as error:
        return _refuse(request, error)
    return RedirectResponse("/listen/thank-you", 303)


@router.get("/thank-you")
def concern_said(request: Request) -> Response:
    return _page(request, "listen-thanks.html")


@router.get("/embed/{story_id}")
def embedded(request: Request, parts: House, story_id: str) -> Response:
    """The player alone, for other people's pages. It sets no cookie, and reads none but that of a language."""
    translator = translator_for(request)
    try:
        with parts.database.read() as session:
            found = gate.may(session, ANYONE, Action.LISTEN, story_id)
            heard = story_heard(session, found, parts.codebook, translator.language)
            response = render(request, "embed.html", can_switch=False, story=heard, start=None)
    except REFUSALS as error:
        response = render(
            request,
            "embed.html",
            can_switch=False,
            status=_status_of(error),
            story=None,
            detail=say(error.code, dict(error.parameters), translator),
        )
    response.headers.update(EMBEDDABLE)
    return response


def _page(request: Request, template: str, *, status: int = 200, **context: Any) -> Response:
    names = language_names()
    return render(request, template, status=status, language_names=names, **context)


def _refuse(request: Request, error: StoryError) -> Response:
    """Why not, in the reader's language; the same for what was never there and for what is not for everybody."""
    detail = say(error.code, dict(error.parameters), translator_for(request))
    return _page(request, "listen-problem.html", status=_status_of(error), detail=detail)


def _status_of(error: StoryError) -> int:
    return STATUSES[type(error)]
