"""A way to the object store that refuses some deletes: as a service that is overloaded, or half away."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PASSED_ON = 65536


class Refusing(ThreadingHTTPServer):
    """Passes requests on as they come, signature and all; deletes numbered in ``refused`` are answered 503."""

    daemon_threads = True

    def __init__(self, store: str, refused: range) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.store, self.refused, self.deletes, self.lock = store, refused, 0, threading.Lock()

    @property
    def endpoint(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"

    def is_refused(self, method: str, path: str) -> bool:
        if method != "DELETE" and not (method == "POST" and "delete" in path.partition("?")[2]):
            return False
        with self.lock:
            self.deletes += 1
            return self.deletes in self.refused


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Refusing

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        if self.server.is_refused(self.command, self.path):
            self.send_response(503)
            self.send_header("content-length", "0")
            self.end_headers()
            return
        connection = http.client.HTTPConnection(self.server.store, timeout=60)
        connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            connection.putheader(name, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        content = answer.read()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("transfer-encoding", "content-length", "connection", "date", "server"):
                self.send_header(name, value)
        length = answer.getheader("content-length") if self.command == "HEAD" else None
        self.send_header("content-length", length or str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        connection.close()

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _pass_on

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the tests' output is for what fails."""


@contextmanager
def refusing(store: str, refused: range) -> Iterator[Refusing]:
    """The way to ``store``, open until the end of the block."""
    server = Refusing(store, refused)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
