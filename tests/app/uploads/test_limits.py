"""How much may be sent: by one person at once and in a day, to one pilot in a day; and when to try again."""

from __future__ import annotations

import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from app.parts import Parts
from app.settings import Settings
from app.uploads import taking
from app.uploads.protocol import MOST_CHECKED_BYTES
from models.base import utc_now
from models.roles import Role
from models.stories import Recording
from pipeline.themes.codebook import load_codebook
from storage import quotas
from storage.database import Database
from storage.objects import Objects
from tests.app.uploads.sending import BYTES, Room, some_bytes
from tests.app.uploads.test_resuming import age, send_some
from tests.plugins.served import Served, serving_over, wait_until
from tests.plugins.stories import Field

LIMITED = {
    "max_upload_bytes": 5000,
    "daily_upload_bytes": 8000,
    "daily_pilot_upload_bytes": 12_000,
    "max_parallel_uploads": 2,
    "max_unfinished_uploads": 3,
}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update=LIMITED)


def refused(answer: Any, code: str) -> int:
    """Too many; when to try again, in seconds."""
    assert (answer.status, answer.problem["code"]) == (429, code), answer
    seconds = int(answer.headers["retry-after"])
    assert seconds == answer.problem["retry_after_seconds"]
    return seconds


ANY_CHECKSUM = "Upload-Checksum: sha1 qZk+NkcGgWq6PiVxeFDCbJzQ2J0="


def sent_at(room: Room, where: str) -> datetime | None:
    """When a request that brings bytes of it was last noted."""
    return next(each.sending_at for each in room.uploads() if where.endswith(each.id))


def send_whole(room: Room, size: int) -> None:
    assert room.create(size, BYTES, some_bytes(size)).status == 201


def received_ago(room: Room, hours: float) -> None:
    """Let what was received have been received before."""
    with room.database.write() as session:
        at = utc_now() - timedelta(hours=hours)
        session.execute(update(Recording).where(Recording.story_id == room.story.id).values(received_at=at))


def test_person_sends_so_much_in_a_day_and_is_told_when_it_is_over(room: Room) -> None:
    send_whole(room, 5000)
    received_ago(room, 20)
    seconds = refused(room.create(3001), "daily-limit")
    assert abs(seconds - 4 * 3600) < 120
    assert room.create(3000).status == 201
    received_ago(room, 24.1)
    assert room.create(3001).status == 201


def test_what_is_on_its_way_counts_as_far_as_it_came(room: Room) -> None:
    where = room.begun(5000)
    assert room.create(5000).status == 201
    assert room.patch(where, 0, some_bytes(4000)).status == 204
    refused(room.create(5000), "daily-limit")
    # Its own rest was allowed when it began.
    assert room.patch(where, 4000, some_bytes(1000)).status == 204


def test_length_that_is_not_known_is_counted_while_it_comes(room: Room) -> None:
    send_whole(room, 5000)
    where = room.begun(None)
    assert room.patch(where, 0, some_bytes(2999)).status == 204
    refused(room.patch(where, 2999, some_bytes(2)), "daily-limit")
    assert room.offset(where) == 2999


def test_bytes_without_end_are_cut_at_the_limit_of_one_recording(room: Room) -> None:
    where = room.begun(None)
    answer = room.patch(where, 0, some_bytes(5001))
    assert (answer.status, answer.problem["limit_bytes"]) == (413, 5000)
    assert room.offset(where) == 0


def test_pilot_receives_so_much_in_a_day_whoever_sends(room: Room) -> None:
    other, third = room.another(), room.another()
    send_whole(room, 5000)
    send_whole(other, 5000)
    refused(third.create(2001), "pilot-daily-limit")
    assert third.create(2000).status == 201


def test_two_who_send_at_once_do_not_pass_a_pilots_limit_together(
    postgresql_database: Database, object_store: Objects, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite lets one write at a time; PostgreSQL lets both look before either is noted."""
    both_looked = threading.Barrier(2)

    def look(*given: Any, **named: Any) -> quotas.Sent:
        found = sent_to(*given, **named)
        with suppress(threading.BrokenBarrierError):
            both_looked.wait(1.0)
        return found

    parts = Parts(settings, postgresql_database, object_store, load_codebook())
    with serving_over(parts) as served, ThreadPoolExecutor(2) as threads:
        field = Field(postgresql_database)
        rooms = [Room(served, field) for _ in range(4)]
        for room in rooms[:2]:
            send_whole(room, 5000)
        begun = [(room, room.begun(2000)) for room in rooms[2:]]
        sent_to = quotas.sent_to
        monkeypatch.setattr(quotas, "sent_to", look)
        sending = [threads.submit(room.patch, where, 0, some_bytes(2000)) for room, where in begun]
        answers = [each.result() for each in sending]
    assert sorted(answer.status for answer in answers) == [204, 429]
    refused(max(answers, key=lambda answer: answer.status), "pilot-daily-limit")


def test_other_pilots_are_not_held_up(room: Room, served: Served, field: Field) -> None:
    send_whole(room, 5000)
    send_whole(room.another(), 5000)
    elsewhere = field.account(Role.REPORTER, field.pilot("autumn"))
    story = field.story(by=elsewhere, pilots=[field.pilot("autumn")])
    there = Room(served, field, elsewhere)
    assert there.create(5000, story_id=story.id).status == 201


def test_so_many_at_once_and_no_more_until_one_rests(room: Room) -> None:
    first, second, third = (room.begun(100) for _ in range(3))
    with closing(send_some(room, first, 0, b"a", 100)) as one, closing(send_some(room, second, 0, b"b", 100)):
        assert refused(room.patch(third, 0, b"c"), "parallel-limit") == 60
        form = room.ask("POST", f"/api/v1/stories/{room.story.id}/recordings", {"Content-Type": "x"}, b"")
        refused(form, "parallel-limit")
        # The newer request of one that is under way is no third.
        assert room.patch(first, 1, b"a" * 99).status == 204
        assert room.answer_on(one).status == 409
        assert room.patch(third, 0, b"c").status == 204


def test_sending_with_a_checksum_is_sending_for_as_long_as_it_takes(room: Room) -> None:
    first, second, third = (room.begun(100) for _ in range(3))
    with (
        closing(room.open(first, 0, 100, ANY_CHECKSUM)) as one,
        closing(room.open(second, 0, 100, ANY_CHECKSUM)) as two,
    ):
        one.sendall(b"a")
        two.sendall(b"b")
        for where in (first, second):
            wait_until(lambda where=where: sent_at(room, where) is not None, "it to begin", 10)
            age(room, where, sending_at=utc_now() - timedelta(minutes=2))
        one.sendall(b"a")
        two.sendall(b"b")
        for where in (first, second):
            wait_until(
                lambda where=where: (sent_at(room, where) or utc_now()) > utc_now() - timedelta(minutes=1),
                "its sending to be noted",
                10,
            )
        refused(room.patch(third, 0, b"c"), "parallel-limit")
        assert [room.offset(where) for where in (first, second)] == [0, 0]


def test_what_is_being_sent_counts_as_long_as_it_was_said_to_be(room: Room) -> None:
    where = room.begun(5000)
    with closing(send_some(room, where, 0, b"a", 5000)):
        refused(room.create(3001), "daily-limit")
        # The one that goes on with it does not count it twice.
        assert room.patch(where, 1, some_bytes(4998)).status == 204
    assert room.create(3001).status == 201


def test_so_much_and_no_more_comes_under_one_checksum(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    where = room.begun(5000)
    with closing(room.open(where, 0, MOST_CHECKED_BYTES + 1, ANY_CHECKSUM)) as connection:
        answer = room.answer_on(connection)
    assert (answer.status, answer.problem["code"]) == (413, "upload-checked-too-large")
    assert answer.problem["limit_bytes"] == MOST_CHECKED_BYTES
    # Nobody said how much would come.
    monkeypatch.setattr(taking, "MOST_CHECKED_BYTES", 100)
    name, _, value = ANY_CHECKSUM.partition(": ")
    chunked = {"Transfer-Encoding": "chunked", name: value}
    answer = room.patch(where, 0, b"65\r\n" + b"a" * 101 + b"\r\n0\r\n\r\n", chunked)
    assert (answer.status, answer.problem["code"]) == (413, "upload-checked-too-large")
    assert room.offset(where) == 0


def test_what_is_over_a_limit_is_refused_before_a_byte_is_read(room: Room) -> None:
    send_whole(room, 5000)
    where = room.begun(None)
    for size, status in ((3001, 429), (5001, 413)):
        with closing(room.open(where, 0, size, "Expect: 100-continue")) as connection:
            assert connection.recv(12, socket.MSG_PEEK) == f"HTTP/1.1 {status}".encode()
            assert "retry-after" in room.answer_on(connection).headers or status == 413
    assert room.offset(where) == 0


def test_so_many_begun_and_no_more_until_one_ends(room: Room) -> None:
    begun = [room.begun(100) for _ in range(3)]
    assert refused(room.create(100), "unfinished-limit") > 5 * 3600
    assert room.patch(begun[0], 0, b"a" * 100).status == 204
    begun.append(room.begun(100))
    assert room.ask("DELETE", begun[1]).status == 204
    assert room.create(100).status == 201


def test_disk_that_is_nearly_full_takes_nothing_new(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = room.begun(10)
    monkeypatch.setattr(room.served.parts.settings, "min_free_bytes", 10**18)
    answer = room.patch(begun, 0, b"a")
    assert (answer.status, answer.problem["code"]) == (507, "disk-nearly-full")
    assert room.create(10).status == 507
    assert room.offset(begun) == 0


# The last byte comes before the disk is looked at, or after it.
@pytest.mark.parametrize(("more", "kept"), [("", {99, 100}), (ANY_CHECKSUM, {0})])
def test_disk_that_fills_while_bytes_come_takes_no_more_of_them(
    room: Room, monkeypatch: pytest.MonkeyPatch, more: str, kept: set[int]
) -> None:
    where = room.begun(1000)
    with closing(room.open(where, 0, 1000, more)) as connection:
        connection.sendall(b"a" * 99)
        wait_until(lambda: sent_at(room, where) is not None, "it to begin", 10)
        monkeypatch.setattr(room.served.parts.settings, "min_free_bytes", 10**18)
        connection.sendall(b"a")
        answer = room.answer_on(connection)
    assert (answer.status, answer.problem["code"]) == (507, "disk-nearly-full")
    assert room.offset(where) in kept
