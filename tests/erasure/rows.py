"""Every row of every table, as what it says, and decoded."""

from __future__ import annotations

import base64
from collections.abc import Iterator

from sqlalchemy import create_engine, text
from sqlalchemy import inspect as look_at


def rows_of(url: str, schema: str | None) -> Iterator[bytes]:
    """Every row of every table."""
    engine = create_engine(url)
    try:
        tables = look_at(engine).get_table_names(schema=schema)
        with engine.connect() as connection:
            for table in tables:
                named = f'{schema}."{table}"' if schema else f'"{table}"'
                for row in connection.execute(text(f"SELECT * FROM {named}")):
                    yield repr(tuple(row)).encode()
                    yield from _decoded(tuple(row))
    finally:
        engine.dispose()


def _decoded(values: tuple[object, ...]) -> Iterator[bytes]:
    for value in values:
        if isinstance(value, bytes):
            yield value
        elif isinstance(value, str):
            try:
                yield base64.b64decode(value, validate=True)
            except ValueError:
                continue
