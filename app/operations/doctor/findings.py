"""What the doctor found, and why nothing could be looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from app.parts import Parts
from app.words import MENDS, say
from models.errors import StoryError


@dataclass(frozen=True)
class Finding:
    """One thing looked at. ``mend`` says what to do where it is not well; a warning is no failure."""

    what: str
    is_well: bool
    says: str
    mend: str = ""
    is_warning: bool = False

    @property
    def is_failure(self) -> bool:
        return not self.is_well and not self.is_warning


Look = Callable[[Parts], Iterator[Finding]]


def unanswered(error: StoryError) -> Finding:
    """Why nothing could be looked at."""
    mend = MENDS.get(error.code, "See the log, and try again.")
    return Finding("parts", False, say(error.code, dict(error.parameters)), mend)
