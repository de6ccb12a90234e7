"""What stands in forms, read back: days, clocks, and what is wrong with them in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from itertools import islice
from math import isfinite
from typing import Annotated, Any

from pydantic import StringConstraints, ValidationError
from starlette.requests import Request

from app.web.translation import N_, Phrase
from models.errors import Invalid

LAST_SECOND = time(23, 59, 59)
# Longer than any recording that is taken, and a clock with two digits for its hours: captions have no more.
MOST_SECONDS = 100 * 3600 - 1
# A day is left for every time zone, in which a database may answer.
LAST_YEAR = 9998
MOST_ERRORS = 50
MOST_NAME_CHARACTERS = 200
# By Pydantic's names of what can be wrong; its own words for the rest are said as they are.
NOT_A_TEXT = N_("this is no text")
NOT_A_NUMBER = N_("this is no number")
NOT_A_DAY = N_("this is no date")
NOT_AN_ADDRESS = N_("this is no address")
WORDS: Mapping[str, str] = {
    "missing": N_("this is missing"),
    "extra_forbidden": N_("nobody knows this field"),
    "string_type": NOT_A_TEXT,
    # Half a character: JSON can write one, and neither a database nor an answer can.
    "string_unicode": NOT_A_TEXT,
    "string_too_short": N_("this is empty, or too short"),
    "string_too_long": N_("this has more than {max_length} characters"),
    "string_pattern_mismatch": N_("this does not have the right form"),
    "too_short": N_("this is empty, or has too few entries"),
    "too_long": N_("this has more than {max_length} entries"),
    "int_type": NOT_A_NUMBER,
    "int_parsing": NOT_A_NUMBER,
    "int_parsing_size": NOT_A_NUMBER,
    "int_from_float": NOT_A_NUMBER,
    "float_type": NOT_A_NUMBER,
    "float_parsing": NOT_A_NUMBER,
    "finite_number": NOT_A_NUMBER,
    "greater_than": N_("this is not more than {gt}"),
    "greater_than_equal": N_("this is less than {ge}"),
    "less_than": N_("this is not less than {lt}"),
    "less_than_equal": N_("this is more than {le}"),
    "bool_parsing": N_("this is neither yes nor no"),
    "enum": N_("this is none of: {expected}"),
    "date_parsing": NOT_A_DAY,
    "date_from_datetime_parsing": NOT_A_DAY,
    "datetime_parsing": NOT_A_DAY,
    "datetime_from_date_parsing": NOT_A_DAY,
    "url_parsing": NOT_AN_ADDRESS,
    "url_scheme": NOT_AN_ADDRESS,
}

# What is looked up: a code, an id, a sign-in name. A text without any limit is not looked at, and may hold anything.
Word = Annotated[str, StringConstraints(max_length=200)]


def from_text_area(written: str) -> str:
    """A text with its lines as they are kept: browsers send those of a text area with CR LF (HTML, form submission)."""
    return written.replace("\r\n", "\n")


def end_of_day(written: str) -> datetime | None:
    """The last second (UTC) of a day, since what lasts until a day lasts on it; None if none was given.

    :raises Invalid: it is no day
    """
    if not written.strip():
        return None
    try:
        return in_utc(datetime.combine(date.fromisoformat(written.strip()), LAST_SECOND, UTC))
    except ValueError as error:
        raise Invalid("day-unfit") from error


def in_utc(moment: datetime) -> datetime:
    """The same moment in UTC, as it is kept; one without a time zone stays as it is.

    :raises ValueError: no calendar has it
    """
    try:
        kept = moment.astimezone(UTC) if moment.tzinfo is not None else moment
    except OverflowError as error:
        raise ValueError("no calendar has this moment") from error
    if kept.year > LAST_YEAR:
        raise ValueError(f"the last year that can be kept is {LAST_YEAR}")
    return kept


def seconds_of(clock: str) -> float:
    """Seconds of ``m:ss``, ``h:mm:ss`` or plain seconds.

    :raises Invalid: it is none of these
    """
    seconds = 0.0
    try:
        for part in clock.strip().split(":"):
            seconds = seconds * 60 + float(part)
    except ValueError as error:
        raise Invalid("clock-unfit") from error
    if not isfinite(seconds) or seconds < 0:
        raise Invalid("clock-unfit")
    return seconds


async def fields_of(request: Request, **limits: int) -> dict[str, str]:
    """A form's fields, as text.

    :raises Invalid: it cannot be read
    """
    try:
        form = await request.form(**limits)
    except UnicodeError as error:
        # It names a set of characters that decodes nothing.
        raise Invalid("form-unreadable") from error
    return {name: str(value) for name, value in form.items()}


@dataclass(frozen=True)
class WrongField:
    """Which field, and what is wrong with it."""

    at: str
    says: Phrase


def wrong_fields(errors: Iterable[Mapping[str, Any]]) -> list[WrongField]:
    """Pydantic's errors in our own words.

    The first ones will do: a body may have a hundred thousand fields that nobody knows.
    """
    return [
        WrongField(_named(".".join(str(part) for part in each["loc"])), _in_words(each))
        for each in islice(errors, MOST_ERRORS)
    ]


def _in_words(error: Mapping[str, Any]) -> Phrase:
    if message := WORDS.get(str(error["type"])):
        # What was expected is listed with an English word before the last.
        return Phrase(
            message,
            {name: str(each).replace("' or '", "', '") for name, each in error.get("ctx", {}).items()},
        )
    return Phrase(str(error["msg"]).removeprefix("Value error, "))


def _named(place: str) -> str:
    """A field's name as it can be said: JSON lets its sender write names of any length, and halves of characters."""
    return place[:MOST_NAME_CHARACTERS].encode("utf-8", "replace").decode()


def misread(error: ValidationError) -> Invalid:
    """What is wrong with some fields as one refusal, where no form is shown again."""
    return Invalid("invalid", reason=in_one_sentence(wrong_fields(error.errors())))


def in_one_sentence(wrong: Iterable[WrongField]) -> Phrase:
    """What is wrong with several fields, for people."""
    return Phrase("{faults}", {"faults": [fault_of(each) for each in wrong]})


def fault_of(wrong: WrongField) -> Phrase:
    """What is wrong with a field, with its name."""
    return Phrase("{field}: {fault}", {"field": wrong.at, "fault": wrong.says})
