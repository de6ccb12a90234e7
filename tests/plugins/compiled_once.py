"""Statements are compiled once a process, as in a service that runs.

Each test has a database, and so an engine, of its own; SQLAlchemy keeps compiled statements by engine and dialect. To
compile them for every test anew takes a third of the time that tests with a database take.
"""

from __future__ import annotations

import pytest
from sqlalchemy import Engine

from storage import database

# Of each kind of database the first engine that has been connected to: until then its dialect knows no server.
_first: dict[str, Engine] = {}
_make_engine = database._make_engine


def pytest_configure(config: pytest.Config) -> None:
    database._make_engine = _made_engine


def _made_engine(url: str) -> Engine:
    """An engine as it is made, which connects as it would; it looks where the first has looked for what is compiled."""
    engine = _make_engine(url)
    first = _first.get(engine.dialect.name)
    if first is None or first.dialect.server_version_info is None:
        _first[engine.dialect.name] = engine
        return engine
    engine.dialect = first.dialect
    engine._compiled_cache = first._compiled_cache
    return engine
