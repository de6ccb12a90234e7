"""Transcripts and entries as the formats of exchange take them: plain objects, no database."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from models.base import utc_now
from models.transcripts import Segment, Transcript

Timed = tuple[float, float, str]


def segment(
    start: float, end: float, text: str, *words: Timed, speaker: str | None = None, position: int = 0
) -> Segment:
    """A segment; ``words`` with their times where an engine knew them."""
    return Segment(
        position=position,
        start_seconds=start,
        end_seconds=end,
        speaker=speaker,
        text=text,
        words=[{"start": a, "end": b, "text": word, "probability": 0.9} for a, b, word in words],
    )


@pytest.fixture
def transcript() -> Callable[..., Transcript]:
    """Makes a transcript of some segments; by a machine and checked by nobody unless told."""

    def make(*segments: Segment, **given: Any) -> Transcript:
        is_approved = given.pop("is_approved", False)
        for position, each in enumerate(segments):
            each.position = position
        values: dict[str, Any] = {
            "recording_id": "0" * 32,
            "language": "en",
            "version": 1,
            "is_machine_made": True,
            "approved_at": utc_now() if is_approved else None,
        }
        return Transcript(segments=list(segments), **(values | given))

    return make
