"""One PostgreSQL server for a test run, shared by all its processes, gone when the last of them is gone.

Each user holds a shared lock on a file. A guard process starts the server and waits for that lock alone: it
gets it when every user has ended, killed ones too, and then stops the server and removes its folder.
"""

from __future__ import annotations

import fcntl
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

FAST = ("fsync=off", "full_page_writes=off", "synchronous_commit=off")
STARTS_WITHIN_SECONDS = 30


def programs() -> Path | None:
    """The folder of the newest PostgreSQL server here, if one is installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    elsewhere = shutil.which("initdb")
    return Path(elsewhere).resolve().parent if elsewhere else None


def url_of(home: Path | str, database: str) -> str:
    """SQLAlchemy's URL of a database on the server whose socket lies in ``home``."""
    return f"postgresql+psycopg://app@/{database}?host={home}"


def connect(home: Path | str) -> psycopg.Connection[Any]:
    """A connection for making and dropping databases."""
    return psycopg.connect(f"host={home} user=app dbname=postgres", autocommit=True)


@contextmanager
def shared_server(folder: Path, *, settings: tuple[str, ...] = FAST) -> Iterator[Path]:
    """The home of a running server that all who name the same ``folder`` share."""
    users = (folder / "postgresql-users").open("a")
    with (folder / "postgresql-starting").open("a") as starting:
        fcntl.flock(starting, fcntl.LOCK_EX)
        # Waits here while a guard is stopping the server of users who are gone.
        fcntl.flock(users, fcntl.LOCK_SH)
        note = folder / "postgresql-home"
        if not note.exists():
            note.write_text(_start(users.name, note, settings))
        home = Path(note.read_text())
    try:
        yield home
    finally:
        users.close()


def _start(users: str, note: Path, settings: tuple[str, ...]) -> str:
    home = new_home()
    # Otherwise the guard would be stopped by the interrupt that ends the tests, before the server is.
    subprocess.Popen([sys.executable, __file__, users, str(note), home, *settings], start_new_session=True)
    deadline = time.monotonic() + STARTS_WITHIN_SECONDS
    while True:
        try:
            connect(home).close()
        except psycopg.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return home


def new_home() -> str:
    """A folder for a server: not under pytest's own, a socket's path holds 107 bytes."""
    return tempfile.mkdtemp(prefix="pg-", dir=os.environ.get("PYTEST_DEBUG_TEMPROOT", "/tmp"))


def guard(users: str, note: str, home: str, *settings: str) -> None:
    """Run a server in ``home`` until nobody holds the lock on ``users`` any more."""
    make(home)
    server = start(home, *settings)
    with open(users, "a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        server.send_signal(signal.SIGQUIT)
        server.wait()
        Path(note).unlink(missing_ok=True)
        shutil.rmtree(home, ignore_errors=True)


def make(home: str) -> None:
    """The files of a new server in ``home``, a short path."""
    if os.geteuid() == 0:
        os.chown(home, *_user())
    command = ("initdb", "-D", f"{home}/data", "-U", "app", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8")
    assert _run(home, *command, "--no-sync").wait() == 0


def start(home: str, *settings: str) -> subprocess.Popen[bytes]:
    """A server over the files in ``home``; its socket lies there too, and is there a moment later."""
    options = ("listen_addresses=", f"unix_socket_directories={home}", "shared_buffers=32MB", *settings)
    flags = [word for option in options for word in ("-c", option)]
    return _run(home, "postgres", "-D", f"{home}/data", *flags)


def _run(home: str, program: str, *arguments: str) -> subprocess.Popen[bytes]:
    folder = programs()
    assert folder is not None
    who: dict[str, Any] = {}
    if os.geteuid() == 0:  # initdb and postgres refuse root
        user, group = _user()
        who = {"user": user, "group": group, "extra_groups": []}
    return subprocess.Popen(
        [str(folder / program), *arguments],
        # The unprivileged user may not enter the folder that the tests run in.
        cwd=home,
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "HOME": home},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        **who,
    )


def _user() -> tuple[int, int]:
    entry = pwd.getpwnam("postgres")
    return entry.pw_uid, entry.pw_gid


if __name__ == "__main__":
    guard(*sys.argv[1:])
