"""Places in lists, as readers are given them and give them back: a row's moment and id. Whatever comes is judged."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime

from models.errors import Invalid


def written(parts: list[object]) -> str:
    """A place as text that can stand in an address."""
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


def read(cursor: str) -> tuple[object, object]:
    """The two parts of a place.

    :raises Invalid: it is none of ours
    """
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        first, second = json.loads(base64.urlsafe_b64decode(padded.encode("ascii")))
    except (ValueError, TypeError, RecursionError) as error:
        raise Invalid("cursor-unfit") from error
    return first, second


def read_words(cursor: str | None) -> tuple[str, str] | None:
    """The two words of a place in a list by words; None at its beginning.

    :raises Invalid: it is none of ours
    """
    if not cursor:
        return None
    first, second = read(cursor)
    return str(first), str(second)


def of_row(moment: datetime, row_id: str) -> str:
    """The place of a row in a list by moment and id."""
    return written([moment.isoformat(), row_id])


def read_row(cursor: str) -> tuple[datetime, str]:
    """The moment and the id of a row.

    :raises Invalid: it is none of ours
    """
    moment, row_id = read(cursor)
    try:
        at = datetime.fromisoformat(str(moment))
        if at.tzinfo is None or not str(row_id).isalnum():
            raise ValueError
        return at.astimezone(UTC), str(row_id)
    except (ValueError, OverflowError) as error:
        raise Invalid("cursor-unfit") from error
