"""Differences by words, word times after a correction, and uncertain words: plain functions, no database."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from app.review.differences import Kind, between, by_words
from app.review.realignment import realign
from app.review.uncertain import spans
from models.transcripts import Segment

A_WORD = st.text("abżó,.", min_size=1, max_size=5)
TEXTS = st.lists(A_WORD, max_size=12).map(" ".join)


def spoken(text: str) -> list[dict[str, Any]]:
    """Words of a second each."""
    return [
        {"start": float(n), "end": n + 0.9, "text": word, "probability": 0.4}
        for n, word in enumerate(text.split())
    ]


def segment(text: str, start: float = 0.0, speaker: str | None = None) -> Segment:
    return Segment(
        position=0, start_seconds=start, end_seconds=start + 3, text=text, speaker=speaker, words=[]
    )


@given(st.text(max_size=60), st.text(max_size=60))
def test_what_was_kept_and_went_is_the_text_before_and_what_was_kept_and_came_the_one_after(
    before: str, after: str
) -> None:
    pieces = by_words(before, after)
    assert "".join(each.text for each in pieces if each.kind is not Kind.CAME) == before
    assert "".join(each.text for each in pieces if each.kind is not Kind.WENT) == after


def test_one_word_that_changed_is_one_word_that_went_and_one_that_came() -> None:
    pieces = [(each.kind, each.text) for each in by_words("I lost my job.", "I left my job.")]
    assert pieces == [("kept", "I "), ("went", "lost "), ("came", "left "), ("kept", "my job.")]


def test_segments_that_differ_are_told_by_their_time_with_their_speakers() -> None:
    before = [segment("Same."), segment("Who was it?", 5), segment("Gone.", 9)]
    after = [segment("Same."), segment("Who was it?", 5, "Ewa"), segment("New.", 12)]
    changes = between(before, after)
    assert [(each.start_seconds, each.speakers) for each in changes] == [
        (5, ("", "Ewa")),
        (9, None),
        (12, None),
    ]
    assert [piece.kind for each in changes for piece in each.pieces] == ["kept", "went", "came"]


@given(TEXTS, TEXTS)
def test_every_word_has_its_time_in_order_and_inside_the_segment(before: str, after: str) -> None:
    words = realign(spoken(before), after, 0.0, 12.0)
    assert [word["text"] for word in words] == after.split()
    times = [time for word in words for time in (word["start"], word["end"])]
    assert times == sorted(times)
    assert all(0.0 <= time <= 12.0 for time in times)


@given(TEXTS)
def test_words_that_nobody_touched_are_as_they_were(text: str) -> None:
    assert realign(spoken(text), text, 0.0, 12.0) == spoken(text)


@given(st.lists(A_WORD, max_size=12, unique=True), st.integers(0, 12))
def test_one_word_put_in_moves_no_other(kept: list[str], at: int) -> None:
    text = " ".join(kept)
    words = realign(spoken(text), " ".join([*kept[:at], "new", *kept[at:]]), 0.0, 12.0)
    assert [each for each in words if each["probability"] < 1] == spoken(text)


@given(TEXTS)
def test_uncertain_words_stand_where_the_spans_say(text: str) -> None:
    assert [text[start:end] for start, end in spans(text, spoken(text))] == text.split()


def test_a_word_that_a_person_wrote_is_certain() -> None:
    words = [*spoken("I lost"), {"text": "work", "start": 2.0, "end": 3.0, "probability": 1.0}]
    assert spans("I lost work", words) == [(0, 1), (2, 6)]
