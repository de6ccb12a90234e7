"""How a vocabulary's terms are written, and what each of them stands for.

Terms are separated by commas or line ends. A term is one word or several, each of them written as

- ``house``: the dictionary form of a word stands for every form of it;
- ``houses``: any other form stands for itself alone, as does ``=house``;
- ``hous*``, ``*house``, ``*hous*``: words that begin with, end in, or contain these letters;
- ``a|b*``: either;
- ``#12-19``: a number written in digits, from 12 to 19;
- ``$name``: any word of the file's own set of that name;
- ``..`` up to two words of any kind, ``...`` up to five, within the sentence.

Case never counts. Accents count unless the file says ``accents: fold``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum

from pipeline.themes.text import fold, normalise

GAPS = {"..": 2, "...": 5}


class Strength(Enum):
    """What one find of a term says by itself: how likely it is that the theme is there."""

    SURE = 0.7
    HINT = 0.2


@dataclass(frozen=True)
class Slot:
    """What one word of a text must be to fill this place of a term. ``gap`` > 0: that many words of any kind."""

    exact: frozenset[str] = frozenset()
    lemmas: frozenset[str] = frozenset()
    prefixes: tuple[str, ...] = ()
    suffixes: tuple[str, ...] = ()
    infixes: tuple[str, ...] = ()
    ranges: tuple[tuple[int, int], ...] = ()
    gap: int = 0

    def accepts(self, form: str, lemma: str) -> bool:
        """Whether a word of that form and dictionary form fills the slot."""
        return (
            form in self.exact
            or lemma in self.lemmas
            or bool(self.prefixes and form.startswith(self.prefixes))
            or bool(self.suffixes and form.endswith(self.suffixes))
            or any(infix in form for infix in self.infixes)
            or (bool(self.ranges) and form.isdecimal() and self._is_within(int(form[:9])))
        )

    def _is_within(self, number: int) -> bool:
        return any(low <= number <= high for low, high in self.ranges)


@dataclass(frozen=True)
class Term:
    """One entry of a vocabulary. ``theme`` is None for an exclusion that holds for every theme.

    ``is_exclusion``: where it stands, finds of its theme do not count.
    """

    source: str
    theme: str | None
    strength: Strength
    slots: tuple[Slot, ...]
    is_exclusion: bool = False

    def lemmas(self) -> list[str] | None:
        """The dictionary forms in a row that the term is; None where it is anything else."""
        if any(len(slot.lemmas) != 1 or slot != Slot(lemmas=slot.lemmas) for slot in self.slots):
            return None
        return [lemma for slot in self.slots for lemma in slot.lemmas]

    def forms(self) -> list[str] | None:
        """The forms in a row that the term is; None where it is anything else."""
        if any(len(slot.exact) != 1 or slot != Slot(exact=slot.exact) for slot in self.slots):
            return None
        return [form for slot in self.slots for form in slot.exact]


@dataclass(frozen=True)
class TermReader:
    """Reads terms of one language. ``split`` cuts written text into the words that the tagger's tokeniser sees;
    ``lemma_of`` gives a word's dictionary form, in the same spelling that the tagger compares."""

    split: Callable[[str], list[str]]
    lemma_of: Callable[[str], str]
    folds: bool = False
    sets: Mapping[str, str] = field(default_factory=dict)

    def spelling(self, word: str) -> str:
        """The spelling in which words are compared."""
        return fold(word) if self.folds else normalise(word)

    def read(self, source: str) -> tuple[Slot, ...]:
        """The slots of one written term; raises ``ValueError`` with what is wrong."""
        slots: list[Slot] = []
        for written in source.split():
            if written in GAPS:
                slots.append(Slot(gap=GAPS[written]))
            elif re.search(r"[=*#$|]", written):
                slots.append(self._slot(written))
            else:
                slots.extend(self._slot(word) for word in self.split(written))
        if not slots or slots[0].gap or slots[-1].gap:
            raise ValueError(f"the term '{source}' is empty, or begins or ends with a gap")
        return tuple(slots)

    def _slot(self, written: str) -> Slot:
        kinds: dict[str, list[str]] = {
            "exact": [],
            "lemmas": [],
            "prefixes": [],
            "suffixes": [],
            "infixes": [],
        }
        ranges: list[tuple[int, int]] = []
        for choice in self._choices(written):
            if choice.startswith("#"):
                ranges.append(_range(choice))
                continue
            bare = choice.strip("=*")
            if not bare or "*" in bare:
                raise ValueError(f"'{written}' has an empty choice, or a star in the middle of a word")
            kinds[self._kind(choice)].append(self.spelling(bare))
        return Slot(
            exact=frozenset(kinds["exact"]),
            lemmas=frozenset(kinds["lemmas"]),
            prefixes=tuple(kinds["prefixes"]),
            suffixes=tuple(kinds["suffixes"]),
            infixes=tuple(kinds["infixes"]),
            ranges=tuple(ranges),
        )

    def _kind(self, choice: str) -> str:
        if choice.startswith("*") and choice.endswith("*"):
            return "infixes"
        if choice.endswith("*"):
            return "prefixes"
        if choice.startswith("*"):
            return "suffixes"
        if choice.startswith("="):
            return "exact"
        return "lemmas" if self.lemma_of(choice) == self.spelling(choice) else "exact"

    def _choices(self, written: str) -> Iterable[str]:
        for choice in written.split("|"):
            if not choice.startswith("$"):
                yield choice
            elif choice[1:] in self.sets:
                yield from self.sets[choice[1:]].replace("|", " ").split()
            else:
                raise ValueError(f"there is no set named {choice}")


def sources_in(block: str) -> list[str]:
    """The terms written in one block of a language file, in order, spaces evened; remarks after ``//`` left out."""
    lines = (line.partition("//")[0] for line in block.splitlines())
    parts = (" ".join(part.split()) for line in lines for part in line.split(","))
    return [part for part in parts if part]


def _range(choice: str) -> tuple[int, int]:
    found = re.fullmatch(r"#(\d{1,6})-(\d{1,6})", choice)
    if not found:
        raise ValueError(f"'{choice}' is not a range of numbers such as #12-19")
    return int(found[1]), int(found[2])
