"""The queries behind search, each with the gate's condition in it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from typing import TypeVarTuple

from sqlalchemy import (
    CTE,
    ColumnElement,
    Integer,
    Select,
    SQLColumnExpression,
    case,
    distinct,
    false,
    func,
    literal,
    literal_column,
    or_,
    select,
    tuple_,
    union_all,
)
from sqlalchemy.orm import Session, aliased

from models.base import UtcDateTime
from models.consent import Use
from models.curation import State
from models.roles import Action, Principal
from models.search import SearchEntry
from models.stories import Purpose, Story, StoryPilot
from models.themes import StoryTheme, ThemeState
from storage import gate, reach
from storage.reach import Among, Ids, Way
from storage.search.entries import Source
from storage.search.terms import Term, as_typed, by_lemma

# All of a query's words in one place count most, then words as they were typed, then where they stand. A score
# is made of one story and the query alone; no statistics of the collection take part.
_TOGETHER, _AS_TYPED = 1000, 10
Place = tuple[SQLColumnExpression[datetime], SQLColumnExpression[str]]
_SENT: Place = (Story.created_at, Story.id)
# A theme's rows in the order of a list, beside those that its conditions look up.
_Walked = aliased(StoryTheme)
Columns = TypeVarTuple("Columns")
_WEIGHTS = {Source.TITLE: 3, Source.THEME: 2, Source.SEGMENT: 1}


@dataclass(frozen=True)
class SearchQuery:
    """What is looked for: stories in which every one of ``terms`` is found, and that pass the filters.

    Without terms the filters alone choose. ``pilot_id`` is a pilot's id; ``theme`` one that a curator accepted;
    ``use`` what the story may be put to by this reader; a story gathered for both purposes serves either; the dates
    are days (UTC) on which a story was sent, both included, as is the ``year``. ``cursor`` is the ``next`` of a page.

    ``count_up_to``: count no further than this many stories (None: all), so that a page comes in time whatever there
    is to be read.
    """

    terms: tuple[Term, ...] = ()
    pilot_id: str | None = None
    language: str | None = None
    theme: str | None = None
    state: State | None = None
    purpose: Purpose | None = None
    use: Use | None = None
    year: int | None = None
    from_date: date | None = None
    to_date: date | None = None
    limit: int = 20
    cursor: str | None = None
    count_up_to: int | None = None


@dataclass(frozen=True)
class Reading:
    """A query as one reader asks it of one database: every statement made here is behind the gate."""

    session: Session
    principal: Principal
    query: SearchQuery

    @property
    def is_sqlite(self) -> bool:
        return _is_sqlite(self.session)

    def hits(self) -> Select[str, str, str | None, State, datetime, int]:
        """``id, title, spoken_language, state, created_at, score`` of the stories found, best first; without words all
        score alike."""
        language = Story.spoken_language.label("spoken_language")
        shown = (Story.id, Story.title, language, Story.state, Story.created_at)
        if not self.query.terms:
            found = select(*shown, literal_column("0", Integer).label("score"))
            return self._fitting(found).order_by(*_newest(self._place))
        matched = self._matched
        return (
            select(*shown, matched.c.score)
            .join(matched, matched.c.story_id == Story.id)
            .order_by(matched.c.score.desc(), *_newest(_SENT))
        )

    def after(self, score: int, created_at: datetime, story_id: str) -> ColumnElement[bool]:
        """What comes after a place among the hits."""
        place = (literal(created_at, UtcDateTime), literal(story_id))
        if not self.query.terms:
            return tuple_(*self._place) < tuple_(*place)
        return tuple_(self._matched.c.score, *_SENT) < tuple_(literal(score), *place)

    def counted(self, every_hit: Collection[str] | None) -> CTE:
        """The stories that are counted, by ``story_id``: all hits, or the newest as far as the query says.

        :param every_hit: the ids of all hits, where they are at hand already
        """
        found, place = select(Story.id.label("story_id")), _SENT
        if every_hit is not None:
            found = found.where(Story.id.in_(every_hit))
        elif self.query.terms:
            found = found.where(Story.id.in_(select(self._matched.c.story_id)))
        else:
            found, place = self._fitting(found), self._place
        if self.query.count_up_to is not None:
            found = found.order_by(*_newest(place)).limit(self.query.count_up_to)
        return found.cte("counted")

    @cached_property
    def _matched(self) -> CTE:
        """``story_id`` and ``score`` of each story in which every term is found."""
        found = self._found()
        moments = _moments_of(found)
        whole = (
            select(found.c.story_id)
            .group_by(found.c.story_id)
            .having(func.count(distinct(found.c.term)) == len(self.query.terms))
        )
        return (
            select(moments.c.story_id, func.max(moments.c.score).label("score"))
            .where(moments.c.story_id.in_(whole))
            .group_by(moments.c.story_id)
            .cte("matched")
        )

    def best_moments(self, story_ids: list[str], count: int) -> Select[SearchEntry]:
        """The ``count`` best entries of each of some stories, best first."""
        moments = _moments_of(self._found(SearchEntry.story_id.in_(story_ids)))
        order = func.row_number().over(
            partition_by=moments.c.story_id, order_by=(moments.c.score.desc(), moments.c.number)
        )
        ranked = select(moments.c.number, order.label("place")).subquery()
        return (
            select(SearchEntry)
            .join(ranked, ranked.c.number == SearchEntry.number)
            .where(ranked.c.place <= count)
            .order_by(SearchEntry.story_id, ranked.c.place)
        )

    def _found(self, *conditions: ColumnElement[bool]) -> CTE:
        """Each entry in which a term is found: ``story_id, number, source, term, is_as_typed``."""
        pieces = union_all(
            *(
                piece.where(*conditions)
                for number, term in enumerate(self.query.terms)
                for piece in self._of(number, term)
            )
        ).cte("piece")
        # The gate is asked once for each story that has something, not for each of its entries.
        open_stories = (
            select(Story.id)
            .where(Story.id.in_(select(pieces.c.story_id)), *self._conditions())
            .cte("open_story")
        )
        return select(*pieces.c).join(open_stories, open_stories.c.id == pieces.c.story_id).cte("found")

    def _of(self, number: int, term: Term) -> list[Select[str, int, str, int, int]]:
        def piece(is_as_typed: int, condition: ColumnElement[bool]) -> Select[str, int, str, int, int]:
            return select(
                SearchEntry.story_id,
                SearchEntry.number,
                SearchEntry.source,
                literal_column(str(number), Integer).label("term"),
                literal_column(str(is_as_typed), Integer).label("is_as_typed"),
            ).where(condition)

        pieces = [piece(1, as_typed(term, is_sqlite=self.is_sqlite))]
        if term.lemmas:
            pieces.append(piece(0, by_lemma(term, is_sqlite=self.is_sqlite)))
        return pieces

    def _fitting(self, some: Select[*Columns]) -> Select[*Columns]:
        """Of some stories those that the gate and the filters let through."""
        some = some.where(self._way.condition)
        if not self._is_walked_by_theme:
            return some
        return some.join(_Walked, _Walked.story_id == Story.id).where(*_accepted(self.query.theme, _Walked))

    @property
    def _place(self) -> Place:
        """When a story was sent, and its id, without words: where an index has both in the order of the list."""
        if self._is_walked_by_theme:
            return _Walked.sent_at, _Walked.story_id
        return _SENT

    @property
    def _is_walked_by_theme(self) -> bool:
        return bool(self.query.theme) and not self._way.is_short

    @cached_property
    def _way(self) -> Way:
        """The gate and the filters, the short way if there is one."""
        within = gate.within_reach(self.principal, Action.READ)
        sets: list[Ids] = [within, *(each.ids for each in self._among())]
        if self.query.language:
            sets.append(reach.InLanguage(self.query.language).ids)
        if self.query.use:
            sets.append(gate.within_reach_for(self.principal, self.query.use))
        return reach.way(self.session, self._conditions(), sets)

    def _among(self) -> list[Among]:
        """The filters by what other tables say of a story."""
        query, found = self.query, []
        if query.pilot_id:
            found.append(Among(StoryPilot.story_id, (StoryPilot.pilot_id == query.pilot_id,)))
        if query.theme:
            found.append(Among(StoryTheme.story_id, _accepted(query.theme, StoryTheme)))
        return found

    def _conditions(self) -> list[ColumnElement[bool]]:
        """The gate, and the filters."""
        query, conditions = self.query, [each.holds for each in self._among()]
        conditions.append(gate.is_readable(self.principal))
        if query.language:
            conditions.append(reach.InLanguage(query.language).holds)
        if query.state:
            conditions.append(Story.state == query.state)
        if query.purpose:
            conditions.append(Story.purpose.in_({query.purpose, Purpose.BOTH}))
        if query.use:
            conditions.append(gate.is_open_for(self.principal, query.use))
        if query.year:
            conditions.append(Story.created_at >= _begin_of(date(query.year, 1, 1)))
            conditions.append(Story.created_at < _begin_of(date(query.year + 1, 1, 1)))
        if query.from_date:
            conditions.append(Story.created_at >= _begin_of(query.from_date))
        if query.to_date and query.to_date < date.max:
            conditions.append(Story.created_at < _begin_of(query.to_date + timedelta(days=1)))
        return conditions


def has_all(session: Session, terms: Sequence[Term]) -> list[ColumnElement[bool]]:
    """The conditions on ``story`` that every term is found in it, as in the library. The gate is the caller's."""
    is_sqlite = _is_sqlite(session)
    return [Story.id.in_(_stories_with(term, is_sqlite=is_sqlite)) for term in terms]


def _stories_with(term: Term, *, is_sqlite: bool) -> Select[str]:
    found = select(SearchEntry.story_id)
    if not term.words:
        return found.where(false())
    ways = [as_typed(term, is_sqlite=is_sqlite)]
    if term.lemmas:
        ways.append(by_lemma(term, is_sqlite=is_sqlite))
    return found.where(or_(*ways))


def _accepted(theme: str | None, of: type[StoryTheme]) -> tuple[ColumnElement[bool], ...]:
    return of.theme == theme, of.state == ThemeState.ACCEPTED


def _newest(place: Place) -> tuple[ColumnElement[datetime], ColumnElement[str]]:
    sent_at, story_id = place
    return sent_at.desc(), story_id.desc()


def _is_sqlite(session: Session) -> bool:
    return session.get_bind().dialect.name == "sqlite"


def _moments_of(found: CTE) -> CTE:
    """``story_id, number, score`` of each entry in which something was found."""
    score = (
        func.count(distinct(found.c.term)) * _TOGETHER
        + func.count(distinct(case((found.c.is_as_typed == 1, found.c.term)))) * _AS_TYPED
        + case(*((found.c.source == source, weight) for source, weight in _WEIGHTS.items()), else_=0)
    )
    return (
        select(found.c.story_id, found.c.number, score.label("score"))
        .group_by(found.c.story_id, found.c.number, found.c.source)
        .cte("moment")
    )


def _begin_of(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
