from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.themes.codebook import languages_with_vocabulary, load_codebook
from pipeline.themes.segments import TextSegment, TimedWord
from pipeline.themes.tagger import THRESHOLD, Suggestion, ThemesNotYet, suggest

SPOKEN = st.text(st.sampled_from(list("aeinorst łżść ώνος üőäö.,;!?'’-1 \n")), max_size=80)


def themes(text: str, language: str = "en") -> set[str]:
    return {suggestion.theme for suggestion in suggested([TextSegment(0, text)], language)}


def suggested(segments: list[TextSegment], language: str = "en") -> list[Suggestion]:
    answer = suggest(segments, language)
    assert isinstance(answer, list)
    return answer


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("en", "They put us in a damp flat and the landlord keeps the deposit.", "housing"),
        ("en", "I've been clean for two years, not touched a drop.", "addiction"),
        ("en", "We all sat round and nobody asked us what we thought.", "being-heard"),
        ("en", "My form tutor said so when I was fifteen.", "youth"),
        ("pl", "Z zasiłku z MOPS-u ledwo starcza do pierwszego.", "money"),
        ("pl", "W przychodni lekarka powiedziała, że to cukrzyca.", "health"),
        ("pl", "Odsyłali mnie od okienka do okienka po jedną pieczątkę.", "bureaucracy"),
        ("es", "Llevo tres años en paro y no me sale ni una entrevista.", "work"),
        ("es", "Me llamaban de todo y yo me moría de vergüenza.", "dignity"),
        ("es", "El autobús pasa dos veces y el hospital está a cuarenta kilómetros.", "transport"),
    ],
)
def test_ordinary_words_lead_to_their_theme(language: str, text: str, expected: str) -> None:
    assert expected in themes(text, language)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "He built a house of cards and it worked out fine."),
        ("en", "One two three, testing, testing, can you hear me?"),
        ("pl", "Raz, dwa, trzy, słychać mnie?"),
        ("es", "Uno, dos, tres, probando, ¿se me oye?"),
    ],
)
def test_everyday_phrases_do_not_mislead(language: str, text: str) -> None:
    assert themes(text, language) == set()


def test_a_language_without_vocabulary_says_not_yet_instead_of_nothing() -> None:
    assert suggest([TextSegment(0, "Я живу в Києві")], "uk") == ThemesNotYet("uk")


def test_nothing_said_is_no_theme() -> None:
    assert suggested([]) == []
    assert suggested([TextSegment(0, "")]) == []
    assert suggested([TextSegment(0, " … ! ")]) == []


def test_suggestions_come_in_the_order_of_the_codebook() -> None:
    found = [s.theme for s in suggested([TextSegment(0, "The bus, the rent, my job and I need a doctor.")])]
    assert found == sorted(found, key=load_codebook().ids().index)
    assert len(found) > 2


def test_three_hints_are_too_little_and_four_near_one_another_are_enough() -> None:
    hints = ["a settee", "a shelter", "a bedroom", "an estate agent"]
    assert "housing" not in themes(f"There was {', '.join(hints[:3])}.")
    assert "housing" in themes(f"There was {', '.join(hints)}.")
    far = " and then we talked" * 40
    assert "housing" not in themes(f"There was {far.join(hints)}.")


def test_the_same_hint_said_often_counts_once() -> None:
    assert "housing" not in themes("A settee, a settee, a settee and a settee.")


def test_more_signs_make_a_higher_score() -> None:
    one = suggested([TextSegment(0, "The landlord.")])[0]
    two = suggested([TextSegment(0, "The landlord and the mortgage.")])[0]
    assert THRESHOLD <= one.score < two.score < 1


def test_evidence_has_segment_span_seconds_and_why() -> None:
    words = (
        TimedWord(" the", 10.0, 10.2),
        TimedWord(" landlord,", 10.2, 10.9),
        TimedWord(" well", 11.0, 11.5),
    )
    segments = [TextSegment(4, "So.", 0, 10), TextSegment(7, "the landlord, well", 10, 12, words)]
    (piece,) = suggested(segments)[0].evidence
    assert (piece.segment_index, piece.start_char, piece.end_char, piece.text) == (7, 4, 12, "landlord")
    assert (piece.start_seconds, piece.end_seconds) == (10.2, 10.9)
    assert piece.why == "sure: landlord"


def test_without_word_times_the_segment_s_seconds_are_given() -> None:
    (piece,) = suggested([TextSegment(0, "the landlord", 3.0, 5.0)])[0].evidence
    assert (piece.start_seconds, piece.end_seconds) == (3.0, 5.0)


def test_a_phrase_that_runs_over_a_segment_s_end_has_evidence_in_both() -> None:
    found = {
        s.theme: s
        for s in suggested([TextSegment(0, "nobody ever makes ends"), TextSegment(1, "meet, love")])
    }
    pieces = [(p.segment_index, p.text) for p in found["money"].evidence]
    assert pieces == [(0, "makes ends"), (1, "meet")]


def test_a_phrase_does_not_run_over_a_sentence_s_end() -> None:
    assert "money" not in themes("That is where it ends. Meet me there.")


@pytest.mark.parametrize("language", languages_with_vocabulary())
@settings(max_examples=40, deadline=None)
@given(texts=st.lists(st.one_of(st.text(max_size=60), SPOKEN), max_size=4))
def test_any_text_is_taken_and_evidence_always_is_what_it_points_to(language: str, texts: list[str]) -> None:
    segments = [TextSegment(number * 2, text) for number, text in enumerate(texts)]
    by_index = {segment.index: segment for segment in segments}
    for suggestion in suggested(segments, language):
        assert THRESHOLD <= suggestion.score <= 1
        assert suggestion.evidence
        for piece in suggestion.evidence:
            assert piece.text
            assert by_index[piece.segment_index].text[piece.start_char : piece.end_char] == piece.text


def test_half_a_character_and_astral_signs_keep_the_spans_right() -> None:
    text = "\ud800 𝕬𝖓 👩‍👩‍👧 the landlord"
    (piece,) = suggested([TextSegment(0, text)])[0].evidence
    assert text[piece.start_char : piece.end_char] == "landlord"


def test_an_hour_of_speech_is_tagged_in_seconds() -> None:
    import time

    sentences = [
        "The landlord said nothing and I went to the doctor again.",
        "We sat and talked about the weather.",
    ]
    segments = [TextSegment(number, sentences[number % 2]) for number in range(1000)]
    suggested(segments[:1])
    started = time.monotonic()
    assert {"housing", "health"} <= {s.theme for s in suggested(segments)}
    assert time.monotonic() - started < 10
