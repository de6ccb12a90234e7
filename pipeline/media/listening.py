"""Listening to decoded sound as it streams by: how long it is, and whether there is anything to hear."""

from __future__ import annotations

import numpy as np

RATE = 8000
FRAME = RATE // 10
# Quieter than this nothing is spoken: -60 dB below full scale.
AUDIBLE = 32768 * 10 ** (-60 / 20)
LEAST_SOUND_SECONDS = 0.15


class Listener:
    """Takes 16-bit mono samples at 8 kHz in chunks of any size, and keeps only a few numbers.

    Loudness is measured around each tenth of a second's own mean: a broken microphone's constant voltage is loud
    by its samples and silent to the ear.
    """

    def __init__(self) -> None:
        self.samples = 0
        self.sounding_frames = 0
        self.peak = 0.0
        self._rest = b""

    def take(self, chunk: bytes) -> None:
        """Some more bytes of samples."""
        chunk = self._rest + chunk
        whole = len(chunk) // (2 * FRAME) * (2 * FRAME)
        self._rest = chunk[whole:]
        self._measure(np.frombuffer(chunk[:whole], dtype="<i2"))

    def finish(self) -> None:
        """No more will come."""
        rest = np.frombuffer(self._rest[: len(self._rest) // 2 * 2], dtype="<i2")
        self._rest = b""
        if len(rest) >= FRAME // 2:
            self._measure(np.resize(rest, FRAME))
            self.samples -= FRAME - len(rest)
        else:
            self.samples += len(rest)

    def _measure(self, samples: np.ndarray[tuple[int], np.dtype[np.int16]]) -> None:
        if not len(samples):
            return
        self.samples += len(samples)
        frames = samples.astype(np.float32).reshape(-1, FRAME)
        around_mean = frames - frames.mean(axis=1, keepdims=True)
        loudness = np.sqrt((around_mean**2).mean(axis=1))
        self.sounding_frames += int((loudness > AUDIBLE).sum())
        self.peak = max(self.peak, float(np.abs(around_mean).max()))

    @property
    def duration_seconds(self) -> float:
        return self.samples / RATE

    @property
    def is_silent(self) -> bool:
        """Whether next to nothing can be heard in all of it."""
        return self.sounding_frames * FRAME / RATE < LEAST_SOUND_SECONDS

    @property
    def peak_decibels(self) -> float:
        """The loudest sample, in decibels below full scale."""
        return round(float(20 * np.log10(max(self.peak, 1.0) / 32768)), 1)
