"""Pages in the reader's own language, which they can switch on every one of them.

Those who work with stories for a pilot have pages in English alone (``app.web.rendering``).
"""

from __future__ import annotations

from typing import Any

from fastapi import Request, Response

from app.parts import parts_of
from app.web import translation
from app.web.rendering import render
from app.web.translation import LANGUAGE_COOKIE, LANGUAGES, Translator

DOOR = "/teller"


def is_behind(request: Request) -> bool:
    """Whether a request came to a page for tellers."""
    path = request.url.path
    return path == DOOR or path.startswith(f"{DOOR}/")


def page(
    request: Request, template: str, translator: Translator, *, status: int = 200, **context: Any
) -> Response:
    """A page in a language. A switch of language is kept for the pages that follow."""
    response = render(
        request, template, status=status, translator=translator, page_languages=LANGUAGES, **context
    )
    response.headers["Content-Language"] = translator.language
    if request.query_params.get("lang") in LANGUAGES and translation.asked_for(request):
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
