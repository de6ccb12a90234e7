"""The cage of ffmpeg: what a child may use, and that nothing of it outlives its work."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import psutil
import pytest

from models.errors import StageFailed, UnusableRecording, WorkCancelled
from pipeline import cage
from pipeline.media import runner
from pipeline.media.inspection import MediaLimits, inspect
from pipeline.media.renditions import render_all
from pipeline.media.runner import MIB, Limits
from tests.pipeline.media.conftest import PICTURE, TONE, MakeRecording

ROOT = Path(__file__).resolve().parents[3]
# Long enough to be looked at: reads a day of silence at the pace of a clock.
ENDLESS = ("-re", "-f", "lavfi", "-i", "anullsrc=r=8000:cl=mono:d=86400", "-f", "s16le", "pipe:1")


def run_quietly(arguments: Sequence[str], **more: Any) -> runner.Finished:
    """An ffmpeg of the runner's that reads no file of ours, and to whose output nobody listens."""
    usual: dict[str, Any] = {"limits": Limits(), "take": lambda chunk: None}
    return runner.decode(arguments, reads=(), **(usual | more))


def children() -> list[psutil.Process]:
    """What this process started, with its children."""
    return psutil.Process().children(recursive=True)


def wait_until(holds: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"waited {seconds} s"
        time.sleep(0.02)


def named(name: str) -> list[psutil.Process]:
    found = []
    for child in children():
        try:
            if child.name() == name and child.status() != psutil.STATUS_ZOMBIE:
                found.append(child)
        except psutil.NoSuchProcess:
            continue
    return found


class Running:
    """An endless ffmpeg of the runner's, in a thread, until it is called off."""

    def __init__(self, limits: Limits) -> None:
        self.is_off = threading.Event()
        self.ended_by: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=(limits,))
        self._thread.start()
        wait_until(lambda: bool(named("ffmpeg")))
        (self.child,) = named("ffmpeg")

    def _run(self, limits: Limits) -> None:
        try:
            run_quietly(ENDLESS, limits=limits, cancelled=self.is_off.is_set)
        except BaseException as error:
            self.ended_by = error

    def end(self) -> None:
        self.is_off.set()
        self._thread.join(timeout=20)
        assert not self._thread.is_alive()


@pytest.fixture
def run_endlessly() -> Iterator[Callable[[Limits], Running]]:
    running: list[Running] = []

    def run(limits: Limits) -> Running:
        running.append(Running(limits))
        return running[-1]

    yield run
    for each in running:
        each.end()


def limits_of(child: psutil.Process) -> dict[str, str]:
    """The hard limits of a process, by the kernel's names."""
    lines = Path(f"/proc/{child.pid}/limits").read_text().splitlines()[1:]
    rows = [re.split(r"\s{2,}", line.strip()) for line in lines]
    return {row[0]: row[2] for row in rows}


def test_child_runs_under_the_kernels_limits(run_endlessly: Callable[[Limits], Running]) -> None:
    held = limits_of(run_endlessly(Limits(cpu_seconds=77)).child)
    assert int(held["Max data size"]) <= 512 * MIB
    assert int(held["Max address space"]) <= 1536 * MIB
    assert held["Max cpu time"] == "77"
    assert held["Max core file size"] == "0"
    assert int(held["Max open files"]) <= 64
    assert int(held["Max file size"]) <= 64 * 1024 * MIB


def test_every_child_of_a_stage_is_given_files_and_limits(
    make_recording: MakeRecording, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[list[str]] = []
    real = subprocess.Popen

    class Noted(real):  # type: ignore[misc,valid-type]
        def __init__(self, command: list[str], **options: object) -> None:
            started.append(command)
            super().__init__(command, **options)

    original = make_recording("a.mp4", *TONE, *PICTURE)
    monkeypatch.setattr("pipeline.media.runner.subprocess.Popen", Noted)
    findings = inspect(original, told_in_sign_language=False, limits=MediaLimits())
    list(render_all(original, findings, tmp_path))
    met: list[str] = []
    for command in started:
        walls, program = command[: command.index("--")], command[command.index("--") + 1 :]
        assert Path(program[0]).is_absolute()
        (data,) = [wall for wall in walls if wall.startswith("data=")]
        assert int(data.removeprefix("data=")) <= 512 * MIB
        assert f"parent={os.getpid()}" in walls
        if program[0].endswith("ffmpeg"):
            assert "-nostdin" in program
        seen = {wall.partition("=")[2] for wall in walls if wall.startswith(("read=", "write="))}
        assert all(Path(path).is_file() for path in seen), "files, each by its name, and no folder"
        for at, part in enumerate(program):
            # The poster comes from our own rendition, all else from a stranger's file.
            if part == "-i" and program[at + 1] == str(original):
                met.append(Path(program[0]).name)
                assert "-protocol_whitelist" in program[:at]
                assert "-format_whitelist" in program[:at]
                assert "-max_pixels" in program[:at]
    assert sorted(met) == ["ffmpeg", "ffmpeg", "ffmpeg", "ffmpeg", "ffprobe"]


def test_what_takes_too_much_memory_fails_and_harms_nobody() -> None:
    greedy = ("-f", "lavfi", "-i", "color=s=8000x8000:r=1:d=1,scale=16000:16000,format=gbrpf32le")
    assert run_quietly((*greedy, "-f", "null", "-"), limits=Limits(memory_bytes=64 * MIB)).code != 0


def test_processor_time_is_limited() -> None:
    busy = ("-f", "lavfi", "-i", "testsrc2=s=1920x1080:r=60:d=86400", "-f", "null", "-")
    begun = time.monotonic()
    with pytest.raises(StageFailed) as failed:
        run_quietly(busy, limits=Limits(wall_seconds=120, cpu_seconds=1))
    assert failed.value.code == "decoder-stopped"
    assert time.monotonic() - begun < 60


def test_file_that_grows_too_large_is_stopped(tmp_path: Path) -> None:
    made = tmp_path / "a.wav"
    arguments = ("-f", "lavfi", "-i", "anullsrc=r=48000:cl=stereo:d=600", str(made))
    with pytest.raises(StageFailed):
        runner.encode(arguments, reads=(), makes=[made], limits=Limits(file_bytes=MIB), duration_seconds=600)
    assert made.stat().st_size <= MIB


def test_child_that_takes_too_long_is_gone_with_its_group() -> None:
    with pytest.raises(StageFailed) as failed:
        run_quietly(ENDLESS, limits=Limits(wall_seconds=1))
    assert failed.value.code == "took-too-long"
    assert named("ffmpeg") == []


def test_child_that_says_nothing_is_stopped_all_the_same() -> None:
    silent = ("-re", "-f", "lavfi", "-i", "anullsrc", "-f", "null", "-")
    with pytest.raises(StageFailed) as failed:
        run_quietly(silent, limits=Limits(wall_seconds=1))
    assert failed.value.code == "took-too-long"
    assert named("ffmpeg") == []


def test_pause_of_the_worker_is_no_time_that_a_child_took(tmp_path: Path) -> None:
    """It is stopped for longer than the child may take; the child, which is not, ends meanwhile, as it may."""
    made = tmp_path / "a.wav"
    code = (
        "from pathlib import Path\n"
        "from pipeline import deadline\n"
        "from pipeline.media import runner\n"
        "deadline.ASLEEP_AFTER_SECONDS = 1.5\n"
        f"made = Path({str(made)!r})\n"
        "arguments = ('-re', '-f', 'lavfi', '-i', 'anullsrc=r=8000:cl=mono:d=1', str(made))\n"
        "limits = runner.Limits(wall_seconds=4)\n"
        "print('on', flush=True)\n"
        "runner.encode(arguments, reads=(), makes=[made], limits=limits, duration_seconds=1)\n"
        "print('made')\n"
    )
    worker = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE)
    assert worker.stdout is not None
    assert worker.stdout.readline() == b"on\n"
    wait_until(lambda: bool(named("ffmpeg")))
    os.kill(worker.pid, signal.SIGSTOP)
    time.sleep(6)
    os.kill(worker.pid, signal.SIGCONT)
    said, _ = worker.communicate(timeout=20)
    assert said == b"made\n"


def test_whole_group_is_killed_also_what_a_child_started(
    tmp_path: Path, run_instead: Callable[[str], None]
) -> None:
    mark = tmp_path / "pid"
    run_instead(f"sleep 600 &\necho $! > {mark}\nsleep 600")
    with pytest.raises(WorkCancelled):
        runner.encode(
            (),
            reads=(),
            makes=[mark],
            limits=Limits(),
            duration_seconds=1,
            cancelled=lambda: mark.stat().st_size > 0,
        )
    wait_until(lambda: mark.read_text().strip() != "")
    wait_until(lambda: not _lives(int(mark.read_text())))


def test_what_a_child_started_ends_also_where_the_child_ended_before(
    tmp_path: Path, run_instead: Callable[[str], None]
) -> None:
    mark = tmp_path / "pid"
    run_instead(f"sleep 600 >/dev/null 2>&1 &\necho $! > {mark}")
    runner.encode((), reads=(), makes=[mark], limits=Limits(), duration_seconds=1)
    wait_until(lambda: not _lives(int(mark.read_text())))


def test_child_that_says_nothing_more_and_does_not_end_is_given_up(
    tmp_path: Path, run_instead: Callable[[str], None]
) -> None:
    run_instead("exec >&- 2>&-\nsleep 600")
    with pytest.raises(StageFailed, match="took-too-long"):
        runner.encode(
            (), reads=(), makes=[tmp_path / "made"], limits=Limits(wall_seconds=1), duration_seconds=1
        )


def _lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_cancelling_kills(run_endlessly: Callable[[Limits], Running]) -> None:
    running = run_endlessly(Limits())
    running.end()
    assert isinstance(running.ended_by, WorkCancelled)
    assert not _lives(running.child.pid)


def test_error_of_who_listens_kills_too() -> None:
    def refuse(chunk: bytes) -> None:
        raise UnusableRecording("recording-too-long")

    with pytest.raises(UnusableRecording):
        run_quietly(ENDLESS, take=refuse)
    assert named("ffmpeg") == []


def test_child_dies_with_whoever_started_it() -> None:
    # It says nothing: a pipe that breaks would end it in any case.
    quiet = (*ENDLESS[:-3], "-f", "null", "-")
    code = (
        "from pipeline.media import runner\n"
        "print('on', flush=True)\n"
        f"runner.decode({quiet!r}, reads=(), limits=runner.Limits(), take=lambda chunk: None)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE)
    assert parent.stdout is not None
    assert parent.stdout.readline() == b"on\n"
    wait_until(lambda: bool(named("ffmpeg")))
    (child,) = named("ffmpeg")
    os.kill(parent.pid, signal.SIGKILL)
    parent.communicate(timeout=20)
    try:
        wait_until(lambda: not _lives(child.pid))
    finally:
        if _lives(child.pid):
            child.kill()


@pytest.fixture
def listener() -> Iterator[tuple[str, list[bytes]]]:
    """An address on this machine, and what was asked there."""
    asked: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)
        is_over = threading.Event()

        def serve() -> None:
            while not is_over.is_set():
                try:
                    connection, _ = server.accept()
                except TimeoutError:
                    continue
                with connection:
                    asked.append(b"connected")

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"127.0.0.1:{server.getsockname()[1]}", asked
        is_over.set()
        thread.join()


@pytest.mark.parametrize("protocol", ["http", "tcp", "rtmp", "hls+http", "udp", "ftp"])
def test_no_protocol_of_the_network_is_spoken(listener: tuple[str, list[bytes]], protocol: str) -> None:
    address, asked = listener
    arguments = [*runner.input_options(), "-i", f"{protocol}://{address}/a.mp4", "-f", "null", "-"]
    assert run_quietly(arguments, limits=Limits(wall_seconds=20)).code != 0
    assert asked == []


def test_child_has_no_network_where_the_kernel_lets_us(listener: tuple[str, list[bytes]]) -> None:
    if not cage.standing() & {"network", "calls"}:
        pytest.skip("this kernel lets us close no network: the lists of protocols alone hold")
    address, asked = listener
    # Without the whitelists, as a fault in them would leave it.
    bare = ("-i", f"tcp://{address}", "-f", "null", "-")
    assert run_quietly(bare, limits=Limits(wall_seconds=20)).code != 0
    assert asked == []
    # That the listener would have heard of it.
    with socket.create_connection(tuple(address.split(":"))):  # type: ignore[arg-type]
        wait_until(lambda: bool(asked))


def test_only_containers_of_recordings_are_accepted() -> None:
    scripts = {
        "hls",
        "applehttp",
        "concat",
        "concatf",
        "sdp",
        "image2",
        "lavfi",
        "svg_pipe",
        "dash",
        "ffmetadata",
    }
    assert not scripts & set(runner.ACCEPTED_FORMATS)


def test_child_gets_nothing_of_our_environment(
    run_instead: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    run_instead("env\ncat")
    monkeypatch.setenv("COMMUNITY_REPORTING_SECRET", "canary")
    said = bytearray()
    assert run_quietly((), take=said.extend).code == 0
    assert b"canary" not in said
    assert b"LC_ALL=C.UTF-8" in said


def test_probe_says_what_a_file_is(make_recording: MakeRecording) -> None:
    probed = runner.probe(make_recording("a.mp3"), limits=Limits())
    assert probed.code == 0
    assert json.loads(probed.output)["streams"][0]["codec_name"] == "mp3"


def test_probe_that_says_more_than_is_read_is_stopped(
    make_recording: MakeRecording, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = make_recording("a.mp3")
    monkeypatch.setattr(runner, "MOST_SAID_BYTES", 50)
    with pytest.raises(UnusableRecording):
        runner.probe(recording, limits=Limits())


def test_probe_does_not_ask_for_what_somebody_wrote_into_a_file(make_recording: MakeRecording) -> None:
    recording = make_recording("a.mp3", "-metadata", f"comment={'a' * 100_000}")
    assert recording.stat().st_size > 100_000
    assert len(runner.probe(recording, limits=Limits()).output) < 2_000


def test_file_named_like_an_option_or_an_address_is_a_file(
    make_recording: MakeRecording, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make_recording("a.mp3")
    monkeypatch.chdir(made.parent)
    for name in ("-y", "http:a", "concat:a|b", "pipe:0", "a %03d;$(id).mp4", "Grüße \U0001f3a4\n.mp3"):
        other = made.rename(name)
        findings = inspect(Path(name), told_in_sign_language=False, limits=MediaLimits())
        folder = made.parent / "made"
        folder.mkdir()
        assert dict(render_all(Path(name), findings, folder)).keys() == {"speech", "audio", "peaks"}
        for each in folder.iterdir():
            each.unlink()
        folder.rmdir()
        made = other.rename(made)


def test_progress_of_encoding_is_between_nothing_and_all(tmp_path: Path) -> None:
    told: list[float] = []
    arguments = ("-f", "lavfi", "-i", "sine=d=120", str(tmp_path / "a.m4a"))
    made = tmp_path / "a.m4a"
    runner.encode(
        arguments, reads=(), makes=[made], limits=Limits(), duration_seconds=60, progress=told.append
    )
    assert told == sorted(told)
    assert all(0 <= each <= 1 for each in told)
    assert told[-1] == 1.0


def test_flood_of_errors_is_not_kept_in_memory(run_instead: Callable[[str], None]) -> None:
    run_instead("head -c 20000000 /dev/zero >&2\nexit 3")
    done = run_quietly(())
    assert done.code == 3
    assert len(done.errors) <= 320 * 1024
