"""The object store through the SDK, against a real server: whole objects or none, and nothing left of deleted ones."""

from __future__ import annotations

import asyncio
import hashlib
import io
import itertools
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from minio.commonconfig import ENABLED
from minio.versioningconfig import SUSPENDED, VersioningConfig

from models.errors import Conflict, Invalid, NoSpace, NotFound, StoryError, Unavailable, WorkCancelled
from storage import object_service
from storage.embedded import Embedded
from storage.object_stream import StreamingPut
from storage.objects import Objects, new_object_token

MIB = 1024 * 1024
ROOT = Path(__file__).resolve().parent.parent.parent


class Pouring:
    """A stream of pseudo-random bytes that does what ``at_byte`` says when it gets there."""

    def __init__(self, size_bytes: int, at_byte: Callable[[int], None] = lambda read: None) -> None:
        self._left, self._at_byte, self._read = size_bytes, at_byte, 0
        self._block = os.urandom(MIB + 1)
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        self._at_byte(self._read)
        piece = self._block[: min(size, self._left, len(self._block))]
        self._left -= len(piece)
        self._read += len(piece)
        self.digest.update(piece)
        return piece


def fails_after(limit_bytes: int, error: Exception) -> Callable[[int], None]:
    def check(read_bytes: int) -> None:
        if read_bytes > limit_bytes:
            raise error

    return check


def everything_in(objects: Objects) -> list[tuple[str, str | None, bool]]:
    """Each version of each object, delete markers and unfinished uploads too."""
    listed = objects._client.list_objects(objects.bucket, recursive=True, include_version=True)
    versions = [(str(each.object_name), each.version_id, bool(each.is_delete_marker)) for each in listed]
    return versions + [(key, "unfinished", False) for key in objects.list_unfinished("")]


def set_versioning(objects: Objects, status: str) -> None:
    objects._client.set_bucket_versioning(objects.bucket, VersioningConfig(status))


def elsewhere(port: int, read_seconds: float = 1.0) -> Objects:
    return Objects.connect(
        f"127.0.0.1:{port}", "key", "secret", "bucket", secure=False, read_seconds=read_seconds
    )


# whole objects


@pytest.mark.parametrize("size_bytes", [0, 1, 8 * MIB - 1, 8 * MIB, 8 * MIB + 1, 37_000_000])
def test_stream_of_unknown_length_comes_back_byte_for_byte(object_store: Objects, size_bytes: int) -> None:
    source = Pouring(size_bytes)
    stored = object_store.put_stream("a-o1", source)
    assert (stored.key, stored.size_bytes, stored.sha256) == ("a-o1", size_bytes, source.digest.hexdigest())
    came_back = hashlib.sha256(b"".join(object_store.open_range("a-o1", 0, None)))
    assert came_back.hexdigest() == stored.sha256
    assert object_store.size_of("a-o1") == size_bytes


def test_object_says_nothing_beyond_its_bytes(object_store: Objects, tmp_path: Path) -> None:
    name = tmp_path / "Maria's story.mp3"
    name.write_bytes(b"ID3")
    object_store.put_file("a-o1", name)
    told = object_store._client.stat_object(object_store.bucket, "a-o1")
    assert told.content_type == "application/octet-stream"
    assert not [each for each in told.metadata if each.lower().startswith("x-amz-meta")]
    assert "Maria" not in str(told.metadata)


def test_progress_counts_bytes_to_the_last(object_store: Objects) -> None:
    counts: list[int] = []
    object_store.put_stream("a-o1", Pouring(20 * MIB), on_bytes=counts.append)
    assert counts == sorted(counts)
    assert counts[-1] == 20 * MIB
    assert len(counts) >= 3


def test_keys_are_random_and_flat() -> None:
    tokens = {new_object_token() for _ in range(100)}
    assert len(tokens) == 100
    assert all(len(token) == 32 and token.isalnum() for token in tokens)


@pytest.mark.parametrize(
    ("start", "length"),
    [(0, 1), (0, 10), (5, 1), (999_990, 10), (0, 1_000_000), (7, 600_000), (3, None), (8, 0)],
)
def test_range_gives_exactly_the_bytes_asked_for(
    object_store: Objects, start: int, length: int | None
) -> None:
    content = os.urandom(1_000_000)
    object_store.put_stream("a-o1", io.BytesIO(content))
    end = None if length is None else start + length
    assert b"".join(object_store.open_range("a-o1", start, length)) == content[start:end]


def test_range_beyond_the_end_is_unfit(object_store: Objects) -> None:
    object_store.put_stream("a-o1", io.BytesIO(b"short"))
    with pytest.raises(Invalid) as caught:
        list(object_store.open_range("a-o1", 100, 5))
    assert caught.value.code == "range-unfit"


def test_reader_that_leaves_early_gives_its_connection_back(object_store: Objects) -> None:
    object_store.put_stream("a-o1", Pouring(16 * MIB))
    began = time.monotonic()
    for _ in range(60):  # three times as many as connections are kept
        chunks = object_store.open_range("a-o1", 0, None)
        assert isinstance(chunks, Iterator)
        next(chunks)
        chunks.close()  # type: ignore[attr-defined]
    assert time.monotonic() - began < 10
    mine = [
        each
        for each in Path("/proc/self/fd").iterdir()
        if each.is_symlink() and os.readlink(each).startswith("socket")
    ]
    assert len(mine) < 40


def test_missing_object_is_not_found(object_store: Objects, tmp_path: Path) -> None:
    for ask in (
        lambda: object_store.size_of("none"),
        lambda: list(object_store.open_range("none", 0, 5)),
        lambda: object_store.get_to_file("none", tmp_path / "none"),
    ):
        with pytest.raises(NotFound) as caught:
            ask()
        assert caught.value.code == "object-not-found"
    assert not object_store.exists("none")
    assert list(tmp_path.iterdir()) == []


def test_fetched_file_appears_only_when_its_digest_is_right(object_store: Objects, tmp_path: Path) -> None:
    stored = object_store.put_stream("a-o1", io.BytesIO(b"what was said"))
    object_store.get_to_file("a-o1", tmp_path / "right", sha256=stored.sha256)
    assert (tmp_path / "right").read_bytes() == b"what was said"
    with pytest.raises(Conflict) as caught:
        object_store.get_to_file("a-o1", tmp_path / "wrong", sha256="0" * 64)
    assert caught.value.code == "object-changed"
    assert [each.name for each in tmp_path.iterdir()] == ["right"]


# nothing half-made


@pytest.mark.parametrize("at_bytes", [0, 3 * MIB, 20 * MIB])
def test_stream_that_breaks_leaves_nothing(object_store: Objects, at_bytes: int) -> None:
    broken = ConnectionResetError("the phone is gone")
    with pytest.raises(ConnectionResetError) as caught:
        object_store.put_stream("a-o1", Pouring(30 * MIB, fails_after(at_bytes, broken)))
    assert caught.value is broken
    assert everything_in(object_store) == []


def test_store_with_a_nearly_full_disk_takes_nothing_more(
    object_store: Objects, object_server: Embedded, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = Objects(object_store._client, object_store.bucket, disk=object_server.folder)

    def fill(read_bytes: int) -> None:
        if read_bytes > 12 * MIB:
            monkeypatch.setattr(object_service, "RESERVED_BYTES", 2**62)

    with pytest.raises(NoSpace) as caught:
        here.put_stream("a-o1", Pouring(30 * MIB, fill))
    assert caught.value.code == "object-store-full"
    assert everything_in(object_store) == []


# deleting


def test_prefix_is_deleted_in_every_version_and_its_neighbours_stay(object_store: Objects) -> None:
    object_store.put_stream("aa-o1", io.BytesIO(b"older than versioning"))
    set_versioning(object_store, ENABLED)
    for content in (b"one", b"two"):
        object_store.put_stream("aa-o1", io.BytesIO(content))
        object_store.put_stream("aa-r1", io.BytesIO(content))
        object_store.put_stream("ab-o1", io.BytesIO(content))
    object_store._client.remove_object(object_store.bucket, "aa-o1")
    set_versioning(object_store, SUSPENDED)
    object_store.put_stream("aa-r1", io.BytesIO(b"three"))
    assert len(everything_in(object_store)) >= 8
    object_store.delete_prefix("aa-")
    left = everything_in(object_store)
    assert [key for key, _, _ in left] == ["ab-o1", "ab-o1"]
    assert list(object_store.list_prefix("")) == ["ab-o1"]


def test_prefix_is_deleted_with_its_unfinished_uploads(object_store: Objects) -> None:
    client, bucket = object_store._client, object_store.bucket
    for key in ("aa-o1", "aa-o2", "ab-o1"):
        upload = client._create_multipart_upload(bucket, key, {})
        client._upload_part(bucket, key, os.urandom(5 * MIB), None, upload, 1)
    assert sorted(object_store.list_unfinished("")) == ["aa-o1", "aa-o2", "ab-o1"]
    object_store.delete_prefix("aa-")
    assert list(object_store.list_unfinished("")) == ["ab-o1"]


def test_key_is_deleted_and_longer_keys_stay(object_store: Objects) -> None:
    for key in ("aa-o1", "aa-o10", "aa-o11"):
        object_store.put_stream(key, io.BytesIO(b"x"))
    object_store._client._create_multipart_upload(object_store.bucket, "aa-o1", {})
    object_store._client._create_multipart_upload(object_store.bucket, "aa-o10", {})
    object_store.delete("aa-o1")
    object_store.delete("aa-o1")
    assert list(object_store.list_prefix("aa-")) == ["aa-o10", "aa-o11"]
    assert list(object_store.list_unfinished("")) == ["aa-o10"]


def test_prefix_of_more_than_a_page_is_deleted(object_store: Objects) -> None:
    def put(number: int) -> None:
        object_store._client.put_object(object_store.bucket, f"aa-{number}", io.BytesIO(b"x"), 1)

    with ThreadPoolExecutor(16) as many:
        list(many.map(put, range(1010)))
    assert len(list(object_store.list_prefix("aa-"))) == 1010
    object_store.delete_prefix("aa-")
    assert everything_in(object_store) == []


# a store that does not answer


def every_verb(objects: Objects, folder: Path) -> list[Callable[[], object]]:
    return [
        objects.ensure_bucket,
        objects.probe,
        objects.check_writable,
        lambda: objects.put_stream("a-o1", Pouring(20 * MIB)),
        lambda: objects.put_stream("a-o1", io.BytesIO(b"x")),
        lambda: objects.get_to_file("a-o1", folder / "a"),
        lambda: list(objects.open_range("a-o1", 0, 5)),
        lambda: objects.exists("a-o1"),
        lambda: list(objects.list_prefix("")),
        lambda: objects.delete("a-o1"),
        lambda: objects.delete_prefix("a-"),
    ]


def test_store_that_is_down_is_unavailable_at_once(tmp_path: Path) -> None:
    for ask in every_verb(elsewhere(1), tmp_path):
        began = time.monotonic()
        with pytest.raises(Unavailable) as caught:
            ask()
        assert caught.value.code == "object-store-unavailable"
        assert time.monotonic() - began < 3


def test_store_that_never_answers_does_not_hang_its_caller() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        objects = elsewhere(silent.getsockname()[1])
        began = time.monotonic()
        with pytest.raises(Unavailable):
            objects.put_stream("a-o1", io.BytesIO(b"x"))
        assert time.monotonic() - began < 2.9


def test_answers_that_are_not_s3_are_unavailable(tmp_path: Path) -> None:
    class Portal(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<p>Sign in to the <b>network")

        do_POST = do_PUT = do_DELETE = do_HEAD = do_GET

        def log_message(self, *words: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Portal) as portal:
        threading.Thread(target=portal.serve_forever, daemon=True).start()
        objects = elsewhere(portal.server_port)
        for ask in (
            lambda: list(objects.list_prefix("")),
            lambda: objects.put_stream("a", Pouring(20 * MIB)),
        ):
            with pytest.raises(Unavailable):
                ask()
        portal.shutdown()


def test_wrong_credentials_are_unavailable_and_name_no_key(object_server: Embedded) -> None:
    objects = Objects.connect(object_server.endpoint, "somebody", "else", "bucket", secure=False)
    with pytest.raises(Unavailable) as caught:
        objects.size_of("3f9c-o1")
    assert "3f9c" not in str(caught.value)


# from the event loop


def test_upload_streams_from_the_event_loop(object_store: Objects) -> None:
    content = os.urandom(21 * MIB)

    async def upload() -> str:
        put = StreamingPut(object_store, "a-o1")
        for start in range(0, len(content), 65_537):
            await put.write(content[start : start + 65_537])
        return (await put.close()).sha256

    assert asyncio.run(upload()) == hashlib.sha256(content).hexdigest()
    assert b"".join(object_store.open_range("a-o1", 0, None)) == content


@pytest.mark.parametrize("sent_bytes", [0, 100, 3 * MIB, 20 * MIB])
def test_upload_given_up_leaves_nothing(object_store: Objects, sent_bytes: int) -> None:
    async def upload() -> None:
        put = StreamingPut(object_store, "a-o1")
        await put.write(os.urandom(sent_bytes))
        await put.abort()
        await put.abort()
        with pytest.raises(WorkCancelled):
            await put.close()

    asyncio.run(upload())
    assert everything_in(object_store) == []


def test_upload_given_up_when_it_was_whole_is_taken_back(object_store: Objects) -> None:
    async def upload() -> None:
        put = StreamingPut(object_store, "a-o1")
        await put.write(b"all of it")
        await put.close()
        assert object_store.exists("a-o1")
        await put.abort()

    asyncio.run(upload())
    assert everything_in(object_store) == []


def test_upload_whose_task_is_cancelled_twice_leaves_nothing(object_store: Objects) -> None:
    async def upload() -> None:
        put = StreamingPut(object_store, "a-o1")
        try:
            for _ in itertools.count():
                await put.write(os.urandom(MIB))
                await asyncio.sleep(0)
        finally:
            await put.abort()

    async def impatient() -> None:
        task = asyncio.create_task(upload())
        await asyncio.sleep(0.5)
        task.cancel()
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(impatient())
    deadline = time.monotonic() + 5
    while any(thread.name == "upload" for thread in threading.enumerate()) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert everything_in(object_store) == []


def test_sender_waits_for_a_slow_store_and_the_loop_goes_on(object_store: Objects) -> None:
    class Slow(Objects):
        def put_stream(self, key, source, **more):  # type: ignore[no-untyped-def]
            time.sleep(0.5)
            return super().put_stream(key, source, **more)

    async def upload() -> tuple[int, float, int]:
        put = StreamingPut(Slow(object_store._client, object_store.bucket), "a-o1")
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                await asyncio.sleep(0.01)
                ticks += 1

        ticking, began = asyncio.create_task(tick()), time.monotonic()
        for _ in range(40):
            await put.write(os.urandom(MIB // 2))
        waited, ticked = time.monotonic() - began, ticks
        ticking.cancel()
        return (await put.close()).size_bytes, waited, ticked

    size_bytes, waited_seconds, ticks = asyncio.run(upload())
    assert size_bytes == 20 * MIB
    assert waited_seconds >= 0.45
    assert ticks >= 20


def test_upload_to_a_store_that_is_down_tells_its_sender(object_store: Objects) -> None:
    async def upload() -> None:
        put = StreamingPut(elsewhere(1), "a-o1")
        try:
            for _ in range(100):
                await put.write(os.urandom(MIB))
            await put.close()
        finally:
            await put.abort()

    with pytest.raises(StoryError) as caught:
        asyncio.run(upload())
    assert caught.value.code == "object-store-unavailable"


def test_sender_who_falls_silent_is_cut_off(object_store: Objects) -> None:
    async def upload() -> None:
        put = StreamingPut(object_store, "a-o1", patience_seconds=0.3)
        await put.write(os.urandom(MIB))
        await asyncio.sleep(0.6)
        await put.close()

    with pytest.raises(Invalid) as caught:
        asyncio.run(upload())
    assert caught.value.code == "recording-cut-off"
    assert everything_in(object_store) == []


# memory

STREAM = """
import asyncio, os, sys
from storage.object_stream import StreamingPut
from storage.objects import Objects

def resident_bytes(name):
    return next(int(line.split()[1]) * 1024 for line in open("/proc/self/status") if line.startswith(name))

async def upload(endpoint, access_key, secret_key, bucket, size):
    objects = Objects.connect(endpoint, access_key, secret_key, bucket, secure=False)
    objects.put_stream("warm-up", open("/dev/null", "rb"))
    block, before = os.urandom(65536), resident_bytes("VmRSS")
    put = StreamingPut(objects, "a-o1")
    for _ in range(size // 65536):
        await put.write(block)
    assert (await put.close()).size_bytes == size
    print(resident_bytes("VmHWM") - before)

asyncio.run(upload(*sys.argv[1:5], int(sys.argv[5])))
"""


@pytest.mark.parametrize("size_mib", [256, pytest.param(1024, marks=pytest.mark.long)])
def test_memory_does_not_grow_with_the_recording(
    object_server: Embedded, object_store: Objects, size_mib: int
) -> None:
    server = (object_server.endpoint, object_server.access_key, object_server.secret_key)
    told = subprocess.run(
        [sys.executable, "-c", STREAM, *server, object_store.bucket, str(size_mib * MIB)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(told.stdout) < 64 * MIB
