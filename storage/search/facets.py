"""Facets: how many of the stories found have each language, theme and so on; counted in one statement."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import (
    CTE,
    ColumnElement,
    CompoundSelect,
    Select,
    SQLColumnExpression,
    String,
    cast,
    func,
    literal_column,
    null,
    select,
    union_all,
)
from sqlalchemy.orm import Session

from models.pilots import Pilot
from models.stories import Story, StoryPilot
from models.themes import StoryTheme, ThemeState

FACETS = ("language", "theme", "state", "pilot", "purpose", "year")


@dataclass(frozen=True)
class Facets:
    """How many of the stories found have each language, accepted theme and so on; most first."""

    language: tuple[tuple[str, int], ...] = ()
    theme: tuple[tuple[str, int], ...] = ()
    state: tuple[tuple[str, int], ...] = ()
    pilot: tuple[tuple[str, int], ...] = ()
    purpose: tuple[tuple[str, int], ...] = ()
    year: tuple[tuple[str, int], ...] = ()


def count(session: Session, counted: CTE, *, is_sqlite: bool) -> tuple[int, Facets]:
    """How many stories are counted, and the facets of these."""
    rows = list(session.execute(counts(counted, is_sqlite=is_sqlite)))

    def facet(name: str) -> tuple[tuple[str, int], ...]:
        found = [(value, stories) for kind, value, stories in rows if kind == name and value is not None]
        return tuple(sorted(found, key=lambda each: (-each[1], each[0])))

    total = next(stories for kind, _, stories in rows if kind == "total")
    return total, Facets(**{name: facet(name) for name in FACETS})


def counts(counted: CTE, *, is_sqlite: bool) -> CompoundSelect[str, str | None, int]:
    """``kind, value, stories``: one row of kind ``total``, and one for each value of each facet."""

    def kind(name: str) -> ColumnElement[str]:
        return literal_column(f"'{name}'", String).label("kind")

    def each(name: str, value: SQLColumnExpression[str | None]) -> Select[str, str | None, int]:
        return (
            select(kind(name), value.label("value"), func.count().label("stories"))
            .select_from(counted)
            .join(Story, Story.id == counted.c.story_id)
            .group_by(value)
        )

    total = select(kind("total"), cast(null(), String).label("value"), func.count().label("stories"))
    accepted = (StoryTheme.story_id == Story.id) & (StoryTheme.state == ThemeState.ACCEPTED)
    return union_all(
        total.select_from(counted),
        each("language", Story.spoken_language),
        each("state", cast(Story.state, String)),
        each("purpose", cast(Story.purpose, String)),
        each("year", _year_of_story(is_sqlite=is_sqlite)),
        each("theme", cast(StoryTheme.theme, String)).join(StoryTheme, accepted),
        each("pilot", cast(Pilot.code, String))
        .join(StoryPilot, StoryPilot.story_id == Story.id)
        .join(Pilot, Pilot.id == StoryPilot.pilot_id),
    )


def _year_of_story(*, is_sqlite: bool) -> ColumnElement[str | None]:
    """The year (UTC) in which a story was sent, as text."""
    if is_sqlite:
        return func.strftime("%Y", Story.created_at, type_=String)
    return func.to_char(func.timezone("UTC", Story.created_at), "YYYY", type_=String)
