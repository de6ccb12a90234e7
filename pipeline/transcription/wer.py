"""Word error rate: how many words must change, be added or dropped, for each word that was spoken."""

from __future__ import annotations

import unicodedata


def normalised(text: str) -> list[str]:
    """Words in lower case without punctuation, composed (NFKC)."""
    folded = unicodedata.normalize("NFKC", text).casefold().replace("’", "'")
    kept = "".join(letter if letter.isalnum() or letter == "'" else " " for letter in folded)
    return [word.strip("'") for word in kept.split() if word.strip("'")]


def word_error_rate(spoken: str, heard: str) -> float:
    """Levenshtein's distance in words, over the words spoken; 0 is perfect, above 1 is possible."""
    reference, hypothesis = normalised(spoken), normalised(heard)
    return distance(reference, hypothesis) / max(1, len(reference))


def distance(reference: list[str], hypothesis: list[str]) -> int:
    """The fewest changes between two lists of words."""
    row = list(range(len(hypothesis) + 1))
    for i, word in enumerate(reference, start=1):
        diagonal, row[0] = row[0], i
        for j, other in enumerate(hypothesis, start=1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (word != other))
    return row[-1]
