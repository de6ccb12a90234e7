"""Files are rewritten once a night, and never too late."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from models.erasure import is_due, is_near

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


@pytest.mark.parametrize(
    ("ago", "hour", "last_ago", "expected"),
    [
        (HOUR, 12, None, False),
        (HOUR, 2, None, True),
        (HOUR, 4, None, True),
        (HOUR, 5, None, False),
        # Once a night, however many are erased in it.
        (HOUR, 3, HOUR, False),
        (HOUR, 3, 20 * HOUR, True),
        # The deadline is near: whatever the hour, and whether or not it was done just now.
        (22 * HOUR, 12, None, True),
        (22 * HOUR - timedelta(seconds=1), 12, None, False),
        (23 * HOUR, 3, HOUR, True),
        (30 * HOUR, 12, None, True),
    ],
)
def test_due_at_night_or_when_the_deadline_is_near(
    ago: timedelta, hour: int, last_ago: timedelta | None, expected: bool
) -> None:
    last = NOW - last_ago if last_ago is not None else None
    assert is_due(NOW - ago, now=NOW, hour=hour, deadline=DAY, last=last) is expected


def test_a_short_deadline_leaves_half_of_it_for_tries() -> None:
    assert not is_near(NOW - timedelta(minutes=29), now=NOW, deadline=HOUR)
    assert is_near(NOW - timedelta(minutes=30), now=NOW, deadline=HOUR)


@pytest.mark.parametrize("deadline_hours", [1, 3, 12, 24, 24 * 7])
def test_no_erasure_is_ever_too_late(deadline_hours: int) -> None:
    """Looked at every minute, whenever it was erased, it is due before its deadline."""
    deadline = timedelta(hours=deadline_hours)
    for erased_at_hour in range(24):
        erased = NOW.replace(hour=erased_at_hour)
        minutes = range(int(deadline / timedelta(minutes=1)))
        assert any(
            is_due(
                erased,
                now=erased + timedelta(minutes=n),
                hour=(erased_at_hour + n // 60) % 24,
                deadline=deadline,
            )
            for n in minutes
        )
