"""Connections to PostgreSQL that do not wait for ever.

A server that was paused, or that is cut off from us without a word, takes a statement and never answers. Whoever waits
for it would hold a thread until there are none left, and people would see nothing instead of a reason. So a statement
that is not answered in time fails, and its connection is closed: nothing of its transaction is kept.
"""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg.errors import OperationalError, _WaitTimeout
from sqlalchemy import Connection
from sqlalchemy.engine import Dialect
from sqlalchemy.pool import ConnectionPoolEntry

ANSWERS_WITHIN_SECONDS = 30.0
# libpq's own: for who is not there at all. What stands in the database's address comes before these.
DEFAULTS = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}


class PatientConnection(psycopg.Connection[Any]):
    """A connection on which each answer is waited for ``answers_within_seconds``; for ever if None."""

    answers_within_seconds: float | None = ANSWERS_WITHIN_SECONDS

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        if timeout is not None:
            return super().wait(gen, interval, timeout)
        try:
            return super().wait(gen, interval, self.answers_within_seconds)
        except _WaitTimeout:
            self.close()
            raise OperationalError("the server does not answer") from None


def connect_patiently(
    dialect: Dialect, record: ConnectionPoolEntry, arguments: tuple[Any, ...], named: dict[str, Any]
) -> PatientConnection:
    """How an engine connects: a listener of SQLAlchemy's ``do_connect``."""
    return PatientConnection.connect(*arguments, **(DEFAULTS | named))


def take_time(connection: Connection) -> None:
    """Let statements on this connection take as long as they do: for what locks or reads a lot."""
    ours = connection.connection.driver_connection
    if isinstance(ours, PatientConnection):
        ours.answers_within_seconds = None
        # Closed after its use, so that nobody else waits for ever on it.
        connection.detach()
