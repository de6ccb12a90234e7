"""Catalogues are whole: every message in every language, with the same places to fill in, and its plural forms."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import cache
from string import Formatter

import pytest
from babel.messages.catalog import Catalog
from babel.messages.catalog import Message as MessageSaid
from babel.messages.extract import extract_from_file
from babel.messages.plurals import get_plural
from babel.messages.pofile import read_po
from jinja2.ext import babel_extract
from markupsafe import Markup

from app.web.translation import LANGUAGES, LOCALES, Phrase, Translator, catalogue_of
from app.words import FOR_TELLERS, MENDS, TITLES, WORDS
from app.words_for_programs import FOR_PROGRAMS
from pipeline.transcription.languages import PILOT_LANGUAGES
from tests.conftest import ROOT

# ``reader``: what stands around a sheet in another language, for whoever prints it.
KEYWORDS = {"_": None, "N_": None, "many": (1, 2), "reader": None}
OTHERS = [language for language in LANGUAGES if language != "en"]
ONE, SEVERAL = (f"Our backups keep what you delete for {{count}} more {days}." for days in ("day", "days"))

Message = str | tuple[str, str]


@cache
def messages() -> set[Message]:
    """Every message in the templates, among the phrases that code chooses from, and among the problems."""
    return {
        *_in_templates(),
        *_in_code(),
        *(says for code, says in WORDS.items() if code not in FOR_PROGRAMS),
        *MENDS.values(),
        *TITLES.values(),
    }


def _in_templates() -> Iterator[Message]:
    for path in sorted((ROOT / "app").rglob("templates/*.html")):
        source = io.BytesIO(path.read_bytes())
        for _, function, found, _ in babel_extract(source, list(KEYWORDS), [], {}):
            if function == "many":
                yield (found[0], found[1])
            elif isinstance(found, str):
                yield found
            elif found and found[0]:
                yield found[0]


def _in_code() -> Iterator[Message]:
    for path in sorted((ROOT / "app").rglob("*.py")):
        for _, found, _, _ in extract_from_file("python", path, keywords={"N_": None, "many": (1, 2)}):
            yield found if isinstance(found, str) else (found[0], found[1])


@cache
def catalogues(language: str) -> list[Catalog]:
    found = []
    for path in sorted((LOCALES / language / "LC_MESSAGES").glob("*.po")):
        with path.open("rb") as file:
            found.append(read_po(file, locale=language))
    return found


def said_in(language: str) -> list[MessageSaid]:
    """What stands in a language's catalogues, without their heads."""
    return [message for each in catalogues(language) for message in each if message.id]


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def test_pages_are_in_every_pilots_language() -> None:
    assert tuple(LANGUAGES) == PILOT_LANGUAGES
    assert {folder.name for folder in LOCALES.iterdir()} == set(OTHERS)
    assert len(messages()) > 150


def test_what_stays_english_is_said_to_programs_alone() -> None:
    assert set(WORDS) >= FOR_PROGRAMS
    assert FOR_PROGRAMS.isdisjoint(FOR_TELLERS)


@pytest.mark.parametrize("language", OTHERS)
def test_catalogue_has_every_message_and_no_other(language: str) -> None:
    known = [message.id for message in said_in(language)]
    wanted = messages()
    assert wanted - set(known) == set(), "not translated"
    assert set(known) - wanted == set(), "nobody says this any more"
    assert len(known) == len(set(known)), "in two files"


@pytest.mark.parametrize("language", OTHERS)
def test_every_message_is_said_with_the_same_places_to_fill_in(language: str) -> None:
    for message in said_in(language):
        assert not message.fuzzy, message.id
        said = [message.string] if isinstance(message.string, str) else list(message.string)
        originals = [message.id] if isinstance(message.id, str) else list(message.id)
        for text in said:
            assert text.strip(), message.id
            assert text == text.strip()
            assert places(text) == places(originals[-1]), message.id


@pytest.mark.parametrize("language", OTHERS)
def test_sentences_stay_sentences(language: str) -> None:
    """What ends with a full stop, a question mark or a colon in English does so in every language."""
    # In Greek a question ends with what looks like a semicolon.
    ends = {".": ".", "?": "?;;" if language == "el" else "?", ":": ":"}
    for message in said_in(language):
        if isinstance(message.id, str) and message.id[-1:] in ends:
            assert isinstance(message.string, str)
            assert message.string.rstrip("»”")[-1] in ends[message.id[-1]], message.string


@pytest.mark.parametrize("language", OTHERS)
def test_plural_forms_are_those_of_the_language(language: str) -> None:
    rule = get_plural(language)
    for each in catalogues(language):
        assert (each.num_plurals, each.plural_expr) == (rule.num_plurals, rule.plural_expr)
    forms = next(message.string for message in said_in(language) if message.id == (ONE, SEVERAL))
    assert len(forms) == rule.num_plurals
    translator = Translator(language)
    for count in range(0, 130):
        assert str(count) in translator.many(ONE, SEVERAL, count)


def test_date_in_a_table_is_short_and_in_its_languages_order() -> None:
    day = date(2026, 11, 26)
    assert Translator("fi").short_day(day) == "26.11.2026"
    assert Translator("en").short_day(day) == "26 Nov 2026"
    assert Translator("fi").day(day) == "26. marraskuuta 2026"


def test_number_chooses_its_form() -> None:
    polish, english, hungarian = Translator("pl"), Translator("en"), Translator("hu")
    assert [polish.many(ONE, SEVERAL, n).split()[-1] for n in (1, 2, 5, 22)] == ["dzień."] + ["dni."] * 3
    assert english.many(ONE, SEVERAL, 1).endswith("1 more day.")
    assert english.many(ONE, SEVERAL, 0).endswith("0 more days.")
    assert hungarian.many(ONE, SEVERAL, 1).replace("1", "7") == hungarian.many(ONE, SEVERAL, 7)


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "7 May 2026"),
        ("pl", "7 maja 2026"),
        ("hu", "2026. május 7."),
        ("fi", "7. toukokuuta 2026"),
        ("el", "7 Μαΐου 2026"),
    ],
)
def test_dates_are_said_as_people_say_them(language: str, said: str) -> None:
    translator = Translator(language)
    assert translator.day(date(2026, 5, 7)) == said
    assert translator.day(datetime(2026, 5, 7, 23, 59, tzinfo=UTC)) == said
    at = datetime(2026, 5, 7, tzinfo=UTC)
    assert translator.days([at, at]) == said


def test_moments_and_spans_are_said_as_people_say_them() -> None:
    english, polish = Translator("en"), Translator("pl")
    assert english.moment(datetime(2026, 5, 7, 9, 5, tzinfo=UTC)) == "7 May 2026, 09:05 UTC"
    assert english.span(timedelta(hours=3, minutes=10)) == "3 hours"
    assert english.span(timedelta(days=2), is_ago=True) == "2 days ago"
    assert english.span(timedelta(seconds=2)) == "1 minute"
    assert polish.span(timedelta(days=5), is_ago=True) == "5 dni temu"


def test_phrase_is_english_as_text_and_fills_phrases_into_phrases() -> None:
    inner = Phrase("until {day}", {"day": "1 May"})
    phrase = Phrase("{all}", {"all": [inner, "and {so} on"]})
    assert str(phrase) == "until 1 May; and {so} on"
    assert phrase.said(Translator("pl")) == f"{Translator('pl')('until {day}', day='1 May')}; and {{so}} on"
    assert str(Phrase("100 {percent}")) == "100 {percent}"


def test_unknown_message_is_said_in_english_and_what_is_filled_in_stays_text() -> None:
    assert Translator("sv")("Nobody has translated {this} yet.", this="{that}") == (
        "Nobody has translated {that} yet."
    )
    assert Translator("en")("100 {percent}") == "100 {percent}", "nothing to fill in: left as it is"


def test_markup_that_is_filled_in_stays_markup_and_all_around_it_is_text() -> None:
    titled = Markup('<span lang="pl">{}</span>').format("<b>")
    said = Translator("en")("{name} & {title}", name="<i>", title=titled)
    assert said == Markup('&lt;i&gt; &amp; <span lang="pl">&lt;b&gt;</span>')
    assert isinstance(said, Markup)


@pytest.mark.parametrize("language", LANGUAGES)
def test_sheet_names_the_button_by_which_one_leaves(language: str) -> None:
    translator = Translator(language)
    sheet = next(each for each in messages() if isinstance(each, str) and "Leave this page”" in each)
    assert translator("Leave this page") in translator(sheet)


def test_catalogue_is_read_once() -> None:
    assert catalogue_of("pl") is catalogue_of("pl")
