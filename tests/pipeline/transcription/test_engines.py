"""One contract for both engines, on the real weights: what is said is heard, and what nobody said is not."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.errors import Unavailable
from pipeline.transcription import engines
from pipeline.transcription.captions import LINE_CHARACTERS, MOST_LINES, MOST_SECONDS, lines_of
from pipeline.transcription.honesty import words_of
from pipeline.transcription.languages import WHISPER_LANGUAGES
from pipeline.transcription.protocol import Transcriber, Transcription
from pipeline.transcription.recogniser import Recogniser
from pipeline.transcription.weights import BASE_BYTES
from pipeline.transcription.wer import normalised, word_error_rate
from tests.pipeline.transcription.conftest import RATE, SAID, SpeechOf

WriteSpeech = Callable[[np.ndarray[Any, Any]], Path]


@pytest.fixture(
    scope="session", params=["faster-whisper", pytest.param("openai-whisper", marks=pytest.mark.long)]
)
def engine(request: pytest.FixtureRequest, base_weights: Path) -> Transcriber:
    if request.param == "openai-whisper":
        pytest.importorskip("whisper", reason="needs openai-whisper (the extra of that name, with torch)")
    return loaded(request.param, base_weights)


@cache
def loaded(name: str, weights: Path) -> Transcriber:
    """An engine, loaded once: it takes many seconds, and tests come back to an engine that they had left."""
    return engines.load(name, weights, threads=2)


# The reference takes ten times as long: but for its first words, what it hears is kept for the long run.
reference = pytest.mark.parametrize("engine", ["openai-whisper"], indirect=True, scope="session")


def hear(engine: Transcriber, speech: Path, language: str | None = "en", **asked: Any) -> Transcription:
    given = {"candidates": (), "start_seconds": 0.0, "end_seconds": None, "progress": lambda fraction: None}
    return engine.transcribe(speech, language=language, **{**given, **asked})


@pytest.fixture(scope="session")
def heard(engine: Transcriber, voice: Path) -> Transcription:
    """What each engine hears of the voice, once."""
    return heard_by(engine, voice)


@cache
def heard_by(engine: Transcriber, voice: Path) -> Transcription:
    return hear(engine, voice)


def text_of(heard: Transcription) -> str:
    return " ".join(segment.text for segment in heard.segments)


def test_what_is_said_is_heard(heard: Transcription, engine: Transcriber) -> None:
    assert word_error_rate(SAID, text_of(heard)) <= 0.2
    assert (heard.engine, heard.weights) == (engine.name, "base")
    assert (heard.language, heard.language_probability) == ("en", 1.0)


@reference
def test_reference_hears_the_first_words(engine: Transcriber, voice: Path) -> None:
    heard = hear(engine, voice, end_seconds=2.0)
    assert normalised(text_of(heard))[:4] == ["i", "lost", "my", "job"]
    assert (heard.engine, heard.weights) == (engine.name, "base")


def test_every_word_has_its_time_and_probability(heard: Transcription) -> None:
    words = words_of(heard.segments)
    assert len(words) > 10
    for word in words:
        assert 0 <= word.start_seconds < word.end_seconds <= heard.duration_seconds + 0.1
        assert 0 <= word.probability <= 1
        assert word.text == word.text.strip() != ""
    for before, after in pairwise(words):
        assert before.start_seconds <= after.start_seconds
        assert before.end_seconds <= after.end_seconds
    # Spoken all through, not heaped in one place.
    assert words[-1].start_seconds - words[0].start_seconds > 0.6 * heard.duration_seconds


def test_segments_read_as_captions(heard: Transcription) -> None:
    for segment in heard.segments:
        assert segment.end_seconds - segment.start_seconds <= MOST_SECONDS
        lines = lines_of(segment.text)
        assert len(lines) <= MOST_LINES
        assert max(map(len, lines)) <= LINE_CHARACTERS
        assert segment.text == " ".join(word.text for word in segment.words)


def test_what_was_heard_can_be_kept(heard: Transcription) -> None:
    kept = Transcription.from_dict(json.loads(json.dumps(heard.to_dict())))
    assert text_of(kept) == text_of(heard)
    for once, now in zip(words_of(heard.segments), words_of(kept.segments), strict=True):
        assert now.start_seconds == pytest.approx(once.start_seconds, abs=0.001)
        assert now.end_seconds == pytest.approx(once.end_seconds, abs=0.001)


@pytest.mark.parametrize("candidates", [("pl", "en"), pytest.param(("fi",), marks=pytest.mark.long)])
def test_language_is_found_among_the_candidates(
    engine: Transcriber, voice: Path, candidates: tuple[str, ...]
) -> None:
    found = hear(engine, voice, None, candidates=candidates, end_seconds=3.0)
    assert found.language == ("en" if "en" in candidates else "fi")
    assert 0 < found.language_probability <= 1


def test_language_is_found_without_candidates(engine: Transcriber, voice: Path) -> None:
    found = hear(engine, voice, None, end_seconds=3.0)
    assert found.language in WHISPER_LANGUAGES
    assert 0 < found.language_probability <= 1


def test_part_keeps_the_times_of_the_whole(engine: Transcriber, voice: Path, heard: Transcription) -> None:
    # From the second sentence on, which begins with the second "my".
    begins = [word.start_seconds for word in words_of(heard.segments) if normalised(word.text) == ["my"]]
    begin = round(float(begins[1]) - 0.2, 3)
    part = hear(engine, voice, start_seconds=begin, end_seconds=heard.duration_seconds)
    words = words_of(part.segments)
    assert part.duration_seconds == pytest.approx(heard.duration_seconds - begin, abs=0.01)
    assert "listened to me" in text_of(part).lower()
    assert "winter" not in text_of(part).lower()
    assert words[0].start_seconds >= begin
    assert words[-1].end_seconds == pytest.approx(words_of(heard.segments)[-1].end_seconds, abs=0.6)


def test_progress_goes_up_to_the_whole(engine: Transcriber, voice: Path) -> None:
    told: list[float] = []
    hear(engine, voice, progress=told.append)
    assert told == sorted(told)
    assert all(0 <= each <= 1 for each in told)
    assert told[-1] > 0.8


def silence(seconds: float) -> np.ndarray[Any, Any]:
    return np.zeros(int(seconds * RATE))


def hiss() -> np.ndarray[Any, Any]:
    return np.random.default_rng(1).normal(0, 0.05, 6 * RATE)


def music() -> np.ndarray[Any, Any]:
    """Chords of a keyboard, one a second, each dying away."""
    chords = [(220.0, 277.2, 329.6), (246.9, 311.1, 370.0), (196.0, 246.9, 293.7), (220.0, 261.6, 329.6)]
    at = np.arange(RATE) / RATE
    played = [
        sum(np.sin(2 * np.pi * note * times * at) / times for note in chord for times in (1, 2, 3))
        * np.exp(-2 * at)
        for chord in chords * 3
    ]
    return np.concatenate(played) * 0.08


def voltage() -> np.ndarray[Any, Any]:
    return np.full(3 * RATE, 0.5)


def knocks() -> np.ndarray[Any, Any]:
    samples = np.zeros(5 * RATE)
    samples[:: RATE // 2] = 0.9
    return samples


@pytest.mark.parametrize("language", ["en", pytest.param(None, marks=pytest.mark.long)])
@pytest.mark.parametrize(
    "sound",
    [silence(5), hiss(), music(), voltage(), knocks()],
    ids=[
        "silence",
        "hiss",
        "music",
        "voltage",
        "knocks",
    ],
)
def test_where_nobody_speaks_nothing_is_written(
    engine: Transcriber, write_speech: WriteSpeech, sound: np.ndarray[Any, Any], language: str | None
) -> None:
    found = hear(engine, write_speech(sound), language, candidates=("en", "pl"))
    assert found.segments == ()
    assert found.language in ("en", "pl")
    assert found.duration_seconds == len(sound) / RATE


@pytest.mark.parametrize(
    "samples", [0, 1600, *(pytest.param(few, marks=pytest.mark.long) for few in (1, 160))]
)
def test_next_to_nothing_is_heard_as_nothing(
    engine: Transcriber, write_speech: WriteSpeech, samples: int
) -> None:
    for language in ("en", None):
        found = hear(engine, write_speech(np.zeros(samples)), language, candidates=("en", "pl"))
        assert found.segments == ()


@pytest.mark.parametrize(
    "file", ["speech/empty.wav", "speech/laugh1.mp3", "broken/silence-5s.mp3", "broken/old-phone-amr.3gp"]
)
def test_silence_laughter_and_noise_of_real_devices_stay_empty(
    engine: Transcriber, shared_folder: Path, speech_of: SpeechOf, file: str
) -> None:
    assert text_of(hear(engine, speech_of(shared_folder / file))) == ""


def test_song_is_not_repeated_for_ever(engine: Transcriber, shared_folder: Path, speech_of: SpeechOf) -> None:
    words = normalised(text_of(hear(engine, speech_of(shared_folder / "speech" / "gloria.mp3"), None)))
    for length in range(1, 9):
        for at in range(len(words) - 4 * length + 1):
            phrase = words[at : at + length]
            assert words[at : at + 4 * length] != phrase * 4


def test_real_voice_is_heard(engine: Transcriber, shared_folder: Path, speech_of: SpeechOf) -> None:
    told = (
        "And so my fellow Americans, ask not what your country can do for you, "
        "ask what you can do for your country."
    )
    found = hear(
        engine, speech_of(shared_folder / "speech" / "jfk.flac"), None, candidates=("en", "es", "it")
    )
    assert found.language == "en"
    assert word_error_rate(told, text_of(found)) <= 0.1


def test_engine_that_nobody_made_is_refused(base_weights: Path) -> None:
    with pytest.raises(Unavailable) as refused:
        engines.load("parrot", base_weights, threads=1)
    assert refused.value.code == "engine-unknown"
    assert refused.value.parameters["engines"] == ["faster-whisper", "openai-whisper"]


def test_engine_whose_packages_are_not_there_cannot_be_chosen(
    base_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert engines.PACKAGES.keys() == engines.MEMORY.keys()
    monkeypatch.setattr(engines, "find_spec", lambda name: None if name == "whisper" else object())
    engines.check("faster-whisper")
    for choose in (engines.check, lambda name: Recogniser(base_weights, engine=name)):
        with pytest.raises(Unavailable) as refused:
            choose("openai-whisper")
        assert refused.value.code == "engine-not-installed"


@pytest.mark.parametrize("name", engines.MEMORY)
def test_larger_weights_may_take_more_memory(name: str, base_weights: Path, tmp_path: Path) -> None:
    limit_with = engines.MEMORY[name].limit_with
    with_base = limit_with(base_weights)
    assert with_base == limit_with(tmp_path) == engines.MEMORY[name].with_base_bytes
    with (tmp_path / engines.MODEL).open("wb") as model:
        model.truncate(2**30)
    # At the least what is in the file, once more where it is read before it is made smaller.
    assert limit_with(tmp_path) - with_base >= 1.5 * (2**30 - BASE_BYTES)
