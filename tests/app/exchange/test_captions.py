"""Captions: what every player reads, cut so that people can, and honest about who wrote them."""

from __future__ import annotations

import io
import itertools
import re
from collections.abc import Callable

import pytest
import webvtt as vtt_reader
from hypothesis import given, settings
from hypothesis import strategies as some

from app.exchange.captions import captions_of, subrip, webvtt, words_of
from models.transcripts import Transcript
from tests.app.exchange.conftest import segment

Make = Callable[..., Transcript]
NOTICE = "Written by a machine"


def test_every_word_is_in_one_caption_that_people_can_read(transcript: Make) -> None:
    words = [f"word{n}" for n in range(120)]
    timed = [(n * 0.5, n * 0.5 + 0.4, word) for n, word in enumerate(words)]
    made = captions_of(transcript(segment(0, 60, " ".join(words), *timed)))
    assert " ".join(each.text for each in made).split() == words
    for before, after in itertools.pairwise(made):
        assert before.end_seconds <= after.start_seconds
    assert all(0 < each.end_seconds - each.start_seconds <= 7 for each in made)
    parsed = vtt_reader.from_buffer(io.StringIO(webvtt(transcript(segment(0, 60, " ".join(words), *timed)))))
    assert all(len(each.lines) <= 2 and max(map(len, each.lines)) <= 42 for each in parsed)


def test_corrected_text_is_shown_and_not_what_the_machine_heard(transcript: Make) -> None:
    heard = ((0.0, 1.0, "Wrong"), (1.0, 2.0, "words"))
    corrected = transcript(segment(0, 4, "Right words here.", *heard), is_machine_made=False)
    for written in (webvtt(corrected), subrip(corrected)):
        assert "Right words here." in written
        assert "Wrong" not in written
    spread = words_of(corrected.segments[0])
    assert [word.text for word in spread] == ["Right", "words", "here."]
    assert (spread[0].start_seconds, spread[-1].end_seconds) == (0, pytest.approx(4))


@pytest.mark.parametrize(
    ("given", "is_said"),
    [
        ({}, True),
        ({"is_approved": True}, False),
        ({"is_machine_made": False}, False),
    ],
)
def test_text_that_nobody_checked_says_so(transcript: Make, given: dict[str, bool], is_said: bool) -> None:
    made = transcript(segment(5, 7, "Hello there."), **given)
    assert (NOTICE in webvtt(made)) is is_said
    assert (NOTICE in subrip(made)) is is_said


def test_text_cannot_break_out_of_its_caption(transcript: Make) -> None:
    text = "a --> b <script>alert(1)</script> & <v Anna>\n\n2\n00:00:00,000 --> 00:00:09,000\nforged"
    made = transcript(segment(0, 6, text, speaker="Eve>\n\nNOTE <b>"), is_approved=True)
    written = webvtt(made)
    # An arrow or an empty line inside would begin another cue.
    cues = [line for line in written.splitlines() if "-->" in line]
    assert all(re.fullmatch(r"[\d:.]+ --> [\d:.]+", line) for line in cues)
    assert "<script" not in written
    assert "&lt;script&gt;" in written
    numbered = subrip(made)
    assert all(re.fullmatch(r"[\d:,]+ --> [\d:,]+", line) for line in numbered.splitlines() if "-->" in line)
    times = [line for line in numbered.splitlines() if "-->" in line]
    assert len(times) == len(captions_of(made))


def test_nothing_said_is_a_file_without_captions(transcript: Make) -> None:
    empty = transcript(is_approved=True)
    assert webvtt(empty).startswith("WEBVTT")
    assert "-->" not in webvtt(empty)
    assert subrip(empty) == ""
    blank = transcript(segment(1, 2, "  \n "), is_approved=True)
    assert captions_of(blank) == []


def test_speaker_and_language_are_named(transcript: Make) -> None:
    written = webvtt(transcript(segment(0, 2, "Γειά σου.", speaker="Ελένη"), language="el"))
    assert "Language: el" in written
    assert "<v Ελένη>Γειά σου." in written


@settings(max_examples=60, deadline=None)
@given(
    some.lists(
        some.tuples(
            some.floats(0, 10_000, allow_nan=False),
            some.floats(0, 30, allow_nan=False),
            some.text(max_size=120),
        ),
        max_size=6,
    )
)
def test_whatever_is_said_the_captions_can_be_read_back(spoken: list[tuple[float, float, str]]) -> None:
    made = Transcript(
        language="pl",
        is_machine_made=False,
        approved_at=None,
        segments=[segment(start, start + length, text) for start, length, text in spoken],
    )
    parsed = vtt_reader.from_buffer(io.StringIO(webvtt(made)))
    assert len(list(parsed)) == len(captions_of(made))
    for cue in parsed:
        assert cue.start_in_seconds <= cue.end_in_seconds
