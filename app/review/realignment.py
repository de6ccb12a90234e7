"""Word times after a correction: words that stayed keep theirs, changed ones are spread over the gap.

A curator edits text, not times. Captions and moments still need each word's second, so the old and the new words
of a segment are compared (Ratcliff and Obershelp's matching, as in :mod:`difflib`).
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import Any

Word = dict[str, Any]


def realign(old: Sequence[Word], text: str, start_seconds: float, end_seconds: float) -> list[Word]:
    """The words of ``text`` with times between ``start_seconds`` and ``end_seconds``.

    A word that a person wrote has probability 1: nobody guessed it.
    """
    new = text.split()
    before = [str(word["text"]).strip() for word in old]
    timed: list[Word] = []
    for verb, old_from, old_to, new_from, new_to in SequenceMatcher(None, before, new, False).get_opcodes():
        if verb == "equal":
            timed += [dict(word) for word in old[old_from:old_to]]
        elif new_from < new_to:
            begin, end = _gap(old, old_from, old_to, start_seconds, end_seconds)
            timed += _spread(new[new_from:new_to], begin, end)
    return timed


def _gap(
    old: Sequence[Word], first: int, after: int, start_seconds: float, end_seconds: float
) -> tuple[float, float]:
    """The time of the words that were replaced, or between the neighbours of where some were put in."""
    if first < after:
        return float(old[first]["start"]), float(old[after - 1]["end"])
    begin = float(old[first - 1]["end"]) if first else start_seconds
    end = float(old[after]["start"]) if after < len(old) else end_seconds
    return begin, max(begin, end)


def _spread(words: Sequence[str], begin: float, end: float) -> list[Word]:
    """Words over a span, each as long as it has letters."""
    letters = sum(len(word) for word in words)
    timed, at = [], begin
    for word in words:
        until = at + (end - begin) * len(word) / letters
        timed.append({"start": round(at, 3), "end": round(until, 3), "text": word, "probability": 1.0})
        at = until
    return timed
