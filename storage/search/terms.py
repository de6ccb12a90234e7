"""One term of a query, as a condition on each database's index and as places in an entry's words.

Both indexes hold words that were cut and folded before; nothing that a person typed is parsed by a database.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sqlalchemy import (
    ColumnElement,
    String,
    and_,
    cast,
    column,
    func,
    literal,
    literal_column,
    or_,
    select,
    table,
)
from sqlalchemy.dialects.postgresql import TSQUERY
from sqlalchemy.orm import InstrumentedAttribute

from models.search import SearchEntry

Words = tuple[str, ...]

_SEARCH_TEXT = table("search_text", column("rowid"))


@dataclass(frozen=True)
class Term:
    """Something to be found: ``words`` side by side as they stand, or one of ``lemmas`` side by side.

    Words are folded; lemmas are ``language·lemma``. ``is_prefix``: the last of ``words`` may go on. A term
    without words is found nowhere.
    """

    words: Words
    lemmas: frozenset[Words] = field(default_factory=frozenset)
    is_prefix: bool = False


def as_typed(term: Term, *, is_sqlite: bool) -> ColumnElement[bool]:
    """The condition that an entry has the term's words as they were typed."""
    if is_sqlite:
        return _in_fts5(f"surface : {_phrase(term.words)}{' *' if term.is_prefix else ''}")
    return _in_tsvector(SearchEntry.surface, term.words, is_prefix=term.is_prefix)


def by_lemma(term: Term, *, is_sqlite: bool) -> ColumnElement[bool]:
    """The condition that an entry has one of the term's lemmas."""
    alternatives = sorted(term.lemmas)
    if is_sqlite:
        return _in_fts5(f"lemmas : ({' OR '.join(map(_phrase, alternatives))})")
    single = [words[0] for words in alternatives if len(words) == 1]
    conditions = [_in_tsvector(SearchEntry.lemmas, words) for words in alternatives if len(words) > 1]
    if single:
        conditions.append(_vector(SearchEntry.lemmas).op("@@")(_tsquery(" | ".join(map(_lexeme, single)))))
    return or_(*conditions)


def places_in(surface: str, lemmas: str, terms: Iterable[Term]) -> frozenset[int]:
    """The numbers of an entry's words that the terms find, counted from 0."""
    words, forms = surface.split(" "), lemmas.split(" ")
    found: set[int] = set()
    for term in terms:
        found |= _runs_of(term.words, words, is_prefix=term.is_prefix)
        for alternative in term.lemmas:
            found |= _runs_of(alternative, forms)
    return frozenset(found)


def _runs_of(sought: Words, words: Sequence[str], *, is_prefix: bool = False) -> set[int]:
    *first, last = sought
    size = len(sought)
    found: set[int] = set()
    for at in range(len(words) - size + 1):
        ends = words[at + size - 1]
        if list(words[at : at + size - 1]) == first and (
            ends == last or (is_prefix and ends.startswith(last))
        ):
            found.update(range(at, at + size))
    return found


def _in_fts5(expression: str) -> ColumnElement[bool]:
    match = literal_column("search_text").op("MATCH")(literal(expression))
    return SearchEntry.number.in_(select(_SEARCH_TEXT.c.rowid).where(match))


def _phrase(words: Words) -> str:
    return '"' + " ".join(words).replace('"', '""') + '"'


def _in_tsvector(
    words_of_entry: InstrumentedAttribute[str], words: Words, *, is_prefix: bool = False
) -> ColumnElement[bool]:
    *first, last = map(_lexeme, words)
    query = " & ".join([*first, f"{last}:*" if is_prefix else last])
    condition = _vector(words_of_entry).op("@@")(_tsquery(query))
    if len(words) == 1:
        return condition
    # The index knows which words an entry has, not where: neighbours are looked for in the row itself.
    run = " " + " ".join(words) + ("" if is_prefix else " ")
    return and_(condition, func.strpos(" " + words_of_entry + " ", run) > 0)


def _vector(words_of_entry: InstrumentedAttribute[str]) -> ColumnElement[str]:
    # Written as in the index (migration 0002), or PostgreSQL would not use it.
    return func.array_to_tsvector(func.string_to_array(words_of_entry, literal_column("' '")), type_=String)


def _tsquery(query: str) -> ColumnElement[str]:
    return cast(literal(query), TSQUERY)


def _lexeme(word: str) -> str:
    return "'" + word.replace("\\", "\\\\").replace("'", "''") + "'"
