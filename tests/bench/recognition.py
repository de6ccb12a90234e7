"""How fast our transcription step is beside openai-whisper, over the same weights: two lines, ``P1 <ratio>``.

    python -m tests.bench.recognition [rounds]

The ratio is openai-whisper's seconds over ours. Each engine is given the same 16 kHz recording and its language, gives
words with their times, uses every core, and has its weights loaded and has heard something before it is timed.
Ours is the recogniser's own process, as the pipeline uses it. openai-whisper runs as its library does by default,
which is faster than its command line (that searches five beams wide).
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from pipeline.transcription import sound, weights
from pipeline.transcription.conversion import CHECKPOINT, convert_for_openai_whisper
from pipeline.transcription.parts import merge, plan
from pipeline.transcription.recogniser import Recogniser
from pipeline.transcription.wer import distance, normalised
from tests.bench._measuring import (
    CACHE,
    Spoken,
    Taken,
    in_turn,
    load_average,
    machine,
    real_recordings,
    speech_of,
    spoken_for,
)

ROUNDS = 3
LONG_SECONDS = 300.0
OURS, SEQUENTIAL, REFERENCE = "ours", "faster-whisper", "openai-whisper"
Engine = Callable[[Path, str], str]


def our_step(folder: Path, threads: int) -> Engine:
    """The recogniser's child process and the parts in which the pipeline sends a recording to it."""
    recogniser = Recogniser(folder, threads=threads)

    def hear(speech: Path, language: str) -> str:
        heard = merge(
            [
                recogniser.transcribe(
                    speech,
                    language=language,
                    start_seconds=part.start_seconds,
                    end_seconds=part.end_seconds,
                )
                for part in plan(speech)
            ]
        )
        return " ".join(segment.text for segment in heard.segments)

    return hear


def faster_whisper_default(folder: Path, threads: int) -> Engine:
    """faster-whisper as it comes: one stretch after the other, without voice detection."""
    from faster_whisper import WhisperModel

    model = WhisperModel(str(folder), device="cpu", compute_type="int8", cpu_threads=threads)

    def hear(speech: Path, language: str) -> str:
        segments, _ = model.transcribe(sound.read(speech, 0.0, None), language=language, word_timestamps=True)
        return " ".join(segment.text for segment in segments)

    return hear


def openai_whisper_default(folder: Path, threads: int) -> Engine:
    """openai-whisper as it comes, over the checkpoint that our command converts."""
    import torch

    from pipeline.transcription.openai_whisper_engine import load

    torch.set_num_threads(threads)
    checkpoint = folder / CHECKPOINT
    if not checkpoint.exists():
        convert_for_openai_whisper(folder, checkpoint)
    model = load(checkpoint)

    def hear(speech: Path, language: str) -> str:
        samples = sound.read(speech, 0.0, None)
        return str(model.transcribe(samples, language=language, word_timestamps=True, fp16=False)["text"])

    return hear


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    folder, threads = weights.ensure(CACHE), len(os.sched_getaffinity(0))
    engines = {OURS: our_step(folder, threads), SEQUENTIAL: faster_whisper_default(folder, threads)}
    try:
        engines[REFERENCE] = openai_whisper_default(folder, threads)
    except ImportError:
        reason = "openai-whisper is not installed (the extra of that name)"
        print(f"P1 skipped: short files: {reason}\nP1 skipped: one long file: {reason}")
        return
    with tempfile.TemporaryDirectory(prefix="community-reporting-") as made:
        spoken = spoken_for(LONG_SECONDS, Path(made))
        long = Spoken("long", speech_of(spoken.path, Path(made)), spoken.language, spoken.text)
        warm = spoken_for(5.0, Path(made) / "warm")
        for engine in engines.values():
            engine(speech_of(warm.path, Path(made) / "warm"), "en")
        short = real_recordings(Path(made))
        if short:
            print(compared("short files", engines, short, rounds), flush=True)
        else:
            print(
                "P1 skipped: short files: the recordings beside the checkout (speech/) are absent", flush=True
            )
        print(compared("one long file", engines, [long], rounds), flush=True)


def compared(name: str, engines: dict[str, Engine], recordings: Sequence[Spoken], rounds: int) -> str:
    """Every engine over every recording in turn, ``rounds`` times, as a line."""
    taken, wrong = Taken(), dict.fromkeys(engines, 0)
    for round_number in range(rounds):
        for recording in recordings:
            for engine in in_turn(list(engines), round_number):
                with taken.of(engine, round_number):
                    heard = engines[engine](recording.path, recording.language)
                if round_number == 0:
                    wrong[engine] += distance(normalised(recording.text), normalised(heard))
    words = sum(len(normalised(recording.text)) for recording in recordings)
    seconds = sum(sound.seconds_of(recording.path) for recording in recordings)
    figures = ", ".join(
        f"{engine} {taken.median(engine):.1f} s WER {wrong[engine] / words:.3f}" for engine in engines
    )
    ratio = taken.median(REFERENCE) / taken.median(OURS)
    return (
        f"P1 {ratio:.2f} {name}: {figures} | {len(recordings)} file(s), {seconds:.0f} s, {words} words, "
        f"median of {rounds} rounds in turn | {machine()}, {load_average()}"
    )


if __name__ == "__main__":
    main()
