"""Choosing an engine by its name. Each is imported only when it is chosen: they are large."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from models.errors import Unavailable
from pipeline.transcription.protocol import Transcriber
from pipeline.transcription.weights import BASE_BYTES

MIB = 1024 * 1024
MODEL = "model.bin"


@dataclass(frozen=True)
class Memory:
    """What an engine's process may take: with *base*, libraries included, and for each byte of weights beyond it.

    A guard against what runs wild, not a forecast. Measured with faster-whisper (a file of 461 MB in place of 138
    took 330 MB more): one byte a byte, and batches that grow with the model's width. openai-whisper computes in
    float32, twice what the file holds, and has the file's own numbers beside it while it loads.
    """

    with_base_bytes: int
    for_each_byte_more: int

    def limit_with(self, weights: Path) -> int:
        """How many bytes with the weights in a folder. Where none are, as with *base*: the engine says so."""
        model = weights / MODEL
        beyond = model.stat().st_size - BASE_BYTES if model.is_file() else 0
        return self.with_base_bytes + self.for_each_byte_more * max(0, beyond)


# torch alone takes more than the other engine.
MEMORY = {"faster-whisper": Memory(700 * MIB, 2), "openai-whisper": Memory(3072 * MIB, 4)}

# What each imports beside what is always installed.
PACKAGES = {"faster-whisper": ("faster_whisper",), "openai-whisper": ("faster_whisper", "whisper", "torch")}


def check(name: str) -> None:
    """Whether an engine can be chosen. Nothing is imported for it: that takes seconds.

    :raises Unavailable: there is no such engine, or its packages are not installed
    """
    if name not in MEMORY:
        raise Unavailable("engine-unknown", engine=name, engines=list(MEMORY))
    if any(find_spec(package) is None for package in PACKAGES[name]):
        raise Unavailable("engine-not-installed", engine=name)


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
    raise Unavailable("engine-unknown", engine=name, engines=list(MEMORY))
