from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

from models.errors import Invalid
from pipeline.themes.codebook import FOLDER, languages_with_vocabulary, load_codebook, load_language
from pipeline.themes.matching import vocabulary_for
from pipeline.themes.terms import Strength, sources_in

TERMS_OF_A_THEME = 20
TERMS_OF_A_LANGUAGE = 1200


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(FOLDER, tmp_path / "codebook"))


def refusal(folder: Path) -> str:
    with pytest.raises(Invalid) as caught:
        load_codebook(folder)
    assert caught.value.code == "codebook-broken"
    return f"{caught.value.parameters['file']}: {caught.value.parameters['reason']}"


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_the_codebook_has_the_themes_that_were_agreed(shared_folder: Path) -> None:
    agreed = yaml.safe_load((shared_folder / "themes" / "codebook.yaml").read_text(encoding="utf-8"))
    codebook = load_codebook()
    assert [(t.id, t.facet) for t in codebook.themes] == [(t["id"], t["facet"]) for t in agreed["themes"]]
    assert [facet.id for facet in codebook.facets] == list(agreed["facets"])


def test_every_theme_has_an_english_label_and_a_definition() -> None:
    for theme in load_codebook().themes:
        assert theme.label("en")
        assert theme.definition.endswith(".")
        assert theme.label("xx") == theme.label("en")


@pytest.mark.parametrize("language", languages_with_vocabulary())
def test_a_language_with_vocabulary_has_a_label_and_terms_for_every_theme(language: str) -> None:
    words = load_language(language).themes
    assert set(words) == set(load_codebook().ids())
    assert language in load_codebook().languages
    counts = {theme: len(sources_in(entry.sure)) for theme, entry in words.items()}
    assert not {theme: count for theme, count in counts.items() if count < TERMS_OF_A_THEME}
    assert sum(counts.values()) >= TERMS_OF_A_LANGUAGE


@pytest.mark.parametrize("language", languages_with_vocabulary())
def test_every_term_of_a_language_can_be_read(language: str) -> None:
    terms = vocabulary_for(language).terms
    assert {term.theme for term in terms if not term.is_exclusion} == set(load_codebook().ids())
    assert {term.strength for term in terms} == set(Strength)


def test_the_first_three_languages_are_there() -> None:
    assert {"en", "es", "pl"} <= set(languages_with_vocabulary())


def test_a_theme_written_twice_is_refused(copy: Path) -> None:
    edit(copy / "themes.yaml", "id: need,", "id: aspiration,")
    assert refusal(copy) == "themes.yaml: the id aspiration stands twice"


def test_an_unknown_facet_is_refused(copy: Path) -> None:
    edit(copy / "themes.yaml", "id: need, facet: voice", "id: need, facet: noise")
    assert "names the facet noise" in refusal(copy)


def test_vocabulary_for_an_unknown_theme_is_refused(copy: Path) -> None:
    edit(copy / "vocabulary" / "pl.yaml", "  housing:\n", "  castles:\n")
    assert "no theme castles" in refusal(copy)


def test_a_theme_written_twice_in_a_language_is_refused(copy: Path) -> None:
    edit(copy / "vocabulary" / "pl.yaml", "  need:\n", "  aspiration:\n")
    assert "stands twice" in refusal(copy)


def test_a_word_that_the_format_does_not_know_is_refused(copy: Path) -> None:
    edit(copy / "vocabulary" / "pl.yaml", "    sure: |", "    certain: |")
    assert "certain" in refusal(copy)


def test_a_file_named_for_another_language_is_refused(copy: Path) -> None:
    (copy / "vocabulary" / "pl.yaml").rename(copy / "vocabulary" / "uk.yaml")
    assert "says that its language is pl" in refusal(copy)


def test_a_file_that_is_not_yaml_is_refused(copy: Path) -> None:
    (copy / "vocabulary" / "pl.yaml").write_text("themes: [", encoding="utf-8")
    assert refusal(copy).startswith("pl.yaml")


def test_a_language_with_labels_only_is_data_alone(copy: Path) -> None:
    labels = {
        "language": "fr",
        "themes": {theme: {"label": theme.upper()} for theme in load_codebook().ids()},
    }
    (copy / "vocabulary" / "fr.yaml").write_text(yaml.safe_dump(labels), encoding="utf-8")
    assert "fr" in load_codebook(copy).languages
    assert load_codebook(copy).theme("housing").label("fr") == "HOUSING"
    assert "fr" not in languages_with_vocabulary(copy)


def test_an_unknown_theme_is_an_error_with_its_name() -> None:
    with pytest.raises(Invalid) as caught:
        load_codebook().theme("castles")
    assert (caught.value.code, caught.value.parameters) == ("theme-unknown", {"theme": "castles"})
