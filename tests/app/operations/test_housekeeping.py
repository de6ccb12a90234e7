"""What the service does by itself, over the real object store."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from app.operations import housekeeping
from app.parts import Parts
from app.settings import Settings
from models.base import utc_now
from models.stories import Tombstone
from pipeline.themes.codebook import load_codebook
from storage.database import Database
from storage.embedded import Embedded, start_or_join
from storage.objects import Objects

NOW = timedelta(0)


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[Embedded]:
    """A store of this test alone: its files are looked into."""
    store = start_or_join(tmp_path / "objects", is_watched=False)
    yield store
    store.stop()


@pytest.fixture
def parts(tmp_path: Path, sqlite_database: Database, embedded: Embedded) -> Parts:
    objects = Objects.connect(
        embedded.endpoint, embedded.access_key, embedded.secret_key, "stories", secure=False
    )
    objects.ensure_bucket()
    return Parts(Settings(_env_file=None, data=tmp_path), sqlite_database, objects, load_codebook(), embedded)


def _erase_one(parts: Parts) -> None:
    """A tombstone as an erasure leaves it."""
    now = utc_now()
    stone = Tombstone(
        story_id=secrets.token_hex(16),
        gathered_at=now,
        withdrawn_at=now,
        erased_at=now,
        known_to=[],
        salt="",
        digests=[],
    )
    with parts.database.write() as session:
        session.add(stone)


def _is_on_disk(embedded: Embedded, content: bytes) -> bool:
    files = [file for file in embedded.content.rglob("*") if file.is_file()]
    return any(content in file.read_bytes() for file in files)


@pytest.mark.long
def test_the_bytes_of_an_erased_story_leave_the_stores_files(
    parts: Parts, embedded: Embedded, tmp_path: Path
) -> None:
    content = secrets.token_bytes(20_000)
    recording = tmp_path / "recording"
    recording.write_bytes(content)
    parts.objects.put_file("3f9c-o1", recording)
    assert _is_on_disk(embedded, content)

    parts.objects.delete_prefix("3f9c-")
    assert not housekeeping.erase_leftovers(parts, after=NOW), "nothing was erased yet"
    _erase_one(parts)
    assert not housekeeping.erase_leftovers(parts), "the log of names is not written yet"

    assert housekeeping.erase_leftovers(parts, after=NOW)
    assert not _is_on_disk(embedded, content)
    assert not housekeeping.erase_leftovers(parts, after=NOW), "done once, not at every look"

    _erase_one(parts)
    assert housekeeping.erase_leftovers(parts, after=NOW)


def test_a_service_on_an_s3_of_others_leaves_erasing_files_to_it(
    tmp_path: Path, sqlite_database: Database, object_store: Objects
) -> None:
    parts = Parts(Settings(_env_file=None, data=tmp_path), sqlite_database, object_store, load_codebook())
    _erase_one(parts)
    assert not housekeeping.erase_leftovers(parts, after=NOW)


def test_what_goes_wrong_in_one_look_holds_up_no_other_and_not_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looked = []

    def breaks(parts: Parts) -> None:
        raise RuntimeError("nobody foresaw this")

    def looks(parts: Parts) -> None:
        looked.append(parts)

    async def keep() -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(housekeeping.keep_house(Parts.__new__(Parts)), 1)

    monkeypatch.setattr(housekeeping, "LOOKS", (breaks, looks))
    monkeypatch.setattr(housekeeping, "EVERY_SECONDS", 0.01)
    asyncio.run(keep())
    assert len(looked) > 1
