"""Rebuilding the store's index of names: nothing deleted stays in it, nothing kept is lost, wherever it is killed."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from models.errors import StoryError, Unavailable
from storage.embedded import Embedded, process, rebuild, start_or_join
from storage.objects import Objects

ROOT = Path(__file__).resolve().parent.parent.parent
DOOMED, KEPT = "d" * 31, "e" * 31
STEPS = ("saving", "saved", "moved", "loaded", "compared", "done")


def bucket_of(store: Embedded) -> Objects:
    objects = Objects.connect(store.endpoint, store.access_key, store.secret_key, "stories", secure=False)
    objects.ensure_bucket()
    return objects


def files_with(folder: Path, content: bytes) -> list[str]:
    files = [each for each in folder.rglob("*") if each.is_file() and not each.is_socket()]
    return [str(each.relative_to(folder)) for each in files if content in each.read_bytes()]


def put(objects: Objects, key: str, size_bytes: int) -> bytes:
    content = os.urandom(size_bytes)
    objects.put_stream(key, io.BytesIO(content))
    return content


def has(objects: Objects, key: str, content: bytes) -> bool:
    return b"".join(objects.open_range(key, 0, None)) == content


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    store = start_or_join(tmp_path_factory.mktemp("store"), is_watched=False)
    yield store
    store.stop()


@pytest.mark.long
def test_key_and_md5_of_what_was_deleted_leave_the_index(store: Embedded) -> None:
    objects = bucket_of(store)
    kept = {f"{KEPT}{n}-o1": put(objects, f"{KEPT}{n}-o1", 9_000_000 if n == 0 else 50_000) for n in range(9)}
    content = put(objects, f"{DOOMED}-o1", 50_000)
    traces = {"key": DOOMED.encode(), "MD5": hashlib.md5(content).digest()}
    objects.delete_prefix(DOOMED)
    store.erase_leftovers()
    for name, trace in traces.items():
        assert files_with(store.content, trace), f"the {name} is gone by itself: this test shows nothing"
    store.rebuild_names()
    for trace in (*traces.values(), content[100:132]):
        assert files_with(store.folder, trace) == []
    assert sorted(objects.list_prefix("")) == sorted(kept)
    assert all(has(objects, key, each) for key, each in kept.items())
    assert not list(store.content.glob("filerldb2.*"))


@pytest.mark.long
def test_object_in_parts_goes_on_over_a_rebuild(store: Embedded) -> None:
    """Resumable uploads rest for days."""
    objects, key, part = bucket_of(store), f"{KEPT}-o7", os.urandom(6_000_000)
    token = objects.parts.begin(key)
    tags = [objects.parts.put(key, token, 1, part)]
    store.rebuild_names()
    assert list(objects.list_unfinished(key)) == [key]
    tags.append(objects.parts.put(key, token, 2, part[::-1]))
    objects.parts.join(key, token, tags, 12_000_000)
    assert has(objects, key, part + part[::-1])


@pytest.mark.long
def test_content_that_a_kill_left_without_a_name_is_found_and_deleted(store: Embedded) -> None:
    objects = bucket_of(store)
    content = put(objects, f"{DOOMED}-o2", 300_000)
    kept = put(objects, f"{KEPT}-o2", 9_000_000)
    objects.delete_prefix(DOOMED)
    # It hands deleted content to its volumes a moment after it answered.
    process.kill(store.folder)
    store.ensure_running()
    store.erase_leftovers()
    assert files_with(store.content, content[1000:1032]), "nothing was left behind: this test shows nothing"
    store.rebuild_names()
    store.erase_leftovers()
    assert files_with(store.content, content[1000:1032]) == []
    assert has(objects, f"{KEPT}-o2", kept)


@pytest.mark.long
def test_names_that_do_not_come_out_the_same_leave_the_old_index(
    store: Embedded, monkeypatch: pytest.MonkeyPatch
) -> None:
    objects = bucket_of(store)
    kept = put(objects, f"{KEPT}-o3", 50_000)
    monkeypatch.setattr(rebuild, "_load", lambda run: None)
    with pytest.raises(Unavailable):
        store.rebuild_names()
    assert has(objects, f"{KEPT}-o3", kept)
    assert not list(store.content.glob("filerldb2.*"))


@pytest.mark.long
def test_log_that_is_written_while_the_index_is_filled_does_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server writes the first of it after a minute, and an index with many names takes longer than that to fill."""
    store = start_or_join(tmp_path / "store", is_watched=False)
    objects = bucket_of(store)
    kept = put(objects, f"{KEPT}-o4", 50_000)
    load = rebuild._load

    def load_slowly(run: Path) -> None:
        load(run)
        time.sleep(70)

    monkeypatch.setattr(rebuild, "_load", load_slowly)
    store.rebuild_names()
    assert has(objects, f"{KEPT}-o4", kept)
    store.stop()


def entry(folder: bytes, name: bytes, at: int) -> bytes:
    """A name as the server saves it: protobuf, behind its length."""
    attributes = b"\x10\x01\x22\x04\x10" + bytes([at, 0, 0])
    named = (b"\n" + bytes([len(name)]) + name if name else b"") + attributes
    whole = b"\n" + bytes([len(folder)]) + folder + b"\x12" + bytes([len(named)]) + named
    return len(whole).to_bytes(4, "big") + whole


def test_what_the_server_writes_for_itself_may_come_and_go_and_nothing_else(tmp_path: Path) -> None:
    """Its log is written up to a minute late, with the folders that it is in."""
    owner = entry(b"/buckets/.system/owners/app", b"stories", 1)
    ours = entry(b"/", b"", 1) + entry(b"/buckets/stories", b"a-o1", 1)
    log = entry(b"/", b"topics", 2) + entry(b"/topics", b".system", 2) + entry(b"/topics/.system", b"log", 2)
    (tmp_path / "before").write_bytes(ours)
    for after, is_same in (
        (ours + log, True),
        (log + entry(b"/", b"", 9) + entry(b"/buckets/stories", b"a-o1", 1), True),
        (ours + owner, True),
        (ours + entry(b"/buckets/.system", b"owned", 2), False),
        (ours + entry(b"/", b"topic", 2), False),
        (ours + entry(b"/topical", b"a", 2), False),
        (ours + entry(b"/buckets", b"topics", 2), False),
        (log, False),
    ):
        (tmp_path / "after").write_bytes(after)
        is_found_same = rebuild._names(tmp_path / "before") == rebuild._names(tmp_path / "after")
        assert is_found_same is is_same, after


def test_store_finds_its_buckets_without_its_own_list_of_whose_they_are(store: Embedded) -> None:
    """It goes now and then when an index is filled, by the order in which names come."""
    objects = bucket_of(store)
    kept = put(objects, f"{KEPT}-o7", 50_000)
    owners = "/buckets/.system/owners"
    assert "app" in store.shell(f"fs.ls {owners}")
    store.shell(f"fs.rm -r -f {owners}/app")
    assert "app" not in store.shell(f"fs.ls {owners}")
    store.stop()
    store.ensure_running()
    assert has(bucket_of(store), f"{KEPT}-o7", kept)
    assert has(objects, f"{KEPT}-o8", put(objects, f"{KEPT}-o8", 50_000))


def test_nothing_acknowledged_while_it_is_rebuilt_is_lost(store: Embedded) -> None:
    objects = bucket_of(store)
    acknowledged: dict[str, bytes] = {}
    is_over = threading.Event()

    def write() -> None:
        number = 0
        while not is_over.is_set():
            number += 1
            try:
                acknowledged[f"{KEPT}-w{number}"] = put(objects, f"{KEPT}-w{number}", 20_000)
            except StoryError:
                time.sleep(0.05)

    writer = threading.Thread(target=write)
    writer.start()
    time.sleep(0.5)
    before = len(acknowledged)
    store.rebuild_names()
    time.sleep(0.5)
    is_over.set()
    writer.join()
    assert 0 < before < len(acknowledged), "it was written to before and after"
    assert all(has(objects, key, content) for key, content in acknowledged.items())


KILLED = """
import os, signal, sys
from pathlib import Path
from storage.embedded import rebuild, start_or_join
store = start_or_join(Path(sys.argv[1]), is_watched=False)
def reached(step):
    if step == sys.argv[2]:
        os.kill(os.getpid(), signal.SIGKILL)
rebuild._reached = reached
store.rebuild_names()
"""


@pytest.mark.parametrize("step", [pytest.param(each, marks=pytest.mark.long) for each in STEPS])
def test_kill_leaves_one_whole_index(tmp_path: Path, step: str) -> None:
    store = start_or_join(tmp_path / "store", is_watched=False)
    objects = bucket_of(store)
    kept = put(objects, f"{KEPT}-o1", 50_000)
    put(objects, f"{DOOMED}-o1", 50_000)
    objects.delete_prefix(DOOMED)
    store.stop()
    killed = subprocess.run([sys.executable, "-c", KILLED, str(store.folder), step], cwd=ROOT, check=False)
    assert killed.returncode == -9
    again = start_or_join(store.folder, is_watched=False)
    try:
        assert has(objects, f"{KEPT}-o1", kept)
        assert list(objects.list_prefix("")) == [f"{KEPT}-o1"]
        waste = [*store.content.glob("filerldb2.*"), *(store.folder / "run").glob("names*")]
        assert waste == []
        again.rebuild_names()
        assert files_with(store.folder, DOOMED.encode()) == []
        assert has(objects, f"{KEPT}-o1", kept)
    finally:
        again.stop()
