"""Rendering pages, each in its reader's language: one Jinja environment, escaping on, over every room's templates."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context, select_autoescape
from jinja2.runtime import Context
from markupsafe import Markup

from app.labels import label_of
from app.parts import parts_of
from app.web import cookies, kiosk, translation
from app.web.coming_back import SIGN_IN, way_to_sign_in
from app.web.cookies import AT_A_KIOSK_COOKIE
from app.web.doors import DOOR, is_behind
from app.web.translation import LANGUAGE_COOKIE, LANGUAGES, Translator
from models.roles import Principal, Role

APP = Path(__file__).resolve().parent.parent
STATIC = APP / "web" / "static"


def _seconds_as_clock(seconds: float | None) -> str:
    """Seconds as m:ss, or h:mm:ss from an hour on."""
    if seconds is None:
        return "–"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


@pass_context
def _day(context: Context, moment: datetime | None) -> str:
    says: Translator = context["_"]
    return says.day(moment) if moment else "–"


@pass_context
def _short_day(context: Context, moment: datetime | None) -> str:
    says: Translator = context["_"]
    return says.short_day(moment) if moment else "–"


@pass_context
def _label(context: Context, value: StrEnum) -> str:
    says: Translator = context["_"]
    return says(label_of(value))


def _lang(code: str | None) -> Markup:
    """The attribute that says in which language something stands that need not be in the page's; nothing if unknown."""
    return Markup(' lang="{}"').format(code) if code else Markup()


def _in_language(words: str, code: str | None) -> Markup:
    """Words that stand within a sentence of the page, and need not be in its language."""
    return Markup("<span{}>{}</span>").format(_lang(code), words)


def _make_environment() -> Environment:
    rooms = sorted(APP.glob("*/templates"))
    environment = Environment(
        loader=FileSystemLoader([str(folder) for folder in rooms]),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["clock"] = _seconds_as_clock
    environment.filters["day"] = _day
    environment.filters["short_day"] = _short_day
    environment.filters["label"] = _label
    environment.filters["lang"] = _lang
    environment.filters["in_language"] = _in_language
    return environment


_environment = _make_environment()


def render(
    request: Request,
    template: str,
    *,
    status: int = 200,
    translator: Translator | None = None,
    can_switch: bool = True,
    **context: Any,
) -> HTMLResponse:
    """A page in its reader's language, or in that of a translator.

    A language that the reader switches to is kept for the pages that follow; a page that nobody can come to by its
    address, as the answer to a form, or that stands in somebody else's, is not one to switch on.

    ``principal`` is in every template, to show what this reader can do from here; None if nobody asked.
    """
    translator = translator or translation.translator_for(request)
    # What answers a form stands at an address that gives something else, or nothing: a switch there would lose it.
    can_switch = can_switch and request.method == "GET"
    principal: Principal | None = getattr(request.state, "principal", None)
    idle_seconds = _idle_seconds(request, principal)
    page = _environment.get_template(template).render(
        request=request,
        principal=principal,
        # Counted where it was asked who this is (app.access).
        unread_notices=getattr(request.state, "unread_notices", 0),
        # At a kiosk: after how long a page that is left alone returns to the start.
        idle_seconds=idle_seconds,
        # Whoever opens a kiosk again is led to nothing of the teller who was there.
        way_to_sign_in=SIGN_IN if idle_seconds else way_to_sign_in(request),
        status=status,
        Role=Role,
        _=translator,
        many=translator.many,
        day=translator.day,
        days=translator.days,
        page_language=translator.language,
        page_languages=LANGUAGES if can_switch else None,
        **context,
    )
    response = HTMLResponse(page, status, headers={"Content-Language": translator.language})
    if can_switch and request.query_params.get("lang") in LANGUAGES:
        response.set_cookie(
            LANGUAGE_COOKIE,
            translator.language,
            httponly=True,
            samesite="lax",
            secure=parts_of(request).settings.cookies_are_secure,
            # What a teller chose is forgotten with the rest when they leave.
            path=DOOR if is_behind(request) else "/",
        )
    return response


def _idle_seconds(request: Request, principal: Principal | None) -> int | None:
    """After how long a kiosk's page returns; None: it is no kiosk's. Where nobody is signed in, the device says so."""
    is_known = principal is not None and principal.is_signed_in
    if not is_known and cookies.value_of(request, AT_A_KIOSK_COOKIE, parts_of(request).settings):
        return kiosk.idle_seconds(request.url.path)
    seconds: int | None = getattr(request.state, "idle_seconds", None)
    return seconds


def wants_page(request: Request) -> bool:
    """Whether the answer is for a person: anything outside the API that accepts HTML."""
    if request.url.path.startswith("/api/"):
        return False
    return "text/html" in request.headers.get("accept", "")
