"""Transcribing one file without server or database: for the command line, and to try the engines."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from models.errors import Invalid
from pipeline.media.inspection import MediaLimits, inspect
from pipeline.media.renditions import render_speech
from pipeline.transcription import captions, parts
from pipeline.transcription.languages import PILOT_LANGUAGES, is_known
from pipeline.transcription.protocol import Transcription
from pipeline.transcription.recogniser import Recogniser

FORMATS = ("json", "vtt", "srt", "txt")


def transcribe_file(
    path: Path,
    recogniser: Recogniser,
    *,
    language: str = "detect",
    progress: Callable[[float], None] = lambda fraction: None,
) -> Transcription:
    """What is said in a recording, as the pipeline would hear it.

    :raises UnusableRecording: it is none
    :raises Invalid: the language is none that can be heard
    """
    if language != "detect" and not is_known(language):
        raise Invalid("language-unknown", language=language)
    with tempfile.TemporaryDirectory(prefix="community-reporting-") as folder:
        speech = Path(folder) / "speech.wav"
        findings = inspect(path, told_in_sign_language=False, limits=MediaLimits())
        if findings.is_silent:
            said = "und" if language == "detect" else language
            return Transcription(said, 0.0, findings.duration_seconds, (), "none", "none")
        render_speech(path, findings, speech)
        planned = parts.plan(speech)
        heard = [
            recogniser.transcribe(
                speech,
                language=None if language == "detect" else language,
                candidates=PILOT_LANGUAGES,
                start_seconds=part.start_seconds,
                end_seconds=part.end_seconds,
                progress=lambda fraction, part=part: progress((part.number + fraction) / len(planned)),  # type: ignore[misc]
            )
            for part in planned
        ]
    return parts.merge(heard)


def written(heard: Transcription, form: str) -> str:
    """A transcription in one of :data:`FORMATS`."""
    match form:
        case "vtt":
            return captions.to_vtt(heard.segments, language=heard.language)
        case "srt":
            return captions.to_srt(heard.segments)
        case "txt":
            return captions.to_txt(heard.segments)
        case _:
            return captions.to_json(heard)
