"""Choosing an engine by its name. Each is imported only when it is chosen: they are large."""

from __future__ import annotations

from pathlib import Path

from models.errors import Unavailable
from pipeline.transcription.protocol import Transcriber

MIB = 1024 * 1024
# What each may take in memory, weights and libraries included; torch alone takes more than the other engine.
MEMORY_BYTES = {"faster-whisper": 700 * MIB, "openai-whisper": 3072 * MIB}


def load(name: str, weights: Path, *, threads: int) -> Transcriber:
    """An engine with its weights in memory.

    :raises Unavailable: there is no such engine, or its packages are not installed
    """
    try:
        if name == "faster-whisper":
            from pipeline.transcription.faster_whisper_engine import FasterWhisper

            return FasterWhisper(weights, threads=threads)
        if name == "openai-whisper":
            from pipeline.transcription.openai_whisper_engine import OpenAIWhisper

            return OpenAIWhisper(weights, threads=threads)
    except ImportError as error:
        raise Unavailable("engine-not-installed", engine=name) from error
    raise Unavailable("engine-unknown", engine=name, engines=list(MEMORY_BYTES))
