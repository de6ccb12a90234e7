"""Holds that stand, in a second place: a database that lost one raises it again, and nothing is opened by a file."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete

from models.base import utc_now
from models.curation import State
from models.holds import Hold, HoldKind
from models.notices import NoticeKind
from models.pilots import Pilot
from models.roles import Role
from models.stories import Story
from storage import consents, holds, kept_holds, ledger, notices, outliving, withdrawals
from storage.database import Database
from tests.plugins.stories import EVERY_USE, Field

SEEN = "He waits at the bus."


@pytest.fixture
def second(tmp_path: Path, database: Database) -> Path:
    """The second place, as the service sets it up."""
    outliving.watch(database, tmp_path / "second")
    return tmp_path / "second"


@pytest.fixture
def told(field: Field, second: Path) -> Story:
    return field.story(state=State.PUBLISHED, consented_to=EVERY_USE)


def flag(database: Database, story: Story) -> str:
    with database.write() as session:
        mine = session.get_one(Story, story.id)
        return holds.raise_safeguarding(session, mine, note=SEEN, actor=mine.submitted_by).id


def embargo(database: Database, story: Story, warned_id: str, **until: int) -> str:
    with database.write() as session:
        mine = session.get_one(Story, story.id)
        ends = utc_now() + timedelta(**until) if until else None
        return holds.raise_embargo(session, mine, until=ends, warned_id=warned_id, actor=mine.submitted_by).id


def lift(database: Database, story: Story, hold_id: str) -> None:
    with database.write() as session:
        holds.lift(session, session.get_one(Story, story.id), hold_id, actor=story.submitted_by)


def lose(database: Database, story: Story) -> None:
    """The database as it is in a backup from before every hold."""
    with database.write() as session:
        session.execute(delete(Hold).where(Hold.story_id == story.id))
        mine = session.get_one(Story, story.id)
        mine.is_safeguarding = False
        consents.apply(session, mine)


def is_open(database: Database, story: Story) -> bool:
    with database.read() as session:
        rows = ledger.rows_of(session, story.id)
        assert rows == ledger.recompute(session, session.get_one(Story, story.id))
        return any(row.use == "publication" for row in rows)


def file_of(second: Path, story: Story, hold_id: str) -> Path:
    return second / "held" / f"{story.id}-{hold_id}.json"


def test_file_is_there_as_long_as_the_hold_stands_and_says_nothing_of_what_was_seen(
    database: Database, second: Path, told: Story
) -> None:
    hold_id = flag(database, told)
    content = file_of(second, told, hold_id).read_text()
    assert SEEN not in content
    assert kept_holds.missing(database, second) == set()
    lift(database, told, hold_id)
    assert not file_of(second, told, hold_id).exists()
    assert outliving.apply(database, second).held == []
    assert is_open(database, told)


def test_hold_that_was_lost_is_raised_again_once_and_its_contacts_are_told(
    database: Database, second: Path, told: Story, field: Field
) -> None:
    contact = field.account(Role.CURATOR, told.pilot_ids[0]).account_id or ""
    with database.write() as session:
        session.get_one(Pilot, told.pilot_ids[0]).safeguarding_account_id = contact
    flagged, ends = flag(database, told), embargo(database, told, contact, days=3)
    with database.read() as session:
        first = {
            each.id: (each.until, each.raised_at, each.raised_by)
            for each in holds.standing_on(session, told.id)
        }
    lose(database, told)
    assert is_open(database, told)
    assert outliving.apply(database, second).held == [told.id]
    assert outliving.apply(database, second).held == []
    assert not is_open(database, told)
    with database.read() as session:
        again = {each.id: each for each in holds.standing_on(session, told.id)}
        assert session.get_one(Story, told.id).is_safeguarding
        said = [each.kind for each in notices.of_account(session, contact)]
    assert again.keys() == {flagged, ends}
    assert {name: (each.until, each.raised_at, each.raised_by) for name, each in again.items()} == first
    assert (again[flagged].kind, again[ends].kind) == (HoldKind.SAFEGUARDING, HoldKind.EMBARGO)
    assert again[ends].warned_id == contact
    assert NoticeKind.SAFEGUARDING in said
    with database.write() as session:
        assert holds.warn_of_passed(session, utc_now() + timedelta(days=4)) == 1


def test_hold_that_was_lifted_does_not_come_back_though_its_file_stayed(
    database: Database, second: Path, told: Story
) -> None:
    hold_id = flag(database, told)
    content = file_of(second, told, hold_id).read_bytes()
    lift(database, told, hold_id)
    file_of(second, told, hold_id).write_bytes(content)
    assert outliving.apply(database, second).held == []
    outliving.forget_ended(database, second)
    assert not file_of(second, told, hold_id).exists()


def test_who_was_to_be_told_is_not_known_any_more(database: Database, second: Path, told: Story) -> None:
    hold_id = embargo(database, told, told.submitted_by, days=3)
    file = file_of(second, told, hold_id)
    file.write_text(file.read_text().replace(told.submitted_by, "0" * 32))
    lose(database, told)
    assert outliving.apply(database, second).held == [told.id]
    with database.read() as session:
        assert session.get_one(Hold, hold_id).warned_id == told.submitted_by


RAISED = b'"raised_by": "service", "raised_at": "2026-11-01T10:00:00'


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"[1]",
        b'{"kind": "open"}',
        b"\xff\x00",
        pytest.param(
            b'{"kind": "embargo", "until": null, "warned_id": null, ' + RAISED + b'"}', id="no zone"
        ),
        pytest.param(
            b'{"kind": "embargo", "until": 5, "warned_id": 7, ' + RAISED + b'+00:00"}', id="a number"
        ),
    ],
)
def test_damaged_file_holds_its_story_without_a_date(
    database: Database, second: Path, told: Story, content: bytes
) -> None:
    hold_id = flag(database, told)
    file_of(second, told, hold_id).write_bytes(content)
    assert kept_holds.unreadable(second) == {hold_id}
    lose(database, told)
    assert outliving.apply(database, second).held == [told.id]
    assert not is_open(database, told)
    with database.read() as session:
        (hold,) = holds.standing_on(session, told.id)
    assert (hold.id, hold.kind, hold.until) == (hold_id, HoldKind.EMBARGO, None)


def test_flag_that_names_somebody_unknown_is_raised_all_the_same(
    database: Database, second: Path, told: Story
) -> None:
    hold_id = flag(database, told)
    file = file_of(second, told, hold_id)
    file.write_text(file.read_text().replace('"warned_id": null', '"warned_id": "somebody"'))
    lose(database, told)
    assert outliving.apply(database, second).held == [told.id]


def test_what_lies_beside_the_files_is_no_hold(database: Database, second: Path, told: Story) -> None:
    hold_id = flag(database, told)
    file = file_of(second, told, hold_id)
    file.with_name(f"{file.stem} (conflicted copy).json").write_bytes(file.read_bytes())
    assert kept_holds.unreadable(second) == set()
    assert outliving.apply(database, second).held == []


def test_what_could_not_be_written_at_once_is_written_later(
    database: Database, second: Path, told: Story
) -> None:
    second.write_text("in the way")
    hold_id = flag(database, told)
    assert not is_open(database, told), "the hold itself stands"
    second.unlink()
    assert kept_holds.missing(database, second) == {hold_id}
    assert outliving.write_missing(database, second).holds == 1
    assert file_of(second, told, hold_id).exists()


def test_withdrawn_storys_files_go_here_and_in_the_mirror(
    database: Database, second: Path, told: Story, tmp_path: Path
) -> None:
    hold_id, other = flag(database, told), tmp_path / "backups"
    outliving.mirror(second, other)
    assert file_of(other, told, hold_id).exists()
    with database.write() as session:
        withdrawals.withdraw(session, session.get_one(Story, told.id), actor="test")
    assert not file_of(second, told, hold_id).exists()
    outliving.mirror(second, other)
    assert not file_of(other, told, hold_id).exists()
    assert outliving.apply(database, other).held == []


def test_story_that_nobody_knows_is_left_alone(database: Database, second: Path, told: Story) -> None:
    hold_id = flag(database, told)
    unknown = second / "held" / f"{'0' * 32}-{'1' * 32}.json"
    unknown.write_bytes(file_of(second, told, hold_id).read_bytes())
    assert outliving.apply(database, second).held == []
    outliving.forget_ended(database, second)
    assert unknown.exists(), "its story may come with another backup"
