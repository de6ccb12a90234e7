"""Suggests themes for a story, each with the words that speak for it.

Every term found gives its theme a weight by its strength (sure .7, hint .2). Weights of different terms
that stand near one another add up as independent signs do, 1 - (1-a)(1-b)…, and the best passage of a story gives
its theme the score. At one half and above the theme is suggested: one sure term is enough, of hints it
takes four. Evidence lists the finds of the passages that reached the threshold.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from pipeline.themes.codebook import languages_with_vocabulary, load_codebook
from pipeline.themes.matching import Find, Vocabulary, Word, vocabulary_for
from pipeline.themes.segments import Evidence, Joined, TextSegment
from pipeline.themes.terms import Strength

THRESHOLD = 0.5
PASSAGE_WORDS = 90  # half a minute of speech: what is said in one breath about one thing


@dataclass(frozen=True)
class Suggestion:
    """A theme with its score (0 to 1, at least ``THRESHOLD``) and the evidence for it in the story's order."""

    theme: str
    score: float
    evidence: tuple[Evidence, ...] = field(default=())


@dataclass(frozen=True)
class ThemesNotYet:
    """The answer for a language without vocabulary: not "no themes", but "not yet in this language"."""

    language: str


def suggest(segments: Sequence[TextSegment], language: str) -> list[Suggestion] | ThemesNotYet:
    """Themes of a story told in ``language``, in the codebook's order.

    ``segments`` are a transcript's, in order. Languages without vocabulary answer ``ThemesNotYet``.
    """
    if language not in languages_with_vocabulary():
        return ThemesNotYet(language)
    vocabulary = vocabulary_for(language)
    joined = Joined(segments)
    words = vocabulary.words(joined.text)
    by_theme = _counted_finds(vocabulary, words)
    suggestions = (_suggestion(theme, by_theme[theme], words, joined) for theme in load_codebook().ids())
    return [suggestion for suggestion in suggestions if suggestion is not None]


def _counted_finds(vocabulary: Vocabulary, words: Sequence[Word]) -> dict[str, list[Find]]:
    """Finds by theme: without those that an exclusion covers, and of overlapping ones the strongest."""
    finds = vocabulary.finds(words)
    excluded: dict[str | None, set[int]] = defaultdict(set)
    for find in finds:
        if find.term.is_exclusion:
            excluded[find.term.theme].update(range(find.first, find.end))
    by_theme: dict[str, list[Find]] = defaultdict(list)
    taken: dict[str, set[int]] = defaultdict(set)
    for find in sorted(finds, key=_strongest_first):
        theme, places = find.term.theme, set(range(find.first, find.end))
        if (
            find.term.is_exclusion
            or theme is None
            or places & (excluded[theme] | excluded[None] | taken[theme])
        ):
            continue
        taken[theme] |= places
        by_theme[theme].append(find)
    return by_theme


def _strongest_first(find: Find) -> tuple[float, int, int]:
    return (-find.term.strength.value, find.first - find.end, find.first)


def _suggestion(theme: str, finds: list[Find], words: Sequence[Word], joined: Joined) -> Suggestion | None:
    ordered = sorted(finds, key=lambda find: find.first)
    kept: set[int] = set()
    best = 0.0
    opening = 0
    for closing, find in enumerate(ordered):
        while ordered[opening].first < find.first - PASSAGE_WORDS:
            opening += 1
        score = _score(ordered[opening : closing + 1])
        best = max(best, score)
        if score >= THRESHOLD:
            kept.update(range(opening, closing + 1))
    if best < THRESHOLD:
        return None
    evidence = [piece for number in sorted(kept) for piece in _evidence(ordered[number], words, joined)]
    return Suggestion(theme, round(best, 3), tuple(evidence))


def _score(finds: Sequence[Find]) -> float:
    doubt = 1.0
    for term in {find.term for find in finds}:
        doubt *= 1.0 - term.strength.value
    return 1.0 - doubt


def _evidence(find: Find, words: Sequence[Word], joined: Joined) -> list[Evidence]:
    why = f"{Strength(find.term.strength).name.lower()}: {find.term.source}"
    return joined.evidence(words[find.first].start_char, words[find.end - 1].end_char, why)
