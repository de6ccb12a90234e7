"""A copy before each upgrade: whole, private, and not kept for ever."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import time
from pathlib import Path

import pytest
from sqlalchemy import select

from models.errors import Unavailable
from models.pilots import Pilot
from storage import pilots, safety_copies, schema
from storage.database import Database


@pytest.fixture
def outdated(database: Database) -> Database:
    """A database one migration behind, with a pilot in it."""
    with database.write() as session:
        pilots.create(session, "kept", "Kept", ["en"], actor="test")
    schema.downgrade(database, "-1")
    return database


def test_copy_before_an_upgrade_holds_what_was_there(outdated: Database, tmp_path: Path) -> None:
    copy = safety_copies.copy_before_upgrade(outdated, tmp_path / "copies")
    assert copy is not None
    if outdated.is_sqlite:
        with sqlite3.connect(copy) as opened:
            assert opened.execute("SELECT name FROM pilot").fetchall() == [("Kept",)]
    else:
        told = subprocess.run(
            ["pg_restore", "--data-only", "--table=pilot", "--file=-", copy], capture_output=True, check=True
        )
        assert b"Kept" in told.stdout


def test_only_its_owner_reads_a_copy(outdated: Database, tmp_path: Path) -> None:
    copy = safety_copies.copy_before_upgrade(outdated, tmp_path / "copies")
    assert copy is not None
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert stat.S_IMODE(copy.parent.stat().st_mode) == 0o700


def test_nothing_is_copied_where_nothing_is_migrated(database: Database, tmp_path: Path) -> None:
    assert safety_copies.copy_before_upgrade(database, tmp_path / "copies") is None
    schema.downgrade(database, "base")
    assert safety_copies.copy_before_upgrade(database, tmp_path / "copies") is None
    assert not (tmp_path / "copies").exists()


def test_no_copy_no_upgrade(outdated: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = schema.current(outdated)
    folder = tmp_path / "copies"
    if outdated.is_sqlite:
        folder.write_text("a file stands where the folder should be")
        with pytest.raises(OSError, match="copies"):
            safety_copies.copy_before_upgrade(outdated, folder)
    else:
        monkeypatch.setenv("PATH", str(tmp_path))
        with pytest.raises(Unavailable, match="copy-impossible"):
            safety_copies.copy_before_upgrade(outdated, folder)
        assert list(folder.iterdir()) == []
    assert schema.current(outdated) == before


def test_copies_end_after_a_week(tmp_path: Path) -> None:
    old, new = tmp_path / "1-at-0001.sqlite", tmp_path / "2-at-0001.sqlite"
    for each in (old, new):
        each.touch()
    eight_days_ago = time.time() - 8 * 24 * 3600
    os.utime(old, (eight_days_ago, eight_days_ago))
    assert safety_copies.remove_old(tmp_path) == [old]
    assert list(tmp_path.iterdir()) == [new]
    assert safety_copies.remove_old(tmp_path / "none") == []


def test_upgrade_after_a_copy_keeps_the_rows(outdated: Database, tmp_path: Path) -> None:
    safety_copies.copy_before_upgrade(outdated, tmp_path)
    schema.upgrade(outdated)
    with outdated.read() as session:
        assert session.scalars(select(Pilot.code)).all() == ["kept"]
