"""The languages that Whisper knows, and how far its smallest weights can be trusted in ours."""

from __future__ import annotations

from functools import cache

from babel import Locale, UnknownLocaleError

PILOT_LANGUAGES = ("en", "pl", "et", "es", "hu", "nl", "it", "sv", "fi", "el")

WHISPER_LANGUAGES = frozenset(
    [
        *[
            "af",
            "am",
            "ar",
            "as",
            "az",
            "ba",
            "be",
            "bg",
            "bn",
            "bo",
            "br",
            "bs",
            "ca",
            "cs",
            "cy",
            "da",
            "de",
            "el",
            "en",
            "es",
            "et",
            "eu",
            "fa",
            "fi",
            "fo",
            "fr",
            "gl",
            "gu",
            "ha",
            "haw",
            "he",
        ],
        *[
            "hi",
            "hr",
            "ht",
            "hu",
            "hy",
            "id",
            "is",
            "it",
            "ja",
            "jw",
            "ka",
            "kk",
            "km",
            "kn",
            "ko",
            "la",
            "lb",
            "ln",
            "lo",
            "lt",
            "lv",
            "mg",
            "mi",
            "mk",
            "ml",
            "mn",
            "mr",
            "ms",
            "mt",
            "my",
            "ne",
            "nl",
        ],
        *[
            "nn",
            "no",
            "oc",
            "pa",
            "pl",
            "ps",
            "pt",
            "ro",
            "ru",
            "sa",
            "sd",
            "si",
            "sk",
            "sl",
            "sn",
            "so",
            "sq",
            "sr",
            "su",
            "sv",
            "sw",
            "ta",
            "te",
            "tg",
            "th",
            "tk",
            "tl",
            "tr",
            "tt",
            "uk",
            "ur",
            "uz",
        ],
        *["vi", "yi", "yo", "zh", "yue"],
    ]
)

# Word error rate of the *base* weights on one synthetic passage a language: real voices do better, the order holds.
BASE_ERROR_RATES = {
    **{"pl": 0.80, "hu": 0.71, "et": 0.70, "el": 0.65, "es": 0.52},
    **{"nl": 0.50, "sv": 0.50, "fi": 0.45, "en": 0.19, "it": 0.18},
}
WEAK = 0.4


def is_known(code: str | None) -> bool:
    """Whether a code is one of a language that Whisper knows."""
    return code in WHISPER_LANGUAGES


@cache
def language_names() -> dict[str, str]:
    """Each known language by its own name, where it has one, in alphabetical order of codes."""
    return {code: _own_name(code) for code in sorted(WHISPER_LANGUAGES)}


def _own_name(code: str) -> str:
    try:
        locale = Locale.parse({"jw": "jv", "tl": "fil"}.get(code, code))
    except (UnknownLocaleError, ValueError):
        return code
    return (locale.get_display_name() or locale.english_name or code).capitalize()


def quality_note(code: str, weights: str = "base") -> str | None:
    """A warning for a language in which the *base* weights are weak, or were not measured; None where they do."""
    rate = BASE_ERROR_RATES.get(code)
    if "base" not in weights or (rate is not None and rate < WEAK):
        return None
    how = "was not measured" if rate is None else f"gets about {round(rate * 100)} words in 100 wrong"
    return (
        f"In this language the recogniser in use ({weights}) {how} on robot voices. Listen to every line; better "
        "weights are 'small' or 'large-v3-turbo'."
    )
