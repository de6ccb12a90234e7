from __future__ import annotations

import pytest

from pipeline.themes.terms import Slot, TermReader, sources_in

DICTIONARY = {"houses": "house", "housed": "house"}
READER = TermReader(
    split=str.split,
    lemma_of=lambda word: DICTIONARY.get(word.lower(), word.lower()),
    sets={"colour": "red blue|green*"},
)


def accepts(written: str, form: str) -> bool:
    (slot,) = READER.read(written)
    return slot.accepts(form, READER.lemma_of(form))


@pytest.mark.parametrize(
    ("written", "form", "expected"),
    [
        ("house", "house", True),
        ("house", "houses", True),
        ("houses", "houses", True),
        ("houses", "house", False),
        ("=house", "house", True),
        ("=house", "houses", False),
        ("hous*", "housing", True),
        ("hous*", "warehouse", False),
        ("*house", "warehouse", True),
        ("*ehou*", "warehouses", True),
        ("cat|dog*", "dogged", True),
        ("cat|dog*", "bird", False),
        ("#12-19", "15", True),
        ("#12-19", "20", False),
        ("#12-19", "fifteen", False),
        ("$colour", "blue", True),
        ("$colour", "greenish", True),
        ("$colour", "black", False),
    ],
)
def test_a_written_word_accepts_what_it_says(written: str, form: str, expected: bool) -> None:
    assert accepts(written, form) is expected


def test_a_huge_number_is_not_in_a_range_and_does_no_harm() -> None:
    assert not accepts("#12-19", "9" * 10_000)


def test_case_never_counts() -> None:
    assert READER.read("HOUS*") == READER.read("hous*")


@pytest.mark.parametrize("written", ["", "..", "a ..", "... b", "ho*se", "$unknown", "#a-b", "#12", "a|"])
def test_a_term_that_means_nothing_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        READER.read(written)


def test_gaps_are_counted_in_words() -> None:
    assert [slot.gap for slot in READER.read("a .. b ... c")] == [0, 2, 0, 5, 0]


def test_terms_are_parted_by_commas_and_lines_and_remarks_left_out() -> None:
    assert sources_in("a, b  c\n d // not e, f\n,\n") == ["a", "b c", "d"]


def test_only_words_in_a_row_go_to_the_phrase_matcher() -> None:
    assert READER.read("house") == (Slot(lemmas=frozenset({"house"})),)
    assert READER.read("houses") == (Slot(exact=frozenset({"houses"})),)
