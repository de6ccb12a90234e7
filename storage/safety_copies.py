"""A copy of the database before it is migrated: what an upgrade breaks can be put back.

A copy holds people's stories, so it is kept for days, not for ever: a story that is withdrawn after the upgrade is
gone from every copy within :data:`KEPT`, which the papers for operators state.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from datetime import timedelta
from pathlib import Path

from sqlalchemy import URL

from models.base import utc_now
from models.errors import Unavailable
from storage import schema
from storage.database import Database

KEPT = timedelta(days=7)
DUMP_SECONDS = 3600


def copy_before_upgrade(database: Database, folder: Path) -> Path | None:
    """Copy a database that is about to be migrated; None where there is nothing to migrate.

    :returns: an SQLite database, or a dump that ``pg_restore`` reads; only its owner can read it
    :raises Unavailable: no copy could be made
    """
    if not schema.waits_for_upgrade(database):
        return None
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    ending = "sqlite" if database.is_sqlite else "dump"
    copy = folder / f"{utc_now():%Y%m%dT%H%M%S}-{os.getpid()}-at-{schema.current(database)}.{ending}"
    copy.touch(mode=0o600)
    try:
        if database.is_sqlite:
            _vacuum_into(database, copy)
        else:
            _dump(database, copy)
    except BaseException:
        copy.unlink()
        raise
    return copy


def remove_old(folder: Path) -> list[Path]:
    """Remove the copies that were kept long enough; returns them."""
    last = time.time() - KEPT.total_seconds()
    old = [copy for copy in sorted(folder.glob("*-at-*")) if copy.stat().st_mtime < last]
    for copy in old:
        copy.unlink(missing_ok=True)
    return old


def _vacuum_into(database: Database, copy: Path) -> None:
    """SQLite's own way of copying a database that is in use: one consistent file."""
    with database.engine.connect() as connection:
        cursor = connection.connection.cursor()
        cursor.execute("VACUUM INTO ?", (str(copy),))
        cursor.close()


def _dump(database: Database, copy: Path) -> None:
    program = shutil.which("pg_dump")
    if program is None:
        raise Unavailable("copy-impossible", reason="pg_dump is not installed")
    dumped = subprocess.run(
        [program, "--format=custom", f"--file={copy}", "--no-password"],
        env={**os.environ, **_connection_of(database.url)},
        capture_output=True,
        text=True,
        timeout=DUMP_SECONDS,
        check=False,
    )
    if dumped.returncode:
        raise Unavailable("copy-impossible", reason=dumped.stderr.strip().splitlines()[-1][:300])


def _connection_of(url: URL) -> dict[str, str]:
    """How libpq is told where to connect: by its environment, since every process can read another's arguments."""
    given = {
        "PGHOST": url.host,
        "PGPORT": str(url.port) if url.port else None,
        "PGUSER": url.username,
        "PGPASSWORD": str(url.password) if url.password else None,
        "PGDATABASE": url.database,
    }
    # What stands after the question mark: host (of a socket), sslmode, sslrootcert, … (libpq, parameter key words).
    given |= {f"PG{name.upper()}": value for name, value in url.query.items() if isinstance(value, str)}
    return {name: value for name, value in given.items() if value}
