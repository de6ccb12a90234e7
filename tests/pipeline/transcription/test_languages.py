"""The languages that can be chosen are those the engines know, under their own names, with an honest warning."""

from __future__ import annotations

import pytest

from pipeline.transcription.languages import (
    BASE_ERROR_RATES,
    PILOT_LANGUAGES,
    WHISPER_LANGUAGES,
    is_known,
    language_names,
    quality_note,
)


def test_languages_are_exactly_those_of_the_default_engine() -> None:
    from faster_whisper.tokenizer import _LANGUAGE_CODES

    assert frozenset(_LANGUAGE_CODES) == WHISPER_LANGUAGES


def test_languages_are_exactly_those_of_the_reference() -> None:
    pytest.importorskip("whisper", reason="needs openai-whisper (the extra of that name)")
    from whisper.tokenizer import LANGUAGES

    assert frozenset(LANGUAGES) == WHISPER_LANGUAGES


def test_every_pilots_language_is_known_and_was_measured() -> None:
    assert len(set(PILOT_LANGUAGES)) == 10
    assert set(PILOT_LANGUAGES) <= WHISPER_LANGUAGES
    assert set(PILOT_LANGUAGES) == set(BASE_ERROR_RATES)


def test_language_is_called_by_its_own_name() -> None:
    names = language_names()
    assert (names["pl"], names["el"], names["et"]) == ("Polski", "Ελληνικά", "Eesti")
    assert set(names) == WHISPER_LANGUAGES
    assert list(names) == sorted(names)
    assert all(names.values())


@pytest.mark.parametrize("code", ["", "xx", "EN", "english", "detect", None])
def test_what_is_no_language_is_not_known(code: str | None) -> None:
    assert not is_known(code)


@pytest.mark.parametrize("code", ["pl", "hu", "et", "el", "es", "nl", "sv", "fi"])
def test_base_weights_warn_where_they_are_weak(code: str) -> None:
    note = quality_note(code)
    assert note is not None
    assert f"{round(BASE_ERROR_RATES[code] * 100)} words in 100" in note
    assert "large-v3-turbo" in note


def test_base_weights_warn_where_they_were_not_measured() -> None:
    assert "was not measured" in (quality_note("de") or "")


@pytest.mark.parametrize(
    ("code", "weights"), [("en", "base"), ("it", "base"), ("pl", "small"), ("de", "large-v3-turbo")]
)
def test_no_warning_where_there_is_nothing_to_warn_of(code: str, weights: str) -> None:
    assert quality_note(code, weights) is None
