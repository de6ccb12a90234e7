"""What every answer of this room carries, whoever made it: tus's own headers, and leave for other sites' pages."""

from __future__ import annotations

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.problems import answer
from app.uploads.protocol import VERSION

log = structlog.get_logger()

PATH = "/api/v1/uploads"
METHODS = "POST, HEAD, PATCH, DELETE, OPTIONS"
ASKED = (
    "Authorization, Content-Type, Tus-Resumable, Upload-Length, Upload-Defer-Length, Upload-Metadata, Upload-Offset, "
    "Upload-Checksum, X-HTTP-Method-Override, X-Request-ID, X-Requested-With"
)
SHOWN = (
    "Location, Link, Retry-After, Tus-Resumable, Tus-Version, Tus-Extension, Tus-Max-Size, Tus-Checksum-Algorithm, "
    "Upload-Offset, Upload-Length, Upload-Defer-Length, Upload-Metadata, Upload-Expires"
)
A_DAY = "86400"


class SpeaksTus:
    """ASGI middleware around the whole application; it looks at this room's addresses alone."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not (scope["path"] + "/").startswith(PATH + "/"):
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        override = headers.get("x-http-method-override", "").upper()
        if scope["method"] == "POST" and override in ("PATCH", "DELETE", "HEAD"):
            # For what stands between and knows the old methods only (tus 1.0.0, X-HTTP-Method-Override).
            scope = {**scope, "method": override}
        origins = scope["app"].state.parts.settings.allowed_upload_origins
        is_head = scope["method"] == "HEAD"
        has_begun = False

        async def send_tus(message: Message) -> None:
            nonlocal has_begun
            if message["type"] == "http.response.start":
                has_begun = True
                if is_head and message["status"] >= 500:
                    # Clients take any other failure of HEAD for a lost upload, and begin anew: not so a lock.
                    message["status"] = 423
                _add(MutableHeaders(scope=message), message["status"], headers.get("origin"), origins)
            await send(message)

        try:
            await self.app(scope, receive, send_tus)
        except Exception as error:
            if not is_head or has_begun:
                raise
            log.error("request failed", route=PATH, error=type(error).__name__, exc_info=error)
            response = answer(Request(scope), 423, "internal", {})
            await response(scope, receive, send_tus)


def _add(headers: MutableHeaders, status: int, origin: str | None, origins: frozenset[str]) -> None:
    headers["Tus-Resumable"] = VERSION
    if status == 412:
        headers["Tus-Version"] = VERSION
    if origins:
        headers.add_vary_header("Origin")
    if origin is not None and origin.lower() in origins:
        headers["Access-Control-Allow-Origin"] = origin
        headers["Access-Control-Allow-Methods"] = METHODS
        headers["Access-Control-Allow-Headers"] = ASKED
        headers["Access-Control-Expose-Headers"] = SHOWN
        headers["Access-Control-Max-Age"] = A_DAY
