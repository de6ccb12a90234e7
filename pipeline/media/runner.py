"""Running ffmpeg and ffprobe on files from strangers: limited, killable, without network.

Containers are decided from content among those we accept (docs/reference/formats.md): without that, a playlist
named ``.mp4`` would make ffmpeg read other people's recordings. A process gets one folder's files by absolute
path, limits on memory, processor time and output, and dies with us.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from models.errors import StageFailed, WorkCancelled

# Demuxers, as ffmpeg names them. Playlists, scripts, images and network protocols are not among them.
ACCEPTED_FORMATS = (
    "aac", "aiff", "amr", "amrnb", "amrwb", "asf", "avi", "caf", "flac", "matroska", "webm", "mov", "mp4", "m4a",
    "3gp", "3g2", "mj2", "mp3", "mpeg", "mpegts", "mpegvideo", "ogg", "wav", "w64",
)  # fmt: skip
MAX_PIXELS = 7680 * 4320
LOOK_EVERY_SECONDS = 0.2
MIB = 1024 * 1024


@dataclass(frozen=True)
class Limits:
    """What one child process may use."""

    wall_seconds: float = 60.0
    cpu_seconds: int = 60
    memory_bytes: int = 512 * MIB
    file_bytes: int = 64 * 1024 * MIB


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
    """What ffprobe says of a file's streams and format, as JSON."""
    arguments = [
        *("-v", "error", *input_options(), "-probesize", "20M", "-analyzeduration", "20M"),
        *("-show_format", "-show_streams", "-of", "json", "-i", str(path.resolve())),
    ]
    chunks: list[bytes] = []
    code, errors = _run("ffprobe", arguments, limits, cancelled, chunks.append)
    return Finished(code, b"".join(chunks), errors)


def decode(
    arguments: Sequence[str],
    *,
    limits: Limits,
    take: Callable[[bytes], None],
    cancelled: Callable[[], bool] = never,
) -> Finished:
    """Run ffmpeg with raw output on its standard output, handed over in chunks."""
    code, errors = _run("ffmpeg", ["-nostdin", "-v", "error", *arguments], limits, cancelled, take)
    return Finished(code, b"", errors)


def encode(
    arguments: Sequence[str],
    *,
    limits: Limits,
    duration_seconds: float,
    progress: Callable[[float], None] = lambda fraction: None,
    cancelled: Callable[[], bool] = never,
) -> None:
    """Run ffmpeg to make files; ``progress`` is told the fraction of ``duration_seconds`` that is done.

    :raises StageFailed: it failed, or met a limit
    """

    def hear(chunk: bytes) -> None:
        for line in chunk.decode("ascii", "replace").splitlines():
            name, _, value = line.partition("=")
            if name == "out_time_us" and value.lstrip("-").isdigit() and duration_seconds > 0:
                progress(max(0.0, min(1.0, int(value) / 1e6 / duration_seconds)))

    command = ["-nostdin", "-y", "-v", "error", "-progress", "pipe:1", *arguments]
    code, errors = _run("ffmpeg", command, limits, cancelled, hear)
    if code != 0:
        raise StageFailed("rendering-failed", reason=_last_line(errors))


def _run(
    program: str,
    arguments: Sequence[str],
    limits: Limits,
    cancelled: Callable[[], bool],
    take: Callable[[bytes], None],
) -> tuple[int, str]:
    """One child in its own process group. Whatever happens, nothing of the group is left.

    :raises WorkCancelled: it was called off
    :raises StageFailed: it took longer than it may
    """
    child = subprocess.Popen(
        [*_cage(limits), program, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "MALLOC_ARENA_MAX": "2"},
        start_new_session=True,
    )
    errors = bytearray()
    try:
        for stream, chunk in _chunks(child, time.monotonic() + limits.wall_seconds, cancelled):
            if stream is child.stdout:
                take(chunk)
            elif len(errors) < 64 * 1024:
                errors += chunk
        return child.wait(), errors.decode("utf-8", "replace")
    finally:
        _kill_group(child)


def _chunks(
    child: subprocess.Popen[bytes], deadline: float, cancelled: Callable[[], bool]
) -> Iterator[tuple[object, bytes]]:
    with selectors.DefaultSelector() as selector:
        for stream in (child.stdout, child.stderr):
            assert stream is not None
            selector.register(stream, selectors.EVENT_READ)
        while selector.get_map():
            for key, _ in selector.select(LOOK_EVERY_SECONDS):
                chunk = os.read(key.fd, 256 * 1024)
                if chunk:
                    yield key.fileobj, chunk
                else:
                    selector.unregister(key.fileobj)
            if cancelled():
                raise WorkCancelled("work-cancelled")
            if time.monotonic() > deadline:
                raise StageFailed("took-too-long")


def _kill_group(child: subprocess.Popen[bytes]) -> None:
    if child.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
    for stream in (child.stdout, child.stderr):
        if stream is not None:
            stream.close()


def _cage(limits: Limits) -> list[str]:
    """What stands before the program: die with us, limits, no network, least priority."""
    return [
        *("setpriv", "--pdeathsig", "KILL", "--"),
        "prlimit",
        f"--data={limits.memory_bytes}",
        # Shared libraries and thread stacks are mapped, not used: address space needs room above memory.
        f"--as={limits.memory_bytes + 1024 * MIB}",
        f"--cpu={limits.cpu_seconds}",
        f"--fsize={limits.file_bytes}",
        *("--core=0", "--nofile=64", "--"),
        *_no_network(),
    ]


@cache
def _no_network() -> tuple[str, ...]:
    """A network namespace with nothing in it, where the kernel lets us; else the whitelists alone hold."""
    for command in (("unshare", "-n", "--"), ("unshare", "-rn", "--")):
        if (
            shutil.which("unshare")
            and subprocess.run([*command, "true"], capture_output=True).returncode == 0
        ):
            return command
    return ()


def has_no_network() -> bool:
    """Whether children run without any network."""
    return bool(_no_network())


def _last_line(errors: str) -> str:
    """The last thing a child said, without addresses in memory and without paths."""
    lines = [line for line in errors.strip().splitlines() if line and "/" not in line]
    return lines[-1].split("] ", 1)[-1][:200] if lines else "no reason given"
