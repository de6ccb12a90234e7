"""That our code has one connection at a time is looked at in every test (``tests/plugins/one_connection.py``)."""

from __future__ import annotations

from typing import Any

import pytest

from storage.database import Database
from tests.plugins.one_connection import ROOT

NESTED = """
def nested(database):
    with database.write():
        with database.read():
            pass

def told(database):
    database.when_wished = lambda wish_ids: one_after_another(database)
    with database.write() as session:
        session.wished.append("a wish")

def one_after_another(database):
    with database.read():
        pass
    with database.write():
        pass
"""


@pytest.fixture
def ours() -> dict[str, Any]:
    """What a module of the application holds."""
    module: dict[str, Any] = {}
    exec(compile(NESTED, str(ROOT / "app" / "made_up.py"), "exec"), module)
    return module


def test_session_inside_a_session_of_ours_is_noticed(sqlite_database: Database, ours: dict[str, Any]) -> None:
    with pytest.raises(AssertionError, match=r"made_up\.py:4 opens .* of .*made_up\.py:3"):
        ours["nested"](sqlite_database)
    # It holds none any more. After a commit, and one after another, are one at a time.
    ours["told"](sqlite_database)
    ours["one_after_another"](sqlite_database)


def test_a_test_may_hold_several(sqlite_database: Database, ours: dict[str, Any]) -> None:
    with sqlite_database.read(), sqlite_database.read():
        ours["one_after_another"](sqlite_database)
