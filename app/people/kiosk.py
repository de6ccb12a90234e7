"""Starting a kiosk, the page at which each teller begins, and ending it with the facilitator's password."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from app.access import Facilitator, InSession
from app.parts import House
from app.people.asking import who_shows_it_again
from app.problems import ask_again
from app.web import cookies, kiosk
from app.web.cookies import AT_A_KIOSK_COOKIE, SESSION_COOKIE
from app.web.rendering import render
from app.web.translation import LANGUAGE_COOKIE, LANGUAGES, Translator, preferred, translator_for
from models.errors import NotAllowed, TooMany
from storage import accounts

router = APIRouter(prefix=kiosk.START)


@router.post("")
def begin(request: Request, parts: House, facilitator: Facilitator) -> Response:
    with parts.database.write() as session:
        accounts.begin_kiosk(session, cookies.value_of(request, SESSION_COOKIE, parts.settings))
    response = RedirectResponse(kiosk.START, 303)
    cookies.give(response, AT_A_KIOSK_COOKIE, "yes", parts.settings, lasts=accounts.SESSION_LASTS)
    return response


@router.get("")
def start(request: Request, parts: House, facilitator: Facilitator, led: bool = False) -> Response:
    """Where each teller begins. Opening it forgets the one before: a page that was left alone can only open it."""
    if not request.state.is_kiosk:
        away = RedirectResponse("/", 303)
        cookies.take_back(away, AT_A_KIOSK_COOKIE, parts.settings)
        return away
    # Nor is the next one met in the language of the one before: in their own, once they have chosen it.
    is_chosen = request.query_params.get("lang") in LANGUAGES
    translator = translator_for(request) if is_chosen else Translator(preferred(request))
    response = render(request, "kiosk.html", translator=translator, is_led=led)
    kiosk.forget(response, parts.settings)
    if not is_chosen:
        response.delete_cookie(LANGUAGE_COOKIE)
    return response


@router.get("/end")
def end_form(request: Request, facilitator: InSession) -> Response:
    return render(request, "kiosk-end.html", errors={})


@router.post("/end")
def end(
    request: Request,
    parts: House,
    facilitator: InSession,
    password: Annotated[str, Form(max_length=200)] = "",
) -> Response:
    """Only whoever signed in here knows the password: a teller cannot leave the kiosk by this."""
    try:
        who_shows_it_again(parts, facilitator, password)
    except (NotAllowed, TooMany) as error:
        return ask_again(request, error, "kiosk-end.html", at="password")
    with parts.database.write() as session:
        accounts.end_kiosk(session, cookies.value_of(request, SESSION_COOKIE, parts.settings))
    response = RedirectResponse("/", 303)
    kiosk.forget(response, parts.settings)
    cookies.take_back(response, AT_A_KIOSK_COOKIE, parts.settings)
    return response
