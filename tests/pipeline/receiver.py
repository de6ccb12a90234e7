"""A receiver of webhooks on this machine: keeps what comes, and answers as it is told, well or badly."""

from __future__ import annotations

import datetime
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass
class Received:
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """``answers`` are the statuses of the next answers, then 200; ``manner`` is how it behaves."""

    port: int = 0
    answers: list[int] = field(default_factory=list)
    manner: str = "well"
    received: list[Received] = field(default_factory=list)
    server_names: list[str | None] = field(default_factory=list)
    is_over: threading.Event = field(default_factory=threading.Event)

    def serve(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers.get("content-length") or 0))
        headers = {name.lower(): value for name, value in handler.headers.items()}
        self.received.append(Received(handler.path, headers, body))
        with suppress(OSError):
            getattr(self, f"_{self.manner.replace('-', '_')}")(handler)

    def _well(self, handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(self.answers.pop(0) if self.answers else 200)
        handler.send_header("Location", f"http://127.0.0.1:{self.port}/elsewhere")
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    def _silent(self, handler: BaseHTTPRequestHandler) -> None:
        self.is_over.wait(30)

    def _dripping(self, handler: BaseHTTPRequestHandler) -> None:
        self._repeat(handler, b"H", b"", 0.2)

    def _endless_headers(self, handler: BaseHTTPRequestHandler) -> None:
        self._repeat(handler, b"X-A: b\r\n", b"HTTP/1.1 200 OK\r\n", 0.1)

    def _endless_body(self, handler: BaseHTTPRequestHandler) -> None:
        self._repeat(handler, b"a" * 1024, b"HTTP/1.1 200 OK\r\n\r\n", 0.0)

    def _nonsense(self, handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"\x00\x01 nothing\r\n\r\n")

    def _repeat(self, handler: BaseHTTPRequestHandler, what: bytes, first: bytes, pause: float) -> None:
        handler.wfile.write(first)
        while not self.is_over.is_set():
            handler.wfile.write(what)
            time.sleep(pause)


@contextmanager
def receiving(certificate: Path | None = None) -> Iterator[Receiver]:
    """A receiver on a free port of the loopback; over TLS with a certificate and its key in one file."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            receiver.serve(self)
            self.close_connection = True

        def log_message(self, format: str, *args: Any) -> None:
            pass

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            pass

    server = Quiet(("127.0.0.1", 0), Handler)
    if certificate is not None:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate)
        tls.sni_callback = lambda line, name, context: receiver.server_names.append(name)
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=True)
    receiver.port = server.socket.getsockname()[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.is_over.set()
        server.shutdown()
        server.server_close()


def certificate_for(folder: Path, name: str) -> Path:
    """A certificate for a name, signed by itself, with its key: ``certificate.pem`` in a folder."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "certificate.pem"
    plain = serialization.NoEncryption()
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path
