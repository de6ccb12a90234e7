"""Starting a kiosk, the page at which each teller begins, and ending it with the facilitator's password."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from app.access import Facilitator, InSession
from app.parts import House
from app.people.asking import who_shows_it_again
from app.web import cookies, kiosk
from app.web.cookies import SESSION_COOKIE
from app.web.translated import page
from app.web.translation import translator_for
from storage import accounts

router = APIRouter(prefix=kiosk.START)


@router.post("")
def begin(request: Request, parts: House, facilitator: Facilitator) -> Response:
    with parts.database.write() as session:
        accounts.begin_kiosk(session, cookies.value_of(request, SESSION_COOKIE, parts.settings))
    return RedirectResponse(kiosk.START, 303)


@router.get("")
def start(request: Request, parts: House, facilitator: Facilitator) -> Response:
    """Where each teller begins. Opening it forgets the one before: a page that was left alone can only open it."""
    if not request.state.is_kiosk:
        return RedirectResponse("/", 303)
    response = page(request, "kiosk.html", translator_for(request))
    kiosk.forget(response, parts.settings)
    return response


@router.get("/end")
def end_form(request: Request, facilitator: InSession) -> Response:
    return page(request, "kiosk-end.html", translator_for(request))


@router.post("/end")
def end(
    request: Request,
    parts: House,
    facilitator: InSession,
    password: Annotated[str, Form(max_length=200)],
) -> Response:
    """Only whoever signed in here knows the password: a teller cannot leave the kiosk by this."""
    who_shows_it_again(parts, facilitator, password)
    with parts.database.write() as session:
        accounts.end_kiosk(session, cookies.value_of(request, SESSION_COOKIE, parts.settings))
    response = RedirectResponse("/", 303)
    kiosk.forget(response, parts.settings)
    return response
