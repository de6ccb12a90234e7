"""A store that refuses, hangs, dies or is slow: nothing is answered that is not so, and all goes on by itself."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.parts import Parts
from app.settings import Settings
from app.words import MENDS
from pipeline.themes.codebook import load_codebook
from storage import objects as objects_module
from storage.database import Database
from storage.embedded import Embedded
from storage.objects import Objects
from tests.app.uploads.sending import MIB, Room, some_bytes
from tests.erasure.refusing import Refusing
from tests.faults import doctor
from tests.faults.test_random_kills import live_through
from tests.plugins.served import Answer, Served, serving_over
from tests.plugins.stories import Field

FORM = "multipart/form-data; boundary=b"
SOON_SECONDS = 60
SLOW_SECONDS = 0.7


class Moody(Refusing):
    """A way to the store on which it answers, at once or slowly, refuses everything with 503, or never answers."""

    def __init__(self, store: str) -> None:
        super().__init__(store, range(0))
        self.mood = "answers"
        self.over = threading.Event()

    def is_refused(self, method: str, path: str) -> bool:
        if self.mood == "hangs":
            self.over.wait(30)
        if self.mood == "is slow":
            time.sleep(SLOW_SECONDS)
            return False
        return self.mood != "answers"


@pytest.fixture
def way(object_server: Embedded) -> Iterator[Moody]:
    moody = Moody(object_server.endpoint)
    threading.Thread(target=moody.serve_forever, daemon=True).start()
    yield moody
    moody.over.set()
    moody.shutdown()
    moody.server_close()


@pytest.fixture
def read_seconds() -> float:
    """How long the service waits for its store: not so short that one which is busy beside others hangs, too."""
    return 20.0


@pytest.fixture
def served(
    way: Moody,
    sqlite_database: Database,
    object_store: Objects,
    object_server: Embedded,
    tmp_path: Path,
    read_seconds: float,
) -> Iterator[Served]:
    """The service with that way to its store."""
    server = object_server
    over_there = Objects.connect(
        way.endpoint,
        server.access_key,
        server.secret_key,
        object_store.bucket,
        secure=False,
        read_seconds=read_seconds,
    )
    settings = Settings(_env_file=None, data=tmp_path, workers=0, min_free_bytes=0)
    with serving_over(Parts(settings, sqlite_database, over_there, load_codebook())) as running:
        yield running


def assert_told_to_wait(answer: Answer) -> None:
    assert answer.status == 503, answer
    assert int(answer.headers["retry-after"]) > 0


def form_of(content: bytes) -> bytes:
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
    return head + content + b"\r\n--b--\r\n"


@pytest.mark.parametrize(
    ("mood", "read_seconds"), [("refuses", 20.0), pytest.param("hangs", 3.0, marks=pytest.mark.long)]
)
def test_upload_waits_for_a_store_that_does_not_answer(
    served: Served, way: Moody, sqlite_database: Database, mood: str
) -> None:
    room = Room(served, Field(sqlite_database))
    by_form = room.another()
    data = some_bytes(9 * MIB)
    where = room.begun(len(data))
    assert room.patch(where, 0, data[: 8 * MIB]).status == 204
    way.mood = mood
    kept = room.offset(where)
    assert_told_to_wait(room.patch(where, kept, data[kept:]))
    assert room.offset(where) >= kept
    path = f"/api/v1/stories/{by_form.story.id}/recordings"
    assert_told_to_wait(by_form.ask("POST", path, {"Content-Type": FORM}, form_of(b"a sound")))
    # What does not need it goes on.
    assert room.ask("GET", f"/api/v1/stories/{room.story.id}").status == 200
    assert room.ask("GET", "/readyz").status == 503
    assert MENDS["object-store-unavailable"] in doctor.mends(served.parts)
    way.mood = "answers"
    way.over.set()
    began, answer = time.monotonic(), None
    while answer is None or answer.status != 204:
        offset = room.offset(where)
        answer = room.patch(where, offset, data[offset:])
        assert time.monotonic() - began < SOON_SECONDS, answer
    room.assert_kept(data)
    assert by_form.ask("POST", path, {"Content-Type": FORM}, form_of(b"a sound")).status == 201
    assert len([each for each in by_form.recordings() if each.sha256]) == 1
    assert doctor.ills(served.parts) == []


def test_upload_to_a_store_that_is_slow_comes_whole_and_keeps_nobody_else_waiting(
    served: Served, way: Moody, sqlite_database: Database
) -> None:
    room = Room(served, Field(sqlite_database))
    by_form = room.another()
    data = some_bytes(9 * MIB)
    way.mood = "is slow"
    where = room.begun(len(data))
    answers: list[Answer] = []
    sending = threading.Thread(target=lambda: answers.append(room.patch(where, 0, data)))
    sending.start()
    waited: list[float] = []
    while sending.is_alive():
        began = time.monotonic()
        assert room.ask("GET", f"/api/v1/stories/{room.story.id}").status == 200
        waited.append(time.monotonic() - began)
        time.sleep(0.05)
    sending.join()
    assert [answer.status for answer in answers] == [204]
    # As a rule, and not each: the machine is shared.
    assert len(waited) > 3
    assert sorted(waited)[len(waited) // 2] < SLOW_SECONDS / 3
    path = f"/api/v1/stories/{by_form.story.id}/recordings"
    assert by_form.ask("POST", path, {"Content-Type": FORM}, form_of(b"a sound")).status == 201
    way.mood = "answers"
    room.assert_kept(data)
    assert doctor.ills(served.parts) == []


@contextmanager
def full(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The store's disk has its reserve left, and nothing more."""
    from storage import object_parts, object_service

    with monkeypatch.context() as changed:
        for module in (objects_module, object_parts, object_service):
            changed.setattr(module, "is_nearly_full", lambda disk: True)
        yield


def test_store_that_is_full_is_said_and_taken_up_again(
    served: Served, sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = Room(served, Field(sqlite_database))
    data = some_bytes(9 * MIB)
    where = room.begun(len(data))
    with full(monkeypatch):
        answer = room.patch(where, 0, data)
        assert (answer.status, answer.problem["code"]) == (507, "object-store-full")
        assert int(answer.headers["retry-after"]) > 0
        kept = room.offset(where)
        assert kept > 0
        # Nothing is erased to make room, and what is there can be read.
        assert room.ask("GET", f"/api/v1/stories/{room.story.id}").status == 200
    assert room.patch(where, kept, data[kept:]).status == 204
    room.assert_kept(data)
    assert doctor.ills(served.parts) == []


@pytest.mark.long
def test_embedded_store_that_is_killed_comes_back_by_itself(
    sqlite_database: Database, tmp_path: Path
) -> None:
    live_through(tmp_path, sqlite_database, kills=6, stories=6, what="kills of the store", victim="store")
