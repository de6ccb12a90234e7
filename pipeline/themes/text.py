"""Words as the tagger and the search index compare them."""

from __future__ import annotations

import re
import unicodedata

# Letters that Unicode does not decompose, though people type them without their stroke.
_STROKES = str.maketrans({"ł": "l", "đ": "d", "ø": "o", "ı": "i"})
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")


def normalise(text: str) -> str:
    """Lower case with accents kept, composed (NFC): 'ŻÓŁĆ' becomes 'żółć'."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold()).replace("’", "'")


def fold(text: str) -> str:
    """Lower case without accents: 'Żółć' becomes 'zolc', 'άνθρωπος' and 'ανθρωποσ' become one."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    bare = "".join(character for character in decomposed if not unicodedata.combining(character))
    return bare.casefold().translate(_STROKES).replace("’", "'")


def words_of(text: str) -> list[str]:
    """The words of a text as they stand, without punctuation: letters and digits of any script."""
    return _WORD.findall(text)
