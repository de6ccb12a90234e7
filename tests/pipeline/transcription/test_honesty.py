"""Words that nobody said are kept out, and words that somebody said are not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from pipeline.transcription.honesty import (
    LONGEST_PHRASE_WORDS,
    REPEATS_ALLOWED,
    is_believable,
    without_loops,
    words_of,
)
from pipeline.transcription.protocol import Segment, Word


def said(text: str, probability: float = 0.9) -> list[Word]:
    return [Word(float(at), at + 0.5, word, probability) for at, word in enumerate(text.split())]


def text_of(words: list[Word]) -> str:
    return " ".join(word.text for word in words)


@given(some.lists(some.sampled_from(["hello", "you", "the", "and", "…"]), max_size=80))
def test_no_phrase_stands_more_than_three_times_in_a_row(texts: list[str]) -> None:
    kept = [word.text for word in without_loops(said(" ".join(texts)))]
    for length in range(1, LONGEST_PHRASE_WORDS + 1):
        for at in range(len(kept) - length * (REPEATS_ALLOWED + 1) + 1):
            phrase = kept[at : at + length]
            run = kept[at : at + length * (REPEATS_ALLOWED + 1)]
            assert run != phrase * (REPEATS_ALLOWED + 1)


@given(some.lists(some.sampled_from(["a", "b", "c", "d"]), max_size=60))
def test_what_is_left_are_words_that_were_heard_in_their_order(texts: list[str]) -> None:
    words = said(" ".join(texts))
    left = iter(words)
    assert all(word in left for word in without_loops(words))


@given(some.lists(some.text("abcdefgh", min_size=1), unique=True, max_size=40))
def test_words_that_do_not_repeat_are_all_kept(texts: list[str]) -> None:
    words = said(" ".join(texts))
    assert without_loops(words) == words


def test_song_that_sticks_is_cut_to_three() -> None:
    assert text_of(without_loops(said("Hello. " * 18))) == "Hello. Hello. Hello."
    stuck = "Thank you for watching. " * 9
    assert text_of(without_loops(said(stuck + "Goodbye"))) == ("Thank you for watching. " * 3) + "Goodbye"


def test_repeating_in_other_letters_and_points_is_repeating() -> None:
    assert len(without_loops(said("Gloria, gloria! GLORIA gloria… Gloria"))) == 3


def test_saying_something_three_times_is_no_loop() -> None:
    words = said("No, no, no! I said no, and again no, and again no.")
    assert without_loops(words) == words


@pytest.mark.parametrize(
    ("certainty", "no_speech", "compression", "is_kept"),
    [
        (0.9, 0.0, 1.2, True),
        (0.41, 0.0, 1.2, True),
        (0.39, 0.0, 1.2, False),
        (0.55, 0.7, 1.2, False),
        (0.65, 0.7, 1.2, True),
        (0.65, 0.0, 2.5, False),
        (0.75, 0.0, 2.5, True),
    ],
)
def test_stretch_is_kept_by_what_the_engine_says_of_its_certainty(
    certainty: float, no_speech: float, compression: float, is_kept: bool
) -> None:
    heard = said("one two three", certainty)
    assert is_believable(heard, no_speech=no_speech, compression=compression) is is_kept


def test_stretch_without_words_is_not_believed() -> None:
    assert not is_believable([], no_speech=0.0, compression=1.0)


def test_words_of_segments_keep_their_order() -> None:
    words = said("one two three four")
    segments = [Segment(0, 2, "", tuple(words[:2])), Segment(2, 4, "", tuple(words[2:]))]
    assert words_of(segments) == words
