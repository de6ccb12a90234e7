"""Where the words of a text lie: the one cut that the index, a query and a snippet share.

A word is a run of letters, digits and marks of any script. Scripts that put no spaces between words (Chinese,
Japanese, Thai and others) are cut into single characters, and a query in them is looked for as neighbours.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass

Span = tuple[int, int]

# Modifier apostrophes are letters to Unicode and apostrophes to those who type them.
APOSTROPHES = "'’ʼʹ＇`´"
_MAX_SNIPPET_CHARACTERS = 200
_LEAD_CHARACTERS = 60
# Hiragana to CJK ideographs and their extensions; Thai, Lao, Tibetan, Myanmar, Khmer.
_UNSPACED = re.compile(
    "[\u3005-\u3007\u3041-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
    "\u0e01-\u0edf\u0f40-\u0fbc\u1000-\u109f\u1780-\u17d3]"
)


@dataclass(frozen=True)
class SnippetPart:
    """A piece of a snippet; ``is_match`` marks what the query found."""

    text: str
    is_match: bool


def is_unspaced(word: str) -> bool:
    """Whether a word is of a script that puts no spaces between words."""
    return _UNSPACED.match(word) is not None


def spans_of(text: str) -> list[Span]:
    """Start and end of each word of ``text``, in characters."""
    spans: list[Span] = []
    start: int | None = None
    for at, character in enumerate(text):
        starts, goes_on = _kind_of(character)
        is_new = starts and (start is None or is_unspaced(character) or is_unspaced(text[start]))
        if start is not None and (is_new or not goes_on):
            spans.append((start, at))
            start = None
        if is_new:
            start = at
    if start is not None:
        spans.append((start, len(text)))
    return spans


def cut_snippet(shown: str, found: Collection[int]) -> tuple[SnippetPart, ...]:
    """``shown`` as parts, its ``found`` words (by number) marked; shortened around the first of them."""
    marked = [span for number, span in enumerate(spans_of(shown)) if number in found]
    begin, end = _window(shown, marked[0][0] if marked else 0)
    parts: list[SnippetPart] = []
    at = begin
    for start, stop in marked:
        if stop > end:
            break
        _add(parts, shown[at:start], is_match=False)
        _add(parts, shown[start:stop], is_match=True)
        at = stop
    _add(parts, shown[at:end] + ("…" if end < len(shown) else ""), is_match=False)
    if begin > 0:
        parts.insert(0, SnippetPart("…", False))
    return tuple(parts)


def _kind_of(character: str) -> tuple[bool, bool]:
    """Whether a character can begin a word, and whether it can go on in one."""
    if character in APOSTROPHES:
        return False, False
    category = unicodedata.category(character)
    starts = category[0] in "LN" or category == "Co"
    return starts, starts or category[0] == "M"


def _window(shown: str, first: int) -> Span:
    """What of ``shown`` is kept: some words before the first match, cut at spaces where there are some."""
    if len(shown) <= _MAX_SNIPPET_CHARACTERS:
        return 0, len(shown)
    begin = max(0, first - _LEAD_CHARACTERS)
    if begin > 0:
        space = shown.find(" ", begin, first)
        begin = space + 1 if space >= 0 else begin
    end = min(len(shown), begin + _MAX_SNIPPET_CHARACTERS)
    if end < len(shown):
        space = shown.rfind(" ", first, end)
        end = space if space > first else end
    return begin, end


def _add(parts: list[SnippetPart], text: str, *, is_match: bool) -> None:
    if text:
        parts.append(SnippetPart(text, is_match))
