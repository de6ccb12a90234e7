"""Engines and sessions for SQLite and PostgreSQL.

Reading and writing are different types: a verb that changes something asks for a :class:`WriteSession`, and
gets one only from :meth:`Database.write`, which seals the journal last of all, commits, and then tells
who keeps the second place which stories were withdrawn and which words narrowed consent, and who starts work which
wishes were made.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import IntegrityError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from sqlalchemy.orm import Session

# Every mapped class is known wherever there is a database: relations name tables of other modules.
from models import schema as _schema  # noqa: F401
from models.errors import Unavailable
from storage import journal
from storage.patient_connection import connect_patiently, take_time

BUSY_TIMEOUT_MS = 15_000

# Power loss must not take back a commit that was answered: see docs/explanation/durability.md.
SQLITE_PRAGMAS = {
    "journal_mode": "WAL",
    "synchronous": "FULL",
    "foreign_keys": "ON",
    "busy_timeout": str(BUSY_TIMEOUT_MS),
    "secure_delete": "ON",
    # Lists look at many pages far apart. Not by mmap: a disk that fails to read would end the process.
    "cache_size": "-32768",
}
# SQLSTATE, Appendix A of PostgreSQL's manual.
UNIQUE_VIOLATION = "23505"
POSTGRESQL_DURABILITY = ("fsync", "full_page_writes", "synchronous_commit")


class ReadSession(Session):
    """A session that only looks."""

    def flush(self, objects: Any = None) -> None:
        if self.new or self.dirty or self.deleted:
            raise RuntimeError("a read session was asked to write")


class WriteSession(Session):
    """A session in a transaction that may write; wishes made in it are in :attr:`wished`."""

    @property
    def wished(self) -> list[str]:
        """Ids of the wishes made in this transaction."""
        wishes: list[str] = self.info.setdefault("wished", [])
        return wishes

    @property
    def withdrawn(self) -> list[str]:
        """Ids of the stories withdrawn in this transaction."""
        stories: list[str] = self.info.setdefault("withdrawn", [])
        return stories

    @property
    def narrowed(self) -> list[str]:
        """Ids of the words by which somebody allowed less than before, said in this transaction."""
        events: list[str] = self.info.setdefault("narrowed", [])
        return events

    @property
    def held(self) -> list[str]:
        """Ids of the holds raised or lifted in this transaction."""
        holds: list[str] = self.info.setdefault("held", [])
        return holds


class Database:
    """One database, and the two kinds of session on it."""

    def __init__(self, url: str) -> None:
        self.url = make_url(url)
        self.engine = _make_engine(url)
        self.when_wished: Callable[[list[str]], None] = lambda wish_ids: None
        self.when_withdrawn: Callable[[list[str]], None] = lambda story_ids: None
        self.when_narrowed: Callable[[list[str]], None] = lambda event_ids: None
        self.when_held: Callable[[list[str]], None] = lambda hold_ids: None
        self._reading = self.engine.execution_options(is_reading=True)
        if not self.is_sqlite:
            # As SQLite does: what one look sees belongs together, and does not change while it lasts.
            self._reading = self._reading.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )

    @property
    def is_sqlite(self) -> bool:
        return self.url.get_backend_name() == "sqlite"

    @contextmanager
    def read(self) -> Iterator[ReadSession]:
        """A look at the database as it is at the first query; to see what has changed since, look again."""
        with (
            database_answers(),
            ReadSession(self._reading, autoflush=False) as session,
        ):
            yield session

    @contextmanager
    def write(self) -> Iterator[WriteSession]:
        """A transaction: commits at the end of the block, rolls back if it raises."""
        with database_answers(), WriteSession(self.engine, expire_on_commit=False) as session:
            yield session
            journal.seal(session)
            session.commit()
        if session.withdrawn:
            self.when_withdrawn(session.withdrawn)
        if session.narrowed:
            self.when_narrowed(session.narrowed)
        if session.held:
            self.when_held(session.held)
        if session.wished:
            self.when_wished(session.wished)

    @contextmanager
    def look(self) -> Iterator[Connection]:
        """As :meth:`read`, below the mapped classes, and as long as it takes: for tables that are older than they."""
        with database_answers(), self._reading.connect() as connection, connection.begin():
            take_time(connection)
            yield connection

    def close(self) -> None:
        """Close every pooled connection."""
        self.engine.dispose()

    def durability(self) -> dict[str, str]:
        """The settings that decide whether a commit survives power loss, as the database reports them."""
        names = ("journal_mode", "synchronous") if self.is_sqlite else POSTGRESQL_DURABILITY
        ask = "PRAGMA {}" if self.is_sqlite else "SHOW {}"
        with self._reading.connect() as connection:
            return {name: str(connection.execute(text(ask.format(name))).scalar()) for name in names}


def _make_engine(url: str) -> Engine:
    # Parameters are people's words; errors are logged.
    address = make_url(url)
    if address.get_backend_name() != "sqlite":
        engine = create_engine(
            url,
            # To compile one of our queries takes longer than to run it; what the address says comes first.
            connect_args={"options": address.query.get("options", "-c jit=off")},
            pool_pre_ping=True,
            pool_size=10,
            max_overflow=20,
            hide_parameters=True,
        )
        event.listen(engine, "do_connect", connect_patiently)
        return engine
    engine = create_engine(
        url,
        connect_args={"timeout": BUSY_TIMEOUT_MS / 1000},
        pool_size=10,
        max_overflow=20,
        hide_parameters=True,
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: DBAPIConnection, record: object) -> None:
    # The driver begins transactions by itself, and late: two that read before they write would fork the
    # journal's chain. With its own habit switched off, _begin_sqlite says BEGIN.
    connection.isolation_level = None
    for name, value in SQLITE_PRAGMAS.items():
        connection.execute(f"PRAGMA {name} = {value}")


def _begin_sqlite(connection: Connection) -> None:
    reading = connection.get_execution_options().get("is_reading", False)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


def is_there_already(error: IntegrityError) -> bool:
    """Whether a database refused a row because of another that has what may be there once."""
    code = getattr(error.orig, "sqlite_errorcode", None) or getattr(error.orig, "sqlstate", None)
    return code in (sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, UNIQUE_VIOLATION)


@contextmanager
def database_answers() -> Iterator[None]:
    """A database that is down, or locked or busy for too long, is *unavailable*: nothing was kept, try again."""
    try:
        yield
    except (OperationalError, InterfaceError) as error:
        raise Unavailable("database-unavailable", reason=type(error.orig).__name__) from error
    except NoConnectionFree as error:
        raise Unavailable("database-unavailable", reason="no-connection-free") from error
