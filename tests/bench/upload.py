"""How fast a recording is taken in: ``U1``, ``U2`` the ratio of our rate to a plain route's, ``U3`` memory, ``U4`` the
store's own.

    python -m tests.bench.upload [MiB] [rounds]

Bytes per second from the beginning of an upload until its last answer, when the recording lies whole in the object
store and is received. ``serve`` runs in a process of its own, over SQLite and the embedded store, as durable as they
are by default, without a worker. The other side is ``_plain_upload.py``: a Starlette route that writes the same bytes
to disk and hashes them, which is the least that anybody could do. tusd, the reference server of the protocol, is in
none of the registries that this project installs from. Both are asked in turn, by the same client, on one machine.
``U4`` is the ceiling: the object store alone, given the same bytes in the same parts by the same library, without a web
server before it. A recording that lies whole in the store when its upload is answered is never in there sooner.
"""

from __future__ import annotations

import hashlib
import http.client
import mmap
import os
import secrets
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

from app import parts
from app.operations.logs import configure_logging
from app.parts import Parts
from app.settings import Settings
from app.uploads.taking import PARTS_AT_ONCE
from models.roles import Principal, Role
from models.stories import Recording, RecordingState
from storage.objects import PART_BYTES
from tests.app.uploads.sending import BYTES, MIB, PATH, metadata
from tests.bench._measuring import CACHE, ROOT, Taken, in_turn, load_average, machine
from tests.plugins.served import Served, wait_until
from tests.plugins.service_process import ServiceProcess, Watch
from tests.plugins.stories import Field

SIZE_MIB, ROUNDS = 1024, 3
# What a client in a browser sends at a time.
CHUNK_BYTES = 8 * MIB
OURS, PLAIN, STORE = "ours", "plain route", "the store alone"
MOST_GROWTH_BYTES = 64 * MIB


class Sender:
    """Sends one file, by one connection, in requests of some size."""

    def __init__(self, content: mmap.mmap, sha256: str) -> None:
        self.content, self.size_bytes, self.sha256 = memoryview(content), len(content), sha256

    def send(self, port: int, path: str, headers: dict[str, str], chunk_bytes: int) -> bytes:
        """Send it all; the last answer's body."""
        answer = b""
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=600)) as connection:
            for start in range(0, self.size_bytes, chunk_bytes):
                piece = self.content[start : start + chunk_bytes]
                connection.request("PATCH", path, piece, headers | {"Upload-Offset": str(start)})
                response = connection.getresponse()
                answer = response.read()
                if response.status not in (200, 204):
                    raise RuntimeError(f"{response.status} {answer!r}")
        return answer


class Service:
    """``serve`` in a process of its own, and a reporter who sends to it."""

    def __init__(self, folder: Path) -> None:
        self.parts: Parts = parts.build(Settings(_env_file=None, data=folder / "service", cache=CACHE))
        assert self.parts.embedded is not None
        self.process = ServiceProcess(self.parts.database, self.parts.embedded, self.parts.objects, folder)
        self._field = Field(self.parts.database)
        self._reporter: Principal = self._field.account(Role.REPORTER, self._field.pilot())
        key = Served(self.parts, self.process.port, None).key(self._reporter)
        self._headers = {"Tus-Resumable": "1.0.0", "Authorization": f"Bearer {key}"}

    def take(self, sender: Sender, chunk_bytes: int) -> None:
        """One upload, from its beginning until its recording is received, as it was sent."""
        story = self._field.story(by=self._reporter)
        begins = {"Upload-Length": str(sender.size_bytes), "Upload-Metadata": metadata(story_id=story.id)}
        with closing(http.client.HTTPConnection("127.0.0.1", self.process.port)) as connection:
            connection.request("POST", PATH, headers=self._headers | begins)
            where = connection.getresponse().getheader("Location")
        assert where is not None
        sender.send(self.process.port, where, self._headers | BYTES, chunk_bytes)
        self._check(story.id, sender)

    def _check(self, story_id: str, sender: Sender) -> None:
        with self.parts.database.read() as session:
            (recording,) = session.query(Recording).filter_by(story_id=story_id)
        assert recording.state is RecordingState.WAITING
        assert (recording.size_bytes, recording.sha256) == (sender.size_bytes, sender.sha256)

    def end(self) -> None:
        self.process.stop()
        self.parts.close()
        if self.parts.embedded is not None:
            self.parts.embedded.stop()


class StoreAlone:
    """The object store of the service, without the service."""

    def __init__(self, service: Service) -> None:
        self._objects, self._put = service.parts.objects, 0

    def take(self, sender: Sender) -> None:
        self._put += 1
        key = f"{secrets.token_hex(16)}-o{self._put}"
        token = self._objects.parts.begin(key)
        pieces = [sender.content[at : at + PART_BYTES] for at in range(0, sender.size_bytes, PART_BYTES)]

        def put(number: int) -> str:
            return self._objects.parts.put(key, token, number, bytes(pieces[number - 1]))

        with ThreadPoolExecutor(PARTS_AT_ONCE) as threads:
            tags = list(threads.map(put, range(1, len(pieces) + 1)))
        self._objects.parts.join(key, token, tags, sender.size_bytes)


class PlainRoute:
    """The other side, in a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "plain"
        self.folder.mkdir()
        self._taken = 0
        with closing(socket.create_server(("127.0.0.1", 0))) as free:
            self.port = free.getsockname()[1]
        command = [sys.executable, "-m", "tests.bench._plain_upload", str(self.port), str(self.folder)]
        self._process = subprocess.Popen(command, cwd=ROOT)
        wait_until(self._answers, "the plain route")

    def _answers(self) -> bool:
        with closing(http.client.HTTPConnection("127.0.0.1", self.port)) as connection:
            try:
                connection.request("GET", "/")
                return connection.getresponse().status == 200
            except OSError:
                return False

    def take(self, sender: Sender, chunk_bytes: int) -> None:
        self._taken += 1
        assert sender.send(self.port, f"/{self._taken}", {}, chunk_bytes).decode() == sender.sha256
        (self.folder / str(self._taken)).unlink()

    def end(self) -> None:
        self._process.terminate()
        self._process.wait(30)


@contextmanager
def file_of(size_bytes: int, folder: Path) -> Iterator[Sender]:
    """A file that nobody can make smaller, in the memory of the one who sends it."""
    path, digest = folder / "recording", hashlib.sha256()
    with path.open("wb") as file:
        for _ in range(size_bytes // MIB):
            block = os.urandom(MIB)
            digest.update(block)
            file.write(block)
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as content:
        sender = Sender(content, digest.hexdigest())
        yield sender
        sender.content.release()


def main() -> None:
    size_bytes = (int(sys.argv[1]) if len(sys.argv) > 1 else SIZE_MIB) * MIB
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else ROUNDS
    configure_logging(is_quiet=True)
    with tempfile.TemporaryDirectory(prefix="community-reporting-") as made:
        folder = Path(made)
        ours, plain = Service(folder), PlainRoute(folder)
        try:
            with file_of(size_bytes, folder) as sender:
                measure(ours, plain, sender, rounds)
        finally:
            plain.end()
            ours.end()


def measure(ours: Service, plain: PlainRoute, sender: Sender, rounds: int) -> None:
    """Each way to send it, on both sides in turn; what is loaded once is no growth."""
    warm(ours, plain)
    watch = Watch(ours.process.process, ours.process.temporary)
    for name, says, chunk_bytes in (
        ("U1", "one PATCH", sender.size_bytes),
        ("U2", f"PATCHes of {CHUNK_BYTES // MIB} MiB", CHUNK_BYTES),
    ):
        taken = Taken()
        for round_number in range(rounds):
            for side in in_turn([OURS, PLAIN], round_number):
                # What the side before left to be written is not this one's.
                os.sync()
                with taken.of(side, round_number):
                    (ours if side == OURS else plain).take(sender, chunk_bytes)
        print(line(name, says, taken, sender.size_bytes), flush=True)
    watch.end()
    alone, taken = StoreAlone(ours), Taken()
    for round_number in range(rounds):
        for side in in_turn([STORE, PLAIN], round_number):
            os.sync()
            with taken.of(side, round_number):
                alone.take(sender) if side == STORE else plain.take(sender, sender.size_bytes)
    print(line("U4", "the object store alone", taken, sender.size_bytes, side=STORE), flush=True)
    print(
        f"U3 {watch.growth_bytes / MIB:.0f} MiB more resident memory at its peak, while {2 * rounds} recordings of "
        f"{sender.size_bytes // MIB} MiB came ({watch.begun_with / MIB:.0f} MiB before; "
        f"{MOST_GROWTH_BYTES // MIB} at most) | {machine()}"
    )


def warm(ours: Service, plain: PlainRoute) -> None:
    """Let both have taken something."""
    content = mmap.mmap(-1, 32 * MIB)
    small = Sender(content, hashlib.sha256(content).hexdigest())
    for side in (ours, plain):
        side.take(small, CHUNK_BYTES)
    small.content.release()


def line(name: str, says: str, taken: Taken, size_bytes: int, *, side: str = OURS) -> str:
    """A figure: the ratio of the medians, and behind it that of each round."""
    rates = {each: size_bytes / 1e6 / taken.median(each) for each in (side, PLAIN)}
    pairs = zip(taken.rounds[side], taken.rounds[PLAIN], strict=True)
    each = " ".join(f"{theirs / mine:.2f}" for mine, theirs in pairs)
    return (
        f"{name} {rates[side] / rates[PLAIN]:.2f} {says}: {side} {rates[side]:.0f} MB/s, plain Starlette route "
        f"{rates[PLAIN]:.0f} MB/s, which keeps no object and no row | {size_bytes // MIB} MiB, median of "
        f"{len(taken.rounds[side])} rounds in turn ({each}) | {machine()}, {load_average()}"
    )


if __name__ == "__main__":
    main()
