"""What is erased leaves all files: when, in which order, and what is said while it has not."""

from __future__ import annotations

import secrets
import shutil
from collections import namedtuple
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from app.operations import leftovers
from app.operations.doctor import examine
from app.operations.doctor.findings import Finding
from app.operations.housekeeping import erase_leftovers
from app.parts import Parts
from models.base import utc_now
from models.curation import State
from models.errors import Unavailable
from models.stories import Recording, Tombstone
from storage import physical_erasure
from storage.objects import Objects
from tests.plugins.stories import EVERY_USE, Field

DAY, HOUR, NOON, NIGHT = timedelta(days=1), timedelta(hours=1), 12, 3


class Noted:
    """Stands for an embedded store: it says what was asked of it. The real one: tests/storage, tests/erasure."""

    def __init__(self, folder: Path) -> None:
        self.folder = self.content = folder
        self.asked: list[str] = []
        self.failure: Exception | None = None

    def rebuild_names(self) -> None:
        self._do("rebuild names")

    def erase_leftovers(self) -> None:
        self._do("erase leftovers")

    def _do(self, what: str) -> None:
        self.asked.append(what)
        if self.failure:
            raise self.failure


@pytest.fixture
def store(tmp_path: Path) -> Noted:
    (tmp_path / "store").mkdir()
    return Noted(tmp_path / "store")


@pytest.fixture
def with_store(parts: Parts, store: Noted) -> Parts:
    embedded: Any = store
    return replace(parts, embedded=embedded)


def erase_one(parts: Parts, ago: timedelta) -> datetime:
    """A tombstone as an erasure left it."""
    then = utc_now() - ago
    stone = Tombstone(
        story_id=secrets.token_hex(16),
        gathered_at=then,
        withdrawn_at=then,
        erased_at=then,
        known_to=[],
        salt="",
        digests=[],
    )
    with parts.database.write() as session:
        session.add(stone)
    return then


def findings(parts: Parts) -> dict[str, Finding]:
    return {each.what: each for each in examine(parts)}


def test_nothing_is_rewritten_when_nothing_was_erased(with_store: Parts, store: Noted) -> None:
    assert leftovers.rewrite_at_night(with_store, hour=NIGHT) == []
    assert store.asked == []


def test_index_and_database_are_rewritten_once_a_night(with_store: Parts, store: Noted) -> None:
    erase_one(with_store, 5 * HOUR)
    assert leftovers.rewrite_at_night(with_store, hour=NOON) == []
    assert leftovers.rewrite_at_night(with_store, hour=NIGHT) == [leftovers.NAMES, leftovers.DATABASE]
    assert store.asked == ["rebuild names", "erase leftovers"]
    erase_one(with_store, 4 * HOUR)
    assert leftovers.rewrite_at_night(with_store, hour=NIGHT) == [], "the next night is soon enough"


def test_deadline_is_not_waited_for_until_night(with_store: Parts) -> None:
    erase_one(with_store, 23 * HOUR)
    assert leftovers.rewrite_at_night(with_store, hour=NOON) == [leftovers.NAMES, leftovers.DATABASE]
    assert leftovers.rewrite_at_night(with_store, hour=NOON) == []


def test_what_was_erased_just_now_waits_until_the_store_has_written_its_log(with_store: Parts) -> None:
    erase_one(with_store, timedelta(seconds=10))
    assert leftovers.rewrite_at_night(with_store, hour=NIGHT) == []


def test_an_original_that_was_let_go_leaves_volumes_and_names_and_the_database_has_none_of_it(
    with_store: Parts, store: Noted, field: Field
) -> None:
    story = field.story(state=State.PUBLISHED, consented_to=EVERY_USE)
    then = utc_now() - 23 * HOUR
    with with_store.database.write() as session:
        recording = session.get_one(Recording, story.recordings[0].id)
        recording.original_erased_at = then - DAY
    assert "nothing" in findings(with_store)["files: volumes"].says, (
        "it is in no file of a deleted object yet"
    )
    assert not findings(with_store)["originals let go"].is_well
    with with_store.database.write() as session:
        session.get_one(Recording, recording.id).original_gone_at = then
    found = findings(with_store)
    assert found["originals let go"].is_well
    for place in (leftovers.VOLUMES, leftovers.NAMES):
        assert f"1 originals let go, until {then + DAY:%Y-%m-%d %H:%M}" in found[f"files: {place}"].says
    assert found["files: database"].says == "nothing left"

    assert leftovers.rewrite_at_night(with_store, hour=NOON) == [leftovers.NAMES]
    assert erase_leftovers(with_store)
    assert store.asked == ["rebuild names", "erase leftovers", "erase leftovers"]
    assert not erase_leftovers(with_store), "once"


def test_what_fails_is_not_noted_as_done(with_store: Parts, store: Noted) -> None:
    erase_one(with_store, 5 * HOUR)
    store.failure = Unavailable("object-store-unavailable", reason="names-differ")
    with pytest.raises(Unavailable):
        leftovers.rewrite_at_night(with_store, hour=NIGHT)
    store.failure = None
    assert leftovers.rewrite_at_night(with_store, hour=NIGHT) == [leftovers.NAMES, leftovers.DATABASE]


def test_upload_on_its_way_is_let_end_unless_the_deadline_is_near(
    with_store: Parts, object_store: Objects, store: Noted
) -> None:
    client = object_store._client
    client._create_multipart_upload(object_store.bucket, "f" * 32 + "-o1", {})
    erase_one(with_store, 5 * HOUR)
    assert leftovers.rewrite_at_night(with_store, hour=NIGHT) == [leftovers.DATABASE]
    erase_one(with_store, 23 * HOUR)
    assert leftovers.NAMES in leftovers.rewrite_at_night(with_store, hour=NOON)


def test_everything_now_begins_with_the_index_whose_findings_are_then_taken_out(
    with_store: Parts, store: Noted
) -> None:
    erase_one(with_store, timedelta(0))
    told: list[str] = []
    leftovers.rewrite_everything(with_store, told.append)
    assert told == [leftovers.NAMES, leftovers.VOLUMES, leftovers.DATABASE]
    assert all(leftovers.backlog(with_store, place) is None for place in told)


def test_service_on_an_s3_of_others_rewrites_its_database_alone(parts: Parts) -> None:
    erase_one(parts, 5 * HOUR)
    assert leftovers.rewrite_at_night(parts, hour=NIGHT) == [leftovers.DATABASE]


def test_doctor_says_what_is_left_until_when_and_when_it_is_late(with_store: Parts) -> None:
    assert findings(with_store)["files: database"].says == "nothing left"
    then = erase_one(with_store, 5 * HOUR)
    found = findings(with_store)
    for place in (leftovers.VOLUMES, leftovers.NAMES, leftovers.DATABASE):
        assert found[f"files: {place}"].is_well
        assert f"1 erased stories, until {then + DAY:%Y-%m-%d %H:%M}" in found[f"files: {place}"].says
    erase_one(with_store, 25 * HOUR)
    late = findings(with_store)
    assert not late["files: database"].is_well
    assert "erase-leftovers" in late["files: database"].mend


def test_doctor_says_that_the_disk_is_too_full_to_erase_from(
    with_store: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert findings(with_store)["room to erase"].is_well
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(2**40, 2**40, 2**20))
    full = findings(with_store)["room to erase"]
    assert not full.is_well
    assert "too full to erase" in full.says


def test_doctor_warns_of_rights_that_are_wanting(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    assert findings(parts)["rights to erase"].is_well
    monkeypatch.setattr(physical_erasure, "rights_wanting", lambda database: ["pg_switch_wal()"])
    wanting = findings(parts)["rights to erase"]
    assert (wanting.is_well, wanting.is_warning) == (False, True)
    assert "pg_switch_wal" in wanting.says
