"""Sounds made on the spot, as the recogniser gets them: 16 kHz mono PCM."""

from __future__ import annotations

import subprocess
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.media.inspection import MediaLimits, inspect
from pipeline.media.renditions import render_speech
from pipeline.transcription import weights

ROOT = Path(__file__).resolve().parents[3]
RATE = 16_000
# What espeak-ng's voice says in the fixture `voice`.
SAID = "I lost my job last winter. My neighbours listened to me, and we cook together on Thursdays."

SpeechOf = Callable[[Path], Path]


@pytest.fixture(scope="session")
def base_weights() -> Path:
    """The folder of the verified weights."""
    return weights.ensure(ROOT / "data" / "cache")


@pytest.fixture(scope="session")
def speech_of(tmp_path_factory: pytest.TempPathFactory) -> SpeechOf:
    """The speech rendition of a recording, made as the pipeline makes it."""

    def render(recording: Path) -> Path:
        speech = tmp_path_factory.mktemp("speech") / f"{recording.stem}.wav"
        render_speech(
            recording, inspect(recording, told_in_sign_language=False, limits=MediaLimits()), speech
        )
        return speech

    return render


@pytest.fixture(scope="session")
def voice(tmp_path_factory: pytest.TempPathFactory, speech_of: SpeechOf) -> Path:
    """A few seconds of English: :data:`SAID`."""
    wav = tmp_path_factory.mktemp("voice") / "voice.wav"
    subprocess.run(["espeak-ng", "-v", "en", "-s", "150", "-w", str(wav), SAID], check=True)
    return speech_of(wav)


@pytest.fixture
def write_speech(tmp_path: Path) -> Callable[[np.ndarray[Any, Any]], Path]:
    """Writes samples from -1 to 1 as the recogniser gets them."""

    def write(samples: np.ndarray[Any, Any]) -> Path:
        made = tmp_path / "made.wav"
        with wave.open(str(made), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(RATE)
            file.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
        return made

    return write
