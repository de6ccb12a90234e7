"""Reading our own speech renditions: 16 kHz mono PCM, a part at a time."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import numpy.typing as npt

RATE = 16_000
# A file of ours, or the descriptor of one that is open: it is closed when it was read.
Speech = Path | int


def seconds_of(speech: Path) -> float:
    """How long a WAV of ours is."""
    with wave.open(str(speech), "rb") as file:
        return file.getnframes() / RATE


def read(speech: Speech, start_seconds: float, end_seconds: float | None) -> npt.NDArray[np.float32]:
    """Samples from -1 to 1, one dimension, between two moments."""
    with open(speech, "rb") as opened, wave.open(opened, "rb") as file:
        if (file.getframerate(), file.getnchannels(), file.getsampwidth()) != (RATE, 1, 2):
            raise ValueError("not a rendition of ours: 16 kHz mono 16-bit PCM")
        first = min(int(start_seconds * RATE), file.getnframes())
        last = file.getnframes() if end_seconds is None else min(int(end_seconds * RATE), file.getnframes())
        file.setpos(first)
        samples = np.frombuffer(file.readframes(last - first), dtype="<i2")
    return samples.astype(np.float32) / 32768.0
