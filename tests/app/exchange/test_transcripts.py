"""Transcripts as text for people and as JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Callable

from app.exchange.transcripts import as_json, plain_text
from models.releases import transcript_digest
from models.transcripts import Transcript
from tests.app.exchange.conftest import segment

Make = Callable[..., Transcript]


def test_plain_text_has_a_line_a_segment_with_who_speaks(transcript: Make) -> None:
    made = transcript(
        segment(0, 2, "Dzień dobry.\nJestem  tu.", speaker="Anna\nNowak"),
        segment(2, 3, "Tak."),
        is_approved=True,
    )
    assert plain_text([made]) == "Anna Nowak: Dzień dobry. Jestem tu.\nTak.\n"
    assert plain_text([made, made]).count("Tak.") == 2


def test_text_that_nobody_checked_begins_by_saying_so(transcript: Make) -> None:
    assert plain_text([transcript(segment(0, 1, "Hm."))]).startswith("[Written by a machine")
    assert not plain_text([transcript(segment(0, 1, "Hm."), is_machine_made=False)]).startswith("[")


def test_nothing_said_is_no_text(transcript: Make) -> None:
    assert plain_text([transcript(is_approved=True)]) == ""
    assert plain_text([]) == ""


def test_json_has_every_words_time_and_a_digest_that_verifies(transcript: Make) -> None:
    made = transcript(segment(0.5, 2, "Γειά σου.", (0.5, 1, "Γειά"), (1, 2, "σου."), speaker="Ε"))
    content = json.loads(as_json([made]))
    assert content["schema"] == "urn:community-reporting:transcript:1"
    (shown,) = content["transcripts"]
    assert shown["sha256"] == transcript_digest(made)
    assert (shown["is_machine_made"], shown["is_approved"]) == (True, False)
    (only,) = shown["segments"]
    assert (only["start"], only["end"], only["speaker"], only["text"]) == (0.5, 2, "Ε", "Γειά σου.")
    assert [(word["start"], word["text"]) for word in only["words"]] == [(0.5, "Γειά"), (1, "σου.")]
    assert "Γειά" in as_json([made]), "letters are not written as escapes"
