from __future__ import annotations

import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.errors import Invalid
from pipeline.themes.detection import detect_language
from pipeline.themes.standalone import tag_jsonl, tag_text

STORIES = {
    "en": "I lost my job, then the landlord put the rent up and the bills came.",
    "pl": "Straciłam pracę, właściciel podniósł czynsz i nie starcza nam do pierwszego.",
    "es": "Perdí el trabajo, el casero subió el alquiler y no llegamos a fin de mes.",
}


def run(*lines: bytes | str) -> tuple[int, list[dict[str, object]], list[str]]:
    out, err = io.StringIO(), io.StringIO()
    bad = tag_jsonl(lines, out, err)
    return bad, [json.loads(line) for line in out.getvalue().splitlines()], err.getvalue().splitlines()


@pytest.mark.parametrize(("language", "text"), STORIES.items())
def test_a_text_s_language_is_detected_and_its_themes_found(language: str, text: str) -> None:
    tagged = tag_text(text)
    assert tagged.language == language
    assert {"work", "housing", "money"} <= {suggestion.theme for suggestion in tagged.themes}


def test_themes_are_written_for_people_with_their_evidence() -> None:
    written = tag_text(STORIES["en"], "en").as_words()
    assert "housing" in written
    assert "“landlord”" in written
    assert "No themes found" in tag_text("Hello there.", "en").as_words()


def test_themes_are_written_for_programs_with_spans_into_the_text() -> None:
    answer = json.loads(json.dumps(tag_text(STORIES["pl"], "pl").as_json()))
    assert answer["language"] == "pl"
    for theme in answer["themes"]:
        for piece in theme["evidence"]:
            assert STORIES["pl"][piece["start_char"] : piece["end_char"]] == piece["text"]


def test_a_language_without_vocabulary_is_an_error_that_names_those_there_are() -> None:
    with pytest.raises(Invalid) as refusal:
        tag_text("Я живу в Києві", "uk")
    assert refusal.value.code == "themes-not-yet"
    assert "en" in str(refusal.value.parameters["languages"])


def test_each_line_gives_one_answer_in_the_promised_shape() -> None:
    lines = [json.dumps({"id": code, "lang": code, "text": text}) for code, text in STORIES.items()]
    bad, answers, errors = run(*lines)
    assert (bad, errors) == (0, [])
    assert [answer["id"] for answer in answers] == list(STORIES)
    for answer in answers:
        assert set(answer) == {"id", "themes"}
        themes = answer["themes"]
        assert isinstance(themes, list)
        assert all(set(theme) == {"theme", "score", "evidence"} for theme in themes)
        assert all(
            set(e) == {"start_char", "end_char", "text"} for theme in themes for e in theme["evidence"]
        )


def test_bad_lines_are_told_with_their_number_and_the_others_go_on() -> None:
    good = json.dumps({"id": 9, "lang": "en", "text": STORIES["en"]})
    lines = [
        good,
        "nope",
        b"\xff\xfe",
        "[1]",
        '{"id": 1}',
        '{"id": 1, "text": 5}',
        "",
        '{"id":1,"lang":"uk","text":"a"}',
    ]
    bad, answers, errors = run(*lines, "[" * 100_000, '{"id":1,"text":"\\ud800 a"}', good)
    assert [answer["id"] for answer in answers] == [9, 9]
    assert bad == len(errors) == 8
    assert [error.split(":")[0] for error in errors] == [f"line {n}" for n in (2, 3, 4, 5, 6, 8, 9, 10)]


def test_a_line_without_language_takes_the_one_given_or_is_detected() -> None:
    out = io.StringIO()
    line = json.dumps({"id": 1, "text": STORIES["es"]})
    assert tag_jsonl([line], out, io.StringIO(), language="es") == 0
    assert tag_jsonl([line], out, io.StringIO()) == 0
    first, second = out.getvalue().splitlines()
    assert first == second


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(st.binary(max_size=60), st.text(max_size=60)), max_size=3))
def test_no_input_stops_the_reading(lines: list[bytes | str]) -> None:
    bad, answers, errors = run(*lines)
    assert bad == len(errors)
    assert len(answers) + bad <= len(lines)


def test_detection_stays_among_the_languages_asked_for() -> None:
    assert detect_language("Jag bor i Malmö och väntar på bussen", ("sv", "fi")) == "sv"
    assert detect_language("Jag bor i Malmö och väntar på bussen", ("fi", "et")) in ("fi", "et")
