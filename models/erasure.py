"""When the files of database and object store are rewritten: it locks them, so rarely, and never too late."""

from __future__ import annotations

from datetime import datetime, timedelta

# By the clock of whoever runs the service.
NIGHT_HOURS = range(2, 5)
ONCE_A_NIGHT = timedelta(hours=12)
MARGIN = timedelta(hours=2)


def is_due(
    oldest: datetime, *, now: datetime, hour: int, deadline: timedelta, last: datetime | None = None
) -> bool:
    """Whether to rewrite now: once a night, or when the deadline of the oldest erasure is near.

    :param oldest: when the oldest story was erased that is still in the files
    :param hour: the hour of the day here, 0 to 23
    :param last: when they were rewritten last
    """
    is_new_night = hour in NIGHT_HOURS and (last is None or now - last >= ONCE_A_NIGHT)
    return is_new_night or is_near(oldest, now=now, deadline=deadline)


def is_near(oldest: datetime, *, now: datetime, deadline: timedelta) -> bool:
    """Whether the deadline is so near that nothing is waited for any more; time for a few tries stays."""
    return now >= oldest + deadline - min(MARGIN, deadline / 2)
