"""A stand-in for the recogniser: it sleeps, and hears the same in everything."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from models.errors import WorkCancelled
from pipeline.transcription.protocol import Segment, Transcription, Word
from pipeline.transcription.recogniser import Recogniser

WORDS = ["I", "lost", "my", "job", "last", "winter."]
LOOK_EVERY_SECONDS = 0.05


class Sleeper(Recogniser):
    """Takes ``seconds`` for each recording, and writes a line when one begins and when it ends."""

    def __init__(self, seconds: float, log: Path) -> None:
        super().__init__(Path())
        self._seconds, self._log = seconds, log

    def transcribe(
        self,
        speech: Path,
        *,
        language: str | None,
        candidates: Sequence[str] = (),
        weights: str | None = None,
        start_seconds: float = 0.0,
        end_seconds: float | None = None,
        cancelled: Callable[[], bool] = lambda: False,
        progress: Callable[[float], None] = lambda fraction: None,
    ) -> Transcription:
        self._note(speech, "begun")
        ends_at = time.monotonic() + self._seconds
        while time.monotonic() < ends_at:
            if cancelled():
                raise WorkCancelled("work-cancelled")
            time.sleep(LOOK_EVERY_SECONDS)
        # As the recogniser, who looks once more before he answers.
        if cancelled():
            raise WorkCancelled("work-cancelled")
        self._note(speech, "done")
        words = tuple(Word(n / 10, (n + 1) / 10, word, 1.0) for n, word in enumerate(WORDS))
        segment = Segment(0.0, len(WORDS) / 10, " ".join(WORDS), words)
        return Transcription(language or "en", 1.0, 1.0, (segment,), "sleeper", "none")

    def _note(self, speech: Path, moment: str) -> None:
        # The folder of a job ends with its wish.
        with self._log.open("a") as log:
            log.write(f"{speech.parent.name.rpartition('.')[2]} {moment}\n")

    def close(self) -> None:
        """Nothing to end."""
