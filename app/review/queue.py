"""The queue: what a curator may review, oldest first, behind the gate; and which story is next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import (
    ColumnElement,
    Select,
    String,
    and_,
    func,
    literal_column,
    or_,
    select,
    tuple_,
    union_all,
)
from sqlalchemy.orm import Session, load_only, selectinload

from app.review.filters import Filters, Whose
from app.web import cursors
from models.curation import State
from models.reviewing import Assignment
from models.roles import Action, Principal
from models.stories import Recording, Story
from storage import gate, reach
from storage.reach import Among, Ids, Way

# Where a curator is the one who is waited for.
WAITING = (State.SUBMITTED, State.IN_REVIEW)
# As far as the stories in each state are counted where a curator has very many: as many as a page shows.
COUNTED = 50


# Of a story and its recordings what the queue says of them, and no more.
SHOWN = (
    load_only(
        Story.title, Story.language, Story.detected_language, Story.state, Story.created_at, raiseload=True
    ),
    selectinload(Story.pilots),
    selectinload(Story.recordings).load_only(
        Recording.story_id, Recording.state, Recording.duration_seconds, raiseload=True
    ),
)


@dataclass(frozen=True)
class Page:
    """Some of the queue's stories, as :data:`SHOWN` has them; ``next`` is where to go on."""

    stories: list[Story]
    next: str | None


@dataclass(frozen=True)
class Counts:
    """How many stories are in each state; of those in ``uncounted`` there may be more."""

    by_state: Mapping[State, int]
    uncounted: frozenset[State] = frozenset()

    def of(self, states: Collection[State]) -> tuple[int, bool]:
        """How many there are in some states, and whether that is all."""
        return sum(self.by_state.get(state, 0) for state in states), self.uncounted.isdisjoint(states)


def page(session: Session, curator: Principal, filters: Filters, *, limit: int = 50) -> Page:
    """The page that is asked for of the stories that are, oldest first.

    :raises Invalid: the cursor is none of ours
    """
    some = select(Story).where(_asked_for(session, curator, filters).condition)
    some = some.order_by(Story.created_at, Story.id).limit(limit + 1)
    some = some.options(*SHOWN)
    if filters.cursor:
        some = some.where(tuple_(Story.created_at, Story.id) > tuple_(*cursors.read_row(filters.cursor)))
    stories = list(session.scalars(some))
    has_more, stories = len(stories) > limit, stories[:limit]
    last = stories[-1] if has_more else None
    return Page(stories, cursors.of_row(last.created_at, last.id) if last else None)


def counts_by_state(
    session: Session, curator: Principal, filters: Filters, *, all_of_them: Sequence[Story] | None = None
) -> Counts:
    """How many of the stories that are asked for are in each state, whichever state is asked for.

    :param all_of_them: the stories, whichever state they are in, where they are at hand already
    """
    if all_of_them is not None:
        return _in_order(Counter(story.state for story in all_of_them))
    wanted = _asked_for(session, curator, replace(filters, state="all"))
    if wanted.is_short:
        counted = select(Story.state, func.count()).where(wanted.condition).group_by(Story.state)
        return _in_order({State(state): count for state, count in session.execute(counted)})
    each = [_count_of(state, wanted.condition) for state in State if state is not State.WITHDRAWN]
    found = {State(state): count for state, count in session.execute(union_all(*each)) if count}
    uncounted = frozenset(state for state, count in found.items() if count > COUNTED)
    return _in_order({state: min(count, COUNTED) for state, count in found.items()}, uncounted)


def _in_order(counts: Mapping[State, int], uncounted: frozenset[State] = frozenset()) -> Counts:
    return Counts({state: counts[state] for state in State if state in counts}, uncounted)


def _count_of(state: State, condition: ColumnElement[bool]) -> Select[str, int]:
    """How many stories are in a state, counted one further than is told."""
    some = select(Story.id).where(and_(Story.state == state, condition)).limit(COUNTED + 1).subquery()
    return select(literal_column(f"'{state.value}'", String), func.count()).select_from(some)


def next_story(
    session: Session, curator: Principal, filters: Filters, *, after: str | None = None
) -> Story | None:
    """The oldest story that waits for this curator or for anybody; behind the one they come from, if there is one."""
    free = or_(Assignment.story_id.is_(None), Assignment.account_id == curator.account_id)
    waiting = select(Story).outerjoin(Assignment, Assignment.story_id == Story.id)
    waiting = waiting.where(_asked_for(session, curator, filters).condition)
    waiting = waiting.where(Story.state.in_(WAITING), free, Story.id != (after or ""))
    waiting = waiting.order_by(Story.created_at, Story.id).limit(1)
    before = session.scalars(gate.in_review(curator).where(Story.id == after)).first() if after else None
    if before is not None:
        behind = tuple_(Story.created_at, Story.id) > tuple_(before.created_at, before.id)
        found = session.scalars(waiting.where(behind)).first()
        if found is not None:
            return found
    return session.scalars(waiting).first()


def _asked_for(session: Session, curator: Principal, filters: Filters) -> Way:
    """The gate and the filters, the short way if there is one."""
    conditions: list[ColumnElement[bool]] = []
    sets: list[Ids] = [gate.within_reach(curator, Action.REVIEW)]
    for each in reach.narrowed_to(filters.pilot, filters.language):
        conditions.append(each.holds)
        sets.append(each.ids)
    if filters.state is None:
        unfinished = Story.state.in_(filters.states)
        conditions.append(unfinished)
        # Those that are finished become ever more, and are older: they are not walked past where few are left.
        sets.append(select(Story.id).where(unfinished))
    elif filters.state != "all":
        conditions.append(Story.state == filters.state)
    if filters.whose is Whose.MINE:
        in_my_hands = Among(Assignment.story_id, (Assignment.account_id == curator.account_id,))
        conditions.append(in_my_hands.holds)
        sets.append(in_my_hands.ids)
    if filters.whose is Whose.NOBODYS:
        conditions.append(~reach.looked_up(Assignment.story_id == Story.id))
    conditions.append(gate.is_in_review(curator))
    return reach.way(session, conditions, sets)
