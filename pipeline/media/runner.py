"""Running ffmpeg and ffprobe on files from strangers: caged, limited, killable.

Containers are decided from content among those we accept (docs/reference/formats.md): without that, a playlist
named ``.mp4`` would make ffmpeg read other people's recordings. A process gets the files that are named, by absolute
path, and no others (``pipeline/cage``); limits on memory, processor time and output; and dies with us.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from models.errors import StageFailed, UnusableRecording, WorkCancelled
from pipeline import cage
from pipeline.cage.walls import CANNOT_START
from pipeline.deadline import Deadline

# Demuxers, as ffmpeg names them. Playlists, scripts, images and network protocols are not among them.
ACCEPTED_FORMATS = (
    "aac", "aiff", "amr", "amrnb", "amrwb", "asf", "avi", "caf", "flac", "matroska", "webm", "mov", "mp4", "m4a",
    "3gp", "3g2", "mj2", "mp3", "mpeg", "mpegts", "mpegvideo", "ogg", "wav", "w64",
)  # fmt: skip
MAX_PIXELS = 7680 * 4320
HEARD_TO_ITS_END_SECONDS = 5.0
LOOK_EVERY_SECONDS = 0.2
LOOK_AGAIN_SECONDS = 0.01
MIB = 1024 * 1024
PATH = "/usr/bin:/bin"
MOST_OPEN_FILES = 64
# What is asked of ffprobe: not what somebody wrote into a file, which can be without end.
ASKED = ":".join(
    (
        "format=format_name,duration",
        "stream=index,codec_type,codec_name,width,height,channels,has_b_frames",
        "stream_disposition=default,attached_pic",
        "stream_side_data=rotation",
    )
)
MOST_SAID_BYTES = MIB
DISK_FULL = "No space left on device"


@dataclass(frozen=True)
class Limits:
    """What one child process may use. ``file_bytes`` counts for each file that it may write."""

    wall_seconds: float = 60.0
    cpu_seconds: int = 60
    memory_bytes: int = 512 * MIB
    file_bytes: int = 64 * MIB


@dataclass(frozen=True)
class Finished:
    """How a child ended."""

    code: int
    output: bytes
    errors: str


def never() -> bool:
    """Work that nobody calls off."""
    return False


def input_options() -> list[str]:
    """Options before every ``-i`` of a file from a stranger."""
    return [
        *("-protocol_whitelist", "file,pipe"),
        *("-format_whitelist", ",".join(ACCEPTED_FORMATS)),
        *("-max_pixels", str(MAX_PIXELS)),
    ]


def probe(path: Path, *, limits: Limits, cancelled: Callable[[], bool] = never) -> Finished:
    """What ffprobe says of a file's streams and format (``ASKED``), as JSON.

    :raises StageFailed: it took longer than it may, or was stopped
    :raises UnusableRecording: it says more of the file than is read of any recording
    """
    arguments = [
        *("-v", "error", *input_options(), "-probesize", "20M", "-analyzeduration", "20M"),
        *("-show_entries", ASKED, "-of", "json", "-i", str(path.resolve())),
    ]
    said = bytearray()

    def take(chunk: bytes) -> None:
        said.extend(chunk)
        if len(said) > MOST_SAID_BYTES:
            raise UnusableRecording("not-a-recording")

    code, errors = _run("ffprobe", arguments, limits, cancelled, take, reads=[path])
    return Finished(code, bytes(said), errors)


def decode(
    arguments: Sequence[str],
    *,
    reads: Iterable[Path],
    limits: Limits,
    take: Callable[[bytes], None],
    cancelled: Callable[[], bool] = never,
) -> Finished:
    """Run ffmpeg with raw output on its standard output, handed over in chunks. It sees the files ``reads`` alone.

    :raises StageFailed: it took longer than it may, or was stopped: what was handed over is not all that there is
    """
    command = ["-nostdin", "-v", "error", *arguments]
    code, errors = _run("ffmpeg", command, limits, cancelled, take, reads=reads)
    return Finished(code, b"", errors)


def encode(
    arguments: Sequence[str],
    *,
    reads: Iterable[Path],
    makes: Sequence[Path],
    limits: Limits,
    duration_seconds: float,
    progress: Callable[[float], None] = lambda fraction: None,
    cancelled: Callable[[], bool] = never,
) -> None:
    """Run ffmpeg to make files; ``progress`` is told the fraction of ``duration_seconds`` that is done.

    It sees the files ``reads`` and ``makes`` alone. Those that it makes are there afterwards, be they empty.

    :raises StageFailed: it failed, or met a limit
    """
    for path in makes:
        path.touch()

    def hear(chunk: bytes) -> None:
        for line in chunk.decode("ascii", "replace").splitlines():
            name, _, value = line.partition("=")
            if name == "out_time_us" and value.lstrip("-").isdigit() and duration_seconds > 0:
                progress(max(0.0, min(1.0, int(value) / 1e6 / duration_seconds)))

    command = ["-nostdin", "-y", "-v", "error", "-progress", "pipe:1", *arguments]
    code, errors = _run("ffmpeg", command, limits, cancelled, hear, reads=reads, writes=makes)
    if code != 0 and DISK_FULL in errors:
        raise StageFailed("decoder-stopped", reason=DISK_FULL)
    if code != 0:
        raise StageFailed("rendering-failed", reason=_last_line(errors))


def _run(
    program: str,
    arguments: Sequence[str],
    limits: Limits,
    cancelled: Callable[[], bool],
    take: Callable[[bytes], None],
    *,
    reads: Iterable[Path],
    writes: Iterable[Path] = (),
) -> tuple[int, str]:
    """One child in its own process group. Whatever happens, nothing of the group is left.

    :raises WorkCancelled: it was called off
    :raises StageFailed: it took longer than it may, was killed, or could not begin; that says nothing of the file
    """
    child = subprocess.Popen(
        cage.around(
            [_program(program), *arguments],
            reads=[path.resolve() for path in reads],
            writes=[path.resolve() for path in writes],
            limits=limits_of(limits),
            dies_with=os.getpid(),
        ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={"PATH": PATH, "LC_ALL": "C.UTF-8", "MALLOC_ARENA_MAX": "2"},
        start_new_session=True,
    )
    errors = bytearray()
    try:
        deadline = Deadline(limits.wall_seconds)
        for stream, chunk in _chunks(child, deadline, cancelled):
            if stream is child.stdout:
                take(chunk)
            elif len(errors) < 64 * 1024:
                errors += chunk
        _wait(child, deadline, cancelled)
    finally:
        code = _kill_group(child)
    said = errors.decode("utf-8", "replace")
    if code < 0 or code == CANNOT_START:
        reason = signal.strsignal(-code) if code < 0 else _last_line(said)
        raise StageFailed("decoder-stopped", reason=f"{program}: {reason}")
    return code, said


def _chunks(
    child: subprocess.Popen[bytes], deadline: Deadline, cancelled: Callable[[], bool]
) -> Iterator[tuple[object, bytes]]:
    over_since: float | None = None
    with selectors.DefaultSelector() as selector:
        for stream in (child.stdout, child.stderr):
            assert stream is not None
            selector.register(stream, selectors.EVENT_READ)
        while selector.get_map():
            ready = selector.select(LOOK_EVERY_SECONDS)
            for key, _ in ready:
                chunk = os.read(key.fd, 256 * 1024)
                if chunk:
                    yield key.fileobj, chunk
                else:
                    selector.unregister(key.fileobj)
            if cancelled():
                raise WorkCancelled("work-cancelled")
            if not deadline.is_over():
                continue
            # What has ended in time is heard to its end, unless something that it started keeps silent in its place, or
            # goes on without end.
            over_since = over_since or time.monotonic()
            has_ended = _has_ended(child) and time.monotonic() - over_since < HEARD_TO_ITS_END_SECONDS
            if not (ready and has_ended):
                raise StageFailed("took-too-long")


def _wait(child: subprocess.Popen[bytes], deadline: Deadline, cancelled: Callable[[], bool]) -> None:
    """Until it has ended: it may have closed what it was heard by long before."""
    while not _has_ended(child):
        if cancelled():
            raise WorkCancelled("work-cancelled")
        if deadline.is_over():
            raise StageFailed("took-too-long")
        time.sleep(LOOK_AGAIN_SECONDS)


def _has_ended(child: subprocess.Popen[bytes]) -> bool:
    """Whether it has, without taking note of it: until then its number, which is its group's, is nobody else's."""
    return os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _kill_group(child: subprocess.Popen[bytes]) -> int:
    """End what is left of the group, also where its leader has ended by itself: how the leader ended."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    code = child.wait()
    for stream in (child.stdout, child.stderr):
        if stream is not None:
            stream.close()
    return code


@cache
def _program(name: str) -> str:
    """A program of the system's by its absolute path: whatever else the service's own path may lead to."""
    return shutil.which(name, path=PATH) or f"/usr/bin/{name}"


def limits_of(limits: Limits) -> dict[str, int]:
    """Limits as the cage takes them."""
    return {
        "data": limits.memory_bytes,
        # Shared libraries and thread stacks are mapped, not used: address space needs room above memory.
        "space": limits.memory_bytes + 1024 * MIB,
        "cpu": limits.cpu_seconds,
        "file": limits.file_bytes,
        "files": MOST_OPEN_FILES,
        "core": 0,
    }


def _last_line(errors: str) -> str:
    """The last thing a child said, without addresses in memory and without paths."""
    lines = [line for line in errors.strip().splitlines() if line and "/" not in line]
    return lines[-1].split("] ", 1)[-1][:200] if lines else "no reason given"
