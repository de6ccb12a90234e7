"""A story that is being described, before anything of it is kept here: it stays with whoever describes it.

Their browser holds the answers, sealed (``app.web.sealed``), and sends them to the pages of ``app.stories.sending``
alone. So they are in no address, no log and no backup, and end with the session.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from datetime import timedelta

from fastapi import Request, Response

from app.settings import Settings
from app.web import cookies
from app.web.cookies import DRAFT_COOKIES
from app.web.sealed import seal, unseal

LASTS = timedelta(hours=3)
PURPOSE = "draft of a story"
# Browsers keep 4,096 bytes a cookie, with its name and all that is said of it (RFC 6265 §6.1).
CHUNK_CHARACTERS = 3500


class DraftTooLarge(Exception):
    """More was written than a browser keeps."""


def read(request: Request, settings: Settings) -> dict[str, str]:
    """The answers that a browser holds; none if there are none, or they are not this session's."""
    sealed = "".join(cookies.value_of(request, cookie, settings) for cookie in DRAFT_COOKIES)
    opened = unseal(request, settings, PURPOSE, sealed, lasts=LASTS)
    if opened is None:
        return {}
    answers: dict[str, str] = json.loads(zlib.decompress(opened))
    return answers


def keep(request: Request, response: Response, settings: Settings, answers: Mapping[str, str]) -> None:
    """Give the answers to the browser.

    :raises DraftTooLarge: there are too many of them
    """
    written = json.dumps(answers, ensure_ascii=False).encode("utf-8", "replace")
    sealed = seal(request, settings, PURPOSE, zlib.compress(written))
    chunks = [sealed[n : n + CHUNK_CHARACTERS] for n in range(0, len(sealed), CHUNK_CHARACTERS)]
    if len(chunks) > len(DRAFT_COOKIES):
        raise DraftTooLarge
    for cookie, chunk in zip(DRAFT_COOKIES, chunks, strict=False):
        cookies.give(response, cookie, chunk, settings, lasts=LASTS)
    for cookie in DRAFT_COOKIES[len(chunks) :]:
        cookies.take_back(response, cookie, settings)


def drop(response: Response, settings: Settings) -> None:
    """Let the browser forget the answers."""
    for cookie in DRAFT_COOKIES:
        cookies.take_back(response, cookie, settings)
