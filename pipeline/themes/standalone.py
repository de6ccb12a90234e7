"""Themes for plain text, without server, database or media: what `community-reporting tag` runs."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TextIO

from models.errors import Invalid, StoryError
from pipeline.themes.codebook import languages_with_vocabulary, load_codebook
from pipeline.themes.detection import detect_language
from pipeline.themes.segments import TextSegment
from pipeline.themes.tagger import Suggestion, ThemesNotYet, suggest

DETECT = "detect"


@dataclass(frozen=True)
class TaggedText:
    """A text's language, as given or detected, and its themes. Evidence spans are offsets into the whole text."""

    language: str
    themes: tuple[Suggestion, ...]

    def as_json(self) -> dict[str, object]:
        """``{"language", "themes": [{"theme", "score", "evidence": [{"start_char", "end_char", "text", "why"}]}]}``."""
        return {"language": self.language, "themes": [_theme(suggestion, True) for suggestion in self.themes]}

    def as_words(self) -> str:
        """For people to read: a line for each theme, its evidence below it."""
        if not self.themes:
            return f"No themes found (language: {self.language})."
        codebook = load_codebook()
        lines = [f"Language: {self.language}"]
        for suggestion in self.themes:
            label = codebook.theme(suggestion.theme).label("en")
            lines.append(f"{suggestion.theme}  {suggestion.score:.2f}  {label}")
            for piece in suggestion.evidence:
                lines.append(f"    {piece.start_char}-{piece.end_char}  “{piece.text}”  ({piece.why})")
        return "\n".join(lines)


def tag_text(text: str, language: str = DETECT) -> TaggedText:
    """Themes of one text, in ``language`` or in the one that is detected among those with vocabulary.

    Raises ``Invalid("themes-not-yet")`` for a language without vocabulary: that is not the same as no themes.
    """
    spoken = detect_language(text, languages_with_vocabulary()) if language == DETECT else language
    answer = suggest([TextSegment(0, text)], spoken)
    if isinstance(answer, ThemesNotYet):
        raise Invalid("themes-not-yet", language=spoken, languages=", ".join(languages_with_vocabulary()))
    return TaggedText(spoken, tuple(answer))


def tag_jsonl(lines: Iterable[bytes | str], out: TextIO, err: TextIO, language: str | None = None) -> int:
    """Tag JSON lines ``{"id", "lang", "text"}``, one answer a line: ``{"id", "themes": [...]}``.

    A line's own ``lang`` counts; one without takes ``language``, or is detected. A line that cannot be read is told
    on ``err`` with its number, and the others go on. Empty lines are passed over. Returns how many lines were bad.
    """
    bad = 0
    for number, line in enumerate(lines, start=1):
        try:
            answer = _answer(line, language or DETECT)
        except StoryError as error:
            bad += 1
            reason = error.parameters.get("reason") or f"{error.code} {error.parameters}"
            err.write(f"line {number}: {reason}\n")
            continue
        if answer is not None:
            out.write(json.dumps(answer, ensure_ascii=False) + "\n")
            out.flush()
    return bad


def _answer(line: bytes | str, language: str) -> dict[str, object] | None:
    written = _decoded(line).strip().removeprefix("\ufeff")
    if not written:
        return None
    entry = _entry(written)
    text, spoken = entry["text"], entry.get("lang", language)
    if not isinstance(text, str) or not isinstance(spoken, str):
        raise Invalid("line-unreadable", reason="“text” and “lang” must be text in quotes")
    if not _is_whole(f"{entry['id']}{text}"):
        raise Invalid("line-unreadable", reason="it holds half of a character (a lone surrogate)")
    try:
        tagged = tag_text(text, spoken)
    except Invalid as error:
        known = error.parameters.get("languages")
        reason = f"themes are not yet found in the language “{spoken}”; they are in {known}"
        raise Invalid("line-unreadable", reason=reason) from error
    return {"id": entry["id"], "themes": [_theme(suggestion, False) for suggestion in tagged.themes]}


def _is_whole(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _entry(written: str) -> dict[str, object]:
    try:
        entry = json.loads(written)
    except (ValueError, RecursionError) as error:
        raise Invalid("line-unreadable", reason=f"not JSON ({error})") from error
    if not isinstance(entry, dict):
        raise Invalid("line-unreadable", reason="not a JSON object with “id”, “lang” and “text”")
    missing = [name for name in ("id", "text") if name not in entry]
    if missing:
        raise Invalid("line-unreadable", reason=f"it has no “{missing[0]}”")
    return entry


def _decoded(line: bytes | str) -> str:
    if isinstance(line, str):
        return line
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Invalid("line-unreadable", reason=f"not UTF-8 (byte {error.start})") from error


def _theme(suggestion: Suggestion, with_reasons: bool) -> dict[str, object]:
    evidence = []
    for piece in suggestion.evidence:
        entry: dict[str, object] = {
            "start_char": piece.start_char,
            "end_char": piece.end_char,
            "text": piece.text,
        }
        if with_reasons:
            entry["why"] = piece.why
        evidence.append(entry)
    return {"theme": suggestion.theme, "score": suggestion.score, "evidence": evidence}
