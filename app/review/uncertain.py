"""Words that the recogniser was not sure of, and where they stand in a segment's text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

# Below it the recogniser itself thinks that it is more likely wrong than right.
SURE = 0.5


def spans(text: str, words: Sequence[dict[str, Any]]) -> list[tuple[int, int]]:
    """From and to (exclusive), in characters of ``text``, of each word that may be wrong, in order."""
    found, at = [], 0
    for word in words:
        said = str(word["text"]).strip()
        start = text.find(said, at) if said else -1
        if start < 0:
            continue
        at = start + len(said)
        if word.get("probability", 1.0) < SURE:
            found.append((start, at))
    return found
