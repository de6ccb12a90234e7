"""A PostgreSQL server of one test's own, which it can stop, pause and start again."""

from __future__ import annotations

import contextlib
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

import psutil
import psycopg
import pytest

from storage import schema
from storage.database import Database
from tests.plugins import postgresql

# Unlike the server that all tests share: what it said was kept is kept.
SETTINGS = ("max_connections=100",)
TEMPLATE = "migrated"


class OwnServer:
    """A server with one empty database at the newest schema, ``url``."""

    def __init__(self) -> None:
        self.home = postgresql.new_home()
        postgresql.make(self.home)
        self.url = postgresql.url_of(self.home, "stories")
        self._process: subprocess.Popen[bytes] | None = None
        self.start()
        with postgresql.connect(self.home) as connection:
            connection.execute(f"CREATE DATABASE {TEMPLATE}")
        with closing(Database(postgresql.url_of(self.home, TEMPLATE))) as database:
            schema.upgrade(database)
        self.begin_anew()

    def begin_anew(self) -> None:
        """Nobody's rows, in place of those of whoever had it before."""
        with postgresql.connect(self.home) as connection:
            connection.execute("DROP DATABASE IF EXISTS stories WITH (FORCE)")
            connection.execute(f"CREATE DATABASE stories TEMPLATE {TEMPLATE}")

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self._process = postgresql.start(self.home, *SETTINGS)
        deadline = time.monotonic() + postgresql.STARTS_WITHIN_SECONDS
        while True:
            with contextlib.suppress(psycopg.OperationalError):
                postgresql.connect(self.home).close()
                return
            assert time.monotonic() < deadline, "PostgreSQL does not start"
            time.sleep(0.05)

    def stop(self) -> None:
        """End it as a crash would: connections break off, transactions are lost, what was committed stays."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(30)
            self._process = None

    def pause(self) -> None:
        """It takes connections and statements, and answers none of them."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        server = psutil.Process(self._process.pid)
        # First itself: it would take a stopped child for a dead one, or start another.
        for each in (server, *server.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess):
                each.send_signal(number)

    @contextmanager
    def refusing(self) -> Iterator[None]:
        """It runs, ends every connection to the database and takes no other."""
        with postgresql.connect(self.home) as connection:
            connection.execute("ALTER DATABASE stories ALLOW_CONNECTIONS false")
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'stories'"
            )
            yield
            connection.execute("ALTER DATABASE stories ALLOW_CONNECTIONS true")

    def close(self) -> None:
        if self._process is not None:
            self.resume()
        self.stop()
        shutil.rmtree(self.home, ignore_errors=True)


@contextmanager
def own_server() -> Iterator[OwnServer]:
    """A running server, gone at the end."""
    if postgresql.programs() is None:
        pytest.skip("needs PostgreSQL's server programs (Debian: apt-get install postgresql)")
    server = OwnServer()
    try:
        yield server
    finally:
        server.close()
