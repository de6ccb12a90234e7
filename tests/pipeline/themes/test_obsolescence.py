from __future__ import annotations

from pipeline.themes.obsolescence import standing_evidence, still_stands


def test_words_that_are_still_there_still_stand() -> None:
    assert still_stands(["the landlord"], ["So I rang the landlord again."])


def test_words_that_were_edited_away_do_not() -> None:
    assert not still_stands(["the landlord"], ["So I rang the land lord again."])


def test_one_piece_left_is_enough_and_each_is_told() -> None:
    assert standing_evidence(["rent", "landlord"], ["The rent is due."]) == [True, False]
    assert still_stands(["rent", "landlord"], ["The rent is due."])


def test_part_of_a_word_is_not_the_word() -> None:
    assert not still_stands(["rent"], ["My parents came."])


def test_case_accents_punctuation_and_new_segments_do_not_matter() -> None:
    assert still_stands(["fin de més"], ["No llego a FIN", "de, mes."])


def test_evidence_without_words_or_no_evidence_does_not_stand() -> None:
    assert not still_stands(["…"], ["… …"])
    assert not still_stands([], ["Anything"])
