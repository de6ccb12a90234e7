"""The verbs of resumable uploads, on both databases: only whoever knows where an upload stands changes it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from models.base import utc_now
from models.errors import Conflict
from models.stories import Recording, RecordingState, Story
from models.uploads import Upload
from storage import recordings, uploads, wishes, withdrawals
from storage.database import Database, WriteSession
from tests.plugins.stories import Field

A_DAY = timedelta(days=1)


def begin(session: WriteSession, story: Story, length: int | None = 100) -> Upload:
    return uploads.begin(
        session,
        session.get_one(Story, story.id),
        account_id=story.submitted_by,
        sent_name="ł" * 400,
        sent_metadata="",
        length_bytes=length,
        lasts=A_DAY,
    )


@pytest.fixture
def story(field: Field) -> Story:
    return field.story()


def test_offset_is_changed_only_by_who_knows_it(database: Database, story: Story) -> None:
    with database.write() as session:
        upload_id = begin(session, story).id
    with database.read() as session:
        one, other = uploads.by_id(session, upload_id), Upload(id=upload_id, story_id=story.id)
    other.offset_bytes = other.stored_bytes = 0
    with database.write() as session:
        uploads.keep_up_to(session, one, 40, utc_now(), A_DAY, goes_on=True)
    with pytest.raises(Conflict, match="upload-changed"), database.write() as session:
        uploads.keep_up_to(session, other, 10, utc_now(), A_DAY, goes_on=True)
    with pytest.raises(Conflict, match="upload-changed"), database.write() as session:
        uploads.note_part(session, other, 1, "tag", 10)
    with database.read() as session:
        assert uploads.by_id(session, upload_id).offset_bytes == one.offset_bytes == 40
        assert uploads.parts_of(session, upload_id) == []


def test_part_moves_both_the_offset_and_what_is_stored(database: Database, story: Story) -> None:
    with database.write() as session:
        upload = begin(session, story)
        uploads.keep_up_to(session, upload, 10, utc_now(), A_DAY, goes_on=True)
        uploads.note_part(session, upload, 1, "one", 60)
        assert (upload.offset_bytes, upload.stored_bytes) == (60, 60)
        uploads.keep_up_to(session, upload, 100, utc_now(), A_DAY, goes_on=False)
        uploads.note_part(session, upload, 2, "two", 30)
        assert (upload.offset_bytes, upload.stored_bytes) == (100, 90)
        assert [part.tag for part in uploads.parts_of(session, upload.id)] == ["one", "two"]
        assert uploads.next_part(session, upload.id) == 3


def test_end_happens_once(database: Database, story: Story) -> None:
    with database.write() as session:
        upload = begin(session, story)
        uploads.keep_up_to(session, upload, 100, utc_now(), A_DAY, goes_on=False)
        uploads.note_part(session, upload, 1, "one", 60)
        assert [each.id for each in uploads.whole_but_not_complete(session)] == [upload.id]
    for _ in range(2):
        with database.write() as session:
            done = uploads.complete(session, upload.id, size_bytes=100, sha256="0" * 64)
            assert uploads.parts_of(session, upload.id) == uploads.whole_but_not_complete(session) == []
            recording = session.get_one(Recording, done.recording_id)
            assert (recording.state, recording.sent_name) == (RecordingState.WAITING, "ł" * 255)
            assert len(wishes.of_story(session, story.id)) == 1
    with pytest.raises(Conflict, match="upload-changed"), database.write() as session:
        uploads.keep_up_to(session, done, 100, utc_now(), A_DAY, goes_on=False)
    with database.write() as session:
        assert uploads.forget(session, done) is False


def test_withdrawn_story_changes_no_more(database: Database, story: Story) -> None:
    with database.write() as session:
        upload = begin(session, story)
    with database.write() as session:
        withdrawals.withdraw(session, session.get_one(Story, story.id), actor="test")
    for change in (
        lambda s: uploads.keep_up_to(s, upload, 50, utc_now(), A_DAY, goes_on=True),
        lambda s: uploads.note_part(s, upload, 1, "one", 60),
        lambda s: uploads.complete(s, upload.id, size_bytes=100, sha256="0" * 64),
    ):
        with pytest.raises(Conflict), database.write() as session:
            change(session)
    with database.write() as session:
        assert uploads.without_spool(session, [upload.id, "0" * 32]) == {upload.id, "0" * 32}
        withdrawals.note_erased(session, story.id)
        assert session.get(Upload, upload.id) is None


def test_what_expires_and_what_does_not(database: Database, story: Story) -> None:
    with database.write() as session:
        left, whole, going_on = (begin(session, story) for _ in range(3))
        uploads.keep_up_to(session, whole, 100, utc_now(), -A_DAY, goes_on=False)
        uploads.keep_up_to(session, left, 50, utc_now(), -A_DAY, goes_on=False)
        assert [each.id for each in uploads.expired(session, utc_now())] == [left.id]
        assert uploads.forget(session, left) is True
        session.flush()
        assert {each.id for each in uploads.unfinished(session, story.submitted_by)} == {
            whole.id,
            going_on.id,
        }
        assert recordings.abandoned(session, utc_now() + 9 * A_DAY) == []


def test_only_what_is_sent_at_this_moment_counts_as_being_sent(database: Database, story: Story) -> None:
    now, by = utc_now(), story.submitted_by
    with database.write() as session:
        begun, working, hanging, ended = (begin(session, story) for _ in range(4))
        uploads.note_sending(session, working, now, A_DAY)
        uploads.note_sending(session, hanging, now - timedelta(minutes=2), A_DAY)
        uploads.note_sending(session, ended, now, A_DAY)
        uploads.keep_up_to(session, ended, 10, now, A_DAY, goes_on=False)
        assert uploads.being_sent(session, by, now) == 1
        assert uploads.being_sent(session, by, now, but=working.id) == 0
        resting = {uploads.key_of(session, each) for each in (begun, hanging, ended)}
        assert uploads.resting_keys(session, now) == resting
