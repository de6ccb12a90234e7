"""Lists of stories, page by page, behind the gate: the count is the gate's too."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, select, tuple_
from sqlalchemy.orm import Session, selectinload

from app.web import cursors
from models.consent import Use
from models.curation import State
from models.roles import Action, Principal
from models.stories import Recording, Story
from storage import gate, reach
from storage.reach import Ids


@dataclass(frozen=True)
class Filters:
    """Which of the stories that a reader cares for are asked for."""

    pilot: str | None = None
    state: State | None = None
    language: str | None = None
    is_mine: bool = False


@dataclass(frozen=True)
class StoryList:
    """Some of a list's stories; ``total`` are counted in all, ``next`` is where to go on."""

    stories: list[Story]
    total: int
    next: str | None


def in_care(
    session: Session,
    principal: Principal,
    filters: Filters,
    *,
    limit: int = 50,
    cursor: str | None = None,
    count_up_to: int | None = None,
) -> StoryList:
    """The stories that a reader sent or curates, newest first, ``limit`` at a time.

    :param count_up_to: count no further than this many; None: all
    :raises Invalid: the cursor is none of ours
    """
    wanted = select(Story).where(_asked_for(session, principal, filters))
    counted = wanted.with_only_columns(Story.id).limit(count_up_to)
    page = wanted.order_by(Story.created_at.desc(), Story.id.desc()).limit(limit + 1)
    page = page.options(
        selectinload(Story.pilots),
        selectinload(Story.people),
        selectinload(Story.recordings).selectinload(Recording.renditions),
    )
    if cursor:
        page = page.where(tuple_(Story.created_at, Story.id) < tuple_(*cursors.read_row(cursor)))
    stories = list(session.scalars(page))
    has_more, stories = len(stories) > limit, stories[:limit]
    last = stories[-1] if has_more else None
    return StoryList(
        stories,
        session.scalar(select(func.count()).select_from(counted.subquery())) or 0,
        cursors.of_row(last.created_at, last.id) if last else None,
    )


def _asked_for(session: Session, principal: Principal, filters: Filters) -> ColumnElement[bool]:
    """The gate and the filters, the short way if there is one."""
    conditions: list[ColumnElement[bool]] = []
    sets: list[Ids] = [gate.within_reach(principal, Action.RECORD_CONSENT)]
    for each in reach.narrowed_to(filters.pilot, filters.language):
        conditions.append(each.holds)
        sets.append(each.ids)
    if filters.state:
        conditions.append(Story.state == filters.state)
    if filters.is_mine:
        mine = Story.submitted_by == principal.account_id
        conditions.append(mine)
        sets.append(select(Story.id).where(mine))
    conditions.append(gate.is_open_for(principal, Use.CURATION))
    return reach.way(session, conditions, sets).condition
