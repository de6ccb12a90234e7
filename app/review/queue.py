"""The queue: what a curator may review, oldest first, behind the gate; and which story is next."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlencode

from sqlalchemy import Select, func, or_, select, tuple_
from sqlalchemy.orm import Session, selectinload

from app.web import cursors
from models.curation import State
from models.pilots import Pilot
from models.reviewing import Assignment
from models.roles import Principal
from models.stories import Story, StoryPilot
from storage import gate

# Where a curator is the one who is waited for.
WAITING = (State.SUBMITTED, State.IN_REVIEW)


class Whose(StrEnum):
    """Who has the stories in hand that are asked for."""

    ANYBODYS = ""
    MINE = "mine"
    NOBODYS = "unassigned"


@dataclass(frozen=True)
class Filters:
    """Which of the stories that a curator may review are asked for: what stands in the queue's address."""

    pilot: str | None = None
    language: str | None = None
    state: State | None = None
    whose: Whose = Whose.ANYBODYS

    def in_address(self, **other: str) -> str:
        """The filters as the end of an address, some of them otherwise."""
        given = {
            "pilot": self.pilot or "",
            "language": self.language or "",
            "state": self.state or "",
            "whose": self.whose.value,
        }
        return urlencode({name: value for name, value in (given | other).items() if value})


@dataclass(frozen=True)
class Page:
    """Some of the queue's stories; ``total`` of them are in all, ``next`` is where to go on."""

    stories: list[Story]
    total: int
    next: str | None


def page(
    session: Session, curator: Principal, filters: Filters, *, limit: int = 50, cursor: str | None = None
) -> Page:
    """The stories that are asked for, oldest first.

    :raises Invalid: the cursor is none of ours
    """
    wanted = _filtered(gate.in_review(curator), curator, filters)
    total = (
        session.scalar(select(func.count()).select_from(wanted.with_only_columns(Story.id).subquery())) or 0
    )
    some = wanted.order_by(Story.created_at, Story.id).limit(limit + 1)
    some = some.options(selectinload(Story.pilots), selectinload(Story.recordings))
    if cursor:
        some = some.where(tuple_(Story.created_at, Story.id) > tuple_(*cursors.read_row(cursor)))
    stories = list(session.scalars(some))
    has_more, stories = len(stories) > limit, stories[:limit]
    last = stories[-1] if has_more else None
    return Page(stories, total, cursors.of_row(last.created_at, last.id) if last else None)


def counts_by_state(session: Session, curator: Principal, filters: Filters) -> dict[State, int]:
    """How many of the stories that are asked for are in each state, whichever state is asked for."""
    anywhere = Filters(filters.pilot, filters.language, None, filters.whose)
    wanted = _filtered(gate.in_review(curator), curator, anywhere).with_only_columns(Story.state)
    counted = wanted.add_columns(func.count()).group_by(Story.state)
    return {State(state): count for state, count in session.execute(counted)}


def next_story(
    session: Session, curator: Principal, filters: Filters, *, after: str | None = None
) -> Story | None:
    """The oldest story that waits for this curator or for anybody; behind the one they come from, if there is one."""
    free = or_(Assignment.story_id.is_(None), Assignment.account_id == curator.account_id)
    waiting = _filtered(gate.in_review(curator), curator, filters).outerjoin(
        Assignment, Assignment.story_id == Story.id
    )
    waiting = waiting.where(Story.state.in_(WAITING), free, Story.id != (after or ""))
    waiting = waiting.order_by(Story.created_at, Story.id).limit(1)
    before = session.scalars(gate.in_review(curator).where(Story.id == after)).first() if after else None
    if before is not None:
        behind = tuple_(Story.created_at, Story.id) > tuple_(before.created_at, before.id)
        found = session.scalars(waiting.where(behind)).first()
        if found is not None:
            return found
    return session.scalars(waiting).first()


def _filtered(stories: Select[Story], curator: Principal, filters: Filters) -> Select[Story]:
    if filters.pilot:
        pilot = select(StoryPilot.story_id).join(Pilot).where(Pilot.code == filters.pilot)
        stories = stories.where(Story.id.in_(pilot))
    if filters.language:
        stories = stories.where(func.coalesce(Story.detected_language, Story.language) == filters.language)
    if filters.state:
        stories = stories.where(Story.state == filters.state)
    in_hand = select(Assignment.story_id).where(Assignment.story_id == Story.id)
    if filters.whose is Whose.MINE:
        stories = stories.where(in_hand.where(Assignment.account_id == curator.account_id).exists())
    if filters.whose is Whose.NOBODYS:
        stories = stories.where(~in_hand.exists())
    return stories
