"""What curators read at the desk and in the queue: phrases that code chooses between. Templates have the rest.

Each phrase is its own message in the catalogues (``app/web/locales``). Programs read the same in English.
"""

from __future__ import annotations

from collections.abc import Mapping

from app.web.translation import N_, Translator
from pipeline.transcription.languages import BASE_ERROR_RATES, quality_note

# How much a word says for a theme (``pipeline.themes.terms.Strength``).
STRENGTHS: Mapping[str, str] = {"sure": N_("sure: {term}"), "hint": N_("hint: {term}")}

OFTEN_WRONG = N_(
    "In this language the recogniser gets about {percent} % of the words wrong on robot voices. Listen to every line; "
    "better weights are “small” or “large-v3-turbo”."
)
NOT_MEASURED = N_(
    "How well the recogniser hears this language was not measured. Listen to every line; better weights are “small” or "
    "“large-v3-turbo”."
)


def why_suggested(why: str, translator: Translator) -> str:
    """What speaks for a theme, as the tagger noted it, in words."""
    strength, _, term = why.partition(": ")
    return translator(STRENGTHS[strength], term=term) if strength in STRENGTHS else why


def how_well_heard(language: str, translator: Translator) -> str | None:
    """A warning beside a machine's transcript in a language that is hard for it; None where there is none to give."""
    if quality_note(language) is None:
        return None
    rate = BASE_ERROR_RATES.get(language)
    return translator(NOT_MEASURED) if rate is None else translator(OFTEN_WRONG, percent=round(rate * 100))
