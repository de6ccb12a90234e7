"""What changed between two versions of a transcript, segment by segment, as words that went and words that came."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum

from models.transcripts import Segment

# A word with the space behind it: joined, the pieces are the text again.
_PIECE = re.compile(r"\S+\s*|\s+")
# Difflib takes the square of what it compares; a segment is at most 10,000 characters, and rarely 100 words.
MOST_PIECES = 2000


class Kind(StrEnum):
    """What became of some words."""

    KEPT = "kept"
    WENT = "went"
    CAME = "came"


@dataclass(frozen=True)
class Piece:
    kind: Kind
    text: str


@dataclass(frozen=True)
class Change:
    """A segment that differs. Times in seconds; ``speakers`` are before and after where they differ."""

    start_seconds: float
    pieces: tuple[Piece, ...]
    speakers: tuple[str, str] | None = None


def by_words(before: str, after: str) -> tuple[Piece, ...]:
    """Words kept, gone and come, in order: what was kept and went is ``before``, what was kept and came ``after``."""
    old, new = _PIECE.findall(before), _PIECE.findall(after)
    if max(len(old), len(new)) > MOST_PIECES:
        return _pieces((Kind.WENT, before), (Kind.CAME, after))
    found: list[tuple[Kind, str]] = []
    for verb, i, j, k, m in SequenceMatcher(None, old, new, False).get_opcodes():
        if verb == "equal":
            found.append((Kind.KEPT, "".join(old[i:j])))
        else:
            found += [(Kind.WENT, "".join(old[i:j])), (Kind.CAME, "".join(new[k:m]))]
    return _pieces(*found)


def between(before: Sequence[Segment], after: Sequence[Segment]) -> list[Change]:
    """The segments that differ, by their time: one that only one version has went or came as a whole."""
    old = {row.start_seconds: row for row in before}
    new = {row.start_seconds: row for row in after}
    changes = []
    for start in sorted(old.keys() | new.keys()):
        was, is_now = _said(old.get(start)), _said(new.get(start))
        if was != is_now:
            speakers = (was[0], is_now[0]) if was[0] != is_now[0] else None
            changes.append(Change(start, by_words(was[1], is_now[1]), speakers))
    return changes


def _said(segment: Segment | None) -> tuple[str, str]:
    return (segment.speaker or "", segment.text) if segment else ("", "")


def _pieces(*found: tuple[Kind, str]) -> tuple[Piece, ...]:
    return tuple(Piece(kind, text) for kind, text in found if text)
