"""Long recordings in parts of at most ten minutes, cut where it is quietest, so that no word is torn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from pipeline.transcription import sound
from pipeline.transcription.protocol import Transcription

MOST_SECONDS = 600.0
SEARCH_SECONDS = 30.0
WINDOW_SECONDS = 0.3


@dataclass(frozen=True)
class Part:
    """A stretch of a recording, in seconds; parts touch and cover the whole."""

    number: int
    start_seconds: float
    end_seconds: float


def plan(speech: Path) -> list[Part]:
    """The parts of a speech rendition, the same ones each time it is asked."""
    duration = sound.seconds_of(speech)
    cuts = [0.0]
    while duration - cuts[-1] > MOST_SECONDS:
        latest = cuts[-1] + MOST_SECONDS
        cuts.append(_quietest(speech, latest - SEARCH_SECONDS, latest))
    cuts.append(duration)
    return [Part(n, start, end) for n, (start, end) in enumerate(pairwise(cuts))]


def _quietest(speech: Path, start: float, end: float) -> float:
    """The middle of the quietest third of a second between two moments."""
    samples = sound.read(speech, start, end)
    size = int(WINDOW_SECONDS * sound.RATE)
    windows = samples[: len(samples) // size * size].reshape(-1, size)
    return start + (int(np.argmin((windows**2).mean(axis=1))) + 0.5) * WINDOW_SECONDS


def merge(parts: Sequence[Transcription]) -> Transcription:
    """The parts of one recording, in order, as one. Its language is that of the part that was surest."""
    surest = max(parts, key=lambda part: part.language_probability * len(part.segments))
    return replace(
        surest,
        duration_seconds=sum(part.duration_seconds for part in parts),
        segments=tuple(segment for part in parts for segment in part.segments),
    )
