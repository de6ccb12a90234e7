"""Pages in ten languages: gettext catalogues, read from their ``.po`` files as they lie; dates and plurals by CLDR.

Each language has a folder, and in it a file for each kind of reader: a message stands in one of them.

The messages themselves are the English text, so English needs no catalogue and a message that nobody has
translated yet is shown in English. What is filled in stands in braces by name: ``{title}``.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from gettext import GNUTranslations, NullTranslations
from pathlib import Path

from babel import Locale
from babel.dates import format_date
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from fastapi import Request

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


@dataclass(frozen=True)
class Translator:
    """Says things in one of :data:`LANGUAGES`. Called with a message and what to fill in, it gives the text."""

    language: str

    def __call__(self, message: str, **filled: object) -> str:
        text = catalogue_of(self.language).gettext(message)
        return text.format(**filled) if filled else text

    def many(self, one: str, several: str, count: int, **filled: object) -> str:
        """A message with a number in it, as ``{count}``, in the form that the number asks for."""
        return catalogue_of(self.language).ngettext(one, several, count).format(count=count, **filled)

    def day(self, moment: date) -> str:
        """A date in words; of a moment, the day that it falls on in UTC."""
        return format_date(moment, "long", locale=self._locale)

    def days(self, moments: list[datetime]) -> str:
        """One date, or the first and the last."""
        first, last = self.day(min(moments)), self.day(max(moments))
        return first if first == last else f"{first} – {last}"

    @property
    def _locale(self) -> Locale:
        return Locale.parse(_TERRITORIES.get(self.language, self.language))


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
