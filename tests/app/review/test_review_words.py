"""What the desk says: every step has its words, and readers see them in their language."""

from __future__ import annotations

from fastapi.testclient import TestClient

from app.labels import PREPARING, VERBS
from app.review.words import STRENGTHS, how_well_heard, why_suggested
from app.web.translation import Translator
from models.curation import VERBS as STEPS
from models.stories import Story
from pipeline.themes.terms import Strength
from pipeline.transcription.languages import BASE_ERROR_RATES, quality_note

ENGLISH = Translator("en")


def test_every_step_and_every_strength_has_its_words() -> None:
    assert set(VERBS) == set(STEPS)
    assert set(STRENGTHS) == {strength.name.lower() for strength in Strength}


def test_what_speaks_for_a_theme_is_said_as_the_tagger_noted_it() -> None:
    assert why_suggested("sure: lost my job", ENGLISH) == "sure: lost my job"
    assert why_suggested("added by hand", ENGLISH) == "added by hand"


def test_desk_warns_in_the_languages_in_which_the_api_does() -> None:
    for code in (*BASE_ERROR_RATES, "de"):
        assert (how_well_heard(code, ENGLISH) is None) == (quality_note(code) is None), code
    assert "80 %" in (how_well_heard("pl", ENGLISH) or "")
    assert "was not measured" in (how_well_heard("de", ENGLISH) or "")


def test_desk_and_queue_are_in_the_readers_language(desk: TestClient, story: Story) -> None:
    desk.headers["accept-language"] = "pl"
    recording = story.recordings[0].id
    for address in (
        "",
        f"/{story.id}",
        f"/several?story={story.id}",
        f"/{story.id}/recordings/{recording}/versions",
    ):
        page = desk.get(f"/review{address}")
        assert (page.status_code, page.headers["content-language"]) == (200, "pl"), address
    page = desk.get(f"/review/{story.id}")
    assert all(f'data-key="being-prepared-{step}"' in page.text for step in PREPARING), (
        "for the desk's scripts"
    )
