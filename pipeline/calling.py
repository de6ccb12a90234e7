"""Calling an address that somebody else wrote down, so that it leads nowhere inside.

The name is resolved once; every address that it has must be public; and exactly the one that was looked at is
connected to, whatever the name says a moment later. TLS is verified for the name. Redirects are not followed, no
proxy is used, the answer's body is not read, and all of it together ends after a few seconds.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import suppress

from models.addresses import Target, is_public, target_of
from models.errors import Invalid

LASTS_SECONDS = 10.0

Resolve = Callable[[str, int], Collection[str]]


class CallFailed(Exception):
    """No answer came; ``code`` says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def resolve(host: str, port: int) -> Collection[str]:
    """Every address that a name has now."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(each[4][0]) for each in found))


class Caller:
    """Sends to addresses on the public internet, and to the hosts that the operator allows.

    :param tls: how certificates are verified; None: as the system does
    """

    def __init__(
        self,
        allowed_hosts: Collection[str] = (),
        *,
        tls: ssl.SSLContext | None = None,
        lasts_seconds: float = LASTS_SECONDS,
        resolve: Resolve = resolve,
    ) -> None:
        self._allowed_hosts = frozenset(allowed_hosts)
        self._tls = tls or ssl.create_default_context()
        self._lasts_seconds = lasts_seconds
        self._resolve = resolve
        # A resolver can hang for longer than a call may last; then its thread is left to itself.
        self._resolvers = ThreadPoolExecutor(8, thread_name_prefix="resolve")

    def close(self) -> None:
        """Wait for no resolver."""
        self._resolvers.shutdown(wait=False, cancel_futures=True)

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        """Send ``body`` to ``url``; the answer's status.

        :raises CallFailed: there was no answer in time, or the address is none that may be called
        """
        ends_at = time.monotonic() + self._lasts_seconds
        try:
            target = target_of(url, self._allowed_hosts)
        except Invalid as error:
            raise CallFailed("address-refused") from error
        with _Line(ends_at) as line:
            try:
                line.connect(self._addresses(target, ends_at), target.port)
                if target.is_https:
                    line.secure(self._tls, target.host)
                return line.ask(target, headers, body)
            except CallFailed:
                raise
            except ssl.SSLCertVerificationError as error:
                raise CallFailed("certificate-refused") from error
            except TimeoutError as error:
                raise CallFailed("timeout") from error
            except (OSError, http.client.HTTPException, ValueError) as error:
                raise CallFailed("timeout" if line.is_cut else "connection-failed") from error

    def _addresses(self, target: Target, ends_at: float) -> Collection[str]:
        asked = self._resolvers.submit(self._resolve, target.host, target.port)
        try:
            found = asked.result(timeout=max(0.0, ends_at - time.monotonic()))
        except FutureTimeout as error:
            raise CallFailed("timeout") from error
        except (OSError, UnicodeError) as error:
            raise CallFailed("name-unknown") from error
        if not found:
            raise CallFailed("name-unknown")
        if not target.is_trusted and not all(is_public(each) for each in found):
            raise CallFailed("address-refused")
        return found


class _Line:
    """One connection, cut at its time: a receiver that sends a byte now and then does not hold us."""

    def __init__(self, ends_at: float) -> None:
        self._ends_at = ends_at
        self._socket: socket.socket | None = None
        self._guard = threading.Lock()
        self._watch = threading.Timer(max(0.0, ends_at - time.monotonic()), self._cut)
        self._watch.daemon = True
        self.is_cut = False

    def __enter__(self) -> _Line:
        self._watch.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._watch.cancel()
        with self._guard:
            if self._socket is not None:
                self._socket.close()
                self._socket = None

    def connect(self, addresses: Collection[str], port: int) -> None:
        """To the first of these addresses that answers: to them, and never to a name."""
        failed: OSError = OSError("no address")
        for address in addresses:
            left = self._ends_at - time.monotonic()
            if left <= 0:
                raise TimeoutError
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            line = socket.socket(family, socket.SOCK_STREAM)
            line.settimeout(left)
            self._hold(line)
            try:
                line.connect((address, port))
                return
            except OSError as error:
                line.close()
                failed = error
        raise failed

    def secure(self, tls: ssl.SSLContext, name: str) -> None:
        """TLS, verified for ``name``."""
        assert self._socket is not None
        line = tls.wrap_socket(self._socket, server_hostname=name, do_handshake_on_connect=False)
        self._hold(line)
        line.do_handshake()

    def ask(self, target: Target, headers: Mapping[str, str], body: bytes) -> int:
        """Send one request; the status of what is answered. Nothing after the answer's headers is read."""
        connection = http.client.HTTPConnection(target.host, target.port)
        connection.sock = self._socket
        all_headers = {"Host": target.host_header, "Connection": "close"} | dict(headers)
        connection.request("POST", target.path, body, all_headers)
        status = connection.getresponse().status
        if self.is_cut:
            # Headers that never end look as if they had ended.
            raise TimeoutError
        return status

    def _hold(self, line: socket.socket) -> None:
        with self._guard:
            self._socket = line
            if self.is_cut:
                line.close()

    def _cut(self) -> None:
        with self._guard:
            self.is_cut = True
            if self._socket is not None:
                # Not connected yet: then its own time limit ends it.
                with suppress(OSError):
                    # The plain socket's own: a TLS socket's would take its layer from under whoever reads it.
                    socket.socket.shutdown(self._socket, socket.SHUT_RDWR)
