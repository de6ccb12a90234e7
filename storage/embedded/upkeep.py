"""Taking deleted content off the disk. A delete is not an erasure: until then it lies in the store's files."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

from models.errors import NoSpace, Unavailable
from storage.embedded import process
from storage.embedded.command import environment, shell_command
from storage.object_service import is_nearly_full

# The filer hands deleted content to the volumes some time after it answered (0.7 s was seen), and volumes tell
# the master what they hold every five seconds.
SETTLING_SECONDS = 3.0
TOLD_WITHIN_SECONDS = 6.0
VACUUM_ROUNDS = 5
SHELL_SECONDS = 300.0
LOOKING_SECONDS = 1.0
NAMES_ARE_WRITTEN_AFTER_SECONDS = 65.0


def run_shell(run: Path, *commands: str, seconds: float = SHELL_SECONDS) -> str:
    """Run commands in SeaweedFS's shell; what they print. It says nothing when one fails: look afterwards.

    :param seconds: how long they may take together
    :raises Unavailable: the shell itself did not end well, or the server ended before it
    """
    line = "\n".join(["lock", *commands, "unlock", ""])
    try:
        with subprocess.Popen(
            shell_command(run),
            cwd=run,
            env=environment(run),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        ) as shell:
            try:
                told = _wait_for(shell, line, run.parent, time.monotonic() + seconds)
            finally:
                shell.kill()
    except OSError as error:
        raise Unavailable("object-store-unavailable", reason="shell") from error
    if told is None or shell.returncode != 0:
        raise Unavailable("object-store-unavailable", reason="shell")
    return told


def _wait_for(shell: subprocess.Popen[str], line: str, folder: Path, deadline: float) -> str | None:
    """What the shell prints; None if it is waited for no longer.

    By itself it would wait for ever for a server that has ended, even if another is started.
    """
    server = process.running_pid(folder)
    to_say: str | None = line
    while server is not None and process.running_pid(folder) == server and time.monotonic() < deadline:
        try:
            return shell.communicate(to_say, timeout=LOOKING_SECONDS)[0]
        except subprocess.TimeoutExpired:
            to_say = None
    return None


def switch_fsync_on(run: Path) -> None:
    """One fsync a PUT, in every bucket: what was acknowledged survives loss of power.

    :raises Unavailable: the store does not show it afterwards
    """
    shown = run_shell(run, "fs.configure -locationPrefix=/buckets/ -fsync -apply", "fs.configure")
    if '"fsync":true' not in "".join(shown.split()):
        raise Unavailable("object-store-unavailable", reason="fsync")


def vacuum(run: Path, content: Path) -> None:
    """Rewrite the volumes without what was deleted, and look that the master knows of nothing deleted.

    Takes about ten seconds and as much space as the volume that it is at.

    :raises NoSpace: the disk is too full to copy a volume
    :raises Unavailable: something deleted is still there
    """
    time.sleep(SETTLING_SECONDS)
    for _ in range(VACUUM_ROUNDS):
        run_shell(run, "volume.vacuum -garbageThreshold=0")
        time.sleep(TOLD_WITHIN_SECONDS)
        if "deleted_bytes" not in run_shell(run, "volume.list"):
            return
    if is_nearly_full(content):
        raise NoSpace("object-store-full")
    raise Unavailable("object-store-unavailable", reason="vacuum")


def erase_leftovers(run: Path, content: Path) -> None:
    """Take deleted content and, as far as it was written, the log of names off the disk."""
    run_shell(run, "fs.log.purge -daysAgo=0")
    vacuum(run, content)
