"""What the benchmarks share: seconds taken in turn, recordings to measure with, and on what it was measured."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import time
import wave
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, TypeVar

from app.operations.demo_stories import STORIES

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / "data" / "cache"
SHARED = Path(os.environ.get("COMMUNITY_REPORTING_SHARED", ROOT.parent / "shared"))
# Voices that espeak-ng itself speaks, and words a minute: no two rounds of the same stories sound alike.
VOICES = (("en-gb", 140), ("en-us", 150), ("en-gb-x-rp", 135), ("en-gb-scotland", 145), ("en-029", 138))

Made = TypeVar("Made")


@dataclass(frozen=True)
class Spoken:
    """A recording and the words that are said in it."""

    name: str
    path: Path
    language: str
    text: str


@dataclass
class Taken:
    """Seconds that several things took by a clock, each measured in several rounds."""

    clock: Callable[[], float] = time.perf_counter
    rounds: dict[str, list[float]] = field(default_factory=dict)

    @contextmanager
    def of(self, name: str, round_number: int) -> Iterator[None]:
        """Add what happens inside to ``name`` in a round; a round may be added to many times."""
        began = self.clock()
        yield
        seconds = self.rounds.setdefault(name, [])
        seconds.extend([0.0] * (round_number + 1 - len(seconds)))
        seconds[round_number] += self.clock() - began

    def median(self, name: str) -> float:
        """The median of a thing's rounds, in seconds."""
        return median(self.rounds[name])


def in_turn(names: list[str], round_number: int) -> list[str]:
    """The same names, begun elsewhere each round: what else this machine does then falls on each alike."""
    start = round_number % len(names)
    return names[start:] + names[:start]


def machine() -> str:
    """What decides how fast this is: cores, architecture and what the processor has for matrices. No names."""
    flags: set[str] = set()
    information = Path("/proc/cpuinfo")
    if information.exists():
        lines = [line for line in information.read_text().splitlines() if line.startswith("flags")]
        flags = set(lines[0].split()) if lines else set()
    features = {"amx_tile": "AMX", "avx512_vnni": "AVX-512 VNNI", "avx2": "AVX2"}
    known = next((shown for flag, shown in features.items() if flag in flags), "no AVX2")
    return f"{len(os.sched_getaffinity(0))} cores, {platform.machine()}, {known}"


def load_average() -> str:
    """How much this machine had to do in the last minute, ours and others' work together."""
    return f"load {os.getloadavg()[0]:.1f}"


def run(*command: str, text: str | None = None) -> None:
    """A command that has to succeed."""
    subprocess.run(command, check=True, input=text.encode() if text else None, stdout=subprocess.DEVNULL)


def speech_of(recording: Path, folder: Path) -> Path:
    """A recording as 16 kHz mono PCM, as every engine here is given it."""
    out = folder / f"{recording.stem}.16k.wav"
    run("ffmpeg", "-nostdin", "-y", "-v", "error", "-i", str(recording), "-ac", "1", "-ar", "16000", str(out))
    return out


def real_recordings(folder: Path) -> list[Spoken]:
    """The recordings beside the checkout that have a reference; none where they are absent."""
    manifest = SHARED / "speech" / "manifest.json"
    if not manifest.is_file():
        return []
    listed: list[dict[str, Any]] = json.loads(manifest.read_text())
    return [
        Spoken(
            each["file"], speech_of(manifest.with_name(each["file"]), folder), each["language"], each["text"]
        )
        for each in listed
        if each["text"]
    ]


def spoken_for(seconds: float, folder: Path) -> Spoken:
    """The demo's English stories in turn, each time by another voice, until ``seconds`` are reached."""
    stories = [story.text for story in STORIES if story.language == "en"]
    folder.mkdir(parents=True, exist_ok=True)
    pieces: list[Path] = []
    texts: list[str] = []
    while sum(map(seconds_of, pieces)) < seconds:
        voice, pace = VOICES[len(pieces) % len(VOICES)]
        texts.append(stories[len(pieces) % len(stories)])
        pieces.append(folder / f"piece-{len(pieces)}.wav")
        run("espeak-ng", "-v", voice, "-s", str(pace), "-w", str(pieces[-1]), "--stdin", text=texts[-1])
    out = folder / "spoken.wav"
    with wave.open(str(out), "wb") as joined:
        for piece in pieces:
            with wave.open(str(piece), "rb") as file:
                if piece is pieces[0]:
                    joined.setparams(file.getparams())
                joined.writeframes(file.readframes(file.getnframes()))
    return Spoken("spoken", out, "en", " ".join(texts))


def seconds_of(wav: Path) -> float:
    """How long a WAV is."""
    with wave.open(str(wav), "rb") as file:
        return file.getnframes() / file.getframerate()


def timed(make: Callable[[], Made]) -> tuple[Made, float]:
    """What a call gives, and the seconds that it took."""
    began = time.perf_counter()
    made = make()
    return made, time.perf_counter() - began
