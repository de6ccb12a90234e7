"""A gigabyte passes through the service, and neither its memory nor its disk holds it."""

from __future__ import annotations

import hashlib
import http.client
import random
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from models.accounts import Account
from models.roles import Role, Scope
from storage import api_keys
from storage.database import Database
from storage.embedded import Embedded
from storage.objects import Objects
from tests.plugins.service_process import ServiceProcess, Watch
from tests.plugins.stories import Field

MIB = 1024 * 1024
GIB = 1024 * MIB
MOST_GROWTH_BYTES = 64 * MIB


@pytest.fixture
def database(sqlite_database: Database) -> Database:
    return sqlite_database


@pytest.fixture
def service(
    database: Database, object_store: Objects, object_server: Embedded, tmp_path: Path
) -> Iterator[ServiceProcess]:
    process = ServiceProcess(database, object_server, object_store, tmp_path)
    yield process
    process.stop()


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
    service: ServiceProcess, field: Field, object_store: Objects
) -> None:
    port = service.port
    reporter = field.account(Role.REPORTER, field.pilot())
    story = field.story(by=reporter)
    with field.database.write() as session:
        account = session.get_one(Account, reporter.account_id)
        key = api_keys.make(session, account, "t", list(Scope), days=1, actor=account.id).token
    path = f"/api/v1/stories/{story.id}/recordings"
    # What is loaded once is no growth.
    assert upload(port, path, key, MIB)[0] == 201
    watch = Watch(service.process, service.temporary)
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
