"""Leaving at once, for whoever is not safe with these pages open: signed out, and a page that says nothing of us."""

from __future__ import annotations

import calendar
from datetime import date
from typing import Any

from babel import Locale
from babel.dates import format_skeleton
from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from app.parts import House, Parts
from app.web import cookies, kiosk
from app.web.cookies import AT_A_KIOSK_COOKIE, LEAVING, SESSION_COOKIE
from app.web.rendering import render
from app.web.translation import translator_for
from models.base import utc_now
from storage import accounts

router = APIRouter(prefix="/leave")


@router.post("")
def leave(request: Request, parts: House) -> Response:
    response = RedirectResponse("/leave", 303)
    kiosk.forget(response, parts.settings)
    response.headers.update(LEAVING)
    if not _is_kiosk(request, parts):
        with parts.database.write() as session:
            accounts.end_session(session, cookies.value_of(request, SESSION_COOKIE, parts.settings))
        for cookie in (SESSION_COOKIE, AT_A_KIOSK_COOKIE):
            cookies.take_back(response, cookie, parts.settings)
    return response


@router.get("")
def somewhere_else(request: Request, parts: House) -> Response:
    """A calendar of this month: what anybody may have open. Nothing leaves the server, so it is a page of ours."""
    translator, today = translator_for(request), utc_now().date()
    return render(
        request,
        "leave.html",
        translator=translator,
        can_switch=False,
        # At a kiosk the next teller finds the start again.
        back_to=kiosk.START if _is_kiosk(request, parts) else None,
        **_month(translator.language, today),
    )


def _is_kiosk(request: Request, parts: Parts) -> bool:
    token = cookies.value_of(request, SESSION_COOKIE, parts.settings)
    with parts.database.read() as session:
        found = accounts.account_of_session(session, token)
        return found is not None and found[1].kiosk_since is not None


def _month(language: str, today: date) -> dict[str, Any]:
    """This month in a language: its name, the short names of its days, and its weeks."""
    locale = Locale.parse({"en": "en_GB"}.get(language, language))
    first = locale.first_week_day
    day_names = [locale.days["stand-alone"]["abbreviated"][(first + n) % 7] for n in range(7)]
    return {
        "month": format_skeleton("yMMMM", today, locale=locale),
        "day_names": day_names,
        "weeks": calendar.Calendar(first).monthdatescalendar(today.year, today.month),
        "today": today,
    }
