"""A database as lines of JSON, from either kind and into either kind: what a backup holds of SQL.

Tables are looked at as they stand, not as this version's classes say, so a database of an older schema is dumped and
loaded at its own revision, and migrated after. What is left out: indexes, which are made anew, and what would give
somebody a door that has been closed since (sessions, one-time links).
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    Column,
    Connection,
    Date,
    DateTime,
    Integer,
    MetaData,
    Table,
    Text,
    bindparam,
    cast,
    func,
    insert,
    select,
    text,
)
from sqlalchemy.sql.elements import ColumnElement

from models.errors import Conflict

FORMAT = 1
BATCH = 500
SESSIONS = frozenset(
    {"sign_in", "sign_in_begun", "known_device", "password_tries", "teller_session", "one_time_link"}
)
BY_ALEMBIC = "alembic_version"
# The full-text index of SQLite: triggers fill it as rows of search_entry come.
INDEX_TABLES = "search_text"


@dataclass
class Contents:
    """What a dump says of itself; ``rows`` are known at its end."""

    revision: str
    backend: str
    rows: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class NamedObject:
    """An object that a row names: it belongs to a story that stands, and lies whole in the store."""

    table: str
    row_id: str
    story_id: str
    object_key: str
    sha256: str


class Lost(Conflict):
    """The dump is not whole, or not what was loaded."""

    code = "backup-damaged"


def tables_of(connection: Connection) -> list[Table]:
    """The tables that are dumped, those that others refer to first."""
    found = MetaData()
    found.reflect(connection)
    return [table for table in found.sorted_tables if _is_dumped(table.name)]


def _is_dumped(name: str) -> bool:
    return name not in SESSIONS and name != BY_ALEMBIC and not name.startswith(INDEX_TABLES)


def count_rows(connection: Connection, tables: Iterable[Table] | None = None) -> dict[str, int]:
    """How many rows each dumped table has."""
    return {
        table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
        for table in (tables if tables is not None else tables_of(connection))
    }


def dump(connection: Connection, contents: Contents) -> Iterator[bytes]:
    """Lines of JSON, each with its end; counts go into ``contents``. The connection's transaction is one look."""
    yield _line({"format": FORMAT, "revision": contents.revision, "backend": contents.backend})
    for table in tables_of(connection):
        columns = list(table.columns)
        yield _line({"table": table.name, "columns": [column.name for column in columns]})
        query = select(*(_as_dumped(column) for column in columns))
        count = 0
        for row in connection.execute(query.execution_options(yield_per=BATCH)):
            yield _line([_plain(value) for value in row])
            count += 1
        contents.rows[table.name] = count
    yield _line({"rows": contents.rows})


def _as_dumped(column: Column[Any]) -> ColumnElement[Any]:
    # As it was written: NULL and JSON's null are two things, and so are 1 and 1.0.
    return cast(column, Text).label(column.name) if isinstance(column.type, JSON) else column


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).astimezone(UTC).isoformat()
    return value.isoformat() if isinstance(value, date) else value


def _line(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"


def pressed(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Lines as a gzip stream."""
    press = zlib.compressobj(wbits=31)
    for line in lines:
        if packed := press.compress(line):
            yield packed
    yield press.flush()


def unpressed(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The lines of a gzip stream.

    :raises Lost: it is none
    """
    unpress, rest = zlib.decompressobj(wbits=31), b""
    for chunk in chunks:
        try:
            *lines, rest = (rest + unpress.decompress(chunk)).split(b"\n")
        except zlib.error as error:
            raise Lost(files=["dump"]) from error
        yield from lines
    if rest or not unpress.eof:
        raise Lost(files=["dump"])


def named_objects(lines: Iterable[bytes]) -> Iterator[NamedObject]:
    """The objects that the rows of a dump name, in its order. Parents come before what refers to them."""
    gone: set[str] = set()
    story_of: dict[str, str] = {}
    for table, row in rows_of(lines):
        if table == "story" and row["state"] == "withdrawn":
            gone.add(row["id"])
        elif table == "recording":
            story_of[row["id"]] = row["story_id"]
            is_there = row["sha256"] and not row.get("original_erased_at")
            if is_there and row["story_id"] not in gone:
                yield NamedObject(table, row["id"], row["story_id"], row["original_key"], row["sha256"])
        elif table == "rendition" and story_of.get(row["recording_id"], "") not in gone:
            story = story_of[row["recording_id"]]
            yield NamedObject(table, row["id"], story, row["object_key"], row["sha256"])
        elif table == "consent_event" and row.get("evidence_object_key") and row["story_id"] not in gone:
            key, sha256 = row["evidence_object_key"], row["evidence_sha256"]
            yield NamedObject(table, row["id"], row["story_id"], key, sha256)


def still_names(connection: Connection, each: NamedObject) -> bool:
    """Whether the row that named an object stands as it did, and its story too."""
    story = connection.execute(text("SELECT state FROM story WHERE id = :id"), {"id": each.story_id}).scalar()
    if story in (None, "withdrawn"):
        return False
    table = Table(each.table, MetaData(), autoload_with=connection)
    row = connection.execute(select(table).where(table.c.id == each.row_id)).mappings().one_or_none()
    if row is None or row.get("original_erased_at"):
        return False
    return {each.object_key, each.sha256} <= set(row.values())


def rows_of(lines: Iterable[bytes]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each row of a dump with the name of its table.

    :raises Lost: the dump ends before its end
    """
    table, is_whole = "", False
    columns: list[str] = []
    for line in lines:
        read = json.loads(line)
        if isinstance(read, list):
            yield table, dict(zip(columns, read, strict=True))
        elif "table" in read:
            table, columns = read["table"], read["columns"]
        else:
            is_whole = is_whole or "rows" in read
    if not is_whole:
        raise Lost(files=["dump"])


def load(connection: Connection, lines: Iterable[bytes]) -> dict[str, int]:
    """Fill empty tables of the dump's own revision; returns the rows of each. The caller's transaction is one.

    :raises Lost: there are not as many rows in the end as the dump says
    """
    tables = {table.name: table for table in tables_of(connection)}
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
    expected: dict[str, int] = {}
    waiting: list[dict[str, Any]] = []
    current: Table | None = None

    def flush() -> None:
        if waiting and current is not None:
            connection.execute(_insertion(connection, current), waiting)
            waiting.clear()

    columns: list[str] = []
    for line in lines:
        read = json.loads(line)
        if isinstance(read, list):
            assert current is not None
            waiting.append(_row(current, columns, read))
            if len(waiting) >= BATCH:
                flush()
        elif "table" in read:
            flush()
            current, columns = tables.get(read["table"]), read["columns"]
            if current is None or set(columns) != set(current.columns.keys()):
                raise Lost(files=[f"dump: {read['table']}"])
        elif "rows" in read:
            expected = read["rows"]
    flush()
    if not expected or count_rows(connection, tables.values()) != expected:
        raise Lost(files=["dump: rows"])
    _move_sequences_on(connection, list(tables.values()))
    return expected


def _insertion(connection: Connection, table: Table) -> Any:
    def value(column: Column[Any]) -> ColumnElement[Any]:
        if not isinstance(column.type, JSON):
            return bindparam(f"v_{column.name}", type_=column.type)
        given: ColumnElement[Any] = bindparam(f"v_{column.name}", type_=Text())
        return given if connection.dialect.name == "sqlite" else cast(given, column.type)

    return insert(table).values({column.name: value(column) for column in table.columns})


def _row(table: Table, columns: list[str], values: list[Any]) -> dict[str, Any]:
    return {f"v_{name}": _typed(table.columns[name], v) for name, v in zip(columns, values, strict=True)}


def _typed(column: Column[Any], value: Any) -> Any:
    if value is None:
        return None
    if isinstance(column.type, DateTime):
        return datetime.fromisoformat(value)
    return date.fromisoformat(value) if isinstance(column.type, Date) else value


def _move_sequences_on(connection: Connection, tables: list[Table]) -> None:
    """PostgreSQL counts by itself, and has not seen the numbers that came with the rows."""
    if connection.dialect.name != "postgresql":
        return
    for table in tables:
        for column in table.primary_key.columns:
            if not isinstance(column.type, Integer):
                continue
            sequence = connection.scalar(func.pg_get_serial_sequence(table.name, column.name).select())
            last = connection.scalar(select(func.max(column)))
            if sequence and last:
                connection.execute(select(func.setval(sequence, last)))
