"""Originals are read again in time; one whose bytes changed is found, said, and put back from a backup."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from app.operations import restore as restoring
from app.operations.backup import make_backup
from app.operations.doctor import examine
from app.operations.doctor.findings import Finding
from app.operations.fixity import AGAIN_AFTER, check_originals
from models.base import utc_now
from models.errors import Unavailable
from models.stories import Recording
from storage import fixity
from storage.objects import Objects
from tests.app.operations.conftest import Installation

OTHER = b"not what was sent"


@pytest.fixture
def due(home: Installation) -> Installation:
    """Both of its originals came long ago, and nobody looked at them since."""
    long_ago = utc_now() - AGAIN_AFTER - timedelta(days=1)
    with home.database.write() as session:
        session.execute(update(Recording).values(received_at=long_ago))
    return home


def key_of(home: Installation, number: int) -> str:
    return next(key for key in home.keys_of(home.stories[number]) if "-o" in key)


def findings(home: Installation) -> dict[str, Finding]:
    return {each.what: each for each in examine(home.parts)}


def test_what_is_whole_is_read_once_and_then_again_when_it_is_due(due: Installation) -> None:
    assert check_originals(due.parts) == 2
    assert check_originals(due.parts) == 0
    with due.database.read() as session:
        found = fixity.figures(session)
    assert (found.originals, found.damaged) == (2, 0)
    assert found.oldest is not None
    assert utc_now() - found.oldest < timedelta(minutes=5)


@pytest.mark.parametrize("how", ["other bytes", "one bit", "cut off", "gone"])
def test_what_is_no_longer_what_was_sent_is_found_and_said(due: Installation, how: str) -> None:
    key = key_of(due, 0)
    content = bytearray(b"".join(due.objects.open_range(key, 0, None)))
    content[50_000] ^= 1
    changed = {"other bytes": OTHER, "one bit": bytes(content), "cut off": bytes(content[:1000])}
    due.objects.delete(key)
    if how in changed:
        due._put(key, changed[how])
    assert check_originals(due.parts) == 2
    said = findings(due)["damaged originals"]
    assert not said.is_well
    assert due.stories[0].id in said.says
    assert due.stories[1].id not in said.says
    assert "--missing-objects" in said.mend


def test_a_store_that_is_away_makes_nothing_damaged(due: Installation) -> None:
    away = Objects.connect("127.0.0.1:1", "none", "none-at-all", due.objects.bucket, secure=False)
    with pytest.raises(Unavailable):
        check_originals(replace(due.parts, objects=away))
    with due.database.read() as session:
        assert fixity.figures(session).damaged == 0


def test_one_look_reads_so_much_and_no_more_but_always_something(
    due: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.operations.fixity.BYTES_A_LOOK", 1)
    assert check_originals(due.parts) == 1
    assert check_originals(due.parts) == 1
    assert check_originals(due.parts) == 0


def test_a_damaged_original_comes_back_from_a_backup(due: Installation, place: Path) -> None:
    key = key_of(due, 0)
    sent = b"".join(due.objects.open_range(key, 0, None))
    make_backup(due.parts, place)
    due._put(key, OTHER)
    check_originals(due.parts)
    put, missing = restoring.put_missing_objects(due.parts, place, due.settings.backup_key_file)
    assert (put, missing) == (1, [])
    assert b"".join(due.objects.open_range(key, 0, None)) == sent
    assert findings(due)["damaged originals"].is_well


def test_what_no_backup_has_stays_as_it_is_however_damaged(due: Installation, place: Path) -> None:
    key = key_of(due, 0)
    make_backup(due.parts, place)
    newer = due.story(title="Sent since")
    its_key = next(key for key in due.keys_of(newer) if "-o" in key)
    due._put(its_key, OTHER)
    with due.database.write() as session:
        session.execute(
            update(Recording).where(Recording.original_key == its_key).values(original_damaged_at=utc_now())
        )
    put, missing = restoring.put_missing_objects(due.parts, place, due.settings.backup_key_file)
    assert (put, missing) == (0, [its_key])
    assert b"".join(due.objects.open_range(its_key, 0, None)) == OTHER
    assert b"".join(due.objects.open_range(key, 0, None)) != OTHER


def test_a_service_that_does_not_look_is_called_so(due: Installation) -> None:
    with due.database.write() as session:
        session.execute(update(Recording).values(received_at=utc_now() - timedelta(days=40)))
    said = findings(due)["originals read again"]
    assert not said.is_well
    assert said.is_warning
