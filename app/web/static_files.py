"""Our own files for browsers: style sheets, scripts, pictures. The same for everybody, and nobody's secret."""

from __future__ import annotations

from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from app.web.rendering import STATIC

# What gets shorter by it. Sound does not, and is asked for in ranges, which have to be of the file as it lies.
PRESSED = (".css", ".js", ".svg", ".json", ".webmanifest")
# The pages of one sitting load a file once; after an upgrade the old one is shown for no longer than this.
KEPT = {"Cache-Control": "public, max-age=600"}


class Files(StaticFiles):
    """Files that browsers may keep for a while, and then ask whether they are still the same."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers.update(KEPT)
        return response


class StaticApp:
    """ASGI: the files, and some of them pressed on the way."""

    def __init__(self) -> None:
        self._files: ASGIApp = Files(directory=STATIC)
        self._pressed: ASGIApp = GZipMiddleware(self._files)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_pressed = scope["type"] == "http" and scope["path"].endswith(PRESSED)
        await (self._pressed if is_pressed else self._files)(scope, receive, send)
