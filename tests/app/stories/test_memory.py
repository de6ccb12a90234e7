"""A gigabyte passes through the service, and neither its memory nor its disk holds it."""

from __future__ import annotations

import hashlib
import http.client
import os
import random
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx2
import psutil
import pytest

from models.accounts import Account
from models.roles import Role, Scope
from storage import api_keys
from storage.database import Database
from storage.embedded import Embedded
from storage.objects import Objects
from tests.plugins.served import wait_until
from tests.plugins.stories import Field

ROOT = Path(__file__).resolve().parent.parent.parent.parent
MIB = 1024 * 1024
GIB = 1024 * MIB
MOST_GROWTH_BYTES = 64 * MIB


class Watch:
    """Looks at a process all the time: its greatest resident memory, and every file it opens for a while."""

    def __init__(self, process: subprocess.Popen[bytes], temporary: Path) -> None:
        self._process, self._temporary = psutil.Process(process.pid), temporary
        self._is_over = threading.Event()
        self.begun_with = self.peak_bytes = self._process.memory_info().rss
        self.temporary_files: set[str] = set()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def _look(self) -> None:
        while not self._is_over.wait(0.02):
            self.peak_bytes = max(self.peak_bytes, self._process.memory_info().rss)
            self.temporary_files |= {str(each) for each in self._temporary.rglob("*")}
            # Temporary files are often unlinked while they are open: then only their descriptors show them.
            for descriptor in Path(f"/proc/{self._process.pid}/fd").iterdir():
                try:
                    target = os.readlink(descriptor)
                except OSError:
                    continue
                if target.startswith(str(self._temporary)) or target.endswith("(deleted)"):
                    self.temporary_files.add(target)

    def end(self) -> None:
        self._is_over.set()
        self._thread.join(10)

    @property
    def growth_bytes(self) -> int:
        return self.peak_bytes - self.begun_with


@pytest.fixture
def database(sqlite_database: Database) -> Database:
    return sqlite_database


@pytest.fixture
def temporary(tmp_path: Path) -> Path:
    """Where the service's process would put temporary files."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    return folder


@pytest.fixture
def service(
    database: Database, object_store: Objects, object_server: Embedded, tmp_path: Path, temporary: Path
) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """``community-reporting serve`` in a process of its own, and its port."""
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = {
        "DATA": str(tmp_path / "data"),
        "DATABASE_URL": database.url.render_as_string(hide_password=False),
        "S3_ENDPOINT": object_server.endpoint,
        "S3_ACCESS_KEY": object_server.access_key,
        "S3_SECRET_KEY": object_server.secret_key,
        "S3_BUCKET": object_store.bucket,
        "S3_SECURE": "false",
        "WORKERS": "0",
        "MIN_FREE_BYTES": "0",
        "PORT": str(port),
    }
    environment = {f"COMMUNITY_REPORTING_{name}": value for name, value in settings.items()}
    with (tmp_path / "serve.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "app.cli", "serve"],
            env=os.environ | environment | {"PYTHONPATH": str(ROOT), "TMPDIR": str(temporary)},
            cwd=tmp_path,
            stdout=log,
            stderr=log,
        )
    try:
        wait_until(lambda: _answers(process, port, tmp_path / "serve.log"), "the service", 120)
        yield process, port
    finally:
        process.terminate()
        process.wait(60)


def _answers(process: subprocess.Popen[bytes], port: int, log: Path) -> bool:
    assert process.poll() is None, log.read_text()
    try:
        return httpx2.get(f"http://127.0.0.1:{port}/healthz").status_code == 200
    except httpx2.HTTPError:
        return False


def upload(port: int, path: str, key: str, size_bytes: int) -> tuple[int, str, bytes]:
    """Send so many bytes, made on the way: status, the digest of what was sent, and the answer."""
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="long.mp4"\r\n\r\n'
    tail = b"\r\n--b--\r\n"
    block = random.Random(size_bytes).randbytes(MIB)
    digest = hashlib.sha256()
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=600)) as connection:
        connection.putrequest("POST", path)
        connection.putheader("Authorization", f"Bearer {key}")
        connection.putheader("Content-Type", "multipart/form-data; boundary=b")
        connection.putheader("Content-Length", str(len(head) + size_bytes + len(tail)))
        connection.endheaders()
        connection.send(head)
        for number in range(size_bytes // MIB):
            # Every block differs, so that a store that keeps equal parts once has no easier day.
            piece = number.to_bytes(8, "big") + block[8:]
            digest.update(piece)
            connection.send(piece)
        connection.send(tail)
        answer = connection.getresponse()
        return answer.status, digest.hexdigest(), answer.read()


@pytest.mark.long
def test_gigabyte_is_taken_in_without_being_held(
    service: tuple[subprocess.Popen[bytes], int],
    field: Field,
    object_store: Objects,
    temporary: Path,
) -> None:
    process, port = service
    reporter = field.account(Role.REPORTER, field.pilot())
    story = field.story(by=reporter)
    with field.database.write() as session:
        account = session.get_one(Account, reporter.account_id)
        key = api_keys.make(session, account, "t", list(Scope), days=1, actor=account.id).token
    path = f"/api/v1/stories/{story.id}/recordings"
    # What is loaded once is no growth.
    assert upload(port, path, key, MIB)[0] == 201
    watch = Watch(process, temporary)
    status, sha256, body = upload(port, path, key, GIB)
    watch.end()
    assert status == 201, body
    assert watch.growth_bytes < MOST_GROWTH_BYTES, f"{watch.growth_bytes / MIB:.0f} MiB more"
    assert watch.temporary_files == set()
    print(f"resident memory grew by {watch.growth_bytes / MIB:.1f} MiB")
    large = max(object_store.list_prefix(""), key=object_store.size_of)
    kept = hashlib.sha256()
    for chunk in object_store.open_range(large, 0, None):
        kept.update(chunk)
    assert kept.hexdigest() == sha256
    assert sha256.encode() in body
