"""Long recordings in parts: nothing is left out, nothing is heard twice, and no word is torn where it can be helped."""

from __future__ import annotations

import wave
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from pipeline.transcription import sound
from pipeline.transcription.parts import MOST_SECONDS, SEARCH_SECONDS, merge, plan
from pipeline.transcription.protocol import Segment, Transcription, Word

RATE = 16_000


def silence(path: Path, samples: int) -> Path:
    """A WAV that takes no room on the disk, whatever its length."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.setnframes(samples)
        file.writeframes(b"")
    header = bytearray(path.read_bytes()[:44])
    header[4:8] = (36 + samples * 2).to_bytes(4, "little")
    header[40:44] = (samples * 2).to_bytes(4, "little")
    path.write_bytes(header)
    with path.open("r+b") as file:
        file.truncate(44 + samples * 2)
    return path


def written(path: Path, samples: np.ndarray[Any, Any]) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((samples * 32767).astype("<i2").tobytes())
    return path


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(samples=some.integers(0, 4 * 3600 * RATE))
def test_parts_touch_and_cover_the_whole(tmp_path: Path, samples: int) -> None:
    speech = silence(tmp_path / "speech.wav", samples)
    parts = plan(speech)
    assert [part.number for part in parts] == list(range(len(parts)))
    assert parts[0].start_seconds == 0.0
    assert parts[-1].end_seconds == samples / RATE == sound.seconds_of(speech)
    assert all(before.end_seconds == after.start_seconds for before, after in pairwise(parts))
    assert all(0 <= part.end_seconds - part.start_seconds <= MOST_SECONDS for part in parts)
    # Few: each but the last is nearly as long as it may be.
    assert all(part.end_seconds - part.start_seconds >= MOST_SECONDS - SEARCH_SECONDS for part in parts[:-1])
    # A worker that takes over finds the same ones.
    assert plan(speech) == parts


@pytest.mark.parametrize(("seconds", "count"), [(0, 1), (1, 1), (600, 1), (600.001, 2), (1100, 2)])
def test_only_long_recordings_are_cut(tmp_path: Path, seconds: float, count: int) -> None:
    assert len(plan(silence(tmp_path / "speech.wav", int(seconds * RATE)))) == count


def test_cut_falls_into_a_pause(tmp_path: Path) -> None:
    samples = np.random.default_rng(1).uniform(-0.3, 0.3, 620 * RATE)
    samples[int(581.2 * RATE) : int(582.2 * RATE)] *= 0.01
    first, second = plan(written(tmp_path / "speech.wav", samples))
    assert 581.2 < first.end_seconds == second.start_seconds < 582.2


def test_samples_of_the_parts_are_those_of_the_whole(tmp_path: Path) -> None:
    samples = np.random.default_rng(2).uniform(-0.3, 0.3, 605 * RATE)
    speech = written(tmp_path / "speech.wav", samples)
    pieces = [sound.read(speech, part.start_seconds, part.end_seconds) for part in plan(speech)]
    assert len(pieces) == 2
    assert np.array_equal(np.concatenate(pieces), sound.read(speech, 0.0, None))


def test_what_is_no_rendition_of_ours_is_not_read(tmp_path: Path) -> None:
    other = tmp_path / "other.wav"
    with wave.open(str(other), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(44_100)
        file.writeframes(bytes(1000))
    with pytest.raises(ValueError, match="16 kHz mono"):
        sound.read(other, 0.0, None)


def heard(language: str, probability: float, start: float, *texts: str) -> Transcription:
    segments = tuple(
        Segment(start + at, start + at + 1, text, (Word(start + at, start + at + 1, text, 0.9),))
        for at, text in enumerate(texts)
    )
    return Transcription(language, probability, 600.0, segments, "engine", "base")


def test_parts_become_one_in_their_order() -> None:
    whole = merge([heard("pl", 0.9, 0, "a", "b"), heard("pl", 0.8, 600, "c"), heard("pl", 0.7, 1200)])
    assert [segment.text for segment in whole.segments] == ["a", "b", "c"]
    assert whole.segments[2].start_seconds == 600
    assert (whole.duration_seconds, whole.engine, whole.weights) == (1800.0, "engine", "base")


def test_language_is_that_of_the_part_that_was_surest() -> None:
    mostly = [heard("en", 0.99, 0), heard("pl", 0.8, 600, "a", "b"), heard("et", 0.9, 1200, "c")]
    assert merge(mostly).language == "pl"


def test_one_part_is_the_whole() -> None:
    only = heard("fi", 0.5, 0, "a")
    assert merge([only]) == only


def test_parts_in_which_nobody_speaks_become_an_empty_whole() -> None:
    assert merge([heard("en", 0.4, 0), heard("en", 0.5, 600)]).segments == ()
