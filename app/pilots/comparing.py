"""What changed between two texts, word by word."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum


class Kind(StrEnum):
    """What became of a piece of text."""

    KEPT = "kept"
    ADDED = "added"
    TAKEN_OUT = "taken out"


@dataclass(frozen=True)
class Piece:
    """A stretch of text, with what became of it."""

    kind: Kind
    text: str


def differences(before: str, after: str) -> list[Piece]:
    """Both texts as one: what stayed, what was taken out, and what was added, in reading order."""
    old, new = _words(before), _words(after)
    found: list[Piece] = []
    for what, old_from, old_to, new_from, new_to in SequenceMatcher(
        None, old, new, autojunk=False
    ).get_opcodes():
        if what == "equal":
            found.append(Piece(Kind.KEPT, "".join(old[old_from:old_to])))
            continue
        if old_to > old_from:
            found.append(Piece(Kind.TAKEN_OUT, "".join(old[old_from:old_to])))
        if new_to > new_from:
            found.append(Piece(Kind.ADDED, "".join(new[new_from:new_to])))
    return found


def _words(text: str) -> list[str]:
    # Blanks are pieces of their own, so that a changed word takes none with it.
    return re.findall(r"\s+|\S+", text)
