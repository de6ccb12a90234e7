"""What stood before a change, kept in the changer's own browser for some minutes, so that they can change it back.

Nothing of it is kept by the service. What comes back goes the way of any other change, and is judged as one.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

from fastapi import Request, Response

from app.settings import Settings

COOKIE = "community_reporting_before"
LASTS_SECONDS = 15 * 60
# Browsers keep no larger ones: then nothing can be changed back.
MOST_COOKIE_CHARACTERS = 3500
MOST_BYTES = 64 * 1024


@dataclass(frozen=True)
class Before:
    """What stood in a form: where it is sent, what it is called, and its fields."""

    address: str
    title: str
    fields: Mapping[str, str]


def keep(response: Response, before: Before, path: str, settings: Settings) -> None:
    """Let a browser remember what stood before, for pages below ``path``."""
    said = json.dumps([before.address, before.title, dict(before.fields)], ensure_ascii=False).encode()
    value = base64.urlsafe_b64encode(zlib.compress(said)).decode()
    if len(value) > MOST_COOKIE_CHARACTERS:
        # Nor is the change before this one offered for it.
        forget(response, path)
        return
    response.set_cookie(
        COOKIE,
        value,
        max_age=LASTS_SECONDS,
        path=path,
        httponly=True,
        samesite="strict",
        secure=settings.cookies_are_secure,
    )


def forget(response: Response, path: str) -> None:
    """It was changed back, or is not asked for any more."""
    response.delete_cookie(COOKIE, path=path)


def kept(request: Request, path: str) -> Before | None:
    """What :func:`keep` kept for this path; None if there is nothing, or nothing that can be read."""
    try:
        packed = base64.urlsafe_b64decode(request.cookies[COOKIE].encode("ascii"))
        said = zlib.decompressobj().decompress(packed, MOST_BYTES)
        address, title, fields = json.loads(said)
        named = {str(name): str(value) for name, value in fields.items()}
    except (KeyError, ValueError, TypeError, AttributeError, zlib.error, RecursionError):
        return None
    # A form is sent only to where it came from.
    return Before(address, str(title), named) if str(address).startswith(f"{path}/") else None
