"""Tombstones in a second place: written in the wake of a withdrawal, obeyed whatever the database says."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import delete, select

from models.base import utc_now
from models.curation import State
from models.errors import Unavailable
from models.roles import Role
from models.stories import Story, Tombstone
from models.work import WishKind
from storage import gate, journal, second_place, tombstones, wishes, withdrawals
from storage.database import Database
from tests.plugins.stories import Field


@pytest.fixture
def second(tmp_path: Path, database: Database) -> Path:
    """The second place, as the service sets it up."""
    folder = tmp_path / "second"
    database.when_withdrawn = partial(tombstones.when_withdrawn, database, folder)
    return folder


def withdraw(database: Database, story: Story) -> None:
    with database.write() as session:
        withdrawals.withdraw(session, session.get_one(Story, story.id), actor="teller")


def stone_of(database: Database, story: Story) -> Tombstone:
    with database.read() as session:
        return session.get_one(Tombstone, story.id)


def content_of(folder: Path, story: Story) -> dict[str, object]:
    content = tombstones.read(folder, story.id)
    assert content is not None
    return content


def test_a_withdrawal_leaves_its_file_at_once(database: Database, field: Field, second: Path) -> None:
    story = field.story(state=State.CURATED)
    withdraw(database, story)
    stone, content = stone_of(database, story), content_of(second, story)
    assert content["withdrawn_at"] == stone.withdrawn_at.isoformat()
    assert (content["digests"], content["salt"]) == (stone.digests, stone.salt)
    file = second / f"{story.id}.json"
    assert file.stat().st_mode & 0o777 == 0o600
    assert second.stat().st_mode & 0o777 == 0o700
    assert os.listdir(second) == [file.name], "nothing half written is left"


def test_a_file_holds_ids_dates_and_salted_digests_and_no_content(
    database: Database, field: Field, second: Path
) -> None:
    story = field.story(state=State.CURATED, title="Waldemar", said=["I am Waldemar."])
    withdraw(database, story)
    said = (second / f"{story.id}.json").read_text()
    digest = story.recordings[0].sha256
    assert digest is not None
    for hidden in ("Waldemar", digest, story.object_token, story.people[0].id, "bench.wav"):
        assert hidden not in said
    assert set(json.loads(said)) == {
        *(column.name for column in Tombstone.__table__.columns if column.name != "erased_at"),
        "object_token",
        "holders",
    }


def test_nothing_is_written_before_the_commit_or_for_a_withdrawal_that_fails(
    database: Database, field: Field, second: Path
) -> None:
    story = field.story()

    def half_done() -> None:
        with database.write() as session:
            withdrawals.withdraw(session, session.get_one(Story, story.id), actor="teller")
            assert tombstones.ids_in(second) == set()
            raise LookupError

    with pytest.raises(LookupError):
        half_done()
    assert tombstones.ids_in(second) == set()


def test_a_place_that_takes_nothing_does_not_keep_anybody_from_withdrawing(
    database: Database, field: Field, tmp_path: Path
) -> None:
    story = field.story()
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    database.when_withdrawn = partial(tombstones.when_withdrawn, database, blocked / "second")
    withdraw(database, story)
    assert stone_of(database, story).withdrawn_at <= utc_now()
    assert tombstones.missing(database, tmp_path / "second") == {story.id}
    assert tombstones.write_missing(database, tmp_path / "second") == 1
    assert tombstones.write_missing(database, tmp_path / "second") == 0
    assert content_of(tmp_path / "second", story)["story_id"] == story.id


def test_what_has_a_file_and_stands_is_withdrawn_again_with_everything_that_follows(
    database: Database, field: Field, second: Path, make_database: Callable[..., Database]
) -> None:
    """As after a restore of a backup from before the withdrawal: here the story simply stands."""
    story, other = field.story(state=State.CURATED), field.story(state=State.CURATED)
    team = field.account(Role.PILOT_TEAM)
    _put_file(second, story)
    assert tombstones.apply(database, second) == [story.id]
    with database.read() as session:
        assert session.get_one(Story, story.id).state is State.WITHDRAWN
        assert [each.id for each in session.scalars(gate.readable(team))] == [other.id]
        assert WishKind.ERASE in [
            wish.kind for wish in wishes.open_wishes(session) if wish.story_id == story.id
        ]
        assert journal.of_story(session, story.id)[-1].act == "withdraw"
        assert journal.verify(session) is None
    stone = stone_of(database, story)
    assert stone.withdrawn_at.year == 2026
    assert stone.withdrawn_at.isoformat() == "2026-01-02T03:04:05+00:00"
    assert stone.was_published
    assert "somebody-who-knew" in stone.known_to
    assert tombstones.apply(database, second) == [], "once"
    assert tombstones.missing(database, second) == set()


def _put_file(folder: Path, story: Story) -> None:
    folder.mkdir(exist_ok=True)
    content = {
        "story_id": story.id,
        "gathered_at": "2026-01-01T00:00:00+00:00",
        "withdrawn_at": "2026-01-02T03:04:05+00:00",
        "was_published": True,
        "known_to": ["somebody-who-knew"],
        "releases": [],
        "salt": "5" * 64,
        "digests": [],
        "object_token": None,
    }
    (folder / f"{story.id}.json").write_text(json.dumps(content))


@pytest.mark.parametrize("content", ["", "{", "[]", '{"story_id": "another"}', '{"story_id": "%s"}'])
def test_a_damaged_file_is_obeyed_by_its_name(
    database: Database, field: Field, second: Path, content: str
) -> None:
    story = field.story(state=State.CURATED)
    second.mkdir()
    (second / f"{story.id}.json").write_text(content.replace("%s", story.id))
    assert tombstones.unreadable(second) == {story.id}
    assert tombstones.apply(database, second) == [story.id]
    assert stone_of(database, story).withdrawn_at <= utc_now()
    with database.write() as session:
        session.execute(delete(Story))
        session.execute(delete(Tombstone))
    assert tombstones.apply(database, second) == [], "nothing can be brought back, and nothing breaks"


def test_a_story_that_the_database_never_knew_gets_its_tombstone_back(
    database: Database, field: Field, second: Path
) -> None:
    """Gathered and withdrawn since the backup: who knew it is told that it is gone."""
    story = field.story(state=State.CURATED)
    withdraw(database, story)
    before = stone_of(database, story)
    with database.write() as session:
        session.execute(delete(Story))
        session.execute(delete(Tombstone))
    assert tombstones.apply(database, second) == []
    after = stone_of(database, story)
    assert (after.known_to, after.salt, after.withdrawn_at) == (
        before.known_to,
        before.salt,
        before.withdrawn_at,
    )
    assert after.erased_at is not None
    assert tombstones.apply(database, second) == []


def test_what_was_withdrawn_and_is_not_erased_yet_is_left_as_it_is(
    database: Database, field: Field, second: Path
) -> None:
    story = field.story()
    withdraw(database, story)
    before = stone_of(database, story)
    assert tombstones.apply(database, second) == []
    assert stone_of(database, story).salt == before.salt
    with database.read() as session:
        assert len(session.scalars(select(Tombstone)).all()) == 1


def test_a_database_that_does_not_answer_is_said_and_not_passed_over(
    database: Database, field: Field, second: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _put_file(second, field.story())

    def gone(*_: object, **__: object) -> None:
        raise Unavailable("database-unavailable", reason="test")

    monkeypatch.setattr(withdrawals, "withdraw", gone)
    with pytest.raises(Unavailable):
        tombstones.apply(database, second)


def test_only_the_objects_of_a_withdrawn_story_are_covered(
    database: Database, field: Field, second: Path
) -> None:
    gone, stays = field.story(), field.story()
    withdraw(database, gone)
    covered = tombstones.Covered(second)
    assert covered.has(gone.object_token)
    assert not covered.has(stays.object_token)
    assert not tombstones.Covered(second / "none").has(gone.object_token)


def test_files_are_copied_to_another_place_and_none_is_overwritten(
    database: Database, field: Field, second: Path, tmp_path: Path
) -> None:
    one, other = field.story(), field.story()
    withdraw(database, one)
    assert tombstones.mirror(second, tmp_path / "third") == 1
    (tmp_path / "third" / f"{one.id}.json").write_text("kept")
    withdraw(database, other)
    assert tombstones.mirror(second, tmp_path / "third") == 1
    assert tombstones.ids_in(tmp_path / "third") == {one.id, other.id}
    assert (tmp_path / "third" / f"{one.id}.json").read_text() == "kept"
    assert tombstones.mirror(tmp_path / "none", tmp_path / "third") == 0


def test_more_stories_than_one_question_holds(
    database: Database, field: Field, second: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(second_place, "BATCH", 2)
    stories = [field.story() for _ in range(5)]
    for story in stories:
        _put_file(second, story)
    assert sorted(tombstones.apply(database, second)) == sorted(story.id for story in stories)
