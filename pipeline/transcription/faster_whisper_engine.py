"""faster-whisper: CTranslate2 in 8-bit integers, batched over what voice detection found."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from faster_whisper import BatchedInferencePipeline

from pipeline.transcription import sound
from pipeline.transcription.captions import cut
from pipeline.transcription.frugal import FrugalWhisper
from pipeline.transcription.honesty import is_believable, without_loops
from pipeline.transcription.protocol import Transcription, Word, whole_words
from pipeline.transcription.sound import Speech
from pipeline.transcription.voice import VOICE_DETECTION
from pipeline.transcription.weights import name_of

# Each window more costs 70 to 130 MB; on two cores eight were no more than a tenth faster than two.
BATCH = 2
BEAM = 5
DETECTION_SECONDS = 60


class FasterWhisper:
    """The default engine."""

    name = "faster-whisper"

    def __init__(self, folder: Path, *, threads: int = 2) -> None:
        self.weights = name_of(folder)
        self._model = FrugalWhisper(str(folder), device="cpu", compute_type="int8", cpu_threads=threads)
        self._pipeline = BatchedInferencePipeline(self._model)

    def transcribe(
        self,
        speech: Speech,
        *,
        language: str | None,
        candidates: Sequence[str],
        start_seconds: float = 0.0,
        end_seconds: float | None = None,
        progress: Callable[[float], None] = lambda fraction: None,
    ) -> Transcription:
        """See :class:`pipeline.transcription.protocol.Transcriber`."""
        samples = sound.read(speech, start_seconds, end_seconds)
        duration = len(samples) / sound.RATE
        code, probability = (language, 1.0) if language else self._detect(samples, candidates)
        found, _ = self._pipeline.transcribe(
            samples,
            language=code,
            beam_size=BEAM,
            batch_size=BATCH,
            word_timestamps=True,
            vad_filter=True,
            vad_parameters=VOICE_DETECTION,
        )
        words: list[Word] = []
        for segment in found:
            heard = whole_words((_word(word, start_seconds) for word in segment.words or []), code)
            if is_believable(heard, no_speech=segment.no_speech_prob, compression=segment.compression_ratio):
                words += heard
            progress(min(1.0, segment.end / max(duration, 0.001)))
        return Transcription(
            language=code,
            language_probability=probability,
            duration_seconds=duration,
            segments=tuple(cut(without_loops(words))),
            engine=self.name,
            weights=self.weights,
        )

    def _detect(self, samples: Any, candidates: Sequence[str]) -> tuple[str, float]:
        """The likeliest of the candidates: among all languages the small weights are often wrong."""
        head = samples[: DETECTION_SECONDS * sound.RATE]
        code, probability, everything = self._model.detect_language(
            head, vad_filter=True, language_detection_segments=2, language_detection_threshold=1.0
        )
        wanted = {name: share for name, share in everything if name in candidates}
        if not wanted:
            return code, probability
        best = max(wanted, key=lambda name: wanted[name])
        return best, wanted[best] / max(sum(wanted.values()), 1e-9)


def _word(word: Any, offset_seconds: float) -> Word:
    return Word(
        start_seconds=round(word.start + offset_seconds, 3),
        end_seconds=round(word.end + offset_seconds, 3),
        text=word.word,
        probability=float(word.probability),
    )
