"""The doctor: what is wrong is said, and what to do about it; what is well is not made to look ill."""

from __future__ import annotations

import io
import os
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import delete, text, update

from app import parts as parts_module
from app.operations.comparing import look_daily
from app.operations.doctor import examine, mend_what_is_safe
from app.operations.doctor.findings import Finding
from app.parts import Parts
from app.settings import Settings
from models.consent import Permission, Use
from models.curation import State
from models.journal import JournalEntry, JournalHead
from models.stories import Recording, Story
from storage import withdrawals
from storage.database import Database
from storage.objects import Objects
from tests.plugins.stories import Field


def findings(parts: Parts) -> dict[str, Finding]:
    return {each.what: each for each in examine(parts)}


def ill(parts: Parts) -> set[str]:
    """What the doctor calls wrong; warnings are not."""
    return {each.what for each in examine(parts) if each.is_failure}


@pytest.fixture
def story(parts: Parts, field: Field) -> Story:
    """A story whose recording and renditions lie in the store."""
    made = field.story(state=State.CURATED)
    with parts.database.read() as session:
        recording = session.get_one(Recording, made.recordings[0].id)
        for key in (recording.original_key, *(row.object_key for row in recording.renditions)):
            parts.objects.put_stream(key, io.BytesIO(b"x" * 1000))
    return made


def test_service_that_is_well_is_called_well(parts: Parts, story: Story) -> None:
    assert ill(parts) == set()
    found = findings(parts)
    assert found["journal"].says == "unbroken"
    assert found["database synchronous"].is_well
    # Base weights are weak in most of the pilots' languages: said, and no failure.
    assert found["languages"].is_warning


def test_wall_of_the_cage_that_is_open_is_a_warning_and_no_failure(
    parts: Parts, story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.cage.standing", lambda: frozenset({"calls"}))
    found = findings(parts)
    assert found["cage: calls"].is_well
    for wall in ("files", "network"):
        assert found[f"cage: {wall}"].is_warning
        assert not found[f"cage: {wall}"].is_well
    assert ill(parts) == set()


def test_engine_that_is_not_installed_is_named(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    assert findings(parts)["engine"].is_well
    monkeypatch.setattr("pipeline.transcription.engines.find_spec", lambda name: None)
    found = findings(parts)["engine"]
    assert not found.is_well
    assert parts.settings.engine in found.says
    assert "COMMUNITY_REPORTING_ENGINE" in found.mend


def test_everything_that_is_wrong_says_what_to_do(parts: Parts, story: Story) -> None:
    with parts.database.write() as session:
        session.execute(update(JournalEntry).where(JournalEntry.sequence == 2).values(act="nothing"))
        session.execute(delete(Permission))
    parts.objects.delete_prefix("")
    wrong = [each for each in examine(parts) if not each.is_well]
    assert {"journal", "permissions", "rows without objects"} <= {each.what for each in wrong}
    assert all(len(each.mend.split()) > 2 for each in wrong)


def test_object_that_is_missing_is_counted(parts: Parts, story: Story) -> None:
    with parts.database.read() as session:
        recording = session.get_one(Recording, story.recordings[0].id)
        parts.objects.delete(recording.original_key)
        parts.objects.delete(recording.renditions[0].object_key)
    assert ill(parts) == {"rows without objects"}
    assert findings(parts)["rows without objects"].says == "2"


def test_object_that_nobody_names_is_counted(parts: Parts, story: Story) -> None:
    parts.objects.put_stream("f" * 32 + "-o1", io.BytesIO(b"left behind"))
    assert ill(parts) == {"objects without rows"}
    assert findings(parts)["objects without rows"].says == "1"


def test_story_on_its_way_out_is_no_loss(parts: Parts, story: Story) -> None:
    with parts.database.write() as session:
        withdrawals.withdraw(session, session.get_one(Story, story.id), actor="test")
    parts.objects.delete_prefix(f"{story.object_token}-")
    assert ill(parts) == set()


def test_tombstone_that_is_missing_or_torn_is_found_and_mended(
    parts: Parts, story: Story, field: Field
) -> None:
    place = parts.settings.tombstones_folder
    with parts.database.write() as session:
        withdrawals.withdraw(session, session.get_one(Story, story.id), actor="test")
    (place / f"{story.id}.json").unlink()
    standing = field.story()
    (place / f"{standing.id}.json").write_text("torn")
    assert {"tombstones", "tombstones' files"} <= ill(parts)
    assert list(mend_what_is_safe(parts))[:2] == ["1 tombstones written", "1 stories withdrawn again"]
    # Obeyed by its name, the story's withdrawal has written it anew.
    assert ill(parts) == set()


def test_backups_are_asked_for_and_places_on_one_disk_are_warned_of(parts: Parts) -> None:
    found = findings(parts)
    for what in ("backup", "tombstones' place", "compared by itself"):
        assert found[what].is_warning
        assert not found[what].is_well
    assert look_daily(parts) is not None
    assert findings(parts)["compared by itself"].is_well


@pytest.mark.parametrize("change", ["taken", "added", "wrong end"])
def test_permission_that_the_rule_does_not_give_is_found(parts: Parts, story: Story, change: str) -> None:
    with parts.database.write() as session:
        if change == "taken":
            session.execute(delete(Permission).where(Permission.use == Use.SHARING))
        elif change == "added":
            session.add(Permission(story_id=story.id, use=Use.PUBLICATION))
        else:
            session.execute(update(Permission).values(until=story.created_at))
    assert ill(parts) == {"permissions"}
    assert findings(parts)["permissions"].says == "1 stories differ"


@pytest.mark.parametrize("change", ["altered", "removed", "cut off", "head"])
def test_journal_that_was_touched_is_found(parts: Parts, story: Story, change: str) -> None:
    with parts.database.write() as session:
        last = session.get_one(JournalHead, 1).sequence
        if change == "altered":
            session.execute(update(JournalEntry).where(JournalEntry.sequence == 3).values(actor="someone"))
        elif change == "removed":
            session.execute(delete(JournalEntry).where(JournalEntry.sequence == 3))
        elif change == "cut off":
            session.execute(delete(JournalEntry).where(JournalEntry.sequence == last))
        else:
            session.execute(update(JournalHead).values(hash="0" * 64))
    assert ill(parts) == {"journal"}
    says = findings(parts)["journal"].says
    assert says.startswith("broken at entry")
    if change == "altered":
        assert says == "broken at entry 3"


def test_store_that_is_down_leaves_the_rest_examined(parts: Parts) -> None:
    down = Objects.connect("127.0.0.1:1", "-", "-", "none", secure=False)
    found = findings(replace(parts, objects=down))
    wrong = {each.what for each in found.values() if each.is_failure}
    assert any("object" in what for what in wrong)
    assert found["journal"].is_well


def test_disk_and_schema_and_address_are_looked_at(parts: Parts) -> None:
    changed = parts.settings.model_copy(update={"min_free_bytes": 2**60, "public_url": "http://example.org"})
    found = findings(replace(parts, settings=changed))
    assert not found["disk"].is_well
    assert not found["address"].is_well
    assert found["address"].is_warning
    with parts.database.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '0000'"))
    assert "schema" in ill(parts)


def test_tables_that_were_never_built_are_named(parts: Parts, tmp_path: Path) -> None:
    changed = parts.settings.model_copy(update={"cache": tmp_path / "empty"})
    lemmas = findings(replace(parts, settings=changed))["lemma tables"]
    assert not lemmas.is_well
    assert "make setup" in lemmas.mend or "make set-up" in lemmas.mend


def test_no_worker_yet_is_no_failure(parts: Parts) -> None:
    assert findings(parts)["parked work"].is_well


def test_folder_that_others_can_read_is_named(parts: Parts) -> None:
    for mode, is_well in ((0o700, True), (0o750, False), (0o701, False)):
        parts.settings.data.chmod(mode)
        found = findings(parts)["data folder"]
        assert (found.is_well, found.is_warning, found.says) == (is_well, True, f"mode {mode:o}")


def test_data_folder_is_made_for_its_owner_alone(
    sqlite_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = os.umask(0o022)
    monkeypatch.setattr(parts_module, "_with_objects", lambda settings, database: database.close())
    try:
        parts_module.build(Settings(_env_file=None, data=tmp_path / "new"))
    finally:
        os.umask(before)
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700
