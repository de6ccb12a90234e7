"""What taking in a recording is measured beside: a plain route that keeps nothing, and the tus project's own server.

The plain route (``_plain_upload.py``) is the least that anybody could do. The tus project's server for Node, with its
own store on S3, does the same work as ours: the same protocol, and the same parts into the same object store. tusd, its
server in Go, is in none of the registries that this project installs from.
"""

from __future__ import annotations

import http.client
import os
import shutil
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from app.parts import Parts
from storage.objects import PART_BYTES
from tests.app.uploads.sending import BYTES
from tests.bench._measuring import ROOT
from tests.bench._sending import Sender
from tests.plugins.served import wait_until

TUS = {"Tus-Resumable": "1.0.0"}
TUS_PROJECT = Path(__file__).with_name("tus_project")
# Debian 12 has an older one.
LEAST_NODE = (20, 19)


class _Neighbour:
    """A server in a process of its own, on a free port of this machine."""

    def _start(self, command: list[str], **given: object) -> None:
        with closing(socket.create_server(("127.0.0.1", 0))) as free:
            self.port = free.getsockname()[1]
        line = [str(self.port) if word == "PORT" else word for word in command]
        self._process = subprocess.Popen(line, **given)  # type: ignore[call-overload]
        wait_until(self._answers, f"{command[-1]}")

    def _answers(self) -> bool:
        with closing(http.client.HTTPConnection("127.0.0.1", self.port)) as connection:
            try:
                connection.request("GET", "/")
                return connection.getresponse().status < 500
            except OSError:
                return False

    def end(self) -> None:
        self._process.terminate()
        self._process.wait(30)


class PlainRoute(_Neighbour):
    """Writes what comes to disk, and hashes it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "plain"
        self.folder.mkdir()
        self._taken = 0
        self._start([sys.executable, "-m", "tests.bench._plain_upload", "PORT", str(self.folder)], cwd=ROOT)

    def take(self, sender: Sender, chunk_bytes: int) -> None:
        self._taken += 1
        assert sender.send(self.port, f"/{self._taken}", {}, chunk_bytes).decode() == sender.sha256
        (self.folder / str(self._taken)).unlink()


class TusProject(_Neighbour):
    """The tus project's server for Node, over the embedded store of ``parts``."""

    @staticmethod
    def obstacle() -> str | None:
        """Why it cannot be had here, in words; None if it is installed now."""
        node = shutil.which("node")
        if node is None or shutil.which("npm") is None:
            return "it needs Node and npm"
        version = subprocess.run(
            [node, "--version"], check=True, capture_output=True, text=True
        ).stdout.strip()
        if tuple(int(part) for part in version.lstrip("v").split(".")[:2]) < LEAST_NODE:
            return f"it needs Node {'.'.join(map(str, LEAST_NODE))}, here is {version}"
        install = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]
        installed = subprocess.run(install, cwd=TUS_PROJECT, check=False, capture_output=True, text=True)
        return None if installed.returncode == 0 else installed.stderr.strip()[-200:]

    def __init__(self, parts: Parts) -> None:
        assert parts.embedded is not None
        given = {
            "S3_ENDPOINT": f"http://{parts.embedded.endpoint}",
            "S3_BUCKET": parts.objects.bucket,
            "S3_ACCESS_KEY": parts.embedded.access_key,
            "S3_SECRET_KEY": parts.embedded.secret_key,
            "PART_BYTES": str(PART_BYTES),
        }
        # What it says of each request is nothing to us.
        self._start(
            ["node", "server.mjs", "PORT"],
            cwd=TUS_PROJECT,
            env={"PATH": os.environ["PATH"], **given},
            stdout=subprocess.DEVNULL,
        )

    def take(self, sender: Sender, chunk_bytes: int) -> None:
        with closing(http.client.HTTPConnection("127.0.0.1", self.port)) as connection:
            connection.request("POST", "/files", headers=TUS | {"Upload-Length": str(sender.size_bytes)})
            where = connection.getresponse().getheader("Location")
        assert where is not None
        sender.send(self.port, where, TUS | BYTES, chunk_bytes)
