"""Taking in recordings over a real connection: who may is decided first, nothing half-made stays."""

from __future__ import annotations

import hashlib
import random
import socket
import sqlite3
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import event, select

from app.parts import Parts
from app.stories import uploading
from app.stories.uploading import FORM_LASTS
from models.base import utc_now
from models.curation import State
from models.errors import Unavailable
from models.roles import Role, Scope
from models.stories import Recording, RecordingState, Story
from models.uploads import Upload
from models.work import Wish, WishKind
from pipeline.workplace import Workplace
from storage import uploads, withdrawals
from storage.database import Database
from storage.embedded import start_or_join
from storage.objects import Objects
from tests.plugins.served import Answer, Served, answer_on, serving_over, wait_until
from tests.plugins.stories import EVERY_USE, Field

BOUNDARY = "a-boundary"
FORM = f"multipart/form-data; boundary={BOUNDARY}"
END = f"\r\n--{BOUNDARY}--\r\n".encode()
SOUND = b"RIFF" + bytes(range(256)) * 8


def part(content: bytes, disposition: bytes = b'form-data; name="file"; filename="a.wav"') -> bytes:
    """One part of a form, without the line that ends it."""
    return f"--{BOUNDARY}\r\n".encode() + b"Content-Disposition: " + disposition + b"\r\n\r\n" + content


def form_of(content: bytes, name: bytes = b"a.wav") -> bytes:
    return part(content, b'form-data; name="file"; filename="' + name + b'"') + END


class Room:
    """A reporter with a story that waits for its recording."""

    def __init__(self, served: Served, field: Field) -> None:
        self.served, self.field, self.database = served, field, served.parts.database
        self.objects = served.parts.objects
        self.reporter = field.account(Role.REPORTER, field.pilot())
        self.story: Story = field.story(by=self.reporter)
        self.key = served.key(self.reporter)

    @property
    def path(self) -> str:
        return f"/api/v1/stories/{self.story.id}/recordings"

    def head(
        self, length: int | None, content_type: str = FORM, key: str | None = "", more: str = ""
    ) -> bytes:
        """A request's head; ``length`` None: in chunks. ``key`` None: nobody in particular."""
        lines = [f"POST {self.path} HTTP/1.1", "Host: x", f"Content-Type: {content_type}"]
        lines += [f"Content-Length: {length}"] if length is not None else ["Transfer-Encoding: chunked"]
        if key is not None:
            lines += [f"Authorization: Bearer {key or self.key}"]
        return "\r\n".join([*lines, *([more] if more else []), "", ""]).encode()

    def send(self, body: bytes, content_type: str = FORM, *, length: int | None = -1) -> Answer:
        """A whole request; ``length`` says another than the body's."""
        with closing(self.served.connect()) as connection:
            connection.sendall(self.head(len(body) if length == -1 else length, content_type) + body)
            if length is not None and length > len(body):
                connection.shutdown(socket.SHUT_WR)
            return answer_on(connection)

    def recordings(self) -> list[Recording]:
        with self.database.read() as session:
            return list(session.scalars(select(Recording).order_by(Recording.position)))

    def wishes(self) -> list[Wish]:
        with self.database.read() as session:
            return list(session.scalars(select(Wish)))

    def assert_nothing_stays(self) -> None:
        """Neither rows nor bytes, finished or not."""

        def is_clean() -> bool:
            stored = [*self.objects.list_prefix(""), *self.objects.list_unfinished("")]
            return not self.recordings() and not self.wishes() and not stored

        wait_until(is_clean, "nothing half-made", 30)

    def assert_kept(self, content: bytes) -> Recording:
        """The one recording, whole in the store, with one wish."""
        (recording,) = self.recordings()
        assert recording.state == RecordingState.WAITING
        assert (recording.size_bytes, recording.sha256) == (len(content), hashlib.sha256(content).hexdigest())
        assert b"".join(self.objects.open_range(recording.original_key, 0, None)) == content
        assert list(self.objects.list_prefix("")) == [recording.original_key]
        (wish,) = self.wishes()
        assert (wish.kind, wish.story_id, wish.recording_id) == (
            WishKind.INSPECT,
            self.story.id,
            recording.id,
        )
        return recording


@pytest.fixture
def room(served: Served, field: Field) -> Room:
    return Room(served, field)


# Who may, and how much: decided by the head alone


@contextmanager
def only_head(room: Room, **head: str | int | None) -> Iterator[Answer]:
    """The answer to a head after which no byte of a body ever comes."""
    length = head.pop("length", 10**6)
    with closing(room.served.connect(timeout_seconds=30)) as connection:
        connection.sendall(room.head(length, more="Expect: 100-continue", **head))  # type: ignore[arg-type]
        first = connection.recv(12, socket.MSG_PEEK)
        assert first != b"HTTP/1.1 100", "the body was asked for before it was decided"
        yield answer_on(connection)


def test_nobody_is_refused_before_the_body(room: Room) -> None:
    with only_head(room, key=None) as answer:
        assert (answer.status, answer.problem["code"]) == (401, "not-signed-in")
    with only_head(room, key="cr_wrong") as answer:
        assert (answer.status, answer.problem["code"]) == (401, "api-key-unknown")
    room.assert_nothing_stays()


def test_key_without_the_scope_is_refused_before_the_body(room: Room) -> None:
    with only_head(room, key=room.served.key(room.reporter, (Scope.STORIES_READ,))) as answer:
        assert (answer.status, answer.problem["code"]) == (403, "scope-missing")


@pytest.mark.parametrize(
    ("role", "status"), [(None, 403), (Role.PILOT_TEAM, 403), (Role.REPORTER, 404), (Role.CURATOR, 403)]
)
def test_story_of_somebody_else_is_refused_before_the_body(
    room: Room, role: Role | None, status: int
) -> None:
    other = room.field.account(role, room.field.pilot())
    with only_head(room, key=room.served.key(other)) as answer:
        assert answer.status == status, answer


def test_size_that_is_too_large_is_refused_before_the_body(room: Room) -> None:
    with only_head(room, length=10**12) as answer:
        assert (answer.status, answer.problem["code"]) == (413, "too-large")
    room.assert_nothing_stays()


def test_published_and_withdrawn_stories_take_no_recording(room: Room) -> None:
    room.story = room.field.story(by=room.reporter, state=State.PUBLISHED, consented_to=EVERY_USE)
    assert room.send(form_of(SOUND)).problem["code"] == "story-takes-no-recording"
    room.story = room.field.story(by=room.reporter, state=State.WITHDRAWN)
    with only_head(room) as answer:
        assert (answer.status, answer.problem["code"]) == (410, "withdrawn")


def test_too_many_at_once_are_refused_before_the_body(room: Room) -> None:
    with room.database.write() as session:
        story = session.get_one(Story, room.story.id)
        for _ in range(room.served.parts.settings.max_parallel_uploads):
            under_way = uploads.begin(
                session,
                story,
                account_id=room.reporter.account_id or "",
                sent_name="a",
                sent_metadata="",
                length_bytes=None,
                lasts=timedelta(minutes=1),
            )
            uploads.note_sending(session, under_way, utc_now(), timedelta(minutes=1))
    with only_head(room) as answer:
        assert (answer.status, answer.problem["code"]) == (429, "parallel-limit")
        assert int(answer.headers["retry-after"]) > 0


@pytest.fixture
def set_up(parts: Parts, field: Field) -> Iterator[Callable[..., Room]]:
    """Makes a room whose settings differ."""
    opened = []

    def make(**settings: int) -> Room:
        running = serving_over(replace(parts, settings=parts.settings.model_copy(update=settings)))
        opened.append(running)
        return Room(running.__enter__(), field)

    yield make
    for running in opened:
        running.__exit__(None, None, None)


def test_too_much_in_a_day_is_refused_before_the_body(set_up: Callable[..., Room]) -> None:
    room = set_up(daily_upload_bytes=3000)
    assert room.send(form_of(SOUND)).status == 201
    with only_head(room) as answer:
        assert (answer.status, answer.problem["code"]) == (429, "daily-limit")


def test_what_is_announced_is_over_a_limit_before_the_body(set_up: Callable[..., Room]) -> None:
    room = set_up(daily_upload_bytes=10_000)
    with only_head(room, length=10_001) as answer:
        assert (answer.status, answer.problem["code"]) == (429, "daily-limit")
    with closing(let_in(room, 6000)) as under_way:
        under_way.sendall(part(SOUND))
        wait_until(lambda: being_sent(room) == 1, "it to begin", 10)
        with only_head(room, length=4001) as answer:
            assert (answer.status, answer.problem["code"]) == (429, "daily-limit")
        with closing(let_in(room, 4000)):
            pass


def test_of_many_that_were_let_in_together_no_more_are_taken_than_at_once(
    set_up: Callable[..., Room],
) -> None:
    room = set_up(max_parallel_uploads=2)
    with ExitStack() as open_ones:
        several = [open_ones.enter_context(closing(let_in(room, 10_000))) for _ in range(4)]
        for count, each in enumerate(several, start=1):
            each.sendall(part(SOUND))
            if count <= 2:
                wait_until(lambda count=count: being_sent(room) == count, "it to begin", 10)
                continue
            answer = answer_on(each)
            assert (answer.status, answer.problem["code"]) == (429, "parallel-limit")
        assert being_sent(room) == 2


def let_in(room: Room, length: int) -> socket.socket:
    """A request whose body is waited for."""
    connection = room.served.connect(timeout_seconds=30)
    connection.sendall(room.head(length, more="Expect: 100-continue"))
    told = b""
    while not told.endswith(b"\r\n\r\n"):
        told += connection.recv(1)
    assert told.startswith(b"HTTP/1.1 100"), told
    return connection


def being_sent(room: Room) -> int:
    with room.database.read() as session:
        return uploads.being_sent(session, room.reporter.account_id or "", utc_now())


def test_full_disk_is_said_before_the_body(set_up: Callable[..., Room]) -> None:
    room = set_up(min_free_bytes=2**60)
    with only_head(room) as answer:
        assert (answer.status, answer.problem["code"]) == (507, "disk-nearly-full")
        assert int(answer.headers["retry-after"]) > 0
    room.assert_nothing_stays()
    assert room.served.client().get("/healthz").status_code == 200


def test_size_that_nobody_announced_is_cut_off_at_the_limit(set_up: Callable[..., Room]) -> None:
    room = set_up(max_upload_bytes=100_000)
    whole = form_of(random.Random(1).randbytes(3_000_000))
    with closing(room.served.connect()) as connection:
        connection.sendall(room.head(None))
        with _sending(connection, _in_chunks(whole)):
            answer = answer_on(connection)
    assert (answer.status, answer.problem["code"]) == (413, "too-large")
    assert answer.problem["limit_bytes"] == 100_000
    room.assert_nothing_stays()


def _in_chunks(body: bytes, size: int = 60_000) -> bytes:
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


@contextmanager
def _sending(connection: socket.socket, data: bytes) -> Iterator[None]:
    """Bytes are sent from a thread: the other side may answer, and hang up, before it has read them all."""

    def send() -> None:
        try:
            connection.sendall(data)
        except OSError:
            return

    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    yield
    connection.close()
    thread.join(10)


# What arrives whole


def test_recording_lies_in_the_store_bit_by_bit_and_is_wished_for_once(room: Room) -> None:
    # More than two parts of a multipart upload, and no round number.
    content = random.Random(0).randbytes(17 * 1024 * 1024 + 13)
    answer = room.served.client(room.reporter).post(room.path, files={"file": ("story.mp4", content)})
    assert answer.status_code == 201, answer.text
    recording = room.assert_kept(content)
    sent = answer.json()
    assert (sent["id"], sent["state"], sent["size_bytes"]) == (recording.id, "waiting", len(content))
    assert sent["sha256"] == hashlib.sha256(content).hexdigest()
    assert recording.original_key.startswith(f"{room.story.object_token}-")


def test_form_may_be_cut_anywhere_on_its_way(room: Room) -> None:
    content = f"\r\n--{BOUNDARY}\r\n-\r\n--{BOUNDARY[:-1]}x".encode()
    content = b"\r\n--a-bound" + content.replace(f"--{BOUNDARY}".encode(), b"--a-boundar") + b"\r\n\r\n--"
    body = form_of(content)
    with closing(room.served.connect()) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(room.head(len(body)))
        for at in range(len(body)):
            connection.sendall(body[at : at + 1])
        assert answer_on(connection).status == 201
    room.assert_kept(content)


def test_chunked_form_of_unknown_length_arrives(room: Room) -> None:
    assert room.send(_in_chunks(form_of(SOUND), 100), length=None).status == 201
    room.assert_kept(SOUND)


def test_fields_around_the_file_do_no_harm(room: Room) -> None:
    before = part(b"a title", b'form-data; name="title"') + b"\r\n"
    after = b"\r\n" + part(b"too late", b'form-data; name="pilot"')
    body = before + part(SOUND) + after + END + b"epilogue, to be ignored"
    assert room.send(body).status == 201
    room.assert_kept(SOUND)


def test_wrong_ending_is_taken_and_judged_later(room: Room) -> None:
    assert room.send(form_of(b"<html><script>", b"page.html")).status == 201
    room.assert_kept(b"<html><script>")


NAMES = {
    b"\xff\xfe\x80.wav": "\ufffd\ufffd\ufffd.wav",
    "ιστορία μου.wav".encode(): "ιστορία μου.wav",
    "zażółć gęślą jaźń.mp3".encode(): "zażółć gęślą jaźń.mp3",
    b"../../../etc/passwd": "passwd",
    rb"C:\\Users\\Anna\\story.wav": "story.wav",
    b"..": "..",
    b"/": "recording",
    b"   ": "recording",
    b"a\0b\x1b[31m\tc.wav": "a\ufffdb\ufffd[31m\ufffdc.wav",
    "a\u202egpj.exe".encode(): "a\ufffdgpj.exe",
    b"x" * 10_000 + b".wav": "x" * 255,
    "ą".encode() * 5_000: "ą" * 255,
    b"%2e%2e%2fx": "%2e%2e%2fx",
    b"<script>alert(1)</script>.wav": "script>.wav",
}


def test_name_is_kept_readable_and_used_for_nothing(room: Room, subtests: pytest.Subtests) -> None:
    for count, (sent, kept) in enumerate(NAMES.items(), start=1):
        with subtests.test(name=kept):
            answer = room.send(form_of(SOUND, sent))
            assert answer.status == 201, answer
            recording = room.recordings()[-1]
            assert (recording.position, recording.sent_name) == (count - 1, kept)
            token, _, rest = recording.original_key.partition("-o")
            assert (token, set(rest) <= set("0123456789abcdef")) == (room.story.object_token, True)
            assert room.objects.size_of(recording.original_key) == len(SOUND)


# What is broken, hostile or cut off

HOSTILE = {
    "no boundary": ("form-unreadable", form_of(SOUND), "multipart/form-data"),
    "an empty boundary": ("form-unreadable", form_of(SOUND), "multipart/form-data; boundary="),
    "another type": ("form-unreadable", form_of(SOUND), "application/json"),
    "a type that is none": ("form-unreadable", form_of(SOUND), ";;;="),
    "another boundary": ("form-unreadable", form_of(SOUND), "multipart/form-data; boundary=other"),
    "nothing at all": ("recording-cut-off", b"", FORM),
    "something before it": ("form-unreadable", b"preamble\r\n" + form_of(SOUND), FORM),
    "an end alone": ("recording-missing", f"--{BOUNDARY}--\r\n".encode(), FORM),
    "no file": ("recording-missing", part(b"x", b'form-data; name="file"') + END, FORM),
    "an empty file": ("recording-empty", form_of(b""), FORM),
    "two files": ("form-unreadable", part(SOUND) + b"\r\n" + part(SOUND) + END, FORM),
    "a field that is too long": ("form-unreadable", part(b"x" * 70_000, b'form-data; name="t"') + END, FORM),
    "many fields": (
        "form-unreadable",
        (part(b"x" * 7_000, b'form-data; name="t"') + b"\r\n") * 12 + part(SOUND) + END,
        FORM,
    ),
    "hundreds of parts": (
        "form-unreadable",
        (part(b"x", b'form-data; name="t"') + b"\r\n") * 300 + part(SOUND) + END,
        FORM,
    ),
    "a part's head that is too long": ("form-unreadable", form_of(SOUND, b"x" * 40_000), FORM),
    "a part's head without an end": (
        "form-unreadable",
        f"--{BOUNDARY}\r\n".encode() + b"X-A: b\r\n" * 20_000 + END,
        FORM,
    ),
    "a head without a colon": (
        "form-unreadable",
        f"--{BOUNDARY}\r\nContent-Disposition\r\n\r\n".encode() + SOUND + END,
        FORM,
    ),
    "a file without its end": ("recording-cut-off", part(SOUND), FORM),
    "an end cut in the middle": ("recording-cut-off", part(SOUND) + END[:8], FORM),
}


def test_broken_form_is_refused_and_leaves_nothing(room: Room, subtests: pytest.Subtests) -> None:
    for what, (code, body, content_type) in HOSTILE.items():
        with subtests.test(what=what):
            answer = room.send(body, content_type)
            assert (answer.status, answer.problem["code"]) == (422, code)
            assert answer.problem["detail"]
            room.assert_nothing_stays()
    assert room.send(form_of(SOUND)).status == 201, "the next one is taken"


def test_length_that_says_less_than_is_sent_cuts_the_recording_off(room: Room) -> None:
    body = form_of(SOUND)
    # What is left over reads as a next request, and a broken one: either may be answered first.
    assert room.send(body, length=len(body) - 20).status in (400, 422)
    room.assert_nothing_stays()


def test_chunks_that_are_none_leave_nothing(room: Room) -> None:
    with closing(room.served.connect()) as connection:
        connection.sendall(room.head(None) + b"5\r\n--a-b\r\nzz\r\nnot a chunk")
        connection.settimeout(30)
        answer = connection.recv(100)
        assert answer == b"" or b" 400 " in answer or b" 422 " in answer
    room.assert_nothing_stays()


@pytest.mark.parametrize("how", ["reset", "closed"])
def test_sender_who_is_gone_in_the_middle_leaves_nothing(
    room: Room, how: str, subtests: pytest.Subtests
) -> None:
    for sent_bytes in (0, 500, 9 * 1024 * 1024):
        body = part(random.Random(2).randbytes(sent_bytes)) if sent_bytes else b""
        with subtests.test(sent_bytes=sent_bytes):
            with closing(room.served.connect()) as connection:
                connection.sendall(room.head(20 * 1024 * 1024) + body)
                if sent_bytes:
                    wait_until(lambda: len(room.recordings()) == 1, "the recording to be expected")
                if how == "reset":
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            room.assert_nothing_stays()
    shown = room.served.client(room.reporter).get(f"/api/v1/stories/{room.story.id}").json()
    assert shown["recordings"] == []


def test_while_a_recording_streams_nobody_sees_it_as_one(room: Room) -> None:
    body = form_of(random.Random(3).randbytes(3_000_000))
    with closing(room.served.connect()) as connection:
        connection.sendall(room.head(len(body)) + body[:2_000_000])
        wait_until(lambda: len(room.recordings()) == 1, "the recording to be expected")
        story = room.served.client(room.reporter).get(f"/api/v1/stories/{room.story.id}").json()
        assert [(each["state"], each["size_bytes"]) for each in story["recordings"]] == [("uploading", None)]
        assert room.wishes() == []
        assert list(room.objects.list_prefix("")) == []
        connection.sendall(body[2_000_000:])
        assert answer_on(connection).status == 201


def test_story_withdrawn_while_its_recording_streams_keeps_nothing_of_it(room: Room) -> None:
    body = form_of(random.Random(4).randbytes(9_000_000))
    with closing(room.served.connect()) as connection:
        connection.sendall(room.head(len(body)) + body[:8_500_000])
        wait_until(lambda: len(room.recordings()) == 1, "the recording to be expected")
        with room.database.write() as session:
            withdrawals.withdraw(session, session.get_one(Story, room.story.id), actor="test")
        connection.sendall(body[8_500_000:])
        answer = answer_on(connection)
    assert (answer.status, answer.problem["code"]) in ((409, "story-withdrawn"), (410, "withdrawn"))
    wait_until(
        lambda: not [*room.objects.list_prefix(""), *room.objects.list_unfinished("")],
        "no object to stay",
        30,
    )
    assert room.recordings() == []
    assert [wish.kind for wish in room.wishes()] == [WishKind.ERASE]


def test_story_withdrawn_while_its_recording_streams_takes_no_more_of_it(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sender is told before all is sent, and the store has begun nothing: it would begin with the first 8 MiB."""
    monkeypatch.setattr(uploading, "NOTE_EVERY_SECONDS", -1.0)
    body = form_of(random.Random(4).randbytes(20_000_000))
    with closing(room.served.connect()) as connection:
        connection.sendall(room.head(len(body)) + body[:1_000_000])
        wait_until(lambda: len(room.recordings()) == 1, "the recording to be expected")
        with room.database.write() as session:
            withdrawals.withdraw(session, session.get_one(Story, room.story.id), actor="test")
        connection.sendall(body[1_000_000:1_500_000])
        answer = answer_on(connection)
    assert (answer.status, answer.problem["code"]) == (409, "story-withdrawn")
    assert [*room.objects.list_prefix(""), *room.objects.list_unfinished("")] == []


def test_whether_a_story_still_stands_is_looked_at_well_before_its_erasure_looks_again() -> None:
    assert Workplace.lease_seconds / 2 > uploading.NOTE_EVERY_SECONDS


def test_database_away_for_a_moment_ends_no_recording(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> None:
        raise Unavailable("database-unavailable", reason="test")

    monkeypatch.setattr(uploading, "NOTE_EVERY_SECONDS", -1.0)
    begin = uploading.Taking._expect

    def begun(taking: uploading.Taking, name: str) -> tuple[Upload, str]:
        expected = begin(taking, name)
        monkeypatch.setattr(uploads, "note_sending", away)
        return expected

    monkeypatch.setattr(uploading.Taking, "_expect", begun)
    assert room.send(form_of(SOUND)).status == 201
    room.assert_kept(SOUND)


def test_two_recordings_at_once_do_not_mix(room: Room) -> None:
    contents = [random.Random(seed).randbytes(9_000_000) for seed in (5, 6, 7)]
    answers: list[Answer] = []

    def send(content: bytes) -> None:
        answers.append(room.send(form_of(content)))

    threads = [threading.Thread(target=send, args=(content,)) for content in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert [answer.status for answer in answers] == [201] * 3
    assert {each.sha256 for each in room.recordings()} == {
        hashlib.sha256(content).hexdigest() for content in contents
    }


# Parts that do not answer


def test_store_that_is_down_is_said_and_the_service_goes_on(
    parts: Parts, field: Field, tmp_path: Path
) -> None:
    store = start_or_join(tmp_path / "own-store", is_watched=False)
    objects = Objects.connect(
        store.endpoint, store.access_key, store.secret_key, "recordings", secure=False, disk=store.content
    )
    objects.ensure_bucket()
    try:
        with serving_over(replace(parts, objects=objects)) as served:
            room = Room(served, field)
            store.stop()
            # Both when it is known at the first part and when all was sent before the store is asked.
            for content in (SOUND, random.Random(8).randbytes(20_000_000)):
                answer = _sent_from_a_thread(room, form_of(content))
                assert (answer.status, answer.problem["code"]) == (503, "object-store-unavailable")
                assert int(answer.headers["retry-after"]) > 0
            wait_until(lambda: not room.recordings(), "no half-made recording", 30)
            assert room.wishes() == []
            client = served.client(room.reporter)
            assert client.get("/healthz").status_code == 200
            assert client.get("/readyz").status_code == 503
            assert client.get(f"/api/v1/stories/{room.story.id}").status_code == 200
            store.ensure_running()
            assert room.send(form_of(SOUND)).status == 201
            room.assert_kept(SOUND)
    finally:
        store.stop()


def test_store_that_dies_in_the_middle_keeps_no_half(parts: Parts, field: Field, tmp_path: Path) -> None:
    store = start_or_join(tmp_path / "own-store", is_watched=False)
    objects = Objects.connect(
        store.endpoint, store.access_key, store.secret_key, "recordings", secure=False, disk=store.content
    )
    objects.ensure_bucket()
    try:
        with serving_over(replace(parts, objects=objects)) as served, closing(served.connect()) as connection:
            room = Room(served, field)
            body = form_of(random.Random(9).randbytes(30_000_000))
            connection.sendall(room.head(len(body)) + body[:10_000_000])
            wait_until(lambda: len(list(objects.list_unfinished(""))) == 1, "the first part in the store")
            store.stop()
            with _sending(connection, body[10_000_000:]):
                answer = answer_on(connection)
            assert (answer.status, answer.problem["code"]) == (503, "object-store-unavailable")
            wait_until(lambda: not room.recordings(), "no half-made recording", 30)
            assert room.wishes() == []
            store.ensure_running()
            assert list(objects.list_prefix("")) == []
    finally:
        store.stop()


def _sent_from_a_thread(room: Room, body: bytes) -> Answer:
    with closing(room.served.connect()) as connection:
        connection.sendall(room.head(len(body)))
        with _sending(connection, body):
            return answer_on(connection)


@pytest.fixture
def impatient(database: Database) -> Database:
    """Waits for a locked database a fraction of a second only, so that a test need not wait 15 s."""

    def prepare(connection: sqlite3.Connection, record: object) -> None:
        connection.execute("PRAGMA busy_timeout = 300")

    event.listen(database.engine, "connect", prepare)
    database.engine.dispose()
    return database


@contextmanager
def locked(database: Database) -> Iterator[None]:
    """Somebody else writes, and does not stop."""
    with closing(sqlite3.connect(str(database.url.database), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


def test_database_that_is_locked_is_said_and_nothing_is_kept(impatient: Database, room: Room) -> None:
    with locked(impatient):
        answer = room.send(form_of(SOUND))
        assert (answer.status, answer.problem["code"]) == (503, "database-unavailable")
    room.assert_nothing_stays()
    assert room.send(form_of(SOUND)).status == 201


def test_database_that_locks_at_the_end_leaves_it_to_the_sweep(impatient: Database, room: Room) -> None:
    body = form_of(SOUND)
    with closing(room.served.connect()) as connection:
        connection.sendall(room.head(len(body)) + body[:100])
        wait_until(lambda: len(room.recordings()) == 1, "the recording to be expected")
        with locked(impatient):
            connection.sendall(body[100:])
            answer = answer_on(connection)
    assert (answer.status, answer.problem["code"]) == (503, "database-unavailable")
    (recording,) = room.recordings()
    assert recording.state == RecordingState.UPLOADING
    assert room.wishes() == []
    with room.database.read() as session:
        (left,) = uploads.expired(session, utc_now() + FORM_LASTS)
    assert left.recording_id == recording.id


def test_page_of_a_stranger_sends_nothing(room: Room) -> None:
    browser = room.served.browser(room.reporter)
    elsewhere = {"origin": "https://elsewhere.example"}
    answer = browser.post(
        room.path.removeprefix("/api/v1"), files={"file": ("a.wav", SOUND)}, headers=elsewhere
    )
    assert answer.status_code == 403
    room.assert_nothing_stays()
