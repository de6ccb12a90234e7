"""Themes on stories: what the tagger suggests, and what curators make of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.base import utc_now
from models.errors import NotFound
from models.stories import Story
from models.themes import StoryTheme, ThemeState
from storage import consents, journal
from storage.database import WriteSession


@dataclass(frozen=True)
class Suggested:
    """A theme that the tagger suggests, with evidence as in :class:`models.themes.StoryTheme`."""

    theme: str
    score: float
    evidence: list[dict[str, Any]]


def suggest(
    session: WriteSession, story: Story, suggestions: Collection[Suggested], *, codebook: int
) -> None:
    """Write the tagger's suggestions over the last ones.

    What a curator accepted or rejected stays as it is decided, with fresh evidence; a suggestion whose words
    are gone becomes obsolete.
    """
    standing = {row.theme: row for row in of_story(session, story.id)}
    for each in suggestions:
        row = standing.pop(each.theme, None)
        if row is None:
            row = _added(session, story, each.theme)
            row.state = ThemeState.SUGGESTED
        elif row.state == ThemeState.OBSOLETE:
            row.state = ThemeState.SUGGESTED
        row.score, row.evidence, row.codebook_version = each.score, each.evidence, codebook
    for row in standing.values():
        if row.state == ThemeState.SUGGESTED:
            row.state = ThemeState.OBSOLETE
        if row.state is not ThemeState.OBSOLETE and row.score is not None:
            # A decision stands without its words; evidence that no longer holds is not shown.
            row.evidence = []
    session.flush()


def accept(session: WriteSession, story: Story, theme: str, *, actor: str, codebook: int) -> StoryTheme:
    """A curator says that a theme is there: a suggestion is accepted, or it is added by hand."""
    return _decide(session, story, theme, ThemeState.ACCEPTED, actor, codebook)


def reject(session: WriteSession, story: Story, theme: str, *, actor: str, codebook: int) -> StoryTheme:
    """A curator says that a theme is not in the story; the tagger does not suggest it there again."""
    return _decide(session, story, theme, ThemeState.REJECTED, actor, codebook)


def take_back(session: WriteSession, story: Story, theme: str, *, actor: str) -> None:
    """A decision as if it had not been: suggested again while its words are there, or gone if added by hand.

    :raises NotFound: nobody decided on this theme
    """
    consents.lock(session, story)
    row = session.scalars(
        select(StoryTheme).where(StoryTheme.story_id == story.id, StoryTheme.theme == theme)
    ).one_or_none()
    if row is None or row.decided_by is None:
        raise NotFound("theme-not-decided")
    if row.score is None:
        session.delete(row)
    else:
        row.state = ThemeState.SUGGESTED if row.evidence else ThemeState.OBSOLETE
        row.decided_by = row.decided_at = None
    session.flush()
    journal.note(session, actor, "theme-taken-back", story_id=story.id, subject=theme)


def of_story(session: Session, story_id: str) -> list[StoryTheme]:
    """Every theme of a story, whatever its state, best score first."""
    rows = session.scalars(select(StoryTheme).where(StoryTheme.story_id == story_id))
    return sorted(rows, key=lambda row: (-(row.score or 0), row.theme))


def accepted_by_story(session: Session, story_ids: Collection[str]) -> Mapping[str, list[str]]:
    """The accepted themes of several stories."""
    rows = session.scalars(
        select(StoryTheme)
        .where(StoryTheme.story_id.in_(story_ids), StoryTheme.state == ThemeState.ACCEPTED)
        .order_by(StoryTheme.theme)
    )
    themes: dict[str, list[str]] = {story_id: [] for story_id in story_ids}
    for row in rows:
        themes[row.story_id].append(row.theme)
    return themes


def _decide(
    session: WriteSession, story: Story, theme: str, state: ThemeState, actor: str, codebook: int
) -> StoryTheme:
    consents.lock(session, story)
    row = session.scalars(
        select(StoryTheme).where(StoryTheme.story_id == story.id, StoryTheme.theme == theme)
    ).one_or_none()
    if row is None:
        row = _added(session, story, theme)
        row.score, row.evidence, row.codebook_version = None, [], codebook
    row.state, row.decided_by, row.decided_at = state, actor, utc_now()
    session.flush()
    journal.note(session, actor, f"theme-{state}", story_id=story.id, subject=theme)
    return row


def _added(session: WriteSession, story: Story, theme: str) -> StoryTheme:
    row = StoryTheme(story_id=story.id, theme=theme, sent_at=story.created_at)
    session.add(row)
    return row
