from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.themes.text import fold, normalise, words_of


@pytest.mark.parametrize(
    ("written", "folded"),
    [
        ("ŻÓŁĆ", "zolc"),
        ("άνθρωπος", "ανθρωποσ"),
        ("Õunapuu", "ounapuu"),
        ("don’t", "don't"),
        ("STRASSE", "strasse"),
    ],
)
def test_fold_takes_case_and_accents_away(written: str, folded: str) -> None:
    assert fold(written) == folded


@given(st.text())
def test_folding_twice_is_folding_once(text: str) -> None:
    assert fold(fold(text)) == fold(text)


def test_normalise_keeps_accents_and_composes_them() -> None:
    assert normalise("SA\u0328D") == "są" + "d"


def test_words_are_found_in_any_script_without_punctuation() -> None:
    assert words_of("Nie, „tak”! Πού; it's 24h…") == ["Nie", "tak", "Πού", "it's", "24h"]
