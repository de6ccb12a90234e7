"""Rendering pages: one Jinja environment, escaping on, over the templates of every room."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from app.web.translation import Translator
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


def _day(moment: datetime | None) -> str:
    return moment.strftime("%-d %B %Y") if moment else "–"


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
    return environment


_environment = _make_environment()
_ENGLISH = Translator("en")


def render(
    request: Request,
    template: str,
    *,
    status: int = 200,
    translator: Translator = _ENGLISH,
    page_languages: Mapping[str, str] | None = None,
    **context: Any,
) -> HTMLResponse:
    """A page, in English unless a translator is given; ``page_languages`` are those it can be switched to.

    ``principal`` is in every template, to show what this reader can do from here; None if nobody asked.
    """
    principal: Principal | None = getattr(request.state, "principal", None)
    page = _environment.get_template(template).render(
        request=request,
        principal=principal,
        # At a kiosk: after how long a page that is left alone returns to the start.
        idle_seconds=getattr(request.state, "idle_seconds", None),
        status=status,
        Role=Role,
        _=translator,
        many=translator.many,
        day=translator.day,
        days=translator.days,
        page_language=translator.language,
        page_languages=page_languages,
        **context,
    )
    return HTMLResponse(page, status)


def wants_page(request: Request) -> bool:
    """Whether the answer is for a person: anything outside the API that accepts HTML."""
    if request.url.path.startswith("/api/"):
        return False
    return "text/html" in request.headers.get("accept", "")
