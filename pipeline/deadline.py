"""How long a child may still take, by the time in which whoever watches it was awake to see it end."""

from __future__ import annotations

import time

# Between two looks lie fractions of a second. Where it was more, this process was stopped: the lid of a laptop, a
# machine that was moved. A child may have ended long before.
ASLEEP_AFTER_SECONDS = 3.0


class Deadline:
    """Over after so many seconds, without those in which nobody looked. Look several times a second."""

    def __init__(self, seconds: float) -> None:
        self._looked_at = time.monotonic()
        self._at = self._looked_at + seconds

    def is_over(self) -> bool:
        """Whether the time is over; that it is asked is a look."""
        now = time.monotonic()
        since, self._looked_at = now - self._looked_at, now
        if since > ASLEEP_AFTER_SECONDS:
            self._at += since
        return now > self._at
