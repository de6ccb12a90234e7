"""Captions from a stored transcript: WebVTT (W3C, 2019) and SubRip, cut by the times of the words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from app.exchange.marks import NO_MARKS, Marks
from models.transcripts import Segment, Transcript
from pipeline.transcription import captions
from pipeline.transcription.protocol import Segment as Caption
from pipeline.transcription.protocol import Word

LEAST_SECONDS = 0.05
NOTICE_SECONDS = 3.0


def is_unchecked(transcript: Transcript) -> bool:
    """Whether a machine wrote it and no person approved it: then every format says so."""
    return transcript.is_machine_made and not transcript.is_approved


def webvtt(transcript: Transcript, marks: Marks = NO_MARKS) -> str:
    """WebVTT, with notes: where no person has checked the text, of what it warns, and what its communities ask."""
    written = captions.to_vtt(
        captions_of(transcript), language=transcript.language, is_machine_made=is_unchecked(transcript)
    )
    # An arrow in a note would begin a cue.
    notes = [f"NOTE {line.replace('-->', '→')}" for line in marks.lines]
    head, gap, rest = written.partition("\n\n")
    return "\n\n".join([head.rstrip("\n"), *notes]) + (gap + rest if gap else "\n")


def subrip(transcript: Transcript, marks: Marks = NO_MARKS) -> str:
    """SubRip. It has no place for notes: what has to be said is its first captions."""
    said = marks.short_lines + ([captions.MACHINE_MADE] if is_unchecked(transcript) else [])
    notices = [Caption(0.0, NOTICE_SECONDS, each) for each in said]
    return captions.to_srt([*notices, *captions_of(transcript)])


def captions_of(transcript: Transcript) -> list[Caption]:
    """A transcript's words as captions: at most 7 seconds, two lines of 42 characters, one speaker each."""
    found = []
    for segment in transcript.segments:
        for caption in captions.cut(words_of(segment)):
            # A caption that ends when it begins is none: WebVTT asks that its end be later.
            end = max(caption.end_seconds, caption.start_seconds + LEAST_SECONDS)
            found.append(replace(caption, end_seconds=end, speaker=segment.speaker))
    return found


def words_of(segment: Segment) -> list[Word]:
    """A segment's words with their times; where they are not its text's words, the text's are spread evenly.

    The text is what people approved: it is never replaced by what a machine heard.
    """
    texts = segment.text.split()
    timed = [Word.from_dict(word) for word in segment.words]
    if [part for word in timed for part in word.text.split()] == texts:
        return timed
    return _spread(texts, segment.start_seconds, segment.end_seconds)


def _spread(texts: Sequence[str], start_seconds: float, end_seconds: float) -> list[Word]:
    """Words over a span, each as long as it has letters."""
    letters = sum(map(len, texts)) or 1
    words, at = [], start_seconds
    for text in texts:
        until = at + (end_seconds - start_seconds) * len(text) / letters
        words.append(Word(at, until, text, 1.0))
        at = until
    return words
