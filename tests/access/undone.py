"""Requests that leave no trace: what they write is seen by themselves alone, and taken back when they end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, event
from sqlalchemy.orm import Session

from storage.database import Database, ReadSession


@contextmanager
def undone(database: Database) -> Iterator[None]:
    """What the block does to a database is taken back at its end. Blocks may stand inside each other.

    All sessions that begin in it share one connection, each in a savepoint of its own, inside a transaction that is
    rolled back. Nobody else uses the database meanwhile.
    """
    outside = database.engine
    if isinstance(outside, Connection):
        savepoint = outside.begin_nested()
        try:
            yield
        finally:
            savepoint.rollback()
        return
    reading = database._reading
    with outside.connect() as connection, connection.begin() as everything:
        # A session that joins a connection inside a savepoint makes one more for itself (SQLAlchemy's default).
        connection.begin_nested()
        database.engine = database._reading = connection  # type: ignore[assignment]
        event.listen(ReadSession, "after_begin", _only_look)
        try:
            yield
        finally:
            event.remove(ReadSession, "after_begin", _only_look)
            database.engine, database._reading = outside, reading
            everything.rollback()


def _only_look(session: Session, transaction: Any, connection: Connection) -> None:
    """A session for reading may not write, as on a connection of its own. SQLite has no like of it."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL transaction_read_only = on")
