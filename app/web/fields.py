"""What stands in forms, read back: days, clocks, and what is wrong with them in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time
from itertools import islice
from math import isfinite
from typing import Any

from starlette.requests import Request

from models.errors import Invalid

LAST_SECOND = time(23, 59, 59)
# Longer than any recording that is taken, and a clock with two digits for its hours: captions have no more.
MOST_SECONDS = 100 * 3600 - 1
# A day is left for every time zone, in which a database may answer.
LAST_YEAR = 9998
MOST_ERRORS = 50
MOST_NAME_CHARACTERS = 200


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


def wrong_fields(errors: Iterable[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Pydantic's errors as problem details carry them: which field, and what is wrong with it.

    The first ones will do: a body may have a hundred thousand fields that nobody knows.
    """
    return [
        {
            "at": _named(".".join(str(part) for part in each["loc"])),
            "says": str(each["msg"]).removeprefix("Value error, "),
        }
        for each in islice(errors, MOST_ERRORS)
    ]


def _named(place: str) -> str:
    """A field's name as it can be said: JSON lets its sender write names of any length, and halves of characters."""
    return place[:MOST_NAME_CHARACTERS].encode("utf-8", "replace").decode()


def in_one_sentence(wrong: Iterable[Mapping[str, str]]) -> str:
    """What is wrong with several fields, for people."""
    return "; ".join(f"{each['at']}: {each['says']}" for each in wrong)
