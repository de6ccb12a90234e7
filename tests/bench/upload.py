"""How fast a recording is taken in, beside others: ``U1``, ``U2`` ratios to a plain route's rate, ``U3`` memory, ``U4``
the store's own, ``U5``, ``U6`` ratios to the rate of the tus project's own server.

    python -m tests.bench.upload [MiB] [rounds]

Bytes per second from the beginning of an upload until its last answer, when the recording lies whole in the object
store and is received. ``serve`` runs in a process of its own, over SQLite and the embedded store, as durable as they
are by default, without a worker. The others are in ``_neighbours.py``: a plain route, which is the least that anybody
could do, and a server that does the same work, into the same store. Each pair is asked in turn, by the same client, on
one machine. ``U4`` is the ceiling: the object store alone, given the same bytes in the same parts by the same library,
without a web server before it. A recording that lies whole in the store when its upload is answered is never in there
sooner.
"""

from __future__ import annotations

import hashlib
import http.client
import mmap
import os
import secrets
import sys
import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Protocol

from app import parts
from app.operations.logs import configure_logging
from app.parts import Parts
from app.settings import Settings
from app.uploads.taking import PARTS_AT_ONCE
from models.roles import Principal, Role
from models.stories import Recording, RecordingState
from storage.objects import PART_BYTES
from tests.app.uploads.sending import BYTES, MIB, PATH, metadata
from tests.bench._measuring import CACHE, Taken, in_turn, load_average, machine
from tests.bench._neighbours import PlainRoute, TusProject
from tests.bench._sending import Sender, file_of
from tests.plugins.served import Served
from tests.plugins.service_process import ServiceProcess, Watch
from tests.plugins.stories import Field

SIZE_MIB, ROUNDS = 1024, 3
# What a client in a browser sends at a time.
CHUNK_BYTES = 8 * MIB
OURS, STORE = "ours", "the object store alone"
PLAIN = "a plain Starlette route, which keeps no object and no row"
TUS_PROJECT = "the tus project's server, which signs nobody in and writes no row"
MOST_GROWTH_BYTES = 64 * MIB


class Side(Protocol):
    """Whoever takes a recording in."""

    def take(self, sender: Sender, chunk_bytes: int) -> None:
        """All of it, from its beginning until it is kept; so many bytes in a request."""


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

    def take(self, sender: Sender, chunk_bytes: int) -> None:
        self._put += 1
        key = f"{secrets.token_hex(16)}-o{self._put}"
        token = self._objects.parts.begin(key)
        pieces = [sender.content[at : at + PART_BYTES] for at in range(0, sender.size_bytes, PART_BYTES)]

        def put(number: int) -> str:
            return self._objects.parts.put(key, token, number, bytes(pieces[number - 1]))

        with ThreadPoolExecutor(PARTS_AT_ONCE) as threads:
            tags = list(threads.map(put, range(1, len(pieces) + 1)))
        self._objects.parts.join(key, token, tags, sender.size_bytes)


def main() -> None:
    size_bytes = (int(sys.argv[1]) if len(sys.argv) > 1 else SIZE_MIB) * MIB
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else ROUNDS
    configure_logging(is_quiet=True)
    with tempfile.TemporaryDirectory(prefix="community-reporting-") as made, ExitStack() as at_the_end:
        folder = Path(made)
        ours = Service(folder)
        at_the_end.callback(ours.end)
        plain = PlainRoute(folder)
        at_the_end.callback(plain.end)
        with file_of(size_bytes, folder) as sender:
            measure(ours, plain, sender, rounds)
            if obstacle := TusProject.obstacle():
                print(f"U5 and U6 not measured, beside the tus project's server: {obstacle}")
                return
            theirs = TusProject(ours.parts)
            at_the_end.callback(theirs.end)
            measure_beside_the_tus_project(ours, theirs, sender, rounds)


def measure(ours: Service, plain: PlainRoute, sender: Sender, rounds: int) -> None:
    """Beside the plain route; what is loaded once is no growth."""
    warm(ours, plain)
    watch = Watch(ours.process.process, ours.process.temporary)
    for name, (says, chunk_bytes) in zip(("U1", "U2"), ways(sender), strict=True):
        taken = taken_in_turn({OURS: ours, PLAIN: plain}, sender, chunk_bytes, rounds)
        print(line(name, says, taken, sender.size_bytes), flush=True)
    watch.end()
    taken = taken_in_turn({STORE: StoreAlone(ours), PLAIN: plain}, sender, sender.size_bytes, rounds)
    print(line("U4", "without a web server", taken, sender.size_bytes), flush=True)
    print(
        f"U3 {watch.growth_bytes / MIB:.0f} MiB more resident memory at its peak, while {2 * rounds} recordings of "
        f"{sender.size_bytes // MIB} MiB came ({watch.begun_with / MIB:.0f} MiB before; "
        f"{MOST_GROWTH_BYTES // MIB} at most) | {machine()}",
        flush=True,
    )


def measure_beside_the_tus_project(ours: Service, theirs: TusProject, sender: Sender, rounds: int) -> None:
    warm(ours, theirs)
    for name, (says, chunk_bytes) in zip(("U5", "U6"), ways(sender), strict=True):
        taken = taken_in_turn({OURS: ours, TUS_PROJECT: theirs}, sender, chunk_bytes, rounds)
        print(line(name, says, taken, sender.size_bytes), flush=True)


def ways(sender: Sender) -> tuple[tuple[str, int], ...]:
    """How clients send: all in one request, and as those in browsers do."""
    return ("one PATCH", sender.size_bytes), (f"PATCHes of {CHUNK_BYTES // MIB} MiB", CHUNK_BYTES)


def warm(*sides: Side) -> None:
    """Let each have taken something."""
    content = mmap.mmap(-1, 32 * MIB)
    small = Sender(content, hashlib.sha256(content).hexdigest())
    for side in sides:
        side.take(small, CHUNK_BYTES)
    small.content.release()


def taken_in_turn(sides: Mapping[str, Side], sender: Sender, chunk_bytes: int, rounds: int) -> Taken:
    taken = Taken()
    for round_number in range(rounds):
        for name in in_turn(list(sides), round_number):
            # What the side before left to be written is not this one's.
            os.sync()
            with taken.of(name, round_number):
                sides[name].take(sender, chunk_bytes)
    return taken


def line(name: str, says: str, taken: Taken, size_bytes: int) -> str:
    """A figure: the ratio of the medians, and behind it that of each round."""
    mine, other = sorted(taken.rounds, key=lambda side: side not in (OURS, STORE))
    rates = {side: size_bytes / 1e6 / taken.median(side) for side in (mine, other)}
    pairs = zip(taken.rounds[mine], taken.rounds[other], strict=True)
    each = " ".join(f"{theirs / ours:.2f}" for ours, theirs in pairs)
    return (
        f"{name} {rates[mine] / rates[other]:.2f} {says}: {mine} {rates[mine]:.0f} MB/s, {other} {rates[other]:.0f} "
        f"MB/s | {size_bytes // MIB} MiB, median of {len(taken.rounds[mine])} rounds in turn ({each}) | {machine()}, "
        f"{load_average()}"
    )


if __name__ == "__main__":
    main()
