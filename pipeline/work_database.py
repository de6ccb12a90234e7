"""The database of durable work, seen from outside: whether workers could read and write it now."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

CONNECT_SECONDS = 3
# Somebody who writes is waited for so long; one that takes longer is at work, which is what was asked.
BUSY_SECONDS = 0.5


def is_usable(workflow_url: str) -> bool:
    """Whether it can be read and written. One that no worker has made yet is well, and is not made."""
    url = make_url(workflow_url)
    if url.get_backend_name() == "sqlite":
        return _is_file_usable(Path(url.database or ""))
    engine = create_engine(url, poolclass=NullPool, connect_args={"connect_timeout": CONNECT_SECONDS})
    try:
        with engine.connect() as connection:
            return bool(connection.scalar(text("SHOW transaction_read_only")) == "off")
    except SQLAlchemyError:
        return False
    finally:
        engine.dispose()


def _is_file_usable(file: Path) -> bool:
    if not file.exists():
        return True
    try:
        # Not ``rwc``: it may be moved away meanwhile.
        opened = sqlite3.connect(f"{file.resolve().as_uri()}?mode=rw", uri=True, timeout=BUSY_SECONDS)
        with closing(opened) as connection:
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            # A file that is read-only lets a transaction begin, and refuses the first write; this one is taken back.
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("PRAGMA user_version = 1")
            connection.rollback()
    except sqlite3.Error as error:
        return error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
    return True
