"""Starting the embedded store, joining one that runs, and starting it again when it ended."""

from __future__ import annotations

import fcntl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from models.errors import NoSpace, StoryError, Unavailable
from storage.embedded import command, keys, process, rebuild, upkeep
from storage.embedded.process import content_folder, run_folder
from storage.objects import Objects

START_SECONDS = 60.0
ATTEMPTS = 3
TRIES_FOR_SECONDS = 30.0
WATCH_SECONDS = 1.0
READY_SECONDS = 5.0
FULL_SECONDS = 10.0
PROBE_BUCKET = "ready-check"

log = structlog.get_logger()


@dataclass(frozen=True)
class Embedded:
    """A running embedded store, and how to reach it. ``folder`` holds everything it keeps."""

    folder: Path
    endpoint: str
    access_key: str
    secret_key: str
    _is_stopped: threading.Event = field(default_factory=threading.Event, repr=False, compare=False)

    @property
    def content(self) -> Path:
        """Where its volumes lie: the disk that it fills."""
        return content_folder(self.folder)

    @property
    def is_running(self) -> bool:
        """Whether its process lives, whoever started it."""
        return process.running_pid(self.folder) is not None

    def ensure_running(self) -> None:
        """Start it again if it ended, for instance with the process that had started it.

        :raises Unavailable: it does not come up, or only on another port than the one in ``endpoint``
        """
        self._is_stopped.clear()
        self._restart()

    def watch(self, every_seconds: float = WATCH_SECONDS) -> None:
        """Keep it running from a thread of this process, until :meth:`stop`."""
        threading.Thread(target=self._watch, args=(every_seconds,), name="store-watch", daemon=True).start()

    def stop(self) -> None:
        """Stop it at once. What was acknowledged is on disk; asking politely takes 15 seconds.

        Other processes that watch it start it again.
        """
        self._is_stopped.set()
        # Under the lock, so that our own watching is not starting it at this very moment.
        with _one_at_a_time(self.folder):
            process.kill(self.folder)

    def shell(self, *commands: str) -> str:
        """Run commands in SeaweedFS's shell; what they print. It says nothing when one fails."""
        return upkeep.run_shell(run_folder(self.folder), *commands)

    def vacuum(self) -> None:
        """Take the content of deleted objects off the disk: see :func:`upkeep.vacuum`."""
        self._or_after_a_restart(upkeep.vacuum)

    def erase_leftovers(self) -> None:
        """Take what is left of deleted objects off the disk: content, and names in logs already written.

        The store writes its log of names up to a minute late: call it again
        ``upkeep.NAMES_ARE_WRITTEN_AFTER_SECONDS`` after the last delete to be rid of those too.

        :raises NoSpace: the disk is too full to erase from
        :raises Unavailable: something deleted is still there
        """
        self._or_after_a_restart(upkeep.erase_leftovers)

    def _or_after_a_restart(self, clear: Callable[[Path, Path], None]) -> None:
        """Volumes that were closed when the disk was full are left out for as long as the server lives."""
        try:
            clear(run_folder(self.folder), self.content)
        except (NoSpace, Unavailable):
            with _one_at_a_time(self.folder):
                process.kill(self.folder)
                self._bring_up_at_its_place()
            clear(run_folder(self.folder), self.content)

    def rebuild_names(self) -> None:
        """Build its index of names anew: see :func:`rebuild.rebuild`. It answers nobody for some seconds.

        :raises Unavailable: it could not be rebuilt; the store goes on with what it had
        """
        with _one_at_a_time(self.folder):
            try:
                rebuild.rebuild(self.folder)
            finally:
                if not self._is_stopped.is_set():
                    self._bring_up_at_its_place()

    def _bring_up_at_its_place(self) -> None:
        if _bring_up(self.folder).endpoint != self.endpoint:
            raise Unavailable("object-store-unavailable", reason="port-taken")

    def _restart(self) -> None:
        with _one_at_a_time(self.folder):
            if self.is_running or self._is_stopped.is_set():
                return
            self._bring_up_at_its_place()

    def _watch(self, every_seconds: float) -> None:
        while not self._is_stopped.wait(every_seconds):
            if not self.is_running and self.folder.exists():
                log.warning("embedded object store ended, starting it again")
                try:
                    self._restart()
                except (StoryError, OSError) as error:
                    log.error("embedded object store does not start", error=str(error))


def start_or_join(folder: Path, *, is_watched: bool = True) -> Embedded:
    """The store of a data folder: joined if it runs, started otherwise.

    :param is_watched: start it again, from a thread of this process, should it end before :meth:`Embedded.stop`
    :raises Unavailable: it does not come up, or there is none for this machine
    """
    folder = folder.resolve()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _one_at_a_time(folder):
        store = _bring_up(folder)
    if is_watched:
        store.watch()
    return store


def _bring_up(folder: Path) -> Embedded:
    """Start it if it does not run, wait until it is ready, and finish its first start. Needs the lock."""
    run = run_folder(folder)
    began, attempt = time.monotonic(), 0
    while True:
        attempt += 1
        was_running = process.running_pid(folder) is not None
        _prepare(folder)
        store = Embedded(folder, f"127.0.0.1:{command.read_ports(run)['s3']}", *keys.credentials(run))
        try:
            _wait_until_ready(store)
            _finish_first_start(run)
            return store
        except Unavailable:
            # What others use is not ours to kill, unless it has ended just now. What we started may have lost a port
            # to somebody, or was killed: as it may be several times on a machine that runs out of memory.
            is_over = attempt >= ATTEMPTS and time.monotonic() - began > TRIES_FOR_SECONDS
            if is_over or (was_running and store.is_running):
                raise
            process.kill(folder)


def _prepare(folder: Path) -> None:
    run = run_folder(folder)
    for each in (run, content_folder(folder)):
        each.mkdir(mode=0o700, exist_ok=True)
    keys.ensure_keys(run)
    if process.runs_alone(folder):
        # Whoever was rebuilding its index is dead, or we should not have the lock.
        process.kill(folder)
    if process.running_pid(folder) is None:
        rebuild.undo_or_finish(folder)
        command.ensure_ports(run)
        command.write_growth(run)
        process.start(folder)


def _finish_first_start(run: Path) -> None:
    if not (run / "prepared").exists():
        upkeep.switch_fsync_on(run)
        keys.write_private(run / "prepared", "")


@contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    with (folder / ".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _wait_until_ready(store: Embedded) -> None:
    """Ready is a PUT that succeeds, not an open port."""
    objects = Objects.connect(
        store.endpoint,
        store.access_key,
        store.secret_key,
        PROBE_BUCKET,
        secure=False,
        disk=store.content,
        read_seconds=READY_SECONDS,
    )
    began = time.monotonic()
    while True:
        waited = time.monotonic() - began
        try:
            objects.ensure_bucket()
            objects.check_writable()
            return
        except NoSpace:
            # A full store can still be read and erased from.
            if waited > FULL_SECONDS:
                return
        except StoryError as error:
            if waited > START_SECONDS or not store.is_running:
                raise Unavailable("object-store-unavailable", reason="start") from error
        time.sleep(0.1)
