"""Rewriting the database's files: what was deleted still lies in them, though no query finds it.

SQLite is set to overwrite what it deletes (``secure_delete``), so that its log alone has to be emptied. PostgreSQL
keeps deleted rows until a table is rewritten, samples of columns in its statistics, and all that was ever written in
its log (WAL) until that has turned over. Rewriting locks one table after the other, so it is done rarely: see
``app.operations.leftovers`` for when.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, make_url, text
from sqlalchemy.exc import DBAPIError

from models.errors import Unavailable
from storage.database import Database
from storage.old_transactions import WAIT_SECONDS, wait_for_older
from storage.patient_connection import take_time
from storage.search import compact

CODE = "files-not-rewritten"
# No two processes rewrite at once.
LOCK = 7_246_311_905
# Append-only and without content: nothing is deleted from it.
LEFT_ALONE = ("journal_entry",)
FEWEST_SWITCHES, MOST_SWITCHES = 3, 64


def rewrite_files(database: Database, workflow_url: str) -> None:
    """Rewrite what held content, here and in the tables of durable work, so that nothing deleted is left in files.

    Where the role may not turn the log over, the rest is done: :func:`rights_wanting` says so.

    :raises Unavailable: a table is in use, or an open transaction could still see what was deleted; call it again
    """
    if database.is_sqlite:
        compact(database)
        return
    _rewrite(database.engine)
    # Ids of wishes alone; but whoever looks for traces should not have to believe it.
    if make_url(workflow_url).get_backend_name() != "sqlite" and make_url(workflow_url) != database.url:
        elsewhere = create_engine(workflow_url, hide_parameters=True)
        try:
            _rewrite(elsewhere)
        finally:
            elsewhere.dispose()


def rights_wanting(database: Database) -> list[str]:
    """What the database's role would need to rewrite statistics and log too, in words; nothing on SQLite."""
    if database.is_sqlite:
        return []
    with database.engine.connect() as connection:
        has = {
            "ownership of the database": _owns_database(connection),
            "pg_switch_wal()": _may_switch(connection),
            "CHECKPOINT": _may_checkpoint(connection),
        }
    return [name for name, is_there in has.items() if not is_there]


def _rewrite(engine: Engine) -> None:
    try:
        _rewrite_all(engine)
    except DBAPIError as error:
        raise Unavailable(CODE, reason=type(error.orig).__name__) from error


def _rewrite_all(engine: Engine) -> None:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        take_time(connection)
        if not connection.scalar(text("SELECT pg_try_advisory_lock(:lock)"), {"lock": LOCK}):
            raise Unavailable(CODE, reason="another-process")
        try:
            connection.execute(text(f"SET lock_timeout = '{int(WAIT_SECONDS)}s'"))
            wait_for_older(connection, code=CODE)
            for table in _tables(connection):
                _vacuum(connection, f"(FULL, VERBOSE, ANALYZE) {table}")
            _forget_statistics_of_empty(connection)
            # What it replaced is itself a deleted row.
            wait_for_older(connection, code=CODE)
            if _owns_database(connection):
                _vacuum(connection, "(FULL, VERBOSE) pg_catalog.pg_statistic")
            _turn_log_over(connection)
        finally:
            connection.execute(text("RESET lock_timeout"))
            connection.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": LOCK})


def _tables(connection: Connection) -> list[str]:
    found = text(
        "SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname) FROM pg_class c"
        " JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE c.relkind = 'r' AND n.nspname IN (current_schema(), 'dbos')"
        " AND c.relname <> ALL(:left_alone) AND pg_has_role(c.relowner, 'USAGE') ORDER BY 1"
    )
    return list(connection.scalars(found, {"left_alone": list(LEFT_ALONE)}))


def _vacuum(connection: Connection, what: str) -> None:
    """VACUUM, and look at what it says: rows that somebody could still see were copied too."""
    kept: list[str] = []
    with _notices(connection, kept):
        connection.execute(text(f"VACUUM {what}"))
    if kept:
        raise Unavailable(CODE, reason="old-transaction")


@contextmanager
def _notices(connection: Connection, kept: list[str]) -> Iterator[None]:
    def note(said: Any) -> None:
        # "0 dead row versions cannot be removed yet.", in whatever language; the number comes first.
        number = re.search(r"\d+", said.message_detail or "")
        if number and int(number.group()):
            kept.append(said.message_primary or "")

    # It is detached from the pool, which then knows no driver's connection any more; psycopg's is the DBAPI's.
    driver: Any = connection.connection.dbapi_connection
    driver.add_notice_handler(note)
    try:
        yield
    finally:
        driver.remove_notice_handler(note)


def _forget_statistics_of_empty(connection: Connection) -> None:
    """ANALYZE passes over a table without rows, so that samples of those it had would stay for ever.

    Giving a column the type that it has drops them, and changes nothing else.
    """
    sampled = text(
        "SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname),"
        " string_agg(format('ALTER COLUMN %I TYPE %s', a.attname, format_type(a.atttypid, a.atttypmod)), ', ')"
        " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped"
        " JOIN pg_stats s ON (s.schemaname, s.tablename, s.attname) = (n.nspname, c.relname, a.attname)"
        " WHERE c.relkind = 'r' AND n.nspname IN (current_schema(), 'dbos')"
        " AND pg_has_role(c.relowner, 'USAGE') GROUP BY 1 ORDER BY 1"
    )
    for table, changes in list(connection.execute(sampled)):
        # Both are quoted by the database itself.
        if not connection.scalar(text(f"SELECT EXISTS (SELECT FROM {table})")):  # noqa: S608
            connection.execute(text(f"ALTER TABLE {table} {changes}"))


def _turn_log_over(connection: Connection) -> None:
    """Begin new segments of the log, and let old ones go. A segment that is used again keeps, behind what was
    written anew, what it had; so each of them is gone through."""
    may_switch, may_checkpoint = _may_switch(connection), _may_checkpoint(connection)
    for _ in range(_switches(connection) if may_switch else 1):
        if may_switch:
            connection.execute(text("SELECT pg_switch_wal()"))
        if may_checkpoint:
            connection.execute(text("CHECKPOINT"))


def _switches(connection: Connection) -> int:
    if connection.scalar(text("SHOW wal_recycle")) == "off" or not _may_execute(connection, "pg_ls_waldir()"):
        return FEWEST_SWITCHES
    segments = connection.scalar(text("SELECT count(*) FROM pg_ls_waldir()")) or 0
    return min(MOST_SWITCHES, segments + FEWEST_SWITCHES)


def _owns_database(connection: Connection) -> bool:
    asked = text("SELECT pg_has_role(datdba, 'USAGE') FROM pg_database WHERE datname = current_database()")
    return bool(connection.scalar(asked))


def _may_switch(connection: Connection) -> bool:
    return _may_execute(connection, "pg_switch_wal()")


def _may_execute(connection: Connection, function: str) -> bool:
    asked = text("SELECT has_function_privilege(:function, 'EXECUTE')")
    return bool(connection.scalar(asked, {"function": function}))


def _may_checkpoint(connection: Connection) -> bool:
    # The role for it is there since version 15; before, only superusers may.
    asked = text(
        "SELECT rolsuper OR EXISTS (SELECT FROM pg_roles c WHERE c.rolname = 'pg_checkpoint'"
        " AND pg_has_role(c.oid, 'USAGE')) FROM pg_roles WHERE rolname = current_user"
    )
    return bool(connection.scalar(asked))
