"""Told to stop, the service finishes what people have begun, and a worker hands over what it has begun.

Both end by themselves, and soon.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from models.accounts import Account
from models.roles import Role, Scope
from models.stories import Recording, RecordingState
from models.work import Wish
from storage import api_keys, leases
from storage.database import Database
from storage.embedded import Embedded
from storage.objects import Objects
from tests.plugins.served import answer_on
from tests.plugins.service_process import ServiceProcess
from tests.plugins.stories import Field
from tests.plugins.workshop import Workshop

ROOT = Path(__file__).resolve().parents[2]
BODY = (
    b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
    + b"RIFF" * 50_000
    + b"\r\n--b--\r\n"
)


def test_an_upload_that_is_on_its_way_when_the_service_is_told_to_stop_is_answered_and_kept(
    sqlite_database: Database, object_server: Embedded, object_store: Objects, tmp_path: Path
) -> None:
    service = ServiceProcess(sqlite_database, object_server, object_store, tmp_path)
    try:
        field = Field(sqlite_database)
        reporter = field.account(Role.REPORTER, field.pilot())
        story = field.story(by=reporter)
        with sqlite_database.write() as session:
            account = session.get_one(Account, reporter.account_id)
            key = api_keys.make(session, account, "test", tuple(Scope), days=1, actor=account.id).token
        with closing(socket.create_connection(("127.0.0.1", service.port), timeout=30)) as connection:
            head = [f"POST /api/v1/stories/{story.id}/recordings HTTP/1.1", "Host: x"]
            head += [f"Authorization: Bearer {key}", f"Content-Length: {len(BODY)}"]
            head += ["Content-Type: multipart/form-data; boundary=b", "", ""]
            connection.sendall("\r\n".join(head).encode() + BODY[:100_000])
            time.sleep(0.5)
            service.process.terminate()
            time.sleep(1.0)
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", service.port), timeout=5)
            connection.sendall(BODY[100_000:])
            assert answer_on(connection).status == 201
        service.process.wait(25)
        with sqlite_database.read() as session:
            (recording,) = session.query(Recording).all()
            assert recording.state == RecordingState.WAITING
    finally:
        service.process.kill()


@pytest.mark.long
def test_a_worker_that_hears_somebody_hands_over_when_it_is_told_to_stop(
    workshop: Workshop, object_server: Embedded, spoken: Path, tmp_path: Path
) -> None:
    """The command itself, with the recogniser itself."""
    story_id, _ = workshop.send(spoken)
    named = {
        "DATA": str(tmp_path / "data"),
        "CACHE": str(ROOT / "data" / "cache"),
        "DATABASE_URL": workshop.database.url.render_as_string(hide_password=False),
        "S3_ENDPOINT": object_server.endpoint,
        "S3_ACCESS_KEY": object_server.access_key,
        "S3_SECRET_KEY": object_server.secret_key,
        "S3_BUCKET": workshop.objects.bucket,
        "S3_SECURE": "false",
    }
    settings = {f"COMMUNITY_REPORTING_{name}": value for name, value in named.items()}
    worker = subprocess.Popen(
        [sys.executable, "-m", "app.cli", "worker"],
        env=os.environ | settings | {"PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
    )
    try:
        workshop.wait_until(lambda: step_of(workshop, story_id) == "transcribe", "transcribing", 90)
        children = psutil.Process(worker.pid).children(recursive=True)
        worker.terminate()
        assert ended(worker, 30) == 0
        assert not any(child.is_running() for child in children)
        with workshop.database.read() as session:
            assert leases.living(session) == []
        assert any(wish.is_open for wish in workshop.wishes(story_id))
    finally:
        worker.kill()


def ended(worker: subprocess.Popen[bytes], within_seconds: float) -> int:
    """How it ended; one that does not says on its standard error where it stands."""
    try:
        return worker.wait(within_seconds)
    except subprocess.TimeoutExpired:
        worker.send_signal(signal.SIGUSR1)
        time.sleep(2)
        raise


def step_of(workshop: Workshop, story_id: str) -> str | None:
    with workshop.database.read() as session:
        wishes = session.query(Wish).filter_by(story_id=story_id, outcome=None).all()
        return wishes[0].step if wishes else None
