"""Themes: what the tagger suggests, and what curators make of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from models.curation import State
from models.errors import Conflict, NotFound
from models.stories import Story
from models.themes import ThemeState
from storage import themes
from storage.database import Database, WriteSession
from storage.themes import Suggested
from tests.plugins.stories import Field

EVIDENCE: list[dict[str, Any]] = [{"segment": 0, "start_char": 0, "end_char": 5, "text": "bench"}]


@contextmanager
def changing(database: Database, story: Story) -> Iterator[tuple[WriteSession, Story]]:
    with database.write() as session:
        yield session, session.get_one(Story, story.id)


def suggest(database: Database, story: Story, *found: str, score: float = 0.5) -> None:
    with changing(database, story) as (session, mine):
        themes.suggest(session, mine, [Suggested(each, score, EVIDENCE) for each in found], codebook=1)


def states(database: Database, story: Story) -> dict[str, ThemeState]:
    with database.read() as session:
        return {row.theme: row.state for row in themes.of_story(session, story.id)}


def evidence(database: Database, story: Story, theme: str) -> list[dict[str, Any]]:
    with database.read() as session:
        return next(row.evidence for row in themes.of_story(session, story.id) if row.theme == theme)


def decide(database: Database, story: Story, theme: str, verdict: Any) -> None:
    with changing(database, story) as (session, mine):
        verdict(session, mine, theme, actor=mine.submitted_by, codebook=1)


def test_a_suggestion_whose_words_are_gone_is_obsolete_and_stands_again_when_they_return(
    database: Database, field: Field
) -> None:
    story = field.story()
    suggest(database, story, "work", "home")
    for _ in range(2):
        suggest(database, story, "home")
        assert states(database, story) == {"work": ThemeState.OBSOLETE, "home": ThemeState.SUGGESTED}
        assert evidence(database, story, "work") == EVIDENCE
    suggest(database, story, "work")
    assert states(database, story) == {"work": ThemeState.SUGGESTED, "home": ThemeState.OBSOLETE}


@pytest.mark.parametrize(
    ("verdict", "state"), [(themes.accept, ThemeState.ACCEPTED), (themes.reject, ThemeState.REJECTED)]
)
def test_what_a_curator_decided_stands_with_fresh_evidence_or_with_none(
    database: Database, field: Field, verdict: Any, state: ThemeState
) -> None:
    story = field.story()
    suggest(database, story, "work")
    decide(database, story, "work", verdict)
    suggest(database, story, "work", score=0.9)
    assert states(database, story) == {"work": state}
    assert evidence(database, story, "work") == EVIDENCE
    suggest(database, story)
    assert states(database, story) == {"work": state}
    assert evidence(database, story, "work") == []


def test_a_theme_added_by_hand_has_no_score_and_no_evidence(database: Database, field: Field) -> None:
    story = field.story()
    decide(database, story, "work", themes.accept)
    with database.read() as session:
        (row,) = themes.of_story(session, story.id)
        assert (row.state, row.score, row.evidence) == (ThemeState.ACCEPTED, None, [])
        assert row.decided_by == story.submitted_by


def test_a_theme_knows_when_its_story_was_sent_for_lists_in_that_order(
    database: Database, field: Field
) -> None:
    story = field.story()
    suggest(database, story, "housing")
    decide(database, story, "belonging", themes.accept)
    with database.read() as session:
        sent_at = session.get_one(Story, story.id).created_at
        assert [row.sent_at for row in themes.of_story(session, story.id)] == [sent_at, sent_at]


def test_a_decision_can_be_turned_round(database: Database, field: Field) -> None:
    story = field.story()
    for verdict, state in ((themes.accept, ThemeState.ACCEPTED), (themes.reject, ThemeState.REJECTED)):
        decide(database, story, "work", verdict)
        assert states(database, story) == {"work": state}


def test_accepted_themes_are_told_for_each_story_asked_about(database: Database, field: Field) -> None:
    one, other = field.story(), field.story()
    decide(database, one, "work", themes.accept)
    decide(database, one, "home", themes.accept)
    decide(database, one, "town", themes.reject)
    suggest(database, other, "work")
    with database.read() as session:
        assert themes.accepted_by_story(session, [one.id, other.id]) == {
            one.id: ["home", "work"],
            other.id: [],
        }


def test_nothing_is_decided_about_a_withdrawn_story(database: Database, field: Field) -> None:
    story = field.story(state=State.WITHDRAWN)
    with pytest.raises(Conflict, match="story-withdrawn"):
        decide(database, story, "work", themes.accept)


def test_a_decision_that_is_taken_back_was_never_made(database: Database, field: Field) -> None:
    story = field.story()
    suggest(database, story, "work", "home")
    for theme in ("work", "home", "by-hand"):
        decide(database, story, theme, themes.accept)
    suggest(database, story, "work")
    for theme in ("work", "home", "by-hand"):
        with changing(database, story) as (session, mine):
            themes.take_back(session, mine, theme, actor=mine.submitted_by)
    assert states(database, story) == {"work": ThemeState.SUGGESTED, "home": ThemeState.OBSOLETE}
    with changing(database, story) as (session, mine), pytest.raises(NotFound):
        themes.take_back(session, mine, "work", actor=mine.submitted_by)
