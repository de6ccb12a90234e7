"""PostgreSQL databases that one test hands on to the next: to make one and drop it takes longer than most tests do.

A database is handed on when nobody is connected to it any more and it is made as the template is; its rows are then
those of the template again. Any other is dropped.
"""

from __future__ import annotations

import secrets
from functools import cache
from pathlib import Path
from typing import Any

import psycopg

from tests.plugins.postgresql import connect

# What changes with every table, column, trigger or function that a test makes or drops. Numbers of objects are the same
# in every copy of a template.
SHAPE = """
SELECT (SELECT (count(*), max(oid))::text FROM pg_class),
       (SELECT (count(*), sum(attisdropped::int))::text FROM pg_attribute),
       (SELECT (count(*), max(oid))::text FROM pg_proc), (SELECT count(*) FROM pg_trigger),
       (SELECT count(*) FROM pg_constraint), (SELECT count(*) FROM pg_namespace)
"""
TABLES = "SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public'"
OTHERS = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
FIRST_NUMBERS = "SELECT setval(seqrelid::regclass, seqstart, false) FROM pg_sequence"


class SpareDatabases:
    """The copies of one template that this process has to give; ``home`` is where the server's socket lies."""

    def __init__(self, home: Path, template: str) -> None:
        self._home, self._template = home, template
        self._free: list[str] = []
        # As a fresh copy is: nobody may be connected to the template when it is copied.
        self._shape: Any = None
        self._rows: dict[str, bytes] = {}

    def take(self) -> str:
        """The name of one that is as the template is."""
        if self._free:
            return self._free.pop()
        name = f"t_{secrets.token_hex(6)}"
        with connect(self._home) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {self._template}")
        if self._shape is None:
            with self._open(name) as connection:
                self._shape = connection.execute(SHAPE).fetchone()
                self._rows = {table: _rows_of(connection, table) for (table,) in connection.execute(TABLES)}
        return name

    def give_back(self, name: str) -> None:
        """A test is done with it."""
        with self._open(name) as connection:
            is_alone = connection.execute(OTHERS).fetchone() is None
            is_as_made = is_alone and connection.execute(SHAPE).fetchone() == self._shape
            if is_as_made:
                self._clear(connection)
        if is_as_made:
            self._free.append(name)
            return
        with connect(self._home) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def _clear(self, connection: psycopg.Connection[Any]) -> None:
        # Without triggers, so that what is only ever added to is deleted too, and in any order.
        connection.execute("SET LOCAL session_replication_role = replica")
        connection.execute("; ".join(f"DELETE FROM {table}" for table in self._rows))
        for table, rows in self._rows.items():
            if rows:
                with connection.cursor().copy(f"COPY {table} FROM STDIN") as into:
                    into.write(rows)
        connection.execute(FIRST_NUMBERS)

    def _open(self, name: str) -> psycopg.Connection[Any]:
        return psycopg.connect(f"host={self._home} user=app dbname={name}")


def _rows_of(connection: psycopg.Connection[Any], table: str) -> bytes:
    with connection.cursor().copy(f"COPY {table} TO STDOUT") as out:
        return b"".join(bytes(each) for each in out)


@cache
def spare_databases(home: Path, template: str) -> SpareDatabases:
    """Those of a server: the same for all who ask in this process."""
    return SpareDatabases(home, template)
