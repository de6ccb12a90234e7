"""openai-whisper: the reference implementation, over the same weights, converted by a command of ours.

Slower, and it brings torch (the extra ``openai-whisper``). It has no voice detection of its own, so it is given the
stretches that the default engine's detector (Silero) finds: else silence becomes words that nobody said.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from faster_whisper.vad import VadOptions, get_speech_timestamps
from whisper import Whisper, log_mel_spectrogram, pad_or_trim
from whisper.model import ModelDimensions
from whisper.tokenizer import LANGUAGES

from pipeline.transcription import sound
from pipeline.transcription.captions import cut
from pipeline.transcription.conversion import ALIGNMENT_HEADS, CHECKPOINT, convert_for_openai_whisper
from pipeline.transcription.honesty import is_believable, without_loops
from pipeline.transcription.protocol import Transcription, Word, whole_words
from pipeline.transcription.sound import Speech
from pipeline.transcription.voice import VOICE_DETECTION
from pipeline.transcription.weights import name_of

# What the model hears at once; neighbouring stretches are joined up to it.
WINDOW_SECONDS = 30.0
Stretch = tuple[float, float]


class OpenAIWhisper:
    """The engine that everybody compares with."""

    name = "openai-whisper"

    def __init__(self, folder: Path, *, threads: int = 2) -> None:
        self.weights = name_of(folder)
        torch.set_num_threads(threads)
        checkpoint = folder / CHECKPOINT
        if not checkpoint.exists():
            convert_for_openai_whisper(folder, checkpoint)
        self._model = load(checkpoint)

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
        stretches = _joined(_stretches(samples))
        code, probability = (language, 1.0) if language else self._detect(samples, stretches, candidates)
        words: list[Word] = []
        for number, (begin, end) in enumerate(stretches, start=1):
            words += self._hear(samples, begin, end, code, start_seconds)
            progress(number / len(stretches))
        return Transcription(
            language=code,
            language_probability=probability,
            duration_seconds=len(samples) / sound.RATE,
            segments=tuple(cut(without_loops(words))),
            engine=self.name,
            weights=self.weights,
        )

    def _hear(self, samples: Any, begin: float, end: float, code: str, offset: float) -> list[Word]:
        """The words of one stretch, in seconds from the recording's start."""
        piece = samples[int(begin * sound.RATE) : int(end * sound.RATE)]
        found = self._model.transcribe(
            piece,
            language=code,
            fp16=False,
            beam_size=5,
            word_timestamps=True,
            condition_on_previous_text=False,
            verbose=None,
        )
        words: list[Word] = []
        for segment in found["segments"]:
            heard = whole_words((_word(word, offset + begin) for word in segment["words"]), code)
            no_speech, compression = segment["no_speech_prob"], segment["compression_ratio"]
            if is_believable(heard, no_speech=no_speech, compression=compression):
                words += heard
        return words

    def _detect(
        self, samples: Any, stretches: Sequence[Stretch], candidates: Sequence[str]
    ) -> tuple[str, float]:
        """The likeliest of the candidates, by the first stretch of speech."""
        begin = stretches[0][0] if stretches else 0.0
        head = pad_or_trim(torch.from_numpy(samples[int(begin * sound.RATE) :].copy()))
        mel = log_mel_spectrogram(head, self._model.dims.n_mels)
        _, shares = self._model.detect_language(mel)
        wanted = {code: shares[code] for code in candidates or LANGUAGES if code in shares} or shares
        best = max(wanted, key=lambda code: wanted[code])
        return best, wanted[best] / max(sum(wanted.values()), 1e-9)


def load(checkpoint: Path) -> Whisper:
    """A converted checkpoint as a model, its words aligned by the heads that the weights name."""
    kept = torch.load(checkpoint, map_location="cpu", weights_only=True)
    model = Whisper(ModelDimensions(**kept["dims"]))
    model.load_state_dict(kept["model_state_dict"])
    heads = torch.zeros(model.dims.n_text_layer, model.dims.n_text_head, dtype=torch.bool)
    for layer, head in kept[ALIGNMENT_HEADS]:
        heads[layer, head] = True
    model.register_buffer("alignment_heads", heads.to_sparse(), persistent=False)
    return model.eval()


def _stretches(samples: Any) -> list[Stretch]:
    """Where somebody speaks, in seconds."""
    found = get_speech_timestamps(samples, VadOptions(**VOICE_DETECTION))
    return [(each["start"] / sound.RATE, each["end"] / sound.RATE) for each in found]


def _joined(stretches: Sequence[Stretch]) -> list[Stretch]:
    """Neighbouring stretches as one, as long as the model hears them at once."""
    joined: list[Stretch] = []
    for begin, end in stretches:
        if joined and end - joined[-1][0] <= WINDOW_SECONDS:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((begin, end))
    return joined


def _word(word: dict[str, Any], offset_seconds: float) -> Word:
    return Word(
        start_seconds=round(float(word["start"]) + offset_seconds, 3),
        end_seconds=round(float(word["end"]) + offset_seconds, 3),
        text=word["word"],
        probability=float(word["probability"]),
    )
