"""Where the pages for tellers are."""

from __future__ import annotations

from fastapi import Request

DOOR = "/teller"


def is_behind(request: Request) -> bool:
    """Whether a request came to a page for tellers."""
    path = request.url.path
    return path == DOOR or path.startswith(f"{DOOR}/")
