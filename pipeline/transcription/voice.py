"""Voice detection (Silero), set the same for every engine: without it silence becomes words that nobody said."""

from __future__ import annotations

# Pauses under half a second stay inside a stretch; a little is kept before and after each.
VOICE_DETECTION = {"min_silence_duration_ms": 500, "speech_pad_ms": 300, "threshold": 0.5}
