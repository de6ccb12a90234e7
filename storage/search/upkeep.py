"""Making the index forget for good: what deleting leaves behind in its files."""

from __future__ import annotations

import time

from sqlalchemy import text

from models.errors import Unavailable
from storage.database import Database
from storage.old_transactions import LOOK_EVERY_SECONDS, WAIT_SECONDS, wait_for_older


def compact(database: Database) -> None:
    """Rewrite the index without what was deleted from it, so that no word of it stays in the database's files.

    FTS5 keeps deleted words until ``optimize``, and both databases keep dead rows and a log of what was written.
    On SQLite the log is emptied too. On PostgreSQL the table is locked while it is rewritten (1.4 s for 200,000
    entries), and its log (WAL) turns over by itself: see ``docs/reference/search.md``.

    :raises Unavailable: somebody still reads what was deleted; nothing is lost, call it again
    """
    if database.is_sqlite:
        _compact_sqlite(database)
    else:
        _compact_postgresql(database)


def _compact_sqlite(database: Database) -> None:
    with database.write() as session:
        session.execute(text("INSERT INTO search_text(search_text) VALUES ('optimize')"))
    deadline = time.monotonic() + WAIT_SECONDS
    connection = database.engine.raw_connection()
    try:
        while True:
            # Straight to the driver: a checkpoint cannot run inside a transaction.
            cursor = connection.cursor()
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            row = cursor.fetchone()
            cursor.close()
            if row is not None and not row[0]:
                return
            if time.monotonic() > deadline:
                raise Unavailable("index-not-compacted")
            time.sleep(LOOK_EVERY_SECONDS)
    finally:
        connection.close()


def _compact_postgresql(database: Database) -> None:
    """VACUUM FULL, once nobody is left whose transaction is older: it keeps, silently, what they could see."""
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        wait_for_older(connection, code="index-not-compacted")
        connection.execute(text(f"SET lock_timeout = '{int(WAIT_SECONDS)}s'"))
        try:
            connection.execute(text("VACUUM (FULL, ANALYZE) search_entry"))
        finally:
            connection.execute(text("RESET lock_timeout"))
