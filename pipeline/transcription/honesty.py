"""Keeping out words that nobody said: what recognisers make of noise, music and laughter.

Voice detection comes before; these rules come after, over what an engine itself says of its certainty.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pipeline.transcription.protocol import Segment, Word

# A stretch whose words are less certain than this on average was not understood, whatever it says.
LEAST_CERTAINTY = 0.40
# Whisper's own measure of repetition: zlib's ratio (Radford et al. 2022, §4.5).
MOST_COMPRESSION = 2.4
LONGEST_PHRASE_WORDS = 8
REPEATS_ALLOWED = 3


def is_believable(words: Sequence[Word], *, no_speech: float, compression: float) -> bool:
    """Whether a stretch was really heard, by the engine's own figures."""
    if not words:
        return False
    certainty = sum(word.probability for word in words) / len(words)
    if certainty < LEAST_CERTAINTY:
        return False
    if no_speech > 0.6 and certainty < 0.6:
        return False
    return compression <= MOST_COMPRESSION or certainty > 0.7


def without_loops(words: Sequence[Word]) -> list[Word]:
    """Words with runs of one repeated phrase cut to at most three: an engine that lost its place repeats itself."""
    kept: list[Word] = []
    for word in words:
        kept.append(word)
        for length in range(1, LONGEST_PHRASE_WORDS + 1):
            if _repeats(kept, length) > REPEATS_ALLOWED:
                del kept[-length:]
                break
    return kept


def _repeats(words: Sequence[Word], length: int) -> int:
    """How many times the last ``length`` words stand at the end, one after the other."""
    folded = [_fold(word.text) for word in words[-length * (REPEATS_ALLOWED + 1) :]]
    phrase = folded[-length:]
    count = 0
    while len(folded) >= length and folded[-length:] == phrase:
        count += 1
        folded = folded[:-length]
    return count


def _fold(text: str) -> str:
    return "".join(letter for letter in text.casefold() if letter.isalnum())


def words_of(segments: Iterable[Segment]) -> list[Word]:
    """The words of some segments, in order."""
    return [word for segment in segments for word in segment.words]
