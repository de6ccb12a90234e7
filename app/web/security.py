"""Headers on every answer, and the origin check that keeps other sites from acting in a person's name."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.problems import answer, note_refusal
from app.web.bodies import MAX_BODY_BYTES
from app.web.headers import HEADERS, https_alone

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class Guarded:
    """ASGI middleware: security headers on all, and unsafe requests only from our own pages or with a key."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        common = HEADERS | https_alone(scope["app"].state.parts.settings)

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in common.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "private, no-store")
            await send(message)

        if _is_foreign(scope):
            note_refusal(Request(scope), 403, "foreign-origin")
            response = answer(Request(scope), 403, "foreign-origin", {})
            await response(scope, receive, send_guarded)
            return
        await self.app(scope, receive, send_guarded)


class TooLargeInWords:
    """ASGI around everything: a body that says beforehand that it is too large is refused as any other.

    The framework answers that by itself, in plain text, outside of every middleware and whatever was answered inside.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_refused = False

        async def send_in_words(message: Message) -> None:
            nonlocal is_refused
            if message["type"] == "http.response.start" and message["status"] == 413:
                kind = Headers(raw=message["headers"]).get("content-type", "")
                is_refused = kind.startswith("text/plain")
            if not is_refused:
                await send(message)

        await self.app(scope, receive, send_in_words)
        if is_refused:
            response = answer(Request(scope), 413, "body-too-large", {"limit_bytes": MAX_BODY_BYTES})
            response.headers.update(HEADERS)
            await response(scope, receive, send)


def _is_foreign(scope: Scope) -> bool:
    """Whether a cookie-borne request that changes something was sent by another site's page."""
    headers = Headers(scope=scope)
    # A browser sends no key by itself; a name and password that a proxy asked for, it does (RFC 7617).
    has_key = scope["path"].startswith("/api/") and headers.get("authorization", "")[:7].lower() == "bearer "
    if scope["method"] in SAFE_METHODS or has_key:
        return False
    # What the browser itself says of where a request began (W3C Fetch Metadata); older ones say only an origin.
    began_at = headers.get("sec-fetch-site")
    if began_at is not None:
        return began_at not in ("same-origin", "none")
    origin = headers.get("origin")
    return origin is not None and _host_of(origin) != headers.get("host", "")


def _host_of(origin: str) -> str | None:
    """Host and port of an origin; None: it is none."""
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return None
