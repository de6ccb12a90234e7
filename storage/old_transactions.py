"""Open transactions of others, on PostgreSQL: VACUUM keeps, without a word, every row that they could still see."""

from __future__ import annotations

import time

from sqlalchemy import Connection, text

from models.errors import Unavailable

WAIT_SECONDS = 10.0
LOOK_EVERY_SECONDS = 0.2


def wait_for_older(connection: Connection, *, code: str) -> None:
    """Until no transaction of this database is older than now, or sees as far back as one of another database that is.

    Durable work always holds one, and renews it every second.

    :param code: of the error, if one of them goes on
    :raises Unavailable: one of them goes on
    """
    now = connection.scalar(text("SELECT pg_current_xact_id()::xid::text"))
    older = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND pid <> pg_backend_pid()"
        " AND greatest(age(backend_xid), age(backend_xmin)) > age(CAST(:now AS xid))"
    )
    deadline = time.monotonic() + WAIT_SECONDS
    while connection.scalar(older, {"now": now}):
        if time.monotonic() > deadline:
            raise Unavailable(code, reason="old-transaction")
        time.sleep(LOOK_EVERY_SECONDS)
