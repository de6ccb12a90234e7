"""One request to an application in this process: no server, no client, no thread. The walk asks many thousands."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote

import httpx2
from starlette.types import ASGIApp, Message


@dataclass(frozen=True)
class Raw:
    """What came back, before anybody reads it."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


async def ask(app: ASGIApp, request: httpx2.Request, address: str) -> Raw:
    """Ask an application, from an address. What it raises is raised here, also when its answer has begun."""
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": request.url.scheme,
        "path": unquote(request.url.path),
        "raw_path": request.url.raw_path.split(b"?")[0],
        "query_string": request.url.query,
        "root_path": "",
        "headers": [(name.lower(), value) for name, value in request.headers.raw],
        "client": (address, 50_000),
        "server": (request.url.host, 80),
    }
    coming: list[Message] = [
        {"type": "http.request", "body": request.read(), "more_body": False},
        {"type": "http.disconnect"},
    ]
    sent: list[Message] = []

    async def receive() -> Message:
        return coming.pop(0) if len(coming) > 1 else coming[0]

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope, receive, send)
    start, *rest = sent
    headers = [(name.decode(), value.decode("latin-1")) for name, value in start["headers"]]
    return Raw(start["status"], sorted(headers), b"".join(each.get("body", b"") for each in rest))
