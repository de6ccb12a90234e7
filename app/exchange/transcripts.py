"""What is said, as plain text for people and as JSON with every word's times for programs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from app.exchange.captions import is_unchecked
from app.exchange.marks import NO_MARKS, Marks, as_dicts
from models.releases import transcript_digest
from models.transcripts import Segment, Transcript
from pipeline.transcription.captions import MACHINE_MADE

SCHEMA = "urn:community-reporting:transcript:1"


def plain_text(transcripts: Sequence[Transcript], marks: Marks = NO_MARKS) -> str:
    """A story's text, a line a segment, with who speaks where that is known; recordings one after the other.

    What stands beside it comes first, a line each, in brackets.
    """
    head = "".join(f"[{line}]\n" for line in marks.lines)
    return (f"{head}\n" if head else "") + "\n".join(_text_of(transcript) for transcript in transcripts)


def _text_of(transcript: Transcript) -> str:
    notice = f"[{MACHINE_MADE}]\n" if is_unchecked(transcript) else ""
    return notice + "".join(f"{_line(segment)}\n" for segment in transcript.segments)


def _line(segment: Segment) -> str:
    text = " ".join(segment.text.split())
    return f"{' '.join(segment.speaker.split())}: {text}" if segment.speaker else text


def as_json(transcripts: Sequence[Transcript], marks: Marks = NO_MARKS) -> str:
    """A story's transcripts, in its recordings' order; times in seconds."""
    content = {
        "schema": SCHEMA,
        "content_warning": marks.content_warning,
        "communities": as_dicts(marks.communities),
        "transcripts": [_as_dict(transcript) for transcript in transcripts],
    }
    return json.dumps(content, ensure_ascii=False, indent=1) + "\n"


def _as_dict(transcript: Transcript) -> dict[str, Any]:
    return {
        "recording_id": transcript.recording_id,
        "language": transcript.language,
        "version": transcript.version,
        "sha256": transcript_digest(transcript),
        "is_machine_made": transcript.is_machine_made,
        "is_approved": transcript.is_approved,
        "segments": [
            {
                "start": segment.start_seconds,
                "end": segment.end_seconds,
                "speaker": segment.speaker,
                "text": segment.text,
                "words": segment.words,
            }
            for segment in transcript.segments
        ],
    }
