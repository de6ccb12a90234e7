"""The fifth stage: a story's title, themes and speech as words that search finds it by; and a query's words.

Text is cut by ``storage.search.words`` and folded by ``pipeline.themes.text``. In the languages that have lemma
tables each word is kept in its dictionary form too, marked with its language (``pl·kobieta``). Nobody knows a
query's language, so each of its words is looked up in all of them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from models.stories import Recording, Story
from models.work import Outcome
from pipeline.themes.codebook import Codebook, load_codebook
from pipeline.themes.lemmas import LANGUAGES, lemmas_of
from pipeline.themes.text import fold
from storage import recordings, themes, transcripts, wishes
from storage.database import WriteSession
from storage.search import Entry, SearchQuery, Source, Term, replace_entries
from storage.search.terms import Words
from storage.search.words import APOSTROPHES, is_unspaced, spans_of

if TYPE_CHECKING:
    # Search pages prepare queries here, and need none of the recogniser's and ffmpeg's modules for it.
    from pipeline.workplace import Job

MAX_WORD_CHARACTERS = 64
MAX_QUERY_CHARACTERS = 500
MAX_TERMS = 12

_QUOTES = '"“”„‟«»「」'
_CHUNK = re.compile(f"[{_QUOTES}]([^{_QUOTES}]+)[{_QUOTES}]|([^\\s{_QUOTES}]+)")
_APOSTROPHE = re.compile(f"[{APOSTROPHES}]")


def index(job: Job) -> None:
    """Let the story be found by what it says now; with that the recording is ready."""
    with job.write() as session:
        reindex(session, session.get_one(Story, job.story_id))
        recordings.finish_recording(session, session.get_one(Recording, job.recording_id))
        wishes.end(session, job.wish_id, Outcome.DONE)
    job.clear()


def reindex(session: WriteSession, story: Story) -> None:
    """Let a story be found by its title, accepted themes and transcripts as they are given out now.

    :raises Conflict: it was withdrawn
    """
    session.flush()
    replace_entries(session, story.id, entries_for(session, story))


def entries_for(session: Session, story: Story) -> list[Entry]:
    """What a story can be found by: its title, its accepted themes' labels in every language, its segments."""
    entries = [_entry(Source.TITLE, story.title, story.spoken_language)]
    entries += _theme_entries(themes.accepted_by_story(session, [story.id])[story.id], load_codebook())
    for transcript in transcripts.all_given_out(session, story):
        entries += [
            replace(
                _entry(Source.SEGMENT, segment.text, transcript.language),
                recording_id=transcript.recording_id,
                start_seconds=segment.start_seconds,
                end_seconds=segment.end_seconds,
            )
            for segment in transcript.segments
        ]
    return [entry for entry in entries if entry.surface]


def prepare_query(
    text: str, languages: Sequence[str] = LANGUAGES, filters: SearchQuery | None = None
) -> SearchQuery:
    """What a person typed, as a query over ``filters``; no character of it is an operator.

    Words stand for themselves and for every word with the same dictionary form in one of ``languages``. What
    stands in quotation marks, or is joined by a hyphen or the like, is looked for side by side; a ``*`` at the
    end of a word lets it go on. Only the first 12 terms are looked for. Text without any word finds nothing.
    """
    terms: dict[Term, None] = {}
    for quoted, loose in _CHUNK.findall(text[:MAX_QUERY_CHARACTERS]):
        term = _exact_term(quoted) if quoted else _loose_term(loose, languages)
        if term.words:
            terms[term] = None
    if not terms and text.strip():
        terms[Term(())] = None
    return replace(filters or SearchQuery(), terms=tuple(terms)[:MAX_TERMS])


def terms_of(text: str, language: str | None) -> tuple[Term, ...]:
    """What a person typed who asks for stories in ``language``, or in any, as terms.

    Nobody says which language they type: a word's forms are looked up in the one asked for, or in all.
    """
    return prepare_query(text, [language] if language in LANGUAGES else LANGUAGES).terms


def _theme_entries(accepted: Sequence[str], codebook: Codebook) -> list[Entry]:
    labels = {theme.id: theme.pref_label for theme in codebook.themes}
    found: dict[str, Entry] = {}
    for theme in accepted:
        for language, label in labels.get(theme, {}).items():
            found.setdefault(label, _entry(Source.THEME, label, language))
    return list(found.values())


def _entry(source: Source, shown: str, language: str | None) -> Entry:
    words = _cut(shown)
    lemmas = [_lemma(word, language) for word in words] if language in LANGUAGES else []
    return Entry(source, shown, " ".join(map(_surface, words)), " ".join(lemmas))


def _exact_term(quoted: str) -> Term:
    return Term(tuple(map(_surface, _cut(quoted))))


def _loose_term(typed: str, languages: Sequence[str]) -> Term:
    # "dell'anziana", "l'anziana", "don't": what is elided carries no meaning of its own.
    stem = max(_APOSTROPHE.split(typed), key=len)
    words = _cut(stem)
    lemmas: set[Words] = set()
    if words and not is_unspaced(words[0]):
        lemmas = {tuple(_lemma(word, language) for word in words) for language in languages}
    return Term(tuple(map(_surface, words)), frozenset(lemmas), is_prefix=typed.endswith("*"))


def _cut(text: str) -> list[str]:
    return [text[start:end] for start, end in spans_of(text)]


def _surface(word: str) -> str:
    return _only_letters(fold(word), word)


def _lemma(word: str, language: str | None) -> str:
    found = lemmas_of(word, language) if language in LANGUAGES else []
    return f"{language}·{_only_letters(found[0], word) if len(found) == 1 else _surface(word)}"


def _only_letters(folded: str, word: str) -> str:
    """Folding may leave a sign between letters (½ becomes 1⁄2), or nothing; an indexed word has neither."""
    letters = folded if folded.isalnum() else "".join(filter(_is_of_words, folded))
    return (letters or word)[:MAX_WORD_CHARACTERS]


def _is_of_words(character: str) -> bool:
    return unicodedata.category(character)[0] in "LNM"
