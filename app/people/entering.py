"""What a browser comes with, and what it is given when somebody is let in."""

from __future__ import annotations

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from app.parts import Parts
from app.people.service import Browser, Entrance
from app.web import cookies
from app.web.coming_back import START, page_here
from app.web.cookies import AT_A_KIOSK_COOKIE, DEVICE_COOKIE, SESSION_COOKIE
from storage import guessing


def browser_of(request: Request, parts: Parts) -> Browser:
    """The session that a browser had, and what it is known by."""
    return Browser(
        session=cookies.value_of(request, SESSION_COOKIE, parts.settings),
        device=cookies.value_of(request, DEVICE_COOKIE, parts.settings),
    )


def go_in(parts: Parts, entrance: Entrance, *, to: str = START) -> Response:
    """To a page here with a session that stands; to the start if the address is none of a page here."""
    response = RedirectResponse(page_here(to), 303)
    # A kiosk that was here before has ended with its session.
    cookies.take_back(response, AT_A_KIOSK_COOKIE, parts.settings)
    cookies.give(response, SESSION_COOKIE, entrance.token, parts.settings, lasts=entrance.lasts)
    if entrance.device is not None:
        cookies.give(response, DEVICE_COOKIE, entrance.device, parts.settings, lasts=guessing.KNOWN_FOR)
    return response
