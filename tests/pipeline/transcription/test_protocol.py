"""What every engine takes and gives survives being kept, and pieces of words become words."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as some

from pipeline.transcription.protocol import Segment, Transcription, Word, whole_words

SECONDS = some.integers(0, 14_400_000).map(lambda milliseconds: milliseconds / 1000)
SHARE = some.integers(0, 1000).map(lambda thousandths: thousandths / 1000)
WORDS = some.builds(Word, SECONDS, SECONDS, some.text(), SHARE)
SEGMENTS = some.builds(
    Segment,
    SECONDS,
    SECONDS,
    some.text(),
    some.lists(WORDS, max_size=4).map(tuple),
    some.none() | some.text(),
)
TRANSCRIPTIONS = some.builds(
    Transcription,
    some.sampled_from(["en", "pl", "haw"]),
    some.floats(0, 1),
    SECONDS,
    some.lists(SEGMENTS, max_size=4).map(tuple),
    some.text(),
    some.text(),
)


@given(TRANSCRIPTIONS)
def test_transcription_that_was_kept_is_the_same(heard: Transcription) -> None:
    assert Transcription.from_dict(json.loads(json.dumps(heard.to_dict()))) == heard


@given(WORDS)
def test_word_that_was_kept_is_the_same(word: Word) -> None:
    assert Word.from_dict(json.loads(json.dumps(word.to_dict()))) == word


def test_kept_words_say_seconds_to_the_thousandth() -> None:
    kept = Word(1 / 3, 2 / 3, "so", 0.123456).to_dict()
    assert kept == {"start": 0.333, "end": 0.667, "text": "so", "probability": 0.123}


def pieces(*texts: str) -> list[Word]:
    return [Word(at / 10, (at + 1) / 10, text, 0.9 - at / 100) for at, text in enumerate(texts)]


def test_piece_without_a_blank_belongs_to_the_word_before() -> None:
    words = whole_words(pieces(" n", "'est", "-ce", " pas", "?"), "fr")
    assert [word.text for word in words] == ["n'est-ce", "pas?"]
    assert (words[0].start_seconds, words[0].end_seconds) == (0.0, 0.3)
    # As unsure as its most doubtful piece.
    assert words[0].probability == 0.9 - 2 / 100


def test_first_piece_begins_a_word_with_or_without_a_blank() -> None:
    assert [word.text for word in whole_words(pieces("So", " it", " is"), "en")] == ["So", "it", "is"]


def test_languages_without_blanks_keep_their_pieces() -> None:
    assert [word.text for word in whole_words(pieces("你", "好", "。"), "zh")] == ["你", "好", "。"]


def test_pieces_of_nothing_are_no_words() -> None:
    assert whole_words(pieces(" ", "", "  "), "en") == []
    assert [word.text for word in whole_words(pieces(" one", " ", " two"), "en")] == ["one", "two"]


@given(some.lists(some.text("ab' ,", max_size=4), max_size=30))
def test_no_letter_is_lost_and_times_stay_in_order(texts: list[str]) -> None:
    given_pieces = pieces(*texts)
    words = whole_words(given_pieces, "en")
    assert "".join(word.text for word in words).replace(" ", "") == "".join(texts).replace(" ", "")
    assert all(word.text == word.text.strip() != "" for word in words)
    starts = [word.start_seconds for word in words]
    assert starts == sorted(starts)
    assert all(word.start_seconds < word.end_seconds for word in words)
