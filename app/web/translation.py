"""Pages in ten languages: gettext catalogues, read from their ``.po`` files as they lie; dates and plurals by CLDR.

Each language has a folder, and in it a file for each kind of reader: a message stands in one of them.

The messages themselves are the English text, so English needs no catalogue and a message that nobody has
translated yet is shown in English. What is filled in stands in braces by name: ``{title}``.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cache, lru_cache
from gettext import GNUTranslations, NullTranslations
from pathlib import Path
from typing import Literal

from babel import Locale
from babel.dates import format_date, format_timedelta
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.units import format_unit
from fastapi import Request
from markupsafe import Markup, escape

LOCALES = Path(__file__).resolve().parent / "locales"
LANGUAGE_COOKIE = "community_reporting_language"
# Each in its own name: whoever looks for their language can read nothing else on the page.
LANGUAGES: Mapping[str, str] = {
    "en": "English",
    "pl": "Polski",
    "et": "Eesti",
    "es": "Español",
    "hu": "Magyar",
    "nl": "Nederlands",
    "it": "Italiano",
    "sv": "Svenska",
    "fi": "Suomi",
    "el": "Ελληνικά",
}
# Days before months, as everywhere where these pages are read.
_TERRITORIES = {"en": "en_GB"}
# By CLDR's names, as devices show the sizes of their files.
_UNITS = (
    ("digital-gigabyte", 10**9),
    ("digital-megabyte", 10**6),
    ("digital-kilobyte", 1000),
    ("digital-byte", 1),
)


def N_(message: str) -> str:
    """Mark a message that is translated where it is shown."""
    return message


@dataclass(frozen=True)
class Phrase:
    """A message with what fills it, from where nobody knows who will read it. As text it is English.

    What fills it can hold phrases itself, or lists of them.
    """

    message: str
    filled: Mapping[str, object] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.said(str)

    def said(self, translate: Callable[[str], str]) -> str:
        """The phrase in its reader's language."""
        text = translate(self.message)
        if not self.filled:
            return text
        return text.format(**{name: _said(each, translate) for name, each in self.filled.items()})


def _said(value: object, translate: Callable[[str], str]) -> object:
    if isinstance(value, Phrase):
        return value.said(translate)
    if isinstance(value, list):
        return "; ".join(str(_said(each, translate)) for each in value)
    return value


@dataclass(frozen=True)
class Translator:
    """Says things in one of :data:`LANGUAGES`. Called with a message and what to fill in, it gives the text.

    Markup that is filled in stays what it is, and all around it is escaped.
    """

    language: str

    def __call__(self, message: str, **filled: object) -> str:
        text = catalogue_of(self.language).gettext(message)
        if any(isinstance(each, Markup) for each in filled.values()):
            return escape(text).format(**filled)
        return text.format(**filled) if filled else text

    def many(self, one: str, several: str, count: int, **filled: object) -> str:
        """A message with a number in it, as ``{count}``, in the form that the number asks for."""
        return catalogue_of(self.language).ngettext(one, several, count).format(count=count, **filled)

    def day(self, moment: date) -> str:
        """A date in words; of a moment, the day that it falls on in UTC."""
        return _day_in_words(moment.date() if isinstance(moment, datetime) else moment, self.language)

    def short_day(self, moment: date) -> str:
        """The same for tables, where a date in words would take three lines."""
        day = moment.date() if isinstance(moment, datetime) else moment
        return _day_in_words(day, self.language, length="medium")

    def moment(self, moment: datetime) -> str:
        """A date with the time of the day, in UTC."""
        return self(N_("{day}, {clock} UTC"), day=self.day(moment), clock=f"{moment:%H:%M}")

    def span(self, passed: timedelta, *, is_ago: bool = False) -> str:
        """How long, or how long ago, in the largest unit that fits; no less than a minute."""
        return format_timedelta(
            -passed if is_ago else passed,
            granularity="minute",
            threshold=1,
            add_direction=is_ago,
            locale=_locale_of(self.language),
        )

    def wait(self, seconds: int) -> str:
        """How long to wait, in whole minutes or hours: rather too long than too short."""
        unit = 60 if seconds <= 3600 else 3600
        return self.span(timedelta(seconds=-(-seconds // unit) * unit))

    def size(self, size_bytes: int) -> str:
        """How large at most, in the largest unit that fits: rather too small than too large."""
        name, unit = next(each for each in _UNITS if size_bytes >= each[1] or each[1] == 1)
        return format_unit(
            size_bytes * 10 // unit / 10, name, length="short", locale=_locale_of(self.language)
        )

    def days(self, moments: Sequence[date]) -> str:
        """One date, or the first and the last."""
        first, last = self.day(min(moments)), self.day(max(moments))
        return first if first == last else f"{first} – {last}"


# A list has fifty dates, and the next page mostly the same.
@lru_cache(10_000)
def _day_in_words(day: date, language: str, length: Literal["long", "medium"] = "long") -> str:
    return format_date(day, length, locale=_locale_of(language))


def _locale_of(language: str) -> Locale:
    return Locale.parse(_TERRITORIES.get(language, language))


@cache
def catalogue_of(language: str) -> NullTranslations:
    """A language's catalogue, of all its files; English has none."""
    whole = NullTranslations()
    for path in sorted((LOCALES / language / "LC_MESSAGES").glob("*.po")):
        compiled = io.BytesIO()
        with path.open("rb") as file:
            write_mo(compiled, read_po(file, locale=language))
        compiled.seek(0)
        part = GNUTranslations(compiled)
        part.add_fallback(whole)
        whole = part
    return whole


def asked_for(request: Request) -> str | None:
    """The language that whoever reads has chosen: on this page, or on one before it."""
    for named in (request.query_params.get("lang"), request.cookies.get(LANGUAGE_COOKIE)):
        if named in LANGUAGES:
            return named
    return None


def preferred(request: Request) -> str:
    """The first of the browser's languages that we have; English if it names none (RFC 9110 §12.5.4)."""
    wanted: list[tuple[float, str]] = []
    for part in request.headers.get("accept-language", "").split(",")[:20]:
        tag, _, weight = part.partition(";q=")
        try:
            wanted.append((-float(weight or 1), tag.strip().lower().partition("-")[0]))
        except ValueError:
            continue
    return next((tag for weight, tag in sorted(wanted, key=lambda each: each[0]) if tag in LANGUAGES), "en")


def translator_for(request: Request) -> Translator:
    """By what the reader chose; else the language of their story if it is one of ours; else the browser's."""
    of_story = getattr(request.state, "story_language", None)
    own = of_story if of_story in LANGUAGES else None
    return Translator(asked_for(request) or own or preferred(request))
