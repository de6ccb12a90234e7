"""Our own words read aloud, for people who would rather listen: by espeak-ng, caged like ffmpeg, or by a person."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from models.errors import StageFailed
from pipeline import cage
from pipeline.media import runner
from pipeline.media.runner import PATH, Limits, input_options, limits_of

# Slower than its usual 175 words a minute.
WORDS_A_MINUTE = 130
LIMITS = Limits(wall_seconds=60, cpu_seconds=30)
# A person reads a long text for some minutes.
MOST_SECONDS = 1800
AS_M4A = ("-vn", "-sn", "-dn", "-map_metadata", "-1", "-map_chapters", "-1", "-c:a", "aac")


def can_speak() -> bool:
    """Whether espeak-ng is on this machine."""
    return _program() is not None


def speak(text: str, language: str, into: Path) -> None:
    """Read a text aloud into an M4A file. The text is the house's or a pilot's, never anybody's who asks.

    :param into: replaced in one go, so that nobody is ever given half of it
    :raises StageFailed: there is no espeak-ng here, or it or ffmpeg failed
    """
    into.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=into.parent) as folder:
        said, wav, m4a = (Path(folder) / name for name in ("said.txt", "said.wav", "said.m4a"))
        said.write_text(text, encoding="utf-8")
        _say(said, wav, language)
        arguments = [*input_options(), "-i", str(wav), *AS_M4A, "-b:a", "48k", str(m4a)]
        runner.encode(arguments, reads=[wav], makes=[m4a], limits=LIMITS, duration_seconds=0)
        m4a.replace(into)


def keep_reading(recording: Path, into: Path) -> None:
    """What a person read, as an M4A file of its sound and nothing else.

    :param into: replaced in one go
    :raises StageFailed: there is no sound in it, or ffmpeg failed
    """
    into.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=into.parent) as folder:
        m4a = Path(folder) / "read.m4a"
        source = [*input_options(), "-t", str(MOST_SECONDS), "-i", str(recording.resolve()), "-map", "0:a:0"]
        arguments = [*source, *AS_M4A, "-b:a", "96k", "-ac", "1", str(m4a)]
        runner.encode(arguments, reads=[recording.resolve()], makes=[m4a], limits=LIMITS, duration_seconds=0)
        m4a.replace(into)


def _say(said: Path, wav: Path, language: str) -> None:
    program = _program()
    if program is None:
        raise StageFailed("rendering-failed", reason="there is no espeak-ng here")
    wav.touch()
    command = [program, "-v", language, "-s", str(WORDS_A_MINUTE), "-f", str(said), "-w", str(wav)]
    caged = cage.around(command, reads=[said], writes=[wav], limits=limits_of(LIMITS), dies_with=os.getpid())
    try:
        subprocess.run(
            caged,
            check=True,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=LIMITS.wall_seconds,
            env={"PATH": PATH, "LC_ALL": "C.UTF-8"},
        )
    except subprocess.SubprocessError as error:
        raise StageFailed("rendering-failed", reason="espeak-ng failed") from error


def _program() -> str | None:
    return shutil.which("espeak-ng", path=PATH)
