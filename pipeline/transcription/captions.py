"""Cutting words into captions, and writing them: WebVTT, SubRip, plain text, JSON.

A caption is at most 7 seconds and two lines of 42 characters, as television's guidelines ask (EBU-TT, BBC), and
breaks where a sentence or a clause ends, or where the speaker pauses.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from pipeline.transcription.protocol import Segment, Transcription, Word

MOST_SECONDS = 7.0
# Engines give words of no length; a caption that ends when it begins is shown by nobody.
LEAST_SECONDS = 0.2
MOST_CHARACTERS = 84
LINE_CHARACTERS = 42
MOST_LINES = 2
PAUSE_SECONDS = 0.8
LEAST_CHARACTERS = 20
# The Greek question mark is written as a semicolon; the Arabic and the Chinese stops stand for newcomers' languages.
SENTENCE_ENDS = (".", "?", "!", "…", ";", "\u037e", "؟", "。", "？", "！", "।")
CLAUSE_ENDS = (",", ":", "–", "—", "،", "、", "，")
MACHINE_MADE = "Written by a machine; no person has checked it yet."


def cut(words: Sequence[Word]) -> list[Segment]:
    """Words, in order, as captions. Every word is in exactly one."""
    captions: list[Segment] = []
    waiting: list[Word] = []
    for word in words:
        if waiting and not _fits(waiting, word):
            head, tail = _break(waiting)
            captions.append(_caption(head))
            waiting = tail
            if waiting and not _fits(waiting, word):
                captions.append(_caption(waiting))
                waiting = []
        if waiting and word.start_seconds - waiting[-1].end_seconds > PAUSE_SECONDS:
            captions.append(_caption(waiting))
            waiting = []
        waiting.append(word)
        if word.text.endswith(SENTENCE_ENDS) and len(_text(waiting)) >= LEAST_CHARACTERS:
            captions.append(_caption(waiting))
            waiting = []
    if waiting:
        captions.append(_caption(waiting))
    return captions


def _fits(waiting: Sequence[Word], word: Word) -> bool:
    is_short = word.end_seconds - waiting[0].start_seconds <= MOST_SECONDS
    text = _text([*waiting, word])
    # Fewer than 84 characters can still need three lines, where no blank stands near their middle.
    return is_short and len(text) <= MOST_CHARACTERS and len(lines_of(text)) <= MOST_LINES


def _break(waiting: list[Word]) -> tuple[list[Word], list[Word]]:
    """Split at the last clause's end in the second half, if there is one; else after everything."""
    for at in range(len(waiting) - 1, len(waiting) // 2, -1):
        if waiting[at - 1].text.endswith(CLAUSE_ENDS):
            return waiting[:at], waiting[at:]
    return waiting, []


def _text(words: Iterable[Word]) -> str:
    return " ".join(word.text for word in words)


def _caption(words: Sequence[Word]) -> Segment:
    # A word that an engine stretched over a pause would keep its caption on the screen through it.
    end = min(words[-1].end_seconds, words[0].start_seconds + MOST_SECONDS)
    start = min(words[0].start_seconds, end)
    return Segment(start, end, _text(words), tuple(words))


def lines_of(text: str) -> list[str]:
    """A caption's text in lines of at most 42 characters, the two as even as its words allow."""
    # An empty line would end a caption, and what follows would be read as another.
    text = " ".join(line.strip() for line in text.splitlines() if line.strip())
    if len(text) <= LINE_CHARACTERS:
        return [text]
    words = text.split()
    splits = [[" ".join(words[:n]), " ".join(words[n:])] for n in range(1, len(words))]
    fitting = [pair for pair in splits if max(map(len, pair)) <= LINE_CHARACTERS]
    if fitting:
        return min(fitting, key=lambda pair: abs(len(pair[0]) - len(pair[1])))
    return _wrapped(words)


def _wrapped(words: Sequence[str]) -> list[str]:
    lines: list[str] = []
    for word in words:
        if lines and len(lines[-1]) + 1 + len(word) <= LINE_CHARACTERS:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def clock(seconds: float, point: str = ".") -> str:
    """Seconds as ``hh:mm:ss.mmm``."""
    milliseconds = max(0, round(seconds * 1000))
    hours, rest = divmod(milliseconds, 3_600_000)
    minutes, rest = divmod(rest, 60_000)
    whole, thousandths = divmod(rest, 1000)
    return f"{hours:02}:{minutes:02}:{whole:02}{point}{thousandths:03}"


def _times(segment: Segment, point: str) -> str:
    end_seconds = max(segment.end_seconds, segment.start_seconds + LEAST_SECONDS)
    return f"{clock(segment.start_seconds, point)} --> {clock(end_seconds, point)}"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def to_vtt(segments: Iterable[Segment], *, language: str | None = None, is_machine_made: bool = True) -> str:
    """WebVTT (W3C, 2019). Speakers become voice spans; a note says if no person has checked it."""
    parts = ["WEBVTT" + (f"\nLanguage: {language}" if language else "")]
    if is_machine_made:
        parts.append(f"NOTE {MACHINE_MADE}")
    for segment in segments:
        lines = [_escaped(line) for line in lines_of(segment.text)]
        if segment.speaker:
            lines[0] = f"<v {_escaped(' '.join(segment.speaker.split()))}>{lines[0]}"
        parts.append(_times(segment, ".") + "\n" + "\n".join(lines))
    return "\n\n".join(parts) + "\n"


def to_srt(segments: Iterable[Segment]) -> str:
    """SubRip. It has no place for notes."""
    blocks = []
    for number, segment in enumerate(segments, start=1):
        text = "\n".join(lines_of(segment.text)).replace("-->", "→")
        blocks.append(f"{number}\n{_times(segment, ',')}\n{text}\n")
    return "\n".join(blocks)


def to_txt(segments: Iterable[Segment]) -> str:
    """Plain text, a caption a line, with the speaker's name where there is one."""
    return "".join(f"{s.speaker + ': ' if s.speaker else ''}{s.text}\n" for s in segments)


def to_json(heard: Transcription) -> str:
    """The whole of a transcription, with each word's times and probability."""
    shown = heard.to_dict()
    for segment in shown["segments"]:
        if segment["speaker"] is None:
            del segment["speaker"]
    return json.dumps(shown, ensure_ascii=False, indent=1) + "\n"
