"""The door of whoever is in a story: their private link, what is held, what they allow, and the way back.

Behind it stands one person in one story. No account opens it, and it opens nothing but that story.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import RedirectResponse
from limits import RateLimitItemPerMinute

from app.access import Teller, not_at_a_kiosk
from app.parts import House
from app.problems import answer
from app.stories import media
from app.tellers import asking, care, changing, copies, handing, keeping, service, views
from app.web import attempts, cookies
from app.web.cookies import LEAVING, TELLER_COOKIE
from app.web.doors import DOOR
from app.web.rendering import render
from app.web.translation import LANGUAGE_COOKIE, translator_for
from models.errors import NotFound
from models.stories import RenditionKind, Story
from storage import tellers

router = APIRouter()
router.include_router(care.router)
router.include_router(handing.router)
router.include_router(asking.router)
# At a kiosk a door that was opened would stay so for the next teller.
door = APIRouter(prefix=DOOR, dependencies=[Depends(not_at_a_kiosk)])

# A room full of people opens its links from one address; guesses are few.
WRONG_A_MINUTE, A_MINUTE = RateLimitItemPerMinute(10), RateLimitItemPerMinute(120)
_attempts = attempts.counter()
# The address that was opened carries the token: it goes into no cache, and no page after it learns it.
OPENED = {"Referrer-Policy": "no-referrer", "Cache-Control": "no-store"}


@door.get("/enter/{token}")
def enter(request: Request, parts: House, token: str) -> Response:
    """Exchange a private link for a cookie. What opens nothing is answered alike, whatever it once was."""
    address = attempts.whose(request)
    if not _attempts.test(WRONG_A_MINUTE, "wrong", address) or not _attempts.hit(A_MINUTE, address):
        return _unopened(request, 429, "too-many-attempts", retry_after_seconds=60)
    try:
        with parts.database.write() as session:
            # One device serves many tellers: who was here before them is not any more.
            tellers.end_session(session, cookies.value_of(request, TELLER_COOKIE, parts.settings))
            cookie, _ = tellers.begin_session(session, token)
    except NotFound as error:
        _attempts.hit(WRONG_A_MINUTE, "wrong", address)
        return _unopened(request, 404, error.code)
    response = RedirectResponse(DOOR, 303, headers=OPENED)
    cookies.give(response, TELLER_COOKIE, cookie, parts.settings, lasts=tellers.SESSION_LASTS)
    response.delete_cookie(LANGUAGE_COOKIE, path=DOOR)
    return response


def _unopened(request: Request, status: int, code: str, **parameters: object) -> Response:
    response = answer(request, status, code, parameters)
    response.headers.update(OPENED)
    return response


@door.post("/leave")
def leave(request: Request, parts: House, at_once: Annotated[str, Form(max_length=3)] = "") -> Response:
    """Back to nobody; ``at_once`` to a page that says nothing of us, for whoever is not safe with these pages open."""
    cookie = cookies.value_of(request, TELLER_COOKIE, parts.settings)
    with parts.database.write() as session:
        holder = tellers.holder_of(session, cookie)
        if holder is not None:
            request.state.story_language = session.get_one(Story, holder.story_id).spoken_language
        tellers.end_session(session, cookie)
    said = f"{DOOR}/left?lang={translator_for(request).language}"
    response = RedirectResponse("/leave" if at_once else said, 303, headers=dict(LEAVING))
    cookies.take_back(response, TELLER_COOKIE, parts.settings)
    return response


@door.get("/left")
def left(request: Request) -> Response:
    return render(request, "teller-left.html")


@door.get("")
def show(request: Request, parts: House, teller: Teller) -> Response:
    translator = translator_for(request)
    with parts.database.read() as session:
        story, person = service.at_the_door(session, teller)
        held = views.held(session, story, person, teller.giver, parts.codebook, translator)
    return render(
        request, "teller.html", translator=translator, held=held, backup_days=parts.settings.backup_days
    )


@door.head("/recordings/{recording_id}/renditions/{kind}")
@door.get("/recordings/{recording_id}/renditions/{kind}")
def play(request: Request, parts: House, teller: Teller, recording_id: str, kind: RenditionKind) -> Response:
    return media.play(request, parts, teller, teller.story_id or "", recording_id, kind)


@door.get("/recordings/{recording_id}/captions.vtt")
def captions(parts: House, teller: Teller, recording_id: str) -> Response:
    return media.captions_of(parts, teller, teller.story_id or "", recording_id)


door.include_router(changing.router)
door.include_router(copies.router)
door.include_router(keeping.router)
router.include_router(door)
