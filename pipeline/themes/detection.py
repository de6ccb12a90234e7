"""Which language a written text is in, among those that are expected."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from py3langid.langid import MODEL_FILE, LanguageIdentifier

from pipeline.themes.lemmas import LANGUAGES


def detect_language(text: str, among: Sequence[str] = LANGUAGES) -> str:
    """The most likely language code of ``text`` among ``among``. Short texts are guesses; empty ones are arbitrary."""
    language, _ = _identifier(tuple(sorted(among))).classify(text)
    return str(language)


@lru_cache(maxsize=16)
def _identifier(languages: tuple[str, ...]) -> LanguageIdentifier:
    identifier = LanguageIdentifier.from_model_file(MODEL_FILE)
    identifier.set_languages(list(languages))
    return identifier
