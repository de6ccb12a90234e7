"""Finds a vocabulary's terms in a text: spaCy cuts the words, simplemma gives their dictionary forms.

Terms that are words in a row go through spaCy's PhraseMatcher. Terms with stems, choices or gaps go through an index
by their first word: spaCy's rule Matcher would try each of thousands of expressions on every word of a story.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from models.errors import Invalid
from pipeline.themes.codebook import LanguageFile, load_language
from pipeline.themes.lemmas import lemmas_for
from pipeline.themes.spacy_alone import spacy_alone
from pipeline.themes.terms import Slot, Strength, Term, TermReader, sources_in
from pipeline.themes.text import normalise

_SENTENCE_ENDS = frozenset(".!?…;")
_CHARACTERS_AT_ONCE = 200_000  # spaCy refuses a million at once; cut long before, at a blank
_HALF_CHARACTERS = re.compile("[\ud800-\udfff]")  # lone surrogates: no text, but JSON can carry them


@dataclass(frozen=True, slots=True)
class Word:
    """A word of the text: compared spelling, dictionary form, character span, number of its sentence."""

    form: str
    lemma: str
    start_char: int
    end_char: int
    sentence: int


@dataclass(frozen=True, slots=True)
class Find:
    """A term found at ``words[first:end]``."""

    term: Term
    first: int
    end: int


class Vocabulary:
    """One language's terms, ready to be looked for. Not changed once built; safe to share between threads."""

    def __init__(self, content: LanguageFile) -> None:
        self.language = content.language
        spacy = spacy_alone()
        self._nlp, self._doc = spacy.blank(content.language), spacy.tokens.Doc
        self._lemmas = lemmas_for(content.language)
        self._reader = TermReader(self._split, self._lemma, content.accents == "fold", content.sets)
        self.terms = tuple(_terms(content, self._reader))
        self._phrases = (
            spacy.matcher.PhraseMatcher(self._nlp.vocab, attr="LEMMA"),
            spacy.matcher.PhraseMatcher(self._nlp.vocab, attr="ORTH"),
        )
        self._patterns = _PatternIndex()
        self._index()

    def words(self, text: str) -> list[Word]:
        """The words of ``text`` without punctuation; spans are character offsets into ``text``."""
        words: list[Word] = []
        sentence = 0
        text = _HALF_CHARACTERS.sub("\ufffd", text)  # as long as before, so that offsets hold
        for offset, part in _parts(text):
            for token in self._nlp.make_doc(part):
                if any(character.isalnum() for character in token.text):
                    start = offset + token.idx
                    form, lemma = self._reader.spelling(token.text), self._lemma(token.text)
                    words.append(Word(form, lemma, start, start + len(token.text), sentence))
                elif _SENTENCE_ENDS.intersection(token.text):
                    sentence += 1
        return words

    def finds(self, words: Sequence[Word]) -> list[Find]:
        """Every place where a term stands within one sentence, exclusions among them, in no order."""
        found = list(self._patterns.finds(words))
        if words:
            doc = self._doc(self._nlp.vocab, words=[w.form for w in words], lemmas=[w.lemma for w in words])
            for key, first, end in (match for matcher in self._phrases for match in matcher(doc)):
                if words[first].sentence == words[end - 1].sentence:
                    term = self.terms[int(self._nlp.vocab.strings[key])]
                    found.append(Find(term, first, end))
        return found

    def _index(self) -> None:
        by_lemma, by_form = self._phrases
        for number, term in enumerate(self.terms):
            if lemmas := term.lemmas():
                by_lemma.add(str(number), [self._doc(self._nlp.vocab, words=lemmas, lemmas=lemmas)])
            elif forms := term.forms():
                by_form.add(str(number), [self._doc(self._nlp.vocab, words=forms)])
            else:
                self._patterns.add(term)

    def _split(self, text: str) -> list[str]:
        return [token.text for token in self._nlp.make_doc(text) if any(c.isalnum() for c in token.text)]

    def _lemma(self, word: str) -> str:
        return self._reader.spelling(self._lemmas.of(normalise(word)))


class _PatternIndex:
    """Terms that are more than dictionary forms in a row, by what their first word may be."""

    def __init__(self) -> None:
        self._terms: list[Term] = []
        self._by_word: dict[str, list[int]] = defaultdict(list)
        self._by_prefix: dict[str, list[int]] = defaultdict(list)
        self._others: list[int] = []
        self.starting = lru_cache(maxsize=50_000)(self._starting)

    def add(self, term: Term) -> None:
        number = len(self._terms)
        self._terms.append(term)
        first = term.slots[0]
        for word in first.exact | first.lemmas:
            self._by_word[word].append(number)
        for prefix in first.prefixes:
            self._by_prefix[prefix].append(number)
        if first.suffixes or first.infixes or first.ranges:
            self._others.append(number)

    def finds(self, words: Sequence[Word]) -> Iterator[Find]:
        for first, word in enumerate(words):
            for term in self.starting(word.form, word.lemma):
                end = _end_of(term.slots, 1, words, first + 1, word.sentence)
                if end is not None:
                    yield Find(term, first, end)

    def _starting(self, form: str, lemma: str) -> tuple[Term, ...]:
        numbers = {*self._by_word.get(form, ()), *self._by_word.get(lemma, ()), *self._others}
        for length in range(1, len(form) + 1):
            numbers.update(self._by_prefix.get(form[:length], ()))
        terms = (self._terms[number] for number in sorted(numbers))
        return tuple(term for term in terms if term.slots[0].accepts(form, lemma))


@lru_cache(maxsize=16)
def vocabulary_for(language: str) -> Vocabulary:
    """The vocabulary of a language that has one. Raises ``Invalid`` with "codebook-broken"."""
    return Vocabulary(load_language(language))


def _end_of(
    slots: Sequence[Slot], at: int, words: Sequence[Word], position: int, sentence: int
) -> int | None:
    """Where the term ends when its slots from ``at`` on are filled from ``position``; None when they are not."""
    if at == len(slots):
        return position
    slot = slots[at]
    if slot.gap:
        tries = (_end_of(slots, at + 1, words, position + skip, sentence) for skip in range(slot.gap + 1))
        return next((end for end in tries if end is not None), None)
    if position >= len(words) or words[position].sentence != sentence:
        return None
    if not slot.accepts(words[position].form, words[position].lemma):
        return None
    return _end_of(slots, at + 1, words, position + 1, sentence)


def _terms(content: LanguageFile, reader: TermReader) -> Iterator[Term]:
    try:
        for source in sources_in(content.exclusions):
            yield Term(source, None, Strength.SURE, reader.read(source), is_exclusion=True)
        for theme, words in content.themes.items():
            for source in sources_in(words.never):
                yield Term(source, theme, Strength.SURE, reader.read(source), is_exclusion=True)
            blocks = {Strength.SURE: words.sure, Strength.HINT: words.hint}
            for strength, block in blocks.items():
                for source in sources_in(block):
                    yield Term(source, theme, strength, reader.read(source))
    except ValueError as error:
        raise Invalid("codebook-broken", file=f"{content.language}.yaml", reason=str(error)) from error


def _parts(text: str) -> Iterator[tuple[int, str]]:
    """The text in parts that spaCy takes, each with its offset, cut after a blank where there is one."""
    start = 0
    while start < len(text):
        end = start + _CHARACTERS_AT_ONCE
        if end < len(text):
            blank = text.rfind(" ", start, end)
            end = blank + 1 if blank > start else end
        yield start, text[start:end]
        start = end
