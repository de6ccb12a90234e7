"""The recogniser's process: bounded, warm between jobs, and gone when it should be."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from models.errors import Invalid, StageFailed, Unavailable, WorkCancelled
from pipeline import cage
from pipeline.transcription import recogniser as module
from pipeline.transcription.protocol import Transcription
from pipeline.transcription.recogniser import Recogniser
from pipeline.transcription.standalone import FORMATS, transcribe_file, written
from pipeline.transcription.wer import word_error_rate
from tests.pipeline.transcription.conftest import ROOT, SAID

MIB = 1024 * 1024
MakeRecogniser = Callable[..., Recogniser]


@pytest.fixture
def make_recogniser(base_weights: Path) -> Iterator[MakeRecogniser]:
    made: list[Recogniser] = []

    def make(weights: Path = base_weights, **given: object) -> Recogniser:
        made.append(Recogniser(weights, **given))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture(scope="module")
def warm(base_weights: Path, voice: Path) -> Iterator[Recogniser]:
    """One that has heard something already."""
    recogniser = Recogniser(base_weights)
    recogniser.transcribe(voice, language="en", end_seconds=1.0)
    yield recogniser
    recogniser.close()


def pid_of(recogniser: Recogniser) -> int:
    pid = recogniser.child_pid
    assert pid is not None
    return pid


def lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_until(holds: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"waited {seconds} s"
        time.sleep(0.02)


def text_of(heard: Transcription) -> str:
    return " ".join(segment.text for segment in heard.segments)


def test_process_may_take_700_megabytes_and_leaves_no_dump(warm: Recogniser) -> None:
    lines = Path(f"/proc/{pid_of(warm)}/limits").read_text().splitlines()[1:]
    held = {row[0]: row[2] for row in (re.split(r"\s{2,}", line.strip()) for line in lines)}
    assert int(held["Max data size"]) <= 700 * MIB
    assert held["Max core file size"] == "0"


def test_process_knows_nothing_of_our_secrets(
    make_recogniser: MakeRecogniser, voice: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COMMUNITY_REPORTING_S3_SECRET_KEY", "canary")
    recogniser = make_recogniser()
    recogniser.transcribe(voice, language="en", end_seconds=1.0)
    environment = Path(f"/proc/{pid_of(recogniser)}/environ").read_bytes()
    assert b"canary" not in environment
    # Weights come from where they were verified, never from the network on the way.
    assert b"HF_HUB_OFFLINE=1" in environment


def test_process_sees_its_weights_and_no_recording(
    base_weights: Path, voice: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It hears what it is handed, and could open nothing by itself: the same cage, with something else in it."""
    started: list[list[str]] = []

    def note(self: Recogniser, command: list[str], jobs: int) -> subprocess.Popen[bytes]:
        started.append(command)
        return subprocess.Popen(["/bin/true"], stdout=subprocess.PIPE)

    monkeypatch.setattr(Recogniser, "_start", note)
    with pytest.raises(StageFailed):
        Recogniser(base_weights).transcribe(voice, language="en")
    ((*walls, end),) = [command[: command.index("--") + 1] for command in started]
    assert end == "--"
    if "files" not in cage.standing():
        pytest.skip("this kernel has no Landlock")

    def can_read(path: Path) -> bool:
        asked = [*walls, "--", "/bin/head", "-c", "1", str(path)]
        return subprocess.run(asked, capture_output=True).returncode == 0

    assert can_read(base_weights / "model.bin")
    assert can_read(ROOT / "pipeline" / "inspect.py")
    other = tmp_path / "other"
    other.write_bytes(b"x")
    for path in (voice, other, ROOT / "pyproject.toml", ROOT / "app" / "cli.py", Path("/etc/passwd")):
        assert path.exists()
        assert not can_read(path), path


def test_process_stays_warm_between_jobs(warm: Recogniser, voice: Path) -> None:
    before = pid_of(warm)
    heard = [warm.transcribe(voice, language="en") for _ in range(2)]
    assert pid_of(warm) == before
    assert text_of(heard[0]) == text_of(heard[1])
    assert word_error_rate(SAID, text_of(heard[0])) <= 0.2


@pytest.mark.long
def test_other_weights_are_heard_with_when_asked_for_one_process_at_a_time(
    make_recogniser: MakeRecogniser, base_weights: Path, voice: Path, tmp_path: Path
) -> None:
    given = shutil.copytree(base_weights, tmp_path / "whisper-given")
    recogniser = make_recogniser(others={"given": given})

    def hear(weights: str | None) -> tuple[str, int]:
        heard = recogniser.transcribe(voice, language="en", end_seconds=1.0, weights=weights)
        return heard.weights, pid_of(recogniser)

    _, first = hear(None)
    assert hear("not there any more") == ("base", first)
    name, second = hear("given")
    assert name == "given"
    assert not lives(first)
    assert hear("given") == ("given", second)


def test_process_that_was_idle_ends(make_recogniser: MakeRecogniser, voice: Path) -> None:
    recogniser = make_recogniser(idle_seconds=0.3)
    recogniser.transcribe(voice, language="en", end_seconds=1.0)
    wait_until(lambda: recogniser.child_pid is None)


@pytest.mark.long
def test_job_does_not_count_as_being_idle(make_recogniser: MakeRecogniser, voice: Path) -> None:
    recogniser = make_recogniser(idle_seconds=0.01)
    # Loading alone takes a hundred times as long.
    assert text_of(recogniser.transcribe(voice, language="en")) != ""


def test_process_that_is_killed_in_its_work_fails_the_stage_and_the_next_job_goes_on(
    make_recogniser: MakeRecogniser, voice: Path
) -> None:
    recogniser = make_recogniser()
    recogniser.transcribe(voice, language="en", end_seconds=1.0)
    killed = pid_of(recogniser)
    # Stopped first, so that it cannot be quicker.
    os.kill(killed, signal.SIGSTOP)
    threading.Timer(0.5, os.kill, (killed, signal.SIGKILL)).start()
    with pytest.raises(StageFailed) as failed:
        recogniser.transcribe(voice, language="en")
    assert failed.value.code == "recogniser-crashed"
    assert recogniser.child_pid is None
    assert word_error_rate(SAID, text_of(recogniser.transcribe(voice, language="en"))) <= 0.2
    assert pid_of(recogniser) != killed


@pytest.mark.long
def test_process_that_died_between_jobs_is_started_again(
    make_recogniser: MakeRecogniser, voice: Path
) -> None:
    recogniser = make_recogniser()
    recogniser.transcribe(voice, language="en", end_seconds=1.0)
    killed = pid_of(recogniser)
    os.kill(killed, signal.SIGKILL)
    wait_until(lambda: recogniser.child_pid is None)
    assert text_of(recogniser.transcribe(voice, language="en")) != ""
    assert pid_of(recogniser) != killed


def test_work_that_is_called_off_leaves_no_process(make_recogniser: MakeRecogniser, voice: Path) -> None:
    recogniser = make_recogniser()
    recogniser.transcribe(voice, language="en", end_seconds=1.0)
    before = pid_of(recogniser)
    os.kill(before, signal.SIGSTOP)
    is_off = threading.Event()
    threading.Timer(0.5, is_off.set).start()
    with pytest.raises(WorkCancelled):
        recogniser.transcribe(voice, language="en", cancelled=is_off.is_set)
    assert recogniser.child_pid is None
    assert not lives(before)


def test_work_can_be_called_off_while_weights_are_loaded(
    make_recogniser: MakeRecogniser, voice: Path
) -> None:
    recogniser = make_recogniser()
    with pytest.raises(WorkCancelled):
        recogniser.transcribe(voice, language="en", cancelled=lambda: recogniser.child_pid is not None)
    assert recogniser.child_pid is None


def test_process_that_hangs_is_given_up(
    make_recogniser: MakeRecogniser, voice: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recogniser = make_recogniser()
    recogniser.transcribe(voice, language="en", end_seconds=1.0)
    before = pid_of(recogniser)
    os.kill(before, signal.SIGSTOP)
    monkeypatch.setattr(module, "PART_SECONDS", 0.5)
    with pytest.raises(StageFailed) as failed:
        recogniser.transcribe(voice, language="en")
    assert failed.value.code == "took-too-long"
    assert not lives(before)


def test_too_little_memory_fails_the_stage_and_hangs_nothing(
    make_recogniser: MakeRecogniser, voice: Path
) -> None:
    recogniser = make_recogniser(memory_bytes=48 * MIB)
    with pytest.raises(StageFailed) as failed:
        recogniser.transcribe(voice, language="en")
    assert failed.value.code == "recogniser-crashed"
    assert recogniser.child_pid is None


def test_folder_without_weights_fails_the_stage(
    make_recogniser: MakeRecogniser, voice: Path, tmp_path: Path
) -> None:
    with pytest.raises(StageFailed):
        make_recogniser(tmp_path).transcribe(voice, language="en")


@pytest.mark.long
def test_job_that_cannot_be_done_does_not_spoil_the_next(
    warm: Recogniser, voice: Path, tmp_path: Path
) -> None:
    with pytest.raises(StageFailed):
        warm.transcribe(tmp_path / "no-such.wav", language="en")
    assert text_of(warm.transcribe(voice, language="en")) != ""


def test_engine_that_nobody_made_is_refused_before_any_process(base_weights: Path) -> None:
    with pytest.raises(Unavailable) as refused:
        Recogniser(base_weights, engine="parrot")
    assert refused.value.code == "engine-unknown"


def test_engine_that_was_removed_meanwhile_fails_the_stage_and_says_which(
    make_recogniser: MakeRecogniser, voice: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = '{"failed": "engine-not-installed", "parameters": {"engine": "faster-whisper"}}'

    def gone(self: Recogniser, command: list[str], jobs: int) -> subprocess.Popen[bytes]:
        return subprocess.Popen(["/bin/echo", answer], stdout=subprocess.PIPE)

    monkeypatch.setattr(Recogniser, "_start", gone)
    with pytest.raises(StageFailed) as failed:
        make_recogniser().transcribe(voice, language="en")
    assert (failed.value.code, failed.value.parameters) == (
        "engine-not-installed",
        {"engine": "faster-whisper"},
    )


def test_threads_that_share_it_wait_for_one_another(warm: Recogniser, voice: Path) -> None:
    heard: list[str] = []
    parts = [(0.0, None), (0.0, 2.0), (2.0, None)]

    def hear(start: float, end: float | None) -> None:
        heard.append(text_of(warm.transcribe(voice, language="en", start_seconds=start, end_seconds=end)))

    threads = [threading.Thread(target=hear, args=part) for part in parts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert len(heard) == 3
    assert len(set(heard)) == 3


@pytest.mark.long
def test_process_ends_with_whoever_started_it(base_weights: Path, voice: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path\n"
        "from pipeline.transcription.recogniser import Recogniser\n"
        "recogniser = Recogniser(Path(sys.argv[1]))\n"
        "recogniser.transcribe(Path(sys.argv[2]), language='en', end_seconds=1.0)\n"
        "print(recogniser.child_pid, flush=True); time.sleep(600)"
    )
    command = [sys.executable, "-c", code, str(base_weights), str(voice)]
    parent = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    os.kill(parent.pid, signal.SIGKILL)
    parent.communicate(timeout=20)
    wait_until(lambda: not lives(child))


def test_file_is_transcribed_as_the_pipeline_would(warm: Recogniser, spoken: Path) -> None:
    told: list[float] = []
    heard = transcribe_file(spoken, warm, language="en", progress=told.append)
    assert word_error_rate(SAID, text_of(heard)) <= 0.2
    assert told == sorted(told)
    for form in FORMATS:
        assert "Thursdays" in written(heard, form)


def test_silent_file_needs_no_recogniser(make_recogniser: MakeRecogniser, tmp_path: Path) -> None:
    silent = tmp_path / "a.flac"
    source = ["-f", "lavfi", "-i", "anullsrc=r=16000:cl=mono:d=2"]
    subprocess.run(["ffmpeg", "-v", "error", *source, str(silent)], check=True)
    recogniser = make_recogniser()
    heard = transcribe_file(silent, recogniser, language="pl")
    assert (heard.segments, heard.language, heard.engine) == ((), "pl", "none")
    # As the pipeline says of what nobody said.
    assert json.loads(written(transcribe_file(silent, recogniser), "json"))["language"] == "und"
    assert recogniser.child_pid is None


def test_language_that_cannot_be_heard_is_refused_at_once(warm: Recogniser, tmp_path: Path) -> None:
    with pytest.raises(Invalid) as refused:
        transcribe_file(tmp_path / "no-such.mp3", warm, language="klingon")
    assert refused.value.code == "language-unknown"
