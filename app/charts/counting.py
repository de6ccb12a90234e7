"""What charts count: stories that the reader may read, and of each number the search that leads to them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from models.consent import Use
from models.curation import State
from models.pilots import Pilot
from models.roles import Principal
from models.stories import Story, StoryPilot
from models.themes import StoryTheme, ThemeState
from storage import gate

QUARTERS = 8
# How long a story has waited to be taken up: from, and up to, this many days.
WAITS = ((0, 7), (7, 28), (28, None))


@dataclass(frozen=True)
class Quarter:
    """Three months, by their first and last day (UTC)."""

    first: date
    last: date

    @property
    def number(self) -> int:
        return (self.first.month + 2) // 3


def quarters_until(day: date) -> list[Quarter]:
    """The quarter that a day is in and those before it, oldest first."""
    found: list[Quarter] = []
    first = date(day.year, (day.month - 1) // 3 * 3 + 1, 1)
    while len(found) < QUARTERS:
        after = first.replace(year=first.year + (first.month + 2) // 12, month=(first.month + 3 - 1) % 12 + 1)
        found.insert(0, Quarter(first, after - timedelta(days=1)))
        first = (first - timedelta(days=1)).replace(day=1)
        first = first.replace(month=(first.month - 1) // 3 * 3 + 1)
    return found


def readable(session: Session, principal: Principal) -> int:
    """How many stories a reader may read."""
    return session.scalar(select(func.count()).where(gate.is_readable(principal)).select_from(Story)) or 0


def themes_by_pilot(session: Session, principal: Principal) -> dict[tuple[str, str], dict[str, int]]:
    """How many stories of each pilot (code and name) have each accepted theme."""
    rows = session.execute(
        select(Pilot.code, Pilot.name, StoryTheme.theme, func.count())
        .select_from(Story)
        .join(StoryPilot, StoryPilot.story_id == Story.id)
        .join(Pilot, Pilot.id == StoryPilot.pilot_id)
        .join(StoryTheme, (StoryTheme.story_id == Story.id) & (StoryTheme.state == ThemeState.ACCEPTED))
        .where(gate.is_readable(principal))
        .group_by(Pilot.code, Pilot.name, StoryTheme.theme)
        .order_by(Pilot.name)
    )
    found: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)
    for code, name, theme, count in rows:
        found[code, name][theme] = count
    return dict(found)


def themes_by_quarter(
    session: Session, principal: Principal, quarters: Sequence[Quarter]
) -> dict[str, list[int]]:
    """How many stories that were sent in each quarter have each accepted theme."""
    which = case(
        *((Story.created_at <= _end_of(quarter.last), n) for n, quarter in enumerate(quarters)),
        else_=len(quarters),
    )
    rows = session.execute(
        select(StoryTheme.theme, which, func.count())
        .select_from(Story)
        .join(StoryTheme, (StoryTheme.story_id == Story.id) & (StoryTheme.state == ThemeState.ACCEPTED))
        .where(gate.is_readable(principal), Story.created_at >= _begin_of(quarters[0].first))
        .group_by(StoryTheme.theme, which)
    )
    found: dict[str, list[int]] = defaultdict(lambda: [0] * len(quarters))
    for theme, number, count in rows:
        if number < len(quarters):
            found[theme][number] = count
    return dict(found)


def by_use(session: Session, principal: Principal, uses: Sequence[Use]) -> dict[Use, int]:
    """How many of the stories that a reader may read may be put to each use."""
    counted = [
        func.count(case((gate.is_open_for(principal, use), Story.id))).label(use.value) for use in uses
    ]
    row = session.execute(select(*counted).where(gate.is_readable(principal))).one()
    return dict(zip(uses, row, strict=True))


def in_queue(session: Session, principal: Principal) -> Mapping[State, int]:
    """How many stories that a curator may review are in each state."""
    rows = session.execute(
        gate.in_review(principal).with_only_columns(Story.state, func.count()).group_by(Story.state)
    )
    return {State(state): count for state, count in rows}


def waiting(session: Session, principal: Principal, today: date) -> list[int]:
    """How many stories wait to be taken up, by how long: see :data:`WAITS`."""
    of_curator = gate.in_review(principal).where(Story.state == State.SUBMITTED)
    found = []
    for least, most in WAITS:
        query = of_curator.where(Story.created_at <= _end_of(today - timedelta(days=least)))
        if most is not None:
            query = query.where(Story.created_at > _end_of(today - timedelta(days=most)))
        found.append(session.scalar(select(func.count()).select_from(query.subquery())) or 0)
    return found


def _begin_of(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _end_of(day: date) -> datetime:
    return datetime.combine(day, time.max, UTC)
