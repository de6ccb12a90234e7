"""Time that passes while nobody looks is not counted, and all other is."""

from __future__ import annotations

import pytest

from pipeline.deadline import ASLEEP_AFTER_SECONDS, Deadline


@pytest.mark.parametrize(
    ("looks", "is_over"),
    [
        ([0.2, 9.9], False),
        ([2.0, 4.0, 6.0, 8.0, 10.0], False),
        ([2.0, 4.0, 6.0, 8.0, 10.1], True),
        ([2.0, 4.0, 6.0, 9.0, 10.1], True),
        # A night, and then as much as was left.
        ([2.0, 30_002.0], False),
        ([2.0, 30_002.0, 30_004.0, 30_006.0, 30_008.0, 30_010.0], False),
        ([2.0, 30_002.0, 30_004.0, 30_006.0, 30_008.0, 30_010.1], True),
        # And another night.
        ([2.0, 30_002.0, 60_002.0, 60_004.0, 60_006.0, 60_008.0, 60_010.0], False),
    ],
)
def test_only_time_in_which_somebody_looked_is_counted(
    monkeypatch: pytest.MonkeyPatch, looks: list[float], is_over: bool
) -> None:
    assert ASLEEP_AFTER_SECONDS == 3.0
    now = [0.0]
    monkeypatch.setattr("pipeline.deadline.time.monotonic", lambda: now[0])
    deadline = Deadline(10.0)
    said = False
    for now[0] in looks:
        said = deadline.is_over()
    assert said is is_over
