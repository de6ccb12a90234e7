"""Dictionary forms of words, from simplemma's tables, kept on disk as tries.

In memory the tables of ten languages take 1.5 GB and 13 s to load; as tries on disk 90 MB and no time. They are
built once, at set-up, by a child process (so that its memory goes back), and each file is put in place whole.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

from simplemma import Lemmatizer
from simplemma.strategies import DefaultStrategy
from simplemma.strategies.dictionaries import TrieDictionaryFactory

from models.errors import Unavailable
from pipeline.themes.text import fold, normalise, words_of

LANGUAGES = ("en", "pl", "et", "es", "hu", "nl", "it", "sv", "fi", "el")
_ROOT = Path(__file__).resolve().parents[2]
_BUILD_LIMIT_SECONDS = 600


def cache_folder() -> Path:
    """Where tables are kept: the environment's ``COMMUNITY_REPORTING_CACHE``, or ``data/cache`` in the tree."""
    return Path(os.environ.get("COMMUNITY_REPORTING_CACHE") or _ROOT / "data" / "cache")


def lemma_folder(cache: Path | None = None) -> Path:
    """The tables' own folder, named with simplemma's version so that an upgrade builds anew."""
    return (cache or cache_folder()) / f"lemmas-{version('simplemma')}"


def check(folder: Path, languages: Sequence[str] = LANGUAGES) -> list[str]:
    """The languages whose table is missing or empty in ``folder``; an empty list means all is well."""
    return [language for language in languages if not _is_whole(folder / f"{language}.dic")]


def ensure(folder: Path | None = None, languages: Sequence[str] = LANGUAGES) -> Path:
    """Build the tables that are missing (about 3 s a language, 10 s for pl and fi); return their folder.

    Several processes may ask at once: one builds, the others wait.
    Raises ``Unavailable("lemma-tables-missing")`` when the folder cannot be written or the build fails.
    """
    folder = folder or lemma_folder()
    if not check(folder, languages):
        return folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _one_builder(folder):
            missing = check(folder, languages)
            if missing:
                _build_in_child(folder, missing)
    except (OSError, subprocess.SubprocessError) as error:
        raise Unavailable("lemma-tables-missing", folder=str(folder), reason=type(error).__name__) from error
    return folder


def build(folder: Path, languages: Iterable[str]) -> None:
    """Build each language's table beside its place and rename it there, so that no half file is ever read."""
    with tempfile.TemporaryDirectory(dir=folder, prefix="building-") as scratch:
        for language in languages:
            _lemmatizer_over(Path(scratch)).lemmatize("a", lang=language)
            os.replace(Path(scratch) / f"{language}.dic", folder / f"{language}.dic")


class Lemmas:
    """Dictionary forms in one language. Safe to share between threads; remembers what it has seen."""

    def __init__(self, language: str, folder: Path) -> None:
        self.language = language
        self._lemmatizer = _shared_lemmatizer(folder)
        self.of = lru_cache(maxsize=50_000)(self._of)

    def _of(self, word: str) -> str:
        if not word.isprintable():  # a NUL inside a key crashes the trie
            return word
        try:
            return normalise(self._lemmatizer.lemmatize(_with_final_sigma(word), lang=self.language))
        except (ValueError, IndexError, KeyError):  # a "word" no dictionary was made for, such as a lone sign
            return word


def _with_final_sigma(word: str) -> str:
    """A normalised word as Greek dictionaries write it: folding case has made every ς a σ."""
    return f"{word[:-1]}ς" if word.endswith("σ") else word


@lru_cache(maxsize=32)
def lemmas_for(language: str, folder: Path | None = None) -> Lemmas:
    """The tables of ``language``, built first if they are missing."""
    return Lemmas(language, ensure(folder, (language,)))


def lemmas_of(text: str, language: str) -> list[str]:
    """The folded dictionary form of each word of ``text``, in order.

    A language without tables (a newcomer's own) gives the folded words themselves, so search works there too.
    """
    words = [normalise(word) for word in words_of(text)]
    if language not in LANGUAGES:
        return [fold(word) for word in words]
    lemmas = lemmas_for(language)
    return [fold(lemmas.of(word)) for word in words]


@lru_cache(maxsize=4)
def _shared_lemmatizer(folder: Path) -> Lemmatizer:
    return _lemmatizer_over(folder)


def _lemmatizer_over(folder: Path) -> Lemmatizer:
    factory = TrieDictionaryFactory(
        cache_max_size=len(LANGUAGES), use_disk_cache=True, disk_cache_dir=str(folder)
    )
    return Lemmatizer(lemmatization_strategy=DefaultStrategy(dictionary_factory=factory))


def _is_whole(table: Path) -> bool:
    # Tables are renamed into place whole, so one that has bytes is one that was finished.
    return table.is_file() and table.stat().st_size > 0


@contextmanager
def _one_builder(folder: Path) -> Iterator[None]:
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _build_in_child(folder: Path, languages: Sequence[str]) -> None:
    command = [sys.executable, "-m", "pipeline.themes.lemmas", str(folder), *languages]
    subprocess.run(command, cwd=_ROOT, check=True, timeout=_BUILD_LIMIT_SECONDS)


if __name__ == "__main__":
    build(Path(sys.argv[1]), sys.argv[2:])
