"""The service itself for tests: a real web server on a free loopback port, over real parts, in a thread."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2
import structlog
from fastapi import FastAPI

from app.main import stand_on
from app.operations import serving
from app.operations.logs import configure_logging
from app.parts import Parts
from models.accounts import Account
from models.roles import Principal, Scope
from storage import accounts, api_keys

EVERY_SCOPE = tuple(Scope)


@dataclass(frozen=True)
class Answer:
    """What came back over a raw socket."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def problem(self) -> dict[str, Any]:
        """The body as problem details (RFC 9457)."""
        assert self.headers["content-type"] == "application/problem+json", self
        found: dict[str, Any] = json.loads(self.body)
        return found


@dataclass
class Served:
    """A running service. ``port`` is on loopback."""

    parts: Parts
    port: int
    server: Any
    _clients: list[httpx2.Client] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def key(self, principal: Principal, scopes: tuple[Scope, ...] = EVERY_SCOPE) -> str:
        """An API key of an account, with every scope unless named."""
        with self.parts.database.write() as session:
            account = session.get_one(Account, principal.account_id)
            return api_keys.make(session, account, "test", scopes, days=1, actor=account.id).token

    def client(self, principal: Principal | None = None) -> httpx2.Client:
        """A program that comes with a key of this account; nobody in particular if None."""
        headers = {"authorization": f"Bearer {self.key(principal)}"} if principal else {}
        self._clients.append(httpx2.Client(base_url=self.address, headers=headers, timeout=120))
        return self._clients[-1]

    def browser(self, principal: Principal) -> httpx2.Client:
        """A person's browser: signed in by cookie, asking for pages."""
        from app.access import SESSION_COOKIE

        with self.parts.database.write() as session:
            token = accounts.begin_session(session, session.get_one(Account, principal.account_id))
        self._clients.append(
            httpx2.Client(
                base_url=self.address,
                headers={"accept": "text/html", "origin": self.address},
                cookies={SESSION_COOKIE: token},
                timeout=120,
            )
        )
        return self._clients[-1]

    def connect(self, *, timeout_seconds: float = 60) -> socket.socket:
        """A bare connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=timeout_seconds)

    def close(self) -> None:
        for client in self._clients:
            client.close()


def answer_on(connection: socket.socket) -> Answer:
    """The answer that comes on a bare connection."""
    response = http.client.HTTPResponse(connection)
    response.begin()
    return Answer(
        response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
    )


# Applications that nobody is served by now: each new one would work its routes out, which takes most of a second.
_resting: list[FastAPI] = []


@contextmanager
def serving_over(parts: Parts) -> Iterator[Served]:
    """The service over these parts, until the end of the block. Workers run apart: set ``workers`` to 0."""
    app = _resting.pop() if _resting else serving.application(parts)
    stand_on(app, parts)
    server = serving.server(parts, app=app)
    logging_before = structlog.get_config()
    # As the service logs: the default draws tracebacks with every local variable, which takes seconds.
    configure_logging(is_quiet=True)
    with closing(socket.socket()) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", 0))
        running = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        running.start()
        deadline = time.monotonic() + 60
        while not server.started:
            assert running.is_alive(), "the server did not start"
            assert time.monotonic() < deadline, "the server did not start in time"
            time.sleep(0.01)
        served = Served(parts, listening.getsockname()[1], server)
        try:
            yield served
        finally:
            served.close()
            server.should_exit = True
            running.join(30)
            if not running.is_alive():
                _resting.append(app)
            structlog.configure(**logging_before)


def wait_until(holds: Any, what: str, seconds: float = 60) -> None:
    """Until something holds; what it waited for is said if it never does."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"waited {seconds} s for {what}"
        time.sleep(0.05)
