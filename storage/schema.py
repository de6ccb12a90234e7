"""Bringing a database to the schema that this version of the software knows, and refusing a newer one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, func, inspect, select
from sqlalchemy.schema import Table

from models.errors import Unavailable
from models.schema import Base
from storage.database import Database, database_answers
from storage.patient_connection import take_time

MIGRATIONS = Path(__file__).resolve().parent.parent / "migrations"
# Any number will do: those who migrate on PostgreSQL lock it, and so wait for one another.
MIGRATING = 0x53544F5259


def config() -> Config:
    """Alembic's configuration, without a file: the migrations folder is all it needs."""
    alembic = Config()
    alembic.set_main_option("script_location", str(MIGRATIONS))
    return alembic


def upgrade(database: Database, revision: str = "head") -> None:
    """Migrate up to ``revision``, wholly or not at all; two that start at once take turns.

    :raises Unavailable: the schema is newer than this software, or rows would have gone missing
    """
    with _transaction(database) as connection:
        _refuse_newer(connection)
        before = count_rows(connection)
        command.upgrade(_config_on(connection), revision)
        after = count_rows(connection)
        fewer = sorted(name for name, rows in before.items() if after.get(name, 0) < rows)
        if fewer:
            raise Unavailable("rows-lost-in-upgrade", tables=fewer)


def downgrade(database: Database, revision: str) -> None:
    """Migrate down to ``revision`` (``base`` for none)."""
    with _transaction(database) as connection:
        command.downgrade(_config_on(connection), revision)


def current(database: Database) -> str | None:
    """The revision that the database is at; None before the first."""
    with database.look() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def is_current(database: Database) -> bool:
    """Whether the database is at the newest revision that this software knows."""
    return current(database) == ScriptDirectory.from_config(config()).get_current_head()


def waits_for_upgrade(database: Database) -> bool:
    """Whether there is something in the database, and this software knows a newer schema for it."""
    at = current(database)
    if at is None:
        return False
    known = ScriptDirectory.from_config(config())
    older = {each.revision for each in known.walk_revisions()} - {known.get_current_head()}
    return at in older


def count_rows(connection: Connection) -> dict[str, int]:
    """How many rows each of our tables holds, for the tables that exist."""
    there = set(inspect(connection).get_table_names())
    tables = [table for table in Base.metadata.sorted_tables if table.name in there]
    return {table.name: _count(connection, table) for table in tables}


def _count(connection: Connection, table: Table) -> int:
    return connection.execute(select(func.count()).select_from(table)).scalar_one()


def _config_on(connection: Connection) -> Config:
    alembic = config()
    alembic.attributes["connection"] = connection
    return alembic


@contextmanager
def _transaction(database: Database) -> Iterator[Connection]:
    """One transaction for all that a migration does: Alembic finds it open, and leaves its end to us."""
    with database_answers(), database.engine.connect() as connection:
        if not database.is_sqlite:
            with connection.begin():
                take_time(connection)
                connection.execute(select(func.pg_advisory_xact_lock(MIGRATING)))
                yield connection
            return
        # SQLite alters a table by making it anew and dropping the old one, and dropping a table deletes what
        # refers to it by ON DELETE CASCADE. The switch works outside of transactions only.
        switch = connection.connection.cursor()
        switch.execute("PRAGMA foreign_keys = OFF")
        try:
            with connection.begin():
                yield connection
                _refuse_loose_ends(connection)
        finally:
            switch.execute("PRAGMA foreign_keys = ON")


def _refuse_loose_ends(connection: Connection) -> None:
    loose = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
    if loose:
        raise Unavailable("rows-lost-in-upgrade", tables=sorted({row[0] for row in loose}))


def _refuse_newer(connection: Connection) -> None:
    known = ScriptDirectory.from_config(config())
    at = MigrationContext.configure(connection).get_current_revision()
    try:
        if at is not None:
            known.get_revision(at)
    except CommandError as error:
        raise Unavailable("schema-newer", revision=at) from error
