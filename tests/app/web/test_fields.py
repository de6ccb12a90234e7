"""What stands in forms, read back."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from app.consents.forms import consent_of
from app.consents.schemas import ConsentIn
from app.web.fields import end_of_day, from_text_area, in_one_sentence, seconds_of, wrong_fields
from models.errors import Invalid


def test_lines_of_a_text_area_are_kept_as_lines_and_nothing_else_is_changed() -> None:
    assert from_text_area(" one\r\ntwo\r\n\r\n") == " one\ntwo\n\n"
    assert from_text_area("one\ntwo\rthree") == "one\ntwo\rthree"


@pytest.mark.parametrize("written", ["2027-03-31", " 2027-03-31 "])
def test_what_lasts_until_a_day_lasts_on_it(written: str) -> None:
    assert end_of_day(written) == datetime(2027, 3, 31, 23, 59, 59, tzinfo=UTC)


@pytest.mark.parametrize("written", ["", "  "])
def test_no_day_is_no_end(written: str) -> None:
    assert end_of_day(written) is None


@given(st.text().filter(lambda written: written.strip() and not written.strip()[:4].isdigit()))
def test_what_is_no_day_is_refused_in_words(written: str) -> None:
    with pytest.raises(Invalid) as refused:
        end_of_day(written)
    assert refused.value.code == "day-unfit"


@pytest.mark.parametrize(
    ("clock", "seconds"), [("7", 7), ("0:40", 40), (" 1:02:03.5 ", 3723.5), ("90:00", 5400)]
)
def test_clocks_are_seconds(clock: str, seconds: float) -> None:
    assert seconds_of(clock) == seconds


@pytest.mark.parametrize("clock", ["", "soon", "1:", "nan", "inf", "-5", "1e999", "1:-99"])
def test_what_is_no_clock_is_refused(clock: str) -> None:
    with pytest.raises(Invalid) as refused:
        seconds_of(clock)
    assert refused.value.code == "clock-unfit"


def test_wrong_fields_are_named_without_what_stood_in_them() -> None:
    with pytest.raises(ValidationError) as wrong:
        ConsentIn(uses=set(), evidence="x" * 501)
    said = in_one_sentence(wrong_fields(wrong.value.errors()))
    assert str(said) == "evidence: this has more than 500 characters"


def test_what_is_wrong_with_fields_is_said_in_its_readers_language() -> None:
    with pytest.raises(ValidationError) as wrong:
        ConsentIn.model_validate({"uses": ["sleep"], "evidence": "x" * 501})
    said = in_one_sentence(wrong_fields(wrong.value.errors())).said(lambda message: f"<{message}>")
    assert "<uses.0: <this is none of: 'curation', 'sharing', " in said
    assert " or " not in said
    assert "<evidence: <this has more than 500 characters>>" in said


def test_what_has_no_words_of_ours_is_said_as_it_came() -> None:
    error = {"type": "value_error", "loc": ("until",), "msg": "Value error, {no} calendar has this"}
    assert str(in_one_sentence(wrong_fields([error]))) == "until: {no} calendar has this"


@pytest.mark.parametrize("fields", [{"manner": "sung"}, {"given_by": "x"}, {"evidence": "x" * 501}])
def test_consent_form_with_something_wrong_says_which_field(fields: dict[str, str]) -> None:
    with pytest.raises(Invalid) as refused:
        consent_of(fields, [])
    reason = str(refused.value.parameters["reason"])
    assert reason.startswith(next(iter(fields)))
    assert "pydantic" not in reason
