"""Captions that can be read: every word in one, short enough, and the same again when they are read back."""

from __future__ import annotations

import html
import io
import json
import re
import string
from itertools import pairwise

import pytest
import webvtt
from hypothesis import given
from hypothesis import strategies as some

from pipeline.transcription.captions import (
    LINE_CHARACTERS,
    MACHINE_MADE,
    MOST_LINES,
    MOST_SECONDS,
    PAUSE_SECONDS,
    clock,
    cut,
    lines_of,
    to_json,
    to_srt,
    to_txt,
    to_vtt,
)
from pipeline.transcription.protocol import Segment, Transcription, Word

LETTERS = string.ascii_letters + "żółćąęäöõñßÉλόγος" + ".,;:?!…'’-–«»¿&<>"


@some.composite
def spoken_words(draw: some.DrawFn, longest: int = LINE_CHARACTERS) -> list[Word]:
    """Words one after the other, as an engine gives them: with pauses, drawn out, or of no length at all."""
    words: list[Word] = []
    now = 0.0
    for text in draw(some.lists(some.text(LETTERS, min_size=1, max_size=longest), max_size=60)):
        start = round(now + draw(some.sampled_from([0, 0, 0, 0.05, 0.3, 0.8, 0.9, 5.0])), 3)
        now = round(start + draw(some.sampled_from([0, 0.02, 0.2, 0.4, 1.0, 6.9, 7.0, 12.0])), 3)
        words.append(Word(start, now, text, draw(some.floats(0, 1))))
    return words


@given(spoken_words(longest=120))
def test_every_word_is_in_exactly_one_caption_and_in_order(words: list[Word]) -> None:
    captions = cut(words)
    assert [word for caption in captions for word in caption.words] == words
    assert all(caption.words for caption in captions)
    for caption in captions:
        assert caption.text == " ".join(word.text for word in caption.words)


@given(spoken_words(longest=120))
def test_no_caption_stands_longer_than_seven_seconds_or_before_its_time(words: list[Word]) -> None:
    captions = cut(words)
    for caption in captions:
        assert 0 <= caption.end_seconds - caption.start_seconds <= MOST_SECONDS + 1e-9
        assert caption.start_seconds == caption.words[0].start_seconds
        assert caption.end_seconds <= caption.words[-1].end_seconds
        # Only a word that an engine stretched stands shorter than it was given.
        assert len(caption.words) == 1 or caption.end_seconds == caption.words[-1].end_seconds
    for before, after in pairwise(captions):
        assert before.end_seconds <= after.start_seconds


@given(spoken_words())
def test_caption_is_at_most_two_lines_of_42_characters(words: list[Word]) -> None:
    for caption in cut(words):
        lines = lines_of(caption.text)
        assert len(lines) <= MOST_LINES
        assert max(map(len, lines)) <= LINE_CHARACTERS


def test_words_that_two_lines_cannot_hold_are_two_captions() -> None:
    # 82 characters, and no blank near their middle.
    words = said(f"{'a' * 10} {'b' * 40} {'c' * 30}")
    assert len(lines_of(" ".join(word.text for word in words))) == 3
    captions = cut(words)
    assert len(captions) == 2
    assert all(len(lines_of(caption.text)) <= MOST_LINES for caption in captions)


@given(spoken_words(longest=120))
def test_lines_lose_no_word_even_where_one_is_longer_than_a_line(words: list[Word]) -> None:
    for caption in cut(words):
        lines = lines_of(caption.text)
        assert " ".join(lines).split() == caption.text.split()
        assert all(len(line) <= LINE_CHARACTERS or " " not in line for line in lines)


@given(spoken_words())
def test_nobody_waits_through_a_pause_with_a_caption(words: list[Word]) -> None:
    for caption in cut(words):
        for before, after in pairwise(caption.words):
            assert after.start_seconds - before.end_seconds <= PAUSE_SECONDS


def said(text: str, *, seconds_a_word: float = 0.4) -> list[Word]:
    return [
        Word(round(at * seconds_a_word, 3), round((at + 1) * seconds_a_word, 3), word, 0.9)
        for at, word in enumerate(text.split())
    ]


def test_caption_ends_with_its_sentence() -> None:
    words = said("I lost my job last winter. My neighbours listened to me, and we cook together.")
    assert [caption.text for caption in cut(words)] == [
        "I lost my job last winter.",
        "My neighbours listened to me, and we cook together.",
    ]


def test_greek_question_ends_a_caption() -> None:
    words = said("Ποιος ακούει πραγματικά εδώ; Κανείς δεν ξέρει.")
    assert cut(words)[0].text == "Ποιος ακούει πραγματικά εδώ;"


def test_long_sentence_breaks_after_a_clause() -> None:
    words = said("When I came here I knew nobody at all in this town, and nobody knew me either for years")
    first = cut(words)[0]
    assert first.text.endswith("town,")


def test_short_answers_share_a_caption() -> None:
    assert [caption.text for caption in cut(said("Yes. No. I see."))] == ["Yes. No. I see."]


def test_nothing_said_gives_no_captions() -> None:
    assert cut([]) == []
    assert to_srt([]) == ""
    assert to_txt([]) == ""
    assert webvtt.from_string(to_vtt([])).captions == []


def test_two_lines_are_as_even_as_their_words_allow() -> None:
    first, second = lines_of("My neighbours listened to me, and we cook together on Thursdays.")
    assert abs(len(first) - len(second)) <= 8


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (0, "00:00:00.000"),
        (-0.01, "00:00:00.000"),
        (59.9996, "00:01:00.000"),
        (3599.9999, "01:00:00.000"),
        (3661.5, "01:01:01.500"),
        (14_400, "04:00:00.000"),
        (360_000, "100:00:00.000"),
    ],
)
def test_clock_carries_what_it_rounds(seconds: float, written: str) -> None:
    assert clock(seconds) == written
    assert clock(seconds, ",") == written.replace(".", ",")


HOSTILE = [
    "Ben & Anna said 5 < 6 > 4",
    "<script>alert('x')</script>",
    "</v><b>bold</b> &lt; &amp;amp;",
    "a --> b",
    "00:00:01.000 --> 00:00:02.000",
    "WEBVTT",
    "NOTE nothing of the sort",
    "STYLE ::cue { color: red }",
    "REGION",
    "7",
    "żółw — Ποιος; ¿Qué? 你好 🎤 שלום",
    "one line\nand another",
    "a line\n\n3\n00:00:09,000 --> 00:00:10,000\nforged",
    "a\r\n\r\nNOTE b",
    "with\u00a0fixed\u00a0blanks",
]


def segments_of(texts: list[str], speaker: str | None = None) -> list[Segment]:
    return [Segment(2.0 * at, 2.0 * at + 1.5, text, (), speaker) for at, text in enumerate(texts)]


def flat(text: str) -> str:
    return " ".join(text.split())


def read_vtt(written: str) -> list[tuple[str, str]]:
    """Voice and text of each cue, as a reader shows them."""
    return [
        (html.unescape(cue.voice or ""), html.unescape(cue.text))
        for cue in webvtt.from_string(written, strict=True).captions
    ]


def test_vtt_says_again_what_was_said() -> None:
    assert [flat(text) for _, text in read_vtt(to_vtt(segments_of(HOSTILE)))] == list(map(flat, HOSTILE))


def test_srt_says_again_what_was_said_but_for_arrows() -> None:
    written = to_srt(segments_of(HOSTILE))
    read = webvtt.from_buffer(io.StringIO(written), format="srt").captions
    assert [flat(cue.raw_text) for cue in read] == [flat(text.replace("-->", "→")) for text in HOSTILE]
    assert [cue.start for cue in read] == [clock(2.0 * at) for at in range(len(HOSTILE))]


TEXTS = some.lists(
    some.text(LETTERS + " \n\t-#0123456789", max_size=200).filter(str.strip), min_size=1, max_size=8
)


@given(TEXTS, some.none() | some.text(LETTERS + " \n", min_size=1).filter(str.strip))
def test_vtt_that_is_read_back_is_the_same(texts: list[str], speaker: str | None) -> None:
    segments = segments_of(texts, speaker)
    read = webvtt.from_string(to_vtt(segments, language="pl"), strict=True).captions
    assert [(cue.start, cue.end) for cue in read] == [
        (clock(each.start_seconds), clock(each.end_seconds)) for each in segments
    ]
    # By the letter: webvtt-py takes voices apart by a pattern that knows no escapes.
    raw = [re.sub(r"^<v [^>]*>", "", cue.raw_text) for cue in read]
    assert [flat(html.unescape(text)) for text in raw] == list(map(flat, texts))
    for cue in read:
        assert "<" not in re.sub(r"^<v [^>]*>", "", cue.raw_text)
        if speaker:
            (name,) = re.findall(r"^<v ([^>]*)>", cue.raw_text)
            assert html.unescape(name) == flat(speaker)


@given(TEXTS)
def test_srt_that_is_read_back_is_the_same(texts: list[str]) -> None:
    segments = segments_of(texts)
    read = webvtt.from_buffer(io.StringIO(to_srt(segments)), format="srt").captions
    assert [flat(cue.raw_text) for cue in read] == [flat(text.replace("-->", "→")) for text in texts]


def test_vtt_names_language_speaker_and_machine() -> None:
    written = to_vtt(segments_of(["Hello."], speaker="Anna <b> & \n co"), language="et")
    assert written.startswith(f"WEBVTT\nLanguage: et\n\nNOTE {MACHINE_MADE}\n\n")
    assert "<v Anna &lt;b&gt; &amp; co>Hello." in written
    approved = to_vtt(segments_of(["Hello."]), is_machine_made=False)
    assert MACHINE_MADE not in approved
    assert "NOTE" not in approved


def test_caption_of_no_length_is_still_shown_for_a_moment() -> None:
    """A reader of WebVTT shows nothing where the end is not after the start (W3C, §3.1)."""
    written = to_vtt([Segment(1.0, 1.0, "Oh.")])
    (cue,) = webvtt.from_string(written, strict=True).captions
    assert cue.start_in_seconds == 1
    assert cue.end > cue.start
    assert "00:00:01,000 --> 00:00:01,000" not in to_srt([Segment(1.0, 1.0, "Oh.")])


def test_plain_text_is_a_caption_a_line_with_its_speaker() -> None:
    segments = [Segment(0, 1, "Hello.", speaker="Anna"), Segment(1, 2, "Good evening.")]
    assert to_txt(segments) == "Anna: Hello.\nGood evening.\n"


def test_json_has_every_word_and_its_probability() -> None:
    heard = Transcription("fi", 0.9, 3.0, tuple(cut(said("Kukaan ei kuuntele ääntä."))), "engine", "base")
    shown = json.loads(to_json(heard))
    assert shown["segments"][0]["words"][0] == {
        **{"start": 0.0, "end": 0.4, "text": "Kukaan", "probability": 0.9}
    }
    assert "speaker" not in shown["segments"][0]
    assert "ääntä" in to_json(heard)
    assert Transcription.from_dict(shown) == heard
