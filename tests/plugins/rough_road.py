"""A proxy like a bad line: it cuts requests and answers, makes them wait, and sends some of them twice.

What it does is drawn from a seed, so that a road that led nowhere can be gone again.
"""

from __future__ import annotations

import contextlib
import http.client
import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import BinaryIO

PIECE_BYTES = 16 * 1024
FATES = ("passes", "slow", "cut on the way", "answer lost", "twice at once", "once more later")


class Cut(Exception):
    """The line broke."""


@dataclass
class RoughRoad:
    """A proxy on loopback in front of ``target_port``. ``happened`` counts what it did."""

    target_port: int
    seed: int = 0
    #: How often something happens to a request, of 1.
    roughness: float = 0.6
    happened: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._is_over = threading.Event()
        self.port: int = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._is_over.set()
        self._listening.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while not self._is_over.is_set():
                connection, _ = self._listening.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        client.settimeout(30)
        with contextlib.suppress(OSError, Cut, http.client.HTTPException), closing(client):
            coming = client.makefile("rb")
            while head := _head(coming):
                self._pass_on(client, head, coming)

    def _pass_on(self, client: socket.socket, head: bytes, coming: BinaryIO) -> None:
        fate = "passes"
        if self._random.random() < self.roughness:
            fate = self._random.choice(FATES[1:])
        self.happened[fate] += 1
        sent = bytearray()
        cut_after = self._random.randrange(1, 400_000) if fate == "cut on the way" else None
        with closing(self._reach()) as server:
            server.sendall(head)
            for piece in _body(head, coming):
                if cut_after is not None and len(sent) + len(piece) > cut_after:
                    server.sendall(piece[: cut_after - len(sent)])
                    raise Cut
                if fate == "slow":
                    time.sleep(0.005)
                server.sendall(piece)
                sent += piece
            if cut_after is not None:
                raise Cut
            again = self._again(head + bytes(sent), 0 if fate == "twice at once" else 0.2)
            if fate == "twice at once":
                again.start()
            answer = _answer(server, head)
        if fate == "answer lost":
            raise Cut
        if fate == "once more later":
            again.start()
        client.sendall(answer)

    def _again(self, request: bytes, seconds: float) -> threading.Thread:
        def send() -> None:
            time.sleep(seconds)
            with contextlib.suppress(OSError, http.client.HTTPException), closing(self._reach()) as server:
                server.sendall(request)
                _answer(server, request)

        return threading.Thread(target=send, daemon=True)

    def _reach(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.target_port), timeout=30)


def _head(coming: BinaryIO) -> bytes:
    lines = bytearray()
    while line := coming.readline():
        lines += line
        if line == b"\r\n":
            break
    return bytes(lines)


def _body(head: bytes, coming: BinaryIO) -> Iterator[bytes]:
    """The bytes of a request's body as they stand on the line."""
    names = {
        name.strip().lower(): value.strip()
        for name, _, value in (line.partition(b":") for line in head.split(b"\r\n")[1:])
    }
    if b"chunked" in names.get(b"transfer-encoding", b""):
        while line := coming.readline():
            yield line + coming.read(int(line, 16) + 2)
            if int(line, 16) == 0:
                return
        raise Cut
    left = int(names.get(b"content-length", b"0"))
    while left:
        piece = coming.read(min(left, PIECE_BYTES))
        if not piece:
            raise Cut
        yield piece
        left -= len(piece)


def _answer(server: socket.socket, head: bytes) -> bytes:
    response = http.client.HTTPResponse(server, method=head.split(b" ", 1)[0].decode())
    response.begin()
    body = response.read()
    lines = [f"HTTP/1.1 {response.status} {response.reason}"]
    lines += [
        f"{name}: {value}"
        for name, value in response.getheaders()
        if name.lower() not in ("transfer-encoding", "connection")
    ]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


@contextmanager
def rough_road(target_port: int, seed: int = 0, roughness: float = 0.6) -> Iterator[RoughRoad]:
    """A rough road to a port, until the end of the block."""
    with closing(RoughRoad(target_port, seed, roughness)) as road:
        yield road
