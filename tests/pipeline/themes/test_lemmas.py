from __future__ import annotations

from pathlib import Path

import pytest

from models.errors import Unavailable
from pipeline.themes.lemmas import LANGUAGES, check, ensure, lemma_folder, lemmas_for, lemmas_of


def test_the_tables_of_ten_languages_are_built_once_and_pass_the_check() -> None:
    folder = ensure()
    assert folder == lemma_folder()
    assert check(folder) == []
    built_at = {language: (folder / f"{language}.dic").stat().st_mtime_ns for language in LANGUAGES}
    ensure()
    assert built_at == {language: (folder / f"{language}.dic").stat().st_mtime_ns for language in LANGUAGES}


def test_a_missing_table_is_named_and_built_without_touching_the_others(tmp_path: Path) -> None:
    (tmp_path / "et.dic").write_bytes(b"kept")
    (tmp_path / "en.dic").touch()
    assert check(tmp_path, ("en", "et", "sv")) == ["en", "sv"]
    ensure(tmp_path, ("en", "et"))
    assert check(tmp_path, ("en", "et", "sv")) == ["sv"]
    assert (tmp_path / "et.dic").read_bytes() == b"kept"
    assert not list(tmp_path.glob("building-*"))


def test_a_folder_that_cannot_be_made_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Unavailable) as refusal:
        ensure(tmp_path / "file" / "tables", ("sv",))
    assert refusal.value.code == "lemma-tables-missing"


def test_lemmas_are_folded_dictionary_forms() -> None:
    assert lemmas_of("Mieszkaniu! Mieszkania", "pl") == ["mieszkanie", "mieszkanie"]


def test_a_language_without_tables_keeps_its_words_folded() -> None:
    assert lemmas_of("Ще не ВМЕРЛА", "uk") == ["ще", "не", "вмерла"]


def test_a_lone_sign_is_its_own_lemma() -> None:
    assert lemmas_for("en").of("¤") == "¤"
    assert lemmas_for("en").of("") == ""
    assert lemmas_for("en").of("\x00a") == "\x00a"
    assert lemmas_for("en").of("\ud800") == "\ud800"


def test_greek_words_that_end_in_sigma_have_their_dictionary_form() -> None:
    assert lemmas_of("Γιατρούς, δουλειές και ανθρώπους", "el") == ["γιατροσ", "δουλεια", "και", "ανθρωποσ"]
