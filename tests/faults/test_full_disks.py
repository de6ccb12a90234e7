"""Disks that are full, really: what was answered stays, what is not kept is not answered, and room is all it takes."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.parts import Parts
from app.settings import Settings
from pipeline.themes.codebook import load_codebook
from storage.database import Database
from storage.objects import Objects
from tests.app.uploads.sending import MIB, Room, some_bytes
from tests.faults import doctor
from tests.plugins.databases import on_sqlite
from tests.plugins.served import serving_over
from tests.plugins.stories import Field


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 24 MB, in memory."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = shutil.which("mount") and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(disk)], capture_output=True, check=False
    )
    if not mounted or mounted.returncode:
        pytest.skip("needs the right to mount a small file system")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def fill(disk: Path, *, leave_bytes: int) -> Path:
    """Somebody else's file, that takes the room."""
    foreign = disk / "foreign"
    foreign.write_bytes(os.urandom(shutil.disk_usage(disk).free - leave_bytes))
    return foreign


def test_spool_that_is_full_keeps_what_it_said(
    small_disk: Path, sqlite_database: Database, object_store: Objects
) -> None:
    settings = Settings(_env_file=None, data=small_disk, workers=0, min_free_bytes=0)
    with serving_over(Parts(settings, sqlite_database, object_store, load_codebook())) as served:
        room = Room(served, Field(sqlite_database))
        data = some_bytes(7 * MIB)
        where = room.begun(len(data))
        assert room.patch(where, 0, data[:MIB]).status == 204
        foreign = fill(small_disk, leave_bytes=2 * MIB)
        answer = room.patch(where, MIB, data[MIB:])
        assert (answer.status, answer.problem["code"]) == (507, "disk-nearly-full")
        assert int(answer.headers["retry-after"]) > 0
        kept = room.offset(where)
        assert MIB <= kept < len(data)
        foreign.unlink()
        assert room.patch(where, kept, data[kept:]).status == 204
        room.assert_kept(data)
        assert doctor.ills(served.parts) == []


def test_database_that_is_full_answers_nothing_that_it_does_not_keep(
    small_disk: Path, sqlite_template: Path, object_store: Objects, tmp_path: Path
) -> None:
    settings = Settings(_env_file=None, data=tmp_path, workers=0, min_free_bytes=0)
    with (
        on_sqlite(small_disk, sqlite_template) as database,
        serving_over(Parts(settings, database, object_store, load_codebook())) as served,
    ):
        room = Room(served, Field(database))
        client = served.client(room.reporter)
        foreign = fill(small_disk, leave_bytes=256 * 1024)
        answered, answer = [], None
        for number in range(2000):
            sent = {"title": f"Story {number} " + "x" * 200, "language": "en", "pilots": ["spring"]}
            answer = client.post("/api/v1/stories", json=sent)
            if answer.status_code != 201:
                break
            answered.append(answer.json()["id"])
        assert answer is not None
        assert answer.status_code == 503, answer.text
        assert int(answer.headers["retry-after"]) > 0
        assert answered, "there was room for some"
        # What is there can be read meanwhile.
        assert client.get(f"/api/v1/stories/{answered[0]}").status_code == 200
        foreign.unlink()
        assert client.post("/api/v1/stories", json=sent).status_code == 201
        for story_id in answered:
            assert client.get(f"/api/v1/stories/{story_id}").status_code == 200
        with sqlite3.connect(str(database.url.database)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert doctor.ills(served.parts) == []
