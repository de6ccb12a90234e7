"""A process that does nothing but look at recordings and render them, as a worker does: its children are ffmpeg's.

Takes a line of JSON for each recording and answers with one. What its children used is what ffmpeg used.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from models.errors import StoryError
from pipeline.media.inspection import MediaLimits, inspect
from pipeline.media.renditions import render_all

ROOT = Path(__file__).resolve().parent.parent.parent.parent
MAX_SECONDS = 2 * 3600


@dataclass(frozen=True)
class Seen:
    """What became of a recording; ``code`` and ``parameters`` say why it was not taken, None: it was.

    :param loudest: the loudest sample of 32,768, as it was inspected or, if it was rendered, as the recogniser hears it
    """

    code: str | None
    kind: str
    parameters: dict[str, Any]
    seconds: float
    notes: list[str]
    has_video: bool
    made: dict[str, str]
    loudest: int
    took_seconds: float
    most_memory_bytes: int


def look_at(path: Path, folder: Path, *, renders: bool) -> dict[str, Any]:
    """Inspect a recording; render it into a folder if it is one and ``renders``."""
    code, kind, parameters, made = None, "", {}, {}
    seconds, notes, has_video, loudest = 0.0, [], False, 0
    limits = MediaLimits(max_seconds=MAX_SECONDS)
    began = time.monotonic()
    try:
        found = inspect(path, told_in_sign_language=False, limits=limits)
        seconds, notes, has_video = found.duration_seconds, found.notes, found.has_video
        loudest = int(32_768 * 10 ** ((found.peak_decibels or -90) / 20))
        if renders:
            made = {kind: str(where) for kind, where in render_all(path, found, folder, limits=limits)}
            loudest = _loudest(Path(made["speech"]))
    except StoryError as error:
        code, kind, parameters = error.code, type(error).__name__, error.parameters
    except Exception as error:
        code, kind = "not-foreseen", repr(error)
    return {
        **{"code": code, "kind": kind, "parameters": parameters, "seconds": seconds, "notes": notes},
        **{"has_video": has_video, "made": made, "loudest": loudest},
        "took_seconds": time.monotonic() - began,
        "most_memory_bytes": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024,
    }


def _loudest(speech: Path) -> int:
    with wave.open(str(speech), "rb") as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2")
    return int(np.abs(samples.astype(int)).max()) if len(samples) else 0


class Looking:
    """The process, seen from outside."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def look_at(self, path: Path, folder: Path, *, renders: bool) -> Seen:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        asked = {"path": str(path), "folder": str(folder), "renders": renders}
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        answered = self._process.stdout.readline()
        assert answered, "the process that looks at recordings is gone"
        return Seen(**json.loads(answered))


@contextmanager
def looking() -> Iterator[Looking]:
    """The process, until the end of the block."""
    command = [sys.executable, "-m", "tests.faults.inputs.looking"]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield Looking(process)
        finally:
            process.kill()


def main() -> None:
    for line in sys.stdin:
        asked = json.loads(line)
        path, folder = Path(asked["path"]), Path(asked["folder"])
        seen = look_at(path, folder, renders=asked["renders"])
        print(json.dumps(seen, default=str), flush=True)


if __name__ == "__main__":
    main()
