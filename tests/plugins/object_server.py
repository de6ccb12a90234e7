"""One embedded object store for a test run, shared by all its processes, gone when the last of them is gone.

It dies with the process that started it, and test processes end one after the other: a guard process starts it.
The guard then waits for a lock of which every user holds a share, killed ones lose it too, and stops the store.
"""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from storage.embedded import Embedded, start_or_join

ROOT = Path(__file__).resolve().parent.parent.parent
STARTS_WITHIN_SECONDS = 120


@contextmanager
def shared_object_server(folder: Path) -> Iterator[Embedded]:
    """A running store that all who name the same ``folder`` share."""
    with (folder / "objects-users").open("a") as users, (folder / "objects-starting").open("a") as starting:
        fcntl.flock(starting, fcntl.LOCK_EX)
        # Waits here while a guard is stopping the store of users who are gone.
        fcntl.flock(users, fcntl.LOCK_SH)
        ready = folder / "objects-ready"
        if not ready.exists():
            _start(folder, ready)
        fcntl.flock(starting, fcntl.LOCK_UN)
        yield start_or_join(folder / "objects", is_watched=False)


def _start(folder: Path, ready: Path) -> None:
    # Otherwise the guard would be stopped by the interrupt that ends the tests, before the store is.
    guarding = subprocess.Popen(
        [sys.executable, "-m", "tests.plugins.object_server", str(folder)], cwd=ROOT, start_new_session=True
    )
    deadline = time.monotonic() + STARTS_WITHIN_SECONDS
    while not ready.exists():
        if guarding.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError("the object store for tests does not start")
        time.sleep(0.05)


def guard(folder: Path) -> None:
    """Run a store in ``folder`` until nobody holds a share of the lock any more."""
    store = start_or_join(folder / "objects", is_watched=False)
    # A new bucket would otherwise begin with seven volumes, which takes 0.2 s.
    store.shell("fs.configure -locationPrefix=/buckets/ -fsync -volumeGrowthCount=1 -apply")
    (folder / "objects-ready").touch()
    with (folder / "objects-users").open("a") as users:
        fcntl.flock(users, fcntl.LOCK_EX)
        (folder / "objects-ready").unlink()
        store.stop()
        shutil.rmtree(folder / "objects", ignore_errors=True)


if __name__ == "__main__":
    guard(Path(sys.argv[1]))
