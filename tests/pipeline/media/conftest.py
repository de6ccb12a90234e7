"""Recordings made on the spot: a tone, a picture that moves, in whatever container a test asks for."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline import cage

TONE_SECONDS = 1.5
TONE = ("-f", "lavfi", "-i", f"sine=frequency=440:sample_rate=48000:duration={TONE_SECONDS}")
PICTURE = ("-f", "lavfi", "-i", f"testsrc2=size=176x144:rate=10:duration={TONE_SECONDS}")

MakeRecording = Callable[..., Path]


def without_a_decoder(film: Path) -> Path:
    """The same MP4, whose picture (H.264 before) is in a coding that nobody knows."""
    content = film.read_bytes()
    at = content.index(b"avc1", content.index(b"stsd"))
    made = film.with_name("unknown.mp4")
    made.write_bytes(content[:at] + b"zzzz" + content[at + 4 :])
    return made


def turned(flat: str) -> tuple[str, ...]:
    """The arguments that copy a film and say that it was held upright: an option since ffmpeg 6, a tag before."""
    said = subprocess.run(["ffmpeg", "-hide_banner", "-h", "full"], capture_output=True, text=True).stdout
    if "-display_rotation" in said:
        return ("-display_rotation", "90", "-i", flat, "-c", "copy")
    return ("-i", flat, "-c", "copy", "-metadata:s:v:0", "rotate=90")


@pytest.fixture
def make_recording(tmp_path: Path) -> MakeRecording:
    """Makes a file with ffmpeg: its name, then ffmpeg's arguments (a tone of 1.5 s where they name no input)."""

    def make(name: str, *arguments: str) -> Path:
        made = tmp_path / name
        inputs = () if "-i" in arguments else TONE
        command = ["ffmpeg", "-nostdin", "-v", "error", "-y", *inputs, *arguments, str(made)]
        subprocess.run(command, check=True)
        return made

    return make


@pytest.fixture
def run_instead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Lets the runner run a script of the shell, where it would run ffmpeg or ffprobe."""

    def run(script: str) -> None:
        program = tmp_path / "ffmpeg"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        monkeypatch.setattr("pipeline.media.runner._program", lambda name: str(program))
        monkeypatch.setattr("pipeline.cage.SYSTEM", (*cage.SYSTEM, str(program)))

    return run


@pytest.fixture(scope="session")
def look_at() -> Callable[[Path], dict[str, Any]]:
    """What ffprobe says of a file that we made: streams, format, chapters and every tag."""

    def look(path: Path) -> dict[str, Any]:
        asked = ["-show_format", "-show_streams", "-show_chapters", "-of", "json", str(path)]
        said = subprocess.run(["ffprobe", "-v", "error", *asked], check=True, capture_output=True)
        found: dict[str, Any] = json.loads(said.stdout)
        return found

    return look
