"""What is heard within little memory is what is heard without the limit."""

from __future__ import annotations

import subprocess
import wave
from pathlib import Path

import numpy as np
import pytest
from faster_whisper import WhisperModel

from pipeline.transcription import weights
from pipeline.transcription.frugal import FrugalWhisper
from pipeline.transcription.recogniser import Recogniser

ROOT = Path(__file__).resolve().parents[3]
TEXT = "Every Thursday we cook together, and nobody asks why you come. I teach the others what I know. "


@pytest.fixture(scope="module")
def folder() -> Path:
    return weights.ensure(ROOT / "data" / "cache")


@pytest.mark.long
def test_windows_encoded_one_by_one_are_as_if_encoded_together(folder: Path) -> None:
    sound = np.random.default_rng(1).normal(size=(3, 80, 3000)).astype(np.float32)
    # Without 8-bit integers, whose rounding may depend on what lies beside.
    frugal, plain = (
        kind(str(folder), device="cpu", compute_type="float32", cpu_threads=2)
        for kind in (FrugalWhisper, WhisperModel)
    )
    assert np.allclose(np.array(frugal.encode(sound)), np.array(plain.encode(sound)), atol=1e-3)


@pytest.mark.long
def test_ten_dense_minutes_fit_into_what_the_recogniser_may_take(folder: Path, tmp_path: Path) -> None:
    spoken, speech = tmp_path / "spoken.wav", tmp_path / "speech.wav"
    subprocess.run(["espeak-ng", "-v", "en", "-s", "150", "-w", str(spoken), TEXT * 100], check=True)
    command = [
        "ffmpeg",
        "-v",
        "error",
        "-i",
        str(spoken),
        "-ac",
        "1",
        "-ar",
        "16000",
        "-t",
        "600",
        str(speech),
    ]
    subprocess.run(command, check=True)
    with wave.open(str(speech)) as file:
        assert file.getnframes() / 16_000 > 500
    recogniser = Recogniser(folder)
    try:
        heard = recogniser.transcribe(speech, language="en")
    finally:
        recogniser.close()
    assert heard.segments[-1].end_seconds > 500
