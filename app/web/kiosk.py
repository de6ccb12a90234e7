"""Kiosk mode: a facilitator's device on which one teller after another sends a story, and sees nothing of the others.

The facilitator's session says that it serves a kiosk (``models.accounts.SignIn.kiosk_since``). From then on it opens
the pages of sending, those of the one story that is being sent, and nothing else: which story that is, the browser
holds sealed, and forgets at the start page.
"""

from __future__ import annotations

from datetime import timedelta

from fastapi import Request, Response

from app.settings import Settings
from app.web import cookies
from app.web.cookies import DRAFT_COOKIES, DRAFTING, KIOSK_COOKIE, TELLER_COOKIE
from app.web.sealed import seal, unseal

START = "/kiosk"
UPLOADS = "/api/v1/uploads"
PURPOSE = "story at a kiosk"
ONE_STORY_LASTS = timedelta(hours=3)
# What nobody touches for so long returns to the start; where a recording is made or sent, people sit still.
IDLE_SECONDS, IDLE_AT_RECORDING_SECONDS = 300, 3600
AT_RECORDING = ("/record", "/recording")


def story_of(request: Request, settings: Settings) -> str | None:
    """The story that is being sent at this kiosk; None: none yet."""
    sealed = cookies.value_of(request, KIOSK_COOKIE, settings)
    opened = unseal(request, settings, PURPOSE, sealed, lasts=ONE_STORY_LASTS)
    return opened.decode() if opened else None


def begin_story(request: Request, response: Response, settings: Settings, story_id: str) -> None:
    """Remember which story is being sent."""
    sealed = seal(request, settings, PURPOSE, story_id.encode())
    cookies.give(response, KIOSK_COOKIE, sealed, settings, lasts=ONE_STORY_LASTS)


def forget(response: Response, settings: Settings) -> None:
    """Let the browser forget whoever was here last: their answers, which story was theirs, and its private link."""
    for cookie in (KIOSK_COOKIE, TELLER_COOKIE, *DRAFT_COOKIES):
        cookies.take_back(response, cookie, settings)
    response.headers["Clear-Site-Data"] = '"cache"'


def is_open(path: str, story_id: str | None) -> bool:
    """Whether a kiosk opens an address while this story is being sent."""
    of_story = (f"/stories/{story_id}", f"/api/v1/stories/{story_id}") if story_id else ()
    return any(path == each or path.startswith(f"{each}/") for each in (START, DRAFTING, UPLOADS, *of_story))


def idle_seconds(path: str) -> int:
    """How long a page of a kiosk may be left alone."""
    return IDLE_AT_RECORDING_SECONDS if path.endswith(AT_RECORDING) else IDLE_SECONDS
