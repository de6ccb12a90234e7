"""What stands in forms, read back: days, clocks, and what is wrong with them in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time
from math import isfinite
from typing import Any

from models.errors import Invalid

LAST_SECOND = time(23, 59, 59)


def end_of_day(written: str) -> datetime | None:
    """The last second (UTC) of a day, since what lasts until a day lasts on it; None if none was given.

    :raises Invalid: it is no day
    """
    if not written.strip():
        return None
    try:
        return datetime.combine(date.fromisoformat(written.strip()), LAST_SECOND, UTC)
    except ValueError as error:
        raise Invalid("day-unfit") from error


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


def wrong_fields(errors: Iterable[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Pydantic's errors as problem details carry them: which field, and what is wrong with it."""
    return [
        {
            "at": ".".join(str(part) for part in each["loc"]),
            "says": str(each["msg"]).removeprefix("Value error, "),
        }
        for each in errors
    ]


def in_one_sentence(wrong: Iterable[Mapping[str, str]]) -> str:
    """What is wrong with several fields, for people."""
    return "; ".join(f"{each['at']}: {each['says']}" for each in wrong)
