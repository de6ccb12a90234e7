"""The clock jumps, forwards and back: work goes on, nobody is locked out, and nothing happens twice."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from models import base
from models.roles import Role
from models.stories import Story
from storage import uploads
from storage.database import Database
from storage.spool import Spool
from tests.faults.test_random_kills import Town
from tests.plugins.stories import Field

A_DAY = timedelta(days=1)
SOON_SECONDS = 60.0


@pytest.fixture
def town(sqlite_database: Database, tmp_path: Path) -> Iterator[Town]:
    town = Town(tmp_path, sqlite_database, kills=0, stories=3, seed=1, has_clock=True)
    town.running.start()
    town.running.wait_until_ready()
    yield town
    town.running.stop()


@pytest.mark.long
def test_work_goes_on_though_the_clock_jumps(town: Town) -> None:
    town.send_one(0)
    town.set_clock(A_DAY)
    town.wait_until_settled(SOON_SECONDS)
    town.send_one(1)
    town.set_clock(-A_DAY)
    town.wait_until_settled(SOON_SECONDS)
    # Its slot was taken in what is now the future.
    town.set_clock(A_DAY)
    town.send_one(2)
    town.set_clock(timedelta())
    town.running.cut()
    town.running.start()
    town.running.wait_until_ready()
    town.wait_until_settled(SOON_SECONDS)
    assert town.ills() == []


def test_newest_request_has_an_upload_though_the_clock_was_set_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = Spool(tmp_path)
    holder = spool.request("upload")
    assert holder.take()
    earlier = time.time_ns() - 3_600_000_000_000
    monkeypatch.setattr(time, "time_ns", lambda: earlier)
    newer = spool.request("upload")
    assert not newer.take()
    assert holder.is_passed_over()
    holder.let_go()
    assert newer.take()
    assert not newer.is_passed_over()


def test_note_of_the_dead_passes_nobody_over(tmp_path: Path) -> None:
    """It may be from before the machine was started, when more time had passed."""
    spool = Spool(tmp_path)
    request = spool.request("upload")
    (tmp_path / "upload").mkdir()
    (tmp_path / "upload" / "wanted").write_text(f"{10**19} 0badcafe")
    assert request.take()
    assert not request.is_passed_over()


def test_upload_noted_in_the_future_does_not_count_as_being_sent(field: Field, database: Database) -> None:
    """Otherwise its sender could send nothing more until that time has come again."""
    sender = field.account(Role.REPORTER, field.pilot())
    story, now = field.story(by=sender), base.utc_now()
    with database.write() as session:
        upload = uploads.begin(
            session,
            session.get_one(Story, story.id),
            account_id=sender.account_id or "",
            sent_name="a",
            sent_metadata="",
            length_bytes=None,
            lasts=A_DAY,
        )
        uploads.note_sending(session, upload, now, A_DAY)
        assert uploads.being_sent(session, upload.account_id, now) == 1
        assert uploads.being_sent(session, upload.account_id, now - A_DAY) == 0
        assert len(uploads.resting_keys(session, now - A_DAY)) == 1
