"""``community-reporting serve`` in a process of its own, which can be watched, killed and started again."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import httpx2
import psutil

from storage.database import Database
from storage.embedded import Embedded
from storage.objects import Objects
from tests.plugins.served import wait_until

ROOT = Path(__file__).resolve().parent.parent.parent


class ServiceProcess:
    """The service over a database and an object store of a test. ``port`` stays the same when it starts again."""

    def __init__(
        self,
        database: Database,
        server: Embedded,
        objects: Objects,
        folder: Path,
        more: Mapping[str, str] | None = None,
    ) -> None:
        with closing(socket.socket()) as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.data, self.temporary, self._folder = folder / "data", folder / "temporary", folder
        self.temporary.mkdir()
        settings = {
            "DATA": str(self.data),
            "DATABASE_URL": database.url.render_as_string(hide_password=False),
            "S3_ENDPOINT": server.endpoint,
            "S3_ACCESS_KEY": server.access_key,
            "S3_SECRET_KEY": server.secret_key,
            "S3_BUCKET": objects.bucket,
            "S3_SECURE": "false",
            "WORKERS": "0",
            "MIN_FREE_BYTES": "0",
            "PORT": str(self.port),
        }
        named = {
            f"COMMUNITY_REPORTING_{name}": value for name, value in (settings | dict(more or {})).items()
        }
        self._environment = os.environ | named | {"PYTHONPATH": str(ROOT), "TMPDIR": str(self.temporary)}
        self.start()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        with (self._folder / "serve.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "app.cli", "serve"],
                env=self._environment,
                cwd=self._folder,
                stdout=log,
                stderr=log,
            )
        wait_until(self._answers, "the service", 120)

    def _answers(self) -> bool:
        assert self.process.poll() is None, (self._folder / "serve.log").read_text()
        try:
            return httpx2.get(f"http://127.0.0.1:{self.port}/healthz").status_code == 200
        except httpx2.HTTPError:
            return False

    def kill(self) -> None:
        """As when the power goes: it learns nothing of it."""
        self.process.kill()
        self.process.wait(30)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(60)


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
