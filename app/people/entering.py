"""What a browser comes with, and what it is given when somebody is let in."""

from __future__ import annotations

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from app.parts import Parts
from app.people.service import Browser, Entrance
from app.web import cookies, kiosk
from app.web.coming_back import START, page_here
from app.web.cookies import AT_A_KIOSK_COOKIE, DEVICE_COOKIE, SESSION_COOKIE
from storage import guessing


def browser_of(request: Request, parts: Parts) -> Browser:
    """The session that a browser had, and what it is known by."""
    return Browser(
        session=cookies.value_of(request, SESSION_COOKIE, parts.settings),
        device=cookies.value_of(request, DEVICE_COOKIE, parts.settings),
    )


def go_in(request: Request, parts: Parts, entrance: Entrance, *, to: str = START) -> Response:
    """To a page here with a session that stands; to the start if the address is none of a page here."""
    was_kiosk = bool(cookies.value_of(request, AT_A_KIOSK_COOKIE, parts.settings))
    response = RedirectResponse(START if was_kiosk else page_here(to), 303)
    if was_kiosk:
        # It ended with its session, and with it what the last teller wrote.
        kiosk.forget(response, parts.settings)
        cookies.take_back(response, AT_A_KIOSK_COOKIE, parts.settings)
    cookies.give(response, SESSION_COOKIE, entrance.token, parts.settings, lasts=entrance.lasts)
    if entrance.device is not None:
        cookies.give(response, DEVICE_COOKIE, entrance.device, parts.settings, lasts=guessing.KNOWN_FOR)
    return response
