"""Word error rate, by hand and by the laws of a distance."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from pipeline.transcription.wer import distance, normalised, word_error_rate

WORDS = some.lists(some.sampled_from(["a", "b", "c", "d"]), max_size=12)


@pytest.mark.parametrize(
    ("spoken", "heard", "rate"),
    [
        ("I lost my job", "I lost my job", 0.0),
        ("I lost my job", "i LOST, my job!", 0.0),
        ("I lost my job", "I lost a job", 0.25),
        ("I lost my job", "I lost job", 0.25),
        ("I lost my job", "I lost my old job", 0.25),
        ("I lost my job", "", 1.0),
        ("job", "I lost my job", 3.0),
        ("", "", 0.0),
        ("", "you", 1.0),
        ("don’t", "don't", 0.0),
        ("Café", "Cafe\u0301", 0.0),
        ("ΟΔΟΣ", "οδός", 1.0),
    ],
)
def test_rate_is_as_counted_by_hand(spoken: str, heard: str, rate: float) -> None:
    assert word_error_rate(spoken, heard) == rate


def test_words_are_compared_without_case_and_points() -> None:
    assert normalised("“Żółw — ‘Ποιος;’ STRASSE straße 3.5") == [
        "żółw",
        "ποιοσ",
        "strasse",
        "strasse",
        "3",
        "5",
    ]


@given(WORDS, WORDS, WORDS)
def test_distance_is_one(first: list[str], second: list[str], third: list[str]) -> None:
    assert distance(first, first) == 0
    assert distance(first, second) == distance(second, first)
    assert abs(len(first) - len(second)) <= distance(first, second) <= max(len(first), len(second))
    assert distance(first, third) <= distance(first, second) + distance(second, third)
