"""Uploads that break off, hang, are asked for twice, withdrawn or forgotten: what arrived is kept."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, update

from app.parts import Parts
from app.uploads import upkeep
from app.uploads.service import Uploads
from models.base import utc_now
from models.errors import Gone, Unavailable
from models.stories import Story
from models.uploads import Upload
from pipeline.themes.codebook import load_codebook
from storage import recordings, withdrawals
from storage.objects import Objects
from tests.app.uploads.sending import MIB, Room, reset, some_bytes
from tests.plugins.served import Served, serving_over, wait_until


def house_of(room: Room) -> Uploads:
    found: Uploads = room.served.server.config.app.state.uploads
    return found


def send_some(room: Room, where: str, offset: int, data: bytes, length: int) -> Any:
    """A PATCH that has brought ``data`` of ``length`` bytes, and hangs."""
    connection = room.open(where, offset, length)
    connection.sendall(data)
    wait_until(lambda: room.offset(where) == offset + len(data), "the bytes to be kept", 10)
    return connection


def age(room: Room, where: str, **values: Any) -> None:
    """Let time pass over an upload."""
    with room.database.write() as session:
        session.execute(update(Upload).where(Upload.id == where.rpartition("/")[2]).values(values))


@pytest.mark.parametrize("so_far", [1, 3 * MIB, 8 * MIB, 19 * MIB + 17])
def test_what_came_before_a_cut_is_kept_and_no_byte_is_sent_twice(room: Room, so_far: int) -> None:
    data = some_bytes(20 * MIB)
    where = room.begun(len(data))
    connection = room.open(where, 0, len(data))
    connection.sendall(data[:so_far])
    wait_until(lambda: room.offset(where) == so_far, "the bytes to be kept", 10)
    reset(connection)
    assert room.offset(where) == so_far
    assert room.patch(where, so_far, data[so_far:]).status == 204
    room.assert_kept(data)


def test_newest_request_has_the_upload_within_two_seconds_of_one_that_hangs(room: Room) -> None:
    data = some_bytes(10 * MIB)
    where = room.begun(len(data))
    with closing(send_some(room, where, 0, data[: 9 * MIB], len(data))) as hanging:
        began_at = time.monotonic()
        assert room.patch(where, 9 * MIB, data[9 * MIB :]).status == 204
        assert time.monotonic() - began_at < 2
        told = room.answer_on(hanging)
        assert (told.status, told.problem["code"]) == (409, "upload-taken-over")
    room.assert_kept(data)


def test_newest_request_is_the_one_that_came_last_also_when_the_clock_was_set_back(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = some_bytes(3 * MIB)
    where = room.begun(len(data))
    with closing(send_some(room, where, 0, data[:MIB], len(data))) as hanging:
        an_hour_ago = time.time_ns() - 3600 * 10**9
        monkeypatch.setattr(time, "time_ns", lambda: an_hour_ago)
        assert room.patch(where, MIB, data[MIB:]).status == 204
        assert room.answer_on(hanging).problem["code"] == "upload-taken-over"
    room.assert_kept(data)


def test_older_request_with_an_old_offset_does_not_disturb_the_newer(room: Room) -> None:
    data = some_bytes(3 * MIB)
    where = room.begun(len(data))
    with closing(send_some(room, where, 0, data[:MIB], len(data))) as working:
        assert room.patch(where, 0, data).problem["code"] == "upload-offset-wrong"
        working.sendall(data[MIB:])
        assert room.answer_on(working).status == 204
    room.assert_kept(data)


def test_of_many_that_want_it_at_once_one_writes_and_nothing_is_doubled(room: Room) -> None:
    data = some_bytes(2 * MIB)
    where = room.begun(len(data))

    def go_on(_: int) -> None:
        while (offset := room.offset(where)) < len(data):
            assert room.patch(where, offset, data[offset:]).status in (204, 409, 423, 413)

    with ThreadPoolExecutor(8) as several:
        list(several.map(go_on, range(8)))
    wait_until(lambda: room.uploads()[0].completed_at is not None, "the end")
    room.assert_kept(data)


def test_holder_that_does_not_let_go_is_left_alone_after_two_seconds(room: Room) -> None:
    where = room.begun(10)
    other_process = house_of(room).spool.request(where.rpartition("/")[2])
    assert other_process.take()
    began_at = time.monotonic()
    answer = room.patch(where, 0, b"0123456789")
    assert 1.9 < time.monotonic() - began_at < 4
    assert (answer.status, answer.problem["code"], answer.headers["retry-after"]) == (423, "upload-held", "2")
    assert other_process.is_passed_over() is False, "nobody waits for it any more"
    assert room.offset(where) == 0
    other_process.let_go()
    assert room.patch(where, 0, b"0123456789").status == 204


@contextmanager
def second_process(parts: Parts, objects: Objects) -> Iterator[Served]:
    """The same service once more: it shares the folder and the database, and no memory."""
    with serving_over(Parts(parts.settings, parts.database, objects, load_codebook())) as second:
        yield second


def test_two_servers_take_turns_with_one_upload(room: Room, parts: Parts, object_store: Objects) -> None:
    data = some_bytes(21 * MIB)
    where = room.begun(len(data))
    with second_process(parts, object_store) as second:
        with closing(send_some(room, where, 0, data[: 10 * MIB], len(data))) as hanging:
            room.port = second.port
            assert room.patch(where, 10 * MIB, data[10 * MIB : 12 * MIB]).status == 204
            assert room.answer_on(hanging).problem["code"] == "upload-taken-over"
        room.port = room.served.port
        assert room.patch(where, 12 * MIB, data[12 * MIB :]).status == 204
    room.assert_kept(data)


def test_twenty_clients_at_once(room: Room) -> None:
    """Each with an account and a story of its own, in three requests each."""
    senders = [room.another() for _ in range(20)]

    def send(number: int) -> tuple[Room, bytes]:
        data, sender = some_bytes(3 * MIB + number, seed=number), senders[number]
        where = sender.begun(len(data))
        for begin in range(0, len(data), 3 * MIB // 2):
            assert sender.patch(where, begin, data[begin : begin + 3 * MIB // 2]).status == 204
        return sender, data

    with ThreadPoolExecutor(20) as several:
        for sender, data in several.map(send, range(20)):
            sender.assert_kept(data)
    assert room.spooled() == []


def test_bytes_with_a_checksum_that_break_off_are_not_kept(room: Room) -> None:
    data = some_bytes(20 * MIB)
    where = room.begun(len(data))
    assert room.patch(where, 0, data[:100]).status == 204
    right = "sha1 qZk+NkcGgWq6PiVxeFDCbJzQ2J0="
    connection = room.open(where, 100, len(data) - 100, f"Upload-Checksum: {right}")
    connection.sendall(data[100 : 18 * MIB])
    time.sleep(1.5)
    assert room.offset(where) == 100
    reset(connection)
    wait_until(lambda: room.patch(where, 100, data[100:]).status == 204, "to go on", 10)
    room.assert_kept(data)


# ---- this process ends, or loses what it had ----


def test_digest_that_nobody_has_any_more_is_made_from_what_is_stored(room: Room) -> None:
    data = some_bytes(18 * MIB)
    where = room.begun(len(data))
    assert room.patch(where, 0, data[: 17 * MIB]).status == 204
    house_of(room).digests._known.clear()
    assert room.patch(where, 17 * MIB, data[17 * MIB :]).status == 204
    room.assert_kept(data)


def test_spool_that_is_longer_than_what_is_noted_is_cut_back(room: Room) -> None:
    data = some_bytes(2000)
    where = room.begun(len(data))
    assert room.patch(where, 0, data[:1000]).status == 204
    (part,) = room.served.parts.settings.uploads_folder.glob("*/part-*")
    with part.open("ab") as file:
        file.write(b"what was written when the power went")
    assert room.offset(where) == 1000
    assert room.patch(where, 1000, data[1000:]).status == 204
    room.assert_kept(data)


def test_spool_that_was_lost_is_not_promised(room: Room) -> None:
    data = some_bytes(10 * MIB)
    where = room.begun(len(data))
    assert room.patch(where, 0, data[: 9 * MIB]).status == 204
    (part,) = room.served.parts.settings.uploads_folder.glob("*/part-*")
    part.unlink()
    assert room.offset(where) == 8 * MIB
    assert room.patch(where, 9 * MIB, data[9 * MIB :]).problem["code"] == "upload-offset-wrong"
    assert room.patch(where, 8 * MIB, data[8 * MIB :]).status == 204
    room.assert_kept(data)


def test_parts_that_the_store_lost_are_sent_again(room: Room) -> None:
    data = some_bytes(17 * MIB)
    where = room.begun(len(data))
    assert room.patch(where, 0, data[: 9 * MIB]).status == 204
    (recording,) = room.recordings()
    room.objects.delete(recording.original_key)
    answer = room.patch(where, 9 * MIB, data[9 * MIB :])
    assert (answer.status, answer.problem["code"]) == (409, "upload-parts-lost")
    assert room.offset(where) == 0
    assert room.patch(where, 0, data).status == 204
    room.assert_kept(data)


def test_store_that_does_not_answer_loses_nothing(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    data = some_bytes(12 * MIB)
    where = room.begun(len(data))
    with monkeypatch.context() as away:

        def refuse(*_: Any) -> str:
            raise Unavailable("object-store-unavailable", reason="test")

        away.setattr(room.objects.parts, "put", refuse)
        answer = room.patch(where, 0, data[: 9 * MIB])
        assert (answer.status, answer.headers["retry-after"]) == (503, "30")
        assert room.offset(where) == 9 * MIB
        # It goes on as far as it is let, and says no more than is kept.
        while (offset := room.offset(where)) < len(data):
            assert room.patch(where, offset, data[offset:]).status == 503
            assert room.offset(where) > offset
        assert room.recordings()[0].received_at is None
    upkeep.keep_uploads(room.served.parts)
    room.assert_kept(data)


def test_end_that_was_not_written_down_is_made_up_for(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """The object was joined, and then the process died: whoever comes next finds it."""
    data = some_bytes(12 * MIB)
    where = room.begun(len(data))
    with monkeypatch.context() as broken:

        def die(*_: Any, **__: Any) -> None:
            raise Unavailable("database-unavailable", reason="test")

        broken.setattr(recordings, "receive", die)
        assert room.patch(where, 0, data).status == 503
    assert room.offset(where) == len(data)
    assert room.patch(where, len(data), b"").status == 204
    room.assert_kept(data)


def test_head_is_never_answered_by_five_hundred(room: Room) -> None:
    """Clients take it for a lost upload, and begin again; a lock they wait for."""
    where = room.begun(10)

    def fail(*_: Any) -> None:
        raise RuntimeError("nothing works")

    event.listen(room.database.engine, "before_cursor_execute", fail)
    try:
        answer = room.head(where)
    finally:
        event.remove(room.database.engine, "before_cursor_execute", fail)
    assert (answer.status, answer.headers["retry-after"]) == (423, "2")
    assert answer.headers["tus-resumable"] == "1.0.0"
    assert room.offset(where) == 0


# ---- withdrawn, or forgotten ----


def withdraw(room: Room) -> None:
    with room.database.write() as session:
        story = session.get_one(Story, room.story.id)
        withdrawals.withdraw(session, story, actor=room.reporter.account_id or "")


def test_withdrawn_story_takes_no_byte_more_and_its_uploads_are_gone(room: Room) -> None:
    data = some_bytes(12 * MIB)
    where, whole = room.begun(len(data)), room.begun(10)
    assert room.patch(whole, 0, b"0123456789").status == 204
    with closing(send_some(room, where, 0, data[: 9 * MIB], len(data))) as working:
        withdraw(room)
        working.sendall(data[9 * MIB : 11 * MIB])
        told = room.answer_on(working)
        assert (told.status, told.problem["code"]) == (409, "upload-changed")
    for each in (where, whole):
        assert (room.head(each).status, room.patch(each, 0, b"").status) == (410, 410)
    upkeep.keep_uploads(room.served.parts)
    assert room.spooled() == []
    with room.database.write() as session:
        room.objects.delete_prefix(f"{room.story.object_token}-")
        withdrawals.note_erased(session, room.story.id)
    assert room.head(where).status == 410 or room.head(where).status == 404
    assert room.uploads() == room.recordings() == []
    assert [*room.objects.list_prefix(""), *room.objects.list_unfinished("")] == []


def test_upload_that_nobody_goes_on_with_ends_by_itself(room: Room) -> None:
    left, going_on, whole = room.begun(20 * MIB), room.begun(10), room.begun(10)
    assert room.patch(left, 0, some_bytes(9 * MIB)).status == 204
    assert room.patch(going_on, 0, b"01234").status == 204
    assert room.patch(whole, 0, b"0123456789").status == 204
    for each in (left, whole):
        age(room, each, expires_at=utc_now() - timedelta(seconds=1))
    for method, status in (("HEAD", 410), ("DELETE", 410)):
        assert room.ask(method, left).status == status
    answer = room.patch(left, 9 * MIB, b"a")
    assert (answer.status, answer.problem["code"]) == (410, "upload-expired")
    upkeep.keep_uploads(room.served.parts)
    assert room.head(left).status == 404
    assert room.offset(going_on) == 5
    assert room.offset(whole) == 10
    assert len(room.recordings()) == 2
    assert list(room.objects.list_unfinished("")) == []
    assert room.spooled() == [going_on.rpartition("/")[2]]


def test_end_is_put_off_by_every_byte(room: Room) -> None:
    where = room.begun(10)
    (begun,) = room.uploads()
    # A beginning whose answer was lost holds its story up no longer than that.
    assert timedelta(hours=5) < begun.expires_at - utc_now() < timedelta(hours=7)
    age(room, where, expires_at=utc_now() + timedelta(seconds=60))
    assert room.patch(where, 0, b"01234").status == 204
    assert room.uploads()[0].expires_at > utc_now() + timedelta(days=6)


def test_upload_that_somebody_writes_to_is_not_ended(room: Room) -> None:
    where = room.begun(10)
    with closing(send_some(room, where, 0, b"01234", 10)) as working:
        age(room, where, expires_at=utc_now() - timedelta(seconds=1))
        upkeep.keep_uploads(room.served.parts)
        working.sendall(b"56789")
        assert room.answer_on(working).status == 204
    room.assert_kept(b"0123456789")


def test_spool_of_what_is_gone_is_swept(room: Room) -> None:
    folder = room.served.parts.settings.uploads_folder / ("0" * 32)
    folder.mkdir(parents=True)
    (folder / "part-00001").write_bytes(b"nobody's")
    upkeep.keep_uploads(room.served.parts)
    assert room.spooled() == []


def test_upload_that_cannot_be_kept_keeps_no_other_waiting(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither to be finished nor to be ended; and what is gone is swept all the same."""
    whole, left = [room.begun(10) for _ in range(4)], [room.begun(10) for _ in range(4)]
    for where in whole:
        with monkeypatch.context() as broken:
            broken.setattr(recordings, "receive", _fail)
            assert room.patch(where, 0, b"0123456789").status == 500
    for where in left:
        age(room, where, expires_at=utc_now() - timedelta(seconds=1))
    (room.served.parts.settings.uploads_folder / ("0" * 32)).mkdir()
    bad = {each.rpartition("/")[2] for each in (min(whole), min(left))}
    opened, forget = Uploads.opened, Uploads.forget

    def opened_but_the_bad(house: Uploads, session: Any, upload: Upload) -> Any:
        return _fail() if upload.id in bad else opened(house, session, upload)

    def forget_but_the_bad(house: Uploads, upload: Upload) -> Any:
        return _fail() if upload.id in bad else forget(house, upload)

    monkeypatch.setattr(Uploads, "opened", opened_but_the_bad)
    monkeypatch.setattr(Uploads, "forget", forget_but_the_bad)
    upkeep.keep_uploads(room.served.parts)
    assert {each.id for each in room.uploads() if each.completed_at is None} == bad
    assert "0" * 32 not in room.spooled()


def test_whoever_stood_still_while_an_upload_was_ended_is_told_so_and_nobody_that_it_arrived(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = room.begun(10)
    (expected,) = room.recordings()
    ended: list[type[Exception]] = []
    delete = Objects.delete

    def goes_on_now(objects: Objects, key: str) -> None:
        with room.database.write() as session:
            try:
                recordings.receive(session, expected.id, size_bytes=10, sha256="0" * 64)
            except Gone as error:
                ended.append(type(error))
        delete(objects, key)

    monkeypatch.setattr(Objects, "delete", goes_on_now)
    assert room.ask("DELETE", where).status == 204
    assert ended == [Gone]
    assert room.recordings() == []


def _fail(*_: Any, **__: Any) -> None:
    raise RuntimeError("of this one nothing works")


def test_worker_leaves_uploads_alone_that_can_be_gone_on_with(room: Room) -> None:
    room.begun(10)
    with room.database.read() as session:
        assert recordings.abandoned(session, utc_now() + timedelta(days=3)) == []


# ---- not blocked ----


def test_others_are_answered_while_uploads_hang(room: Room) -> None:
    hanging = []
    for _ in range(12):
        sender = room.another()
        where = sender.begun(100)
        hanging.append(send_some(sender, where, 0, b"a", 100))
        threading.Thread(target=sender.patch, args=(where, 1, b"b" * 99), daemon=True).start()
    began_at = time.monotonic()
    assert room.served.client().get("/healthz").status_code == 200
    assert time.monotonic() - began_at < 1
    for each in hanging:
        each.close()


def test_pages_open_while_the_store_answers_no_upload(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    is_over = threading.Event()
    put = type(room.objects).put_stream
    monkeypatch.setattr(
        type(room.objects), "put_stream", lambda *asked, **more: is_over.wait(60) and put(*asked, **more)
    )
    sending = []
    # More than there are threads for all requests.
    for _ in range(45):
        sender = room.another()
        where = sender.begun(3)
        sending.append(threading.Thread(target=sender.patch, args=(where, 0, b"abc")))
        sending[-1].start()
    began_at = time.monotonic()
    assert room.served.client().get("/stories").status_code == 401
    assert time.monotonic() - began_at < 10
    is_over.set()
    for each in sending:
        each.join(60)
