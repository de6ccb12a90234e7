"""A transcript's segments as one text, and the way back from a place in it to segment, span and seconds."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class TimedWord:
    """A word with the seconds at which it was spoken."""

    text: str
    start_seconds: float
    end_seconds: float


@dataclass(frozen=True)
class TextSegment:
    """A segment's text and time. ``words``: its words in order, where their times are known."""

    index: int
    text: str
    start_seconds: float = 0.0
    end_seconds: float = 0.0
    words: tuple[TimedWord, ...] = ()


@dataclass(frozen=True)
class Evidence:
    """Words of one segment that speak for a theme: ``segment.text[start_char:end_char] == text``.

    The seconds are those of the words where their times are known, of the segment otherwise. ``why`` names the
    vocabulary's term and its strength, such as "likely: food bank".
    """

    segment_index: int
    start_char: int
    end_char: int
    text: str
    start_seconds: float
    end_seconds: float
    why: str


class Joined:
    """The segments' texts with a blank between them. Phrases run on over segments, as speech does."""

    def __init__(self, segments: Sequence[TextSegment]) -> None:
        self._segments = segments
        self._starts: list[int] = []
        length = 0
        for segment in segments:
            self._starts.append(length)
            length += len(segment.text) + 1
        self.text = " ".join(segment.text for segment in segments)

    def evidence(self, start_char: int, end_char: int, why: str) -> list[Evidence]:
        """One piece for each segment that the span touches, in order."""
        pieces = []
        for number in range(bisect_right(self._starts, start_char) - 1, len(self._segments)):
            offset, segment = self._starts[number], self._segments[number]
            if offset >= end_char:
                break
            start = max(0, start_char - offset)
            end = min(len(segment.text), end_char - offset)
            if start < end:
                pieces.append(_piece(segment, start, end, why))
        return pieces


def _piece(segment: TextSegment, start: int, end: int, why: str) -> Evidence:
    start_seconds, end_seconds = _seconds(segment, start, end)
    return Evidence(segment.index, start, end, segment.text[start:end], start_seconds, end_seconds, why)


def _seconds(segment: TextSegment, start: int, end: int) -> tuple[float, float]:
    spoken = []
    position = 0
    for word in segment.words:
        bare = word.text.strip()
        found = segment.text.find(bare, position) if bare else -1
        if found < 0:
            continue  # edited since: its place is not known, its neighbours' are
        position = found + len(bare)
        if found < end and position > start:
            spoken.append(word)
    if not spoken:
        return segment.start_seconds, segment.end_seconds
    return spoken[0].start_seconds, spoken[-1].end_seconds
