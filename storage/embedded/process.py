"""The store's process: started from a thread that lives as long as we do, found again by others, killed at once."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from pathlib import Path

from models.errors import Unavailable
from storage.embedded import command, keys

STOP_SECONDS = 10.0


def run_folder(folder: Path) -> Path:
    """Where a store's keys, ports and sockets lie; readable by its owner alone."""
    return folder / "run"


def content_folder(folder: Path) -> Path:
    """Where its volumes lie: the disk that it fills."""
    return folder / "objects"


def start(folder: Path, *, is_alone: bool = False) -> None:
    """Start it from a thread that lives as long as this process: its end is what the store dies of.

    :param is_alone: without S3: nobody reads or writes objects while it runs
    """
    is_started = threading.Event()
    failure: list[BaseException] = []
    run = run_folder(folder)
    line = command.server_command(run, content_folder(folder), is_alone=is_alone)

    def hold() -> None:
        try:
            # Its log names keys, so it is kept nowhere.
            process = subprocess.Popen(
                line,
                cwd=run,
                env=command.environment(run),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
            keys.write_private(run / "pid", f"{process.pid}")
        except BaseException as error:
            failure.append(error)
            return
        finally:
            is_started.set()
        process.wait()

    threading.Thread(target=hold, name="embedded-store", daemon=True).start()
    is_started.wait()
    if failure:
        raise Unavailable("object-store-unavailable", reason=type(failure[0]).__name__) from failure[0]


def kill(folder: Path) -> None:
    """Stop it at once. What was acknowledged is on disk; asking politely takes 15 seconds."""
    pid = running_pid(folder)
    if pid is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        deadline = time.monotonic() + STOP_SECONDS
        while not _has_ended(pid) and time.monotonic() < deadline:
            time.sleep(0.02)
        for each in command.leftover_sockets(run_folder(folder)):
            each.unlink(missing_ok=True)


def running_pid(folder: Path) -> int | None:
    """The process of this folder's store, if it runs: its id may have been given to another since."""
    return next((pid for pid, _ in _running(folder)), None)


def runs_alone(folder: Path) -> bool:
    """Whether it runs without S3."""
    return any(command.WITHOUT_S3.encode() in words for _, words in _running(folder))


def _running(folder: Path) -> list[tuple[int, list[bytes]]]:
    try:
        pid = int((run_folder(folder) / "pid").read_text())
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError):
        return []
    return [(pid, words)] if b"-dir=" + os.fsencode(content_folder(folder)) in words else []


def _has_ended(pid: int) -> bool:
    # Its command line is gone before its sockets are, and its first thread ends before the others.
    process = Path(f"/proc/{pid}")
    try:
        state = (process / "stat").read_text().rpartition(")")[2].split()[0]
        return state in "ZX" and len(list((process / "task").iterdir())) == 1
    except (OSError, IndexError):
        return True
