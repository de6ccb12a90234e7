"""What every engine takes and gives."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Protocol

from pipeline.transcription.sound import Speech


@dataclass(frozen=True)
class Word:
    """A word as heard; times in seconds from the recording's start, probability from 0 to 1."""

    start_seconds: float
    end_seconds: float
    text: str
    probability: float

    def to_dict(self) -> dict[str, Any]:
        return {
            "start": round(self.start_seconds, 3),
            "end": round(self.end_seconds, 3),
            "text": self.text,
            "probability": round(self.probability, 3),
        }

    @classmethod
    def from_dict(cls, kept: dict[str, Any]) -> Word:
        return cls(kept["start"], kept["end"], kept["text"], kept["probability"])


# Written without blanks between words.
UNSPACED_LANGUAGES = frozenset({"zh", "yue", "ja", "th", "lo", "my", "km", "bo"})


def whole_words(pieces: Iterable[Word], language: str) -> list[Word]:
    """Engines give "n" and "'est": a piece without a blank before it belongs to the word that it follows."""
    words: list[Word] = []
    for piece in pieces:
        is_new = piece.text.startswith(" ") or not words or language in UNSPACED_LANGUAGES
        text = piece.text.strip()
        if not text:
            continue
        if is_new:
            words.append(replace(piece, text=text))
        else:
            before = words[-1]
            words[-1] = Word(
                before.start_seconds,
                max(before.end_seconds, piece.end_seconds),
                before.text + text,
                min(before.probability, piece.probability),
            )
    return words


@dataclass(frozen=True)
class Segment:
    """A stretch of speech that reads as one caption."""

    start_seconds: float
    end_seconds: float
    text: str
    words: tuple[Word, ...] = ()
    speaker: str | None = None


@dataclass(frozen=True)
class Transcription:
    """What an engine heard. ``language`` is a code of Whisper's; ``weights`` names the model that was used."""

    language: str
    language_probability: float
    duration_seconds: float
    segments: tuple[Segment, ...]
    engine: str
    weights: str

    def to_dict(self) -> dict[str, Any]:
        kept = asdict(self)
        kept["segments"] = [
            {
                "start": round(segment.start_seconds, 3),
                "end": round(segment.end_seconds, 3),
                "text": segment.text,
                "speaker": segment.speaker,
                "words": [word.to_dict() for word in segment.words],
            }
            for segment in self.segments
        ]
        return kept

    @classmethod
    def from_dict(cls, kept: dict[str, Any]) -> Transcription:
        segments = tuple(
            Segment(
                start_seconds=each["start"],
                end_seconds=each["end"],
                text=each["text"],
                words=tuple(Word.from_dict(word) for word in each["words"]),
                speaker=each.get("speaker"),
            )
            for each in kept["segments"]
        )
        return cls(**{**kept, "segments": segments})


class Transcriber(Protocol):
    """An engine. Two pass one contract test: ``faster_whisper_engine`` and ``openai_whisper_engine``."""

    name: str
    weights: str

    def transcribe(
        self,
        speech: Speech,
        *,
        language: str | None,
        candidates: Sequence[str],
        start_seconds: float,
        end_seconds: float | None,
        progress: Callable[[float], None],
    ) -> Transcription:
        """What is said between two moments of a 16 kHz mono PCM WAV of our own making.

        :param language: a code of Whisper's, or None to choose the likeliest of ``candidates`` (empty: of all)
        :param progress: is told the fraction done, from 0 to 1
        """
        ...
