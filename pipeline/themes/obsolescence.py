"""Whether the words that a suggestion rests on are still in the transcript after it was edited."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.themes.text import fold, words_of


def standing_evidence(evidence_texts: Sequence[str], new_segment_texts: Sequence[str]) -> list[bool]:
    """For each piece of evidence, whether its words still stand in the new version, in order and side by side.

    Case, accents, punctuation and where one segment ends do not matter: a correction of those leaves a suggestion
    alone. A piece that was cut by a segment's end is looked for by itself.
    """
    spoken = _spaced(" ".join(new_segment_texts))
    return [_spaced(text) in spoken if words_of(text) else False for text in evidence_texts]


def still_stands(evidence_texts: Sequence[str], new_segment_texts: Sequence[str]) -> bool:
    """Whether any of a suggestion's evidence is left. False: its words are gone, and it is obsolete."""
    return any(standing_evidence(evidence_texts, new_segment_texts))


def _spaced(text: str) -> str:
    return f" {' '.join(fold(word) for word in words_of(text))} "
