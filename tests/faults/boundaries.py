"""Write boundaries: every place at which a process leaves something that outlives it, and what can go wrong there.

A boundary is passed before a statement of SQL that writes, before and after a commit that writes, before and after a
request to the object store that writes, and before a file is synced, renamed, cut or removed. In a process that
called :func:`watch` the n-th one fails: it raises what a broken part would raise, or the process is killed.
"""

from __future__ import annotations

import errno
import os
import re
import signal
import threading
from collections.abc import Callable
from typing import Any, Literal

import urllib3
from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine.default import DefaultDialect

How = Literal["dies", "raises"]
WRITES = re.compile(
    r"\s*(INSERT|UPDATE|DELETE|CREATE|DROP|ALTER|REPLACE|VACUUM)\b(?:[^\w]*)(\S*\s*\S*)", re.I
)
WRITING = ("PUT", "POST", "DELETE")
FILE_CALLS = ("fsync", "replace", "rename", "truncate", "unlink", "remove", "rmdir")


class Boundaries:
    """What was passed, in order, and which one fails."""

    def __init__(self) -> None:
        self.passed: list[str] = []
        self._fails_at: int | None = None
        self._how: How = "raises"
        self._note: Callable[[str], None] = lambda where: None
        self._lock = threading.Lock()
        self._is_watching = False

    def begin(self, fails_at: int | None, how: How, note: Callable[[str], None]) -> None:
        """Count from here on. ``note`` is told where it fails, before it does."""
        self.passed, self._fails_at, self._how, self._note = [], fails_at, how, note
        self._is_watching = True

    def end(self) -> None:
        """Nothing is counted, and nothing fails, from here on."""
        self._is_watching = False

    def meet(self, where: str, failure: Callable[[], Exception]) -> None:
        """A boundary is passed, or fails."""
        if not self._is_watching:
            return
        with self._lock:
            self.passed.append(where)
            is_it = len(self.passed) == self._fails_at
        if is_it:
            self._note(where)
            if self._how == "dies":
                os.kill(os.getpid(), signal.SIGKILL)
            raise failure()


def watch() -> Boundaries:
    """Put boundaries into this process, for good: it is one that was made for it."""
    boundaries = Boundaries()
    _in_sql(boundaries)
    _in_requests(boundaries)
    _in_files(boundaries)
    return boundaries


def _in_sql(boundaries: Boundaries) -> None:
    writing: set[int] = set()

    def failure_of(dialect: Any) -> Callable[[], Exception]:
        return lambda: dialect.loaded_dbapi.OperationalError("disk I/O error")

    def before(
        connection: Connection, cursor: Any, statement: str, parameters: Any, context: Any, many: bool
    ) -> None:
        found = WRITES.match(statement)
        if found:
            writing.add(id(connection.connection.dbapi_connection))
            what = f"sql {found[1].upper()} {' '.join(found[2].split())}"
            # As the driver would say it, and the mapper pass it on.
            boundaries.meet(what, lambda: _wrapped(statement, failure_of(connection.dialect)()))

    event.listen(Engine, "before_cursor_execute", before)
    commit, roll_back = DefaultDialect.do_commit, DefaultDialect.do_rollback

    def do_commit(dialect: DefaultDialect, connection: Any) -> None:
        raw = id(getattr(connection, "dbapi_connection", connection))
        if raw not in writing:
            commit(dialect, connection)
            return

        def fail() -> Exception:
            # A commit that fails leaves no transaction open.
            roll_back(dialect, connection)
            return failure_of(dialect)()

        boundaries.meet("sql COMMIT", fail)
        commit(dialect, connection)
        writing.discard(raw)
        boundaries.meet("sql COMMIT, done", failure_of(dialect))

    def do_rollback(dialect: DefaultDialect, connection: Any) -> None:
        writing.discard(id(getattr(connection, "dbapi_connection", connection)))
        roll_back(dialect, connection)

    DefaultDialect.do_commit, DefaultDialect.do_rollback = do_commit, do_rollback  # type: ignore[method-assign]


def _wrapped(statement: str, cause: Exception) -> Exception:
    from sqlalchemy.exc import OperationalError

    return OperationalError(statement, {}, cause)


def _in_requests(boundaries: Boundaries) -> None:
    send = urllib3.PoolManager.urlopen

    def urlopen(pool: urllib3.PoolManager, method: str, url: str, *given: Any, **named: Any) -> Any:
        if method not in WRITING:
            return send(pool, method, url, *given, **named)
        what = f"s3 {_kind_of(method, url.partition('?')[2])}"

        def failure() -> Exception:
            return urllib3.exceptions.ProtocolError("connection broken")

        boundaries.meet(what, failure)
        answer = send(pool, method, url, *given, **named)
        boundaries.meet(f"{what}, done", failure)
        return answer

    urllib3.PoolManager.urlopen = urlopen  # type: ignore[method-assign]


def _kind_of(method: str, query: str) -> str:
    if "partNumber=" in query:
        return "put a part"
    if "uploadId=" in query:
        return "join parts" if method == "POST" else "abort parts"
    if "uploads" in query:
        return "begin parts"
    if method == "POST" and "delete" in query:
        return "delete"
    return method.lower()


def _in_files(boundaries: Boundaries) -> None:
    def put_before(name: str) -> None:
        call = getattr(os, name)

        def calls(*given: Any, **named: Any) -> Any:
            boundaries.meet(f"file {name}", lambda: OSError(errno.EIO, os.strerror(errno.EIO)))
            return call(*given, **named)

        setattr(os, name, calls)

    for name in FILE_CALLS:
        put_before(name)
