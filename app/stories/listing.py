"""Lists of stories, page by page, behind the gate: the count is the gate's too."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Select, func, select, tuple_
from sqlalchemy.orm import Session

from app.web import cursors
from models.consent import Use
from models.curation import State
from models.pilots import Pilot
from models.roles import Principal
from models.stories import Story, StoryPilot
from storage import gate


@dataclass(frozen=True)
class Filters:
    """Which of the stories that a reader cares for are asked for."""

    pilot: str | None = None
    state: State | None = None
    language: str | None = None
    is_mine: bool = False


@dataclass(frozen=True)
class StoryList:
    stories: list[Story]
    total: int
    next: str | None


def in_care(
    session: Session, principal: Principal, filters: Filters, *, limit: int = 50, cursor: str | None = None
) -> StoryList:
    """The stories that a reader sent or curates, newest first, ``limit`` at a time."""
    return _page(session, gate.stories(principal, Use.CURATION), principal, filters, limit, cursor)


def _page(
    session: Session,
    stories_in_reach: Select[Story],
    principal: Principal,
    filters: Filters,
    limit: int,
    cursor: str | None,
) -> StoryList:
    wanted = _filtered(stories_in_reach, principal, filters)
    total = session.scalar(select(func.count()).select_from(wanted.subquery())) or 0
    page = wanted.order_by(Story.created_at.desc(), Story.id.desc()).limit(limit + 1)
    if cursor:
        page = page.where(tuple_(Story.created_at, Story.id) < tuple_(*cursors.read_row(cursor)))
    stories = list(session.scalars(page))
    has_more = len(stories) > limit
    stories = stories[:limit]
    return StoryList(
        stories, total, cursors.of_row(stories[-1].created_at, stories[-1].id) if has_more else None
    )


def _filtered(stories: Select[Story], principal: Principal, filters: Filters) -> Select[Story]:
    if filters.pilot:
        pilot = select(StoryPilot.story_id).join(Pilot).where(Pilot.code == filters.pilot)
        stories = stories.where(Story.id.in_(pilot))
    if filters.state:
        stories = stories.where(Story.state == filters.state)
    if filters.language:
        stories = stories.where(func.coalesce(Story.detected_language, Story.language) == filters.language)
    if filters.is_mine:
        stories = stories.where(Story.submitted_by == principal.account_id)
    return stories
