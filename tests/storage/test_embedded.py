"""The embedded store: one for all who need it, every door closed, nothing acknowledged lost, nothing deleted kept."""

from __future__ import annotations

import contextlib
import http.client
import io
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import psutil
import pytest

from models.errors import NoSpace, StoryError, Unavailable
from storage.embedded import Embedded, command, process, server, start_or_join, upkeep
from storage.objects import Objects

ROOT = Path(__file__).resolve().parent.parent.parent
BUCKET = "stories"
KEY = "3f9c5d1e-o1"
METHODS = ("GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS")
# Answered to anybody: what the server is, its buckets and how full they are; nothing of a story or a key.
OPEN = {"/", "/cluster/status", "/status", "/healthz", "/ui/index.html"}


def bucket_of(store: Embedded) -> Objects:
    objects = Objects.connect(
        store.endpoint, store.access_key, store.secret_key, BUCKET, secure=False, disk=store.content
    )
    objects.ensure_bucket()
    return objects


def pid_of(store: Embedded) -> int:
    return int((store.folder / "run" / "pid").read_text())


def files_with(folder: Path, content: bytes) -> list[str]:
    return [each.name for each in folder.rglob("*") if each.is_file() and content in each.read_bytes()]


STARTER = """
import sys, time
from pathlib import Path
from storage.embedded import start_or_join
store = start_or_join(Path(sys.argv[1]), is_watched=sys.argv[2] == "watched")
print(store.endpoint, (store.folder / "run" / "pid").read_text(), flush=True)
time.sleep(600)
"""


class Neighbour:
    """Another process of ours that needs the store."""

    def __init__(self, folder: Path, *, is_watching: bool) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", STARTER, str(folder), "watched" if is_watching else "once"],
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            text=True,
        )

    def told(self) -> list[str]:
        """The endpoint and the process id of the store, once it is ready."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().split()

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    """A store of this module's own."""
    store = start_or_join(tmp_path_factory.mktemp("store"), is_watched=False)
    yield store
    store.stop()


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder for a store that the test starts; stopped after it."""
    yield tmp_path / "store"
    if (tmp_path / "store" / "run" / "ports.json").exists():
        Embedded(tmp_path / "store", "", "", "").stop()


# one for all


def test_processes_that_start_together_share_one_store(folder: Path) -> None:
    neighbours = [Neighbour(folder, is_watching=False) for _ in range(2)]
    try:
        first, second = (each.told() for each in neighbours)
        joined = start_or_join(folder, is_watched=False)
        assert first == second == [joined.endpoint, str(pid_of(joined))]
        bucket_of(joined).put_stream(KEY, io.BytesIO(b"heard by all"))
    finally:
        for each in neighbours:
            each.kill()


def test_store_ends_with_its_starter_and_whoever_joined_starts_it_again(folder: Path) -> None:
    starter = Neighbour(folder, is_watching=False)
    starter.told()
    joined = start_or_join(folder, is_watched=True)
    objects, before = bucket_of(joined), pid_of(joined)
    objects.put_stream(KEY, io.BytesIO(b"still here"))
    starter.kill()
    deadline = time.monotonic() + 30
    while True:
        try:
            assert b"".join(objects.open_range(KEY, 0, None)) == b"still here"
            if pid_of(joined) != before:
                break
        except StoryError:
            assert time.monotonic() < deadline
        time.sleep(0.1)
    joined.stop()
    time.sleep(1.5)
    assert not joined.is_running


# nothing acknowledged is lost


def test_what_was_acknowledged_survives_a_kill_under_writers(folder: Path) -> None:
    store = start_or_join(folder, is_watched=False)
    objects = bucket_of(store)
    acknowledged: dict[str, bytes] = {}

    def write(name: str) -> None:
        with contextlib.suppress(StoryError):
            for number in range(10_000):
                content = os.urandom(1000 if number % 3 else 9_000_000)
                objects.put_stream(f"{name}-{number}", io.BytesIO(content))
                acknowledged[f"{name}-{number}"] = content

    writers = [threading.Thread(target=write, args=(name,)) for name in ("aa", "bb")]
    for each in writers:
        each.start()
    deadline = time.monotonic() + 60
    while len(acknowledged) < 20:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.kill(pid_of(store), signal.SIGKILL)
    for each in writers:
        each.join()
    again = start_or_join(folder, is_watched=False)
    assert (again.endpoint, again.access_key) == (store.endpoint, store.access_key)
    for key, content in acknowledged.items():
        assert b"".join(objects.open_range(key, 0, None)) == content
    for prefix in ("aa-", "bb-"):
        objects.delete_prefix(prefix)
        assert list(objects.list_prefix(prefix)) == list(objects.list_unfinished(prefix)) == []


def is_synced(store: Embedded) -> bool:
    told = json.loads(store.shell("fs.configure"))
    return [(each["locationPrefix"], each["fsync"]) for each in told["locations"]] == [("/buckets/", True)]


def test_puts_are_synced_to_disk(store: Embedded) -> None:
    assert is_synced(store)


@pytest.mark.long
def test_store_moves_to_a_free_port_and_keeps_what_it_has(folder: Path) -> None:
    store = start_or_join(folder, is_watched=False)
    bucket_of(store).put_stream(KEY, io.BytesIO(b"kept"))
    store.stop()
    before = command.read_ports(folder / "run")
    with (
        socket.create_server(("127.0.0.1", before["volume"])),
        socket.create_server(("127.0.0.1", before["s3"])),
    ):
        moved = start_or_join(folder, is_watched=False)
        after = command.read_ports(folder / "run")
        assert {name for name in before if before[name] != after[name]} == {"volume", "s3"}
        assert b"".join(bucket_of(moved).open_range(KEY, 0, None)) == b"kept"


def kill_once_before(monkeypatch: pytest.MonkeyPatch, where: ModuleType, name: str, folder: Path) -> None:
    """Let the store end just before a step of its start is taken for the first time."""
    step, is_first = getattr(where, name), iter([True])

    def take(*given: Any) -> None:
        if next(is_first, False):
            process.kill(folder)
        step(*given)

    monkeypatch.setattr(where, name, take)


def test_store_that_ends_while_somebody_joins_it_is_started_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = start_or_join(folder, is_watched=False)
    kill_once_before(monkeypatch, server, "_wait_until_ready", folder)
    try:
        assert start_or_join(folder, is_watched=False).is_running
    finally:
        begun.stop()


def test_store_that_ends_before_its_first_start_is_finished_is_started_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kill_once_before(monkeypatch, upkeep, "switch_fsync_on", folder)
    store = start_or_join(folder, is_watched=False)
    try:
        assert is_synced(store)
    finally:
        store.stop()


def test_machine_without_the_program_is_told_so(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(Unavailable) as caught:
        start_or_join(folder)
    assert caught.value.code == "object-store-not-for-this-machine"


# every door closed


@pytest.fixture(scope="module")
def secret(store: Embedded) -> tuple[bytes, list[str]]:
    """An object's content, and every address by which an attacker who knows all could ask for it."""
    objects, content = bucket_of(store), os.urandom(32).hex().encode()
    objects.put_stream(KEY, io.BytesIO(content))
    inside = store.shell(f"fs.meta.cat /buckets/{BUCKET}/{KEY}")
    found = re.search(r'"fileId":\s*"(\d+,\w+)"', inside)
    assert found, "the shell with our certificate knows where the object lies"
    file_id = found.group(1)
    return content, [
        *OPEN,
        *(
            f"/{BUCKET}",
            f"/{BUCKET}/{KEY}",
            f"/{BUCKET}?list-type=2",
            f"/{BUCKET}?versions",
            f"/{BUCKET}?uploads",
        ),
        *(
            f"/buckets/{BUCKET}/{KEY}",
            f"/buckets/{BUCKET}/?recursive=true",
            "/buckets/?pretty=y",
            "/etc/iam/",
        ),
        *(f"/{file_id}", f"/{file_id}?readDeleted=true", f"/{file_id.replace(',', '/')}"),
        *(f"/dir/lookup?fileId={file_id}", f"/dir/lookup?volumeId={file_id.split(',')[0]}", "/dir/assign"),
        *("/dir/status", "/submit", f"/col/delete?collection={BUCKET}", "/vol/grow?count=1", "/vol/vacuum"),
        *("/vol/status", "/stats/counter", "/stats/disk", "/debug/pprof/", "/metrics"),
        *("/admin/delete_collection", "/redirect", "/__debug__", "/a-new-bucket"),
    ]


def listeners(store: Embedded) -> set[int]:
    process = psutil.Process(pid_of(store))
    addresses = {each.laddr for each in process.net_connections("inet") if each.status == psutil.CONN_LISTEN}
    assert {address.ip for address in addresses} == {"127.0.0.1"}
    assert process.net_connections("udp") == []
    return {address.port for address in addresses}


class AtSocket(http.client.HTTPConnection):
    """HTTP over a socket in the file system."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=5)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(5)
        # Relative to the folder, because a socket's path holds 107 bytes.
        here = os.open(self._path.parent, os.O_RDONLY)
        try:
            self.sock.connect(f"/proc/self/fd/{here}/{self._path.name}")
        finally:
            os.close(here)


def answer(connection: http.client.HTTPConnection, method: str, path: str) -> tuple[int, bytes]:
    """What an anonymous request is told; (0, b"") if nothing in HTTP."""
    try:
        connection.request(method, path, body=b"mine now" if method in ("PUT", "POST") else None)
        response = connection.getresponse()
        return response.status, response.read()
    except (OSError, http.client.HTTPException):
        return 0, b""
    finally:
        connection.close()


def test_store_listens_on_loopback_and_on_its_own_ports_only(store: Embedded) -> None:
    assert listeners(store) == set(command.read_ports(store.folder / "run").values())


def test_strangers_get_put_post_and_delete_nothing_on_any_listener(
    store: Embedded, secret: tuple[bytes, list[str]]
) -> None:
    content, paths = secret
    let_in = []
    sockets = [store.folder / "run" / name for name in ("f.sock", "s.sock")]
    for door in [*sorted(listeners(store)), *sockets]:
        for method in METHODS:
            for path in paths:
                connection = (
                    http.client.HTTPConnection("127.0.0.1", door, timeout=5)
                    if isinstance(door, int)
                    else AtSocket(door)
                )
                status, told = answer(connection, method, path)
                # A refusal repeats the address that was asked for; how full each bucket is stands at /status.
                names = [KEY.encode()] if path in OPEN else [KEY.encode(), BUCKET.encode()]
                is_telling = content in told or (status < 400 and any(each in told for each in names))
                is_let_in = 200 <= status < 400 and path not in OPEN and method != "OPTIONS"
                if is_telling or is_let_in:
                    let_in.append((door, method, path, status, told[:200]))
    assert let_in == [], "\n".join(map(str, let_in))
    assert b"".join(bucket_of(store).open_range(KEY, 0, None)) == content
    assert [each.name for each in bucket_of(store)._client.list_buckets()] == ["ready-check", BUCKET]


def greet(port: int, stranger: ssl.SSLContext) -> bytes:
    """What a server of gRPC says to the first bytes of HTTP/2."""
    with (
        socket.create_connection(("127.0.0.1", port), timeout=5) as plain,
        stranger.wrap_socket(plain) as wrapped,
    ):
        wrapped.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        return wrapped.recv(100)


def test_remote_calls_want_our_certificate(store: Embedded) -> None:
    stranger = ssl.create_default_context()
    stranger.check_hostname, stranger.verify_mode = False, ssl.CERT_NONE
    stranger.set_alpn_protocols(["h2"])
    ports = command.read_ports(store.folder / "run")
    for name in ("s3.grpc", "master.grpc", "volume.grpc", "filer.grpc"):
        with pytest.raises(ssl.SSLError, match="certificate required"):
            greet(ports[name], stranger)


def test_shell_of_a_stranger_sees_nothing(store: Embedded, tmp_path: Path) -> None:
    bucket_of(store)
    shell = subprocess.Popen(
        command.shell_command(store.folder / "run"),
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        told, _ = shell.communicate(f"lock\nfs.ls /buckets\nfs.rm -rf /buckets/{BUCKET}\nunlock\n", timeout=5)
    except subprocess.TimeoutExpired:
        shell.kill()
        told, _ = shell.communicate()
    assert BUCKET not in told.replace(f"/buckets/{BUCKET}", "")
    assert BUCKET in store.shell("fs.ls /buckets")


def test_keys_lie_where_only_their_owner_can_read_them(store: Embedded) -> None:
    run = store.folder / "run"
    assert run.stat().st_mode & 0o777 == 0o700
    assert store.content.stat().st_mode & 0o777 == 0o700
    for each in run.iterdir():
        if each.is_file():
            assert each.stat().st_mode & 0o777 == 0o600, each.name
    # Nor does a list of processes show them.
    line = " ".join(psutil.Process(pid_of(store)).cmdline())
    assert store.secret_key not in line
    assert store.access_key not in line


def test_store_writes_no_log_and_sends_no_telemetry(store: Embedded) -> None:
    line = psutil.Process(pid_of(store)).cmdline()
    assert "-master.telemetry=false" in line
    for number in (1, 2):
        assert os.readlink(f"/proc/{pid_of(store)}/fd/{number}") == "/dev/null"
    assert [
        each.name
        for each in store.folder.rglob("*.log*")
        if each.stat().st_size and "filerldb" not in str(each)
    ] == []


# nothing deleted is kept


def test_deleted_content_leaves_the_disk(store: Embedded) -> None:
    objects = bucket_of(store)
    doomed, kept = os.urandom(48), os.urandom(48)
    objects.put_stream("aa-o1", io.BytesIO(os.urandom(9_000_000) + doomed + os.urandom(9_000_000)))
    objects.put_stream("ab-o1", io.BytesIO(kept + os.urandom(1_000_000)))
    assert files_with(store.folder, doomed)
    objects.delete_prefix("aa-")
    assert files_with(store.folder, doomed), "a delete alone is no erasure: else this test shows nothing"
    store.erase_leftovers()
    assert files_with(store.folder, doomed) == []
    assert files_with(store.folder, kept)
    assert b"".join(objects.open_range("ab-o1", 0, 48)) == kept


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2.2 GB, in memory."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = shutil.which("mount") and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2200m", "tmpfs", str(disk)], capture_output=True, check=False
    )
    if not mounted or mounted.returncode:
        pytest.skip("needs the right to mount a small file system")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


@pytest.mark.long
def test_full_disk_refuses_what_is_new_and_still_reads_and_erases(small_disk: Path) -> None:
    store = start_or_join(small_disk / "store", is_watched=False)
    try:
        objects, stored, content = bucket_of(store), list[str](), os.urandom(20_000_000)

        def fill() -> None:
            for number in range(100):
                objects.put_stream(f"aa-{number}", io.BytesIO(content))
                stored.append(f"aa-{number}")

        with pytest.raises(NoSpace) as caught:
            fill()
        assert caught.value.code == "object-store-full"
        assert len(stored) >= 5
        # What the store itself says, when somebody else filled the disk.
        (small_disk / "foreign").write_bytes(os.urandom(shutil.disk_usage(small_disk).free - 100_000_000))
        time.sleep(65)
        with pytest.raises(NoSpace):
            objects.put_stream("ab-1", io.BytesIO(content))
        store.stop()
        store = start_or_join(small_disk / "store", is_watched=False)
        assert all(b"".join(objects.open_range(key, 0, None)) == content for key in stored)
        (small_disk / "foreign").unlink()
        objects.delete_prefix("aa-")
        store.erase_leftovers()
        assert files_with(store.content, content[5_000_000:5_000_048]) == []
        deadline = time.monotonic() + 90
        while True:
            try:
                objects.put_stream("ac-1", io.BytesIO(content))
                break
            except NoSpace:
                assert time.monotonic() < deadline
                time.sleep(1)
    finally:
        store.stop()
