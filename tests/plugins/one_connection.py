"""A thread has one connection to a database at a time, in every test.

A pool is finite. Where threads hold one connection and wait for a second, enough of them at once have all connections
there are, and wait for each other until their patience ends: so code of ours that opens a session while it has one
fails here, however many connections are free. A test itself may: it stands for several people.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import wraps
from pathlib import Path
from typing import Any

from storage.database import Database

ROOT = Path(__file__).resolve().parent.parent.parent
OURS = tuple(f"{ROOT / each}/" for each in ("app", "pipeline", "storage"))

_held = threading.local()


def pytest_configure() -> None:
    """Let every database look."""
    for name in ("read", "write", "look"):
        setattr(Database, name, _one_at_a_time(getattr(Database, name)))


def _one_at_a_time(
    begin: Callable[[Database], AbstractContextManager[Any]],
) -> Callable[[Database], AbstractContextManager[Any]]:
    @wraps(begin)
    @contextmanager
    def begun(database: Database) -> Iterator[Any]:
        held: dict[object, tuple[Database, str]] = _held.__dict__.setdefault("sessions", {})
        where = _where()
        if where.startswith(OURS):
            for other, there in held.values():
                assert other is not database or not there.startswith(OURS), (
                    f"{where} opens a session inside the one of {there}"
                )
        mine = object()
        held[mine] = database, where
        try:
            with begin(database) as session:
                _when_closed(session, lambda: held.pop(mine, None))
                yield session
        finally:
            held.pop(mine, None)

    return begun


def _when_closed(session: Any, act: Callable[[], object]) -> None:
    """What is told of a commit is told when the session has given its connection back."""
    close = session.close

    def closing() -> None:
        session.close = close
        close()
        act()

    session.close = closing


def _where() -> str:
    """The place that asks for a session."""
    frame = sys._getframe(2)
    while frame.f_code.co_filename.endswith("/contextlib.py") and frame.f_back is not None:
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"
