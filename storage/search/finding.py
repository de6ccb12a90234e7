"""Finding stories: hits with their moments, the count and the facets, page by page."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sqlalchemy import CTE
from sqlalchemy.orm import Session

from models.curation import State
from models.errors import Invalid
from models.roles import Principal
from models.stories import Story
from storage.search.moments import Moment, moments_of
from storage.search.queries import Reading, SearchQuery, counts

FACETS = ("language", "theme", "state", "pilot", "purpose", "year")


@dataclass(frozen=True)
class Hit:
    """A story that was found, and up to three moments: see :func:`storage.search.moments.moments_of`."""

    story_id: str
    title: str
    language: str | None
    state: State
    created_at: datetime
    moments: tuple[Moment, ...] = ()


@dataclass(frozen=True)
class Facets:
    """How many of the stories found have each language, accepted theme and so on; most first."""

    language: tuple[tuple[str, int], ...] = ()
    theme: tuple[tuple[str, int], ...] = ()
    state: tuple[tuple[str, int], ...] = ()
    pilot: tuple[tuple[str, int], ...] = ()
    purpose: tuple[tuple[str, int], ...] = ()
    year: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True)
class SearchPage:
    """Some hits, best first; ``total`` counts stories, as far as the query lets it; ``next`` is the cursor of the
    page after this."""

    hits: tuple[Hit, ...] = ()
    total: int = 0
    facets: Facets = field(default_factory=Facets)
    next: str | None = None


def find(session: Session, principal: Principal, query: SearchQuery) -> SearchPage:
    """The stories that ``principal`` may read and that ``query`` finds; the same on both databases.

    Best score first (all words in one place, then words as typed, then title before theme before speech), then
    newest, then by id.

    :raises Invalid: the cursor is none of ours
    """
    if any(not term.words for term in query.terms):
        return SearchPage()
    reading = Reading(session, principal, query)
    page = reading.hits().limit(query.limit + 1)
    if query.cursor:
        page = page.where(reading.after(*_read_cursor(query.cursor)))
    rows = [(story, int(score)) for story, score in session.execute(page)]
    shown = rows[: query.limit]
    is_all = len(rows) <= query.limit and not query.cursor
    counted = reading.counted([story.id for story, _ in rows] if is_all else None)
    total, facets = _count(session, counted, is_sqlite=reading.is_sqlite)
    moments = moments_of(session, reading, [story.id for story, _ in shown])
    return SearchPage(
        hits=tuple(_hit(story, moments.get(story.id, ())) for story, _ in shown),
        total=total,
        facets=facets,
        next=_make_cursor(*shown[-1]) if len(rows) > query.limit else None,
    )


def _hit(story: Story, moments: tuple[Moment, ...]) -> Hit:
    return Hit(story.id, story.title, story.spoken_language, State(story.state), story.created_at, moments)


def _count(session: Session, counted: CTE, *, is_sqlite: bool) -> tuple[int, Facets]:
    rows = list(session.execute(counts(counted, is_sqlite=is_sqlite)))

    def facet(name: str) -> tuple[tuple[str, int], ...]:
        found = [(value, stories) for kind, value, stories in rows if kind == name and value is not None]
        return tuple(sorted(found, key=lambda each: (-each[1], each[0])))

    total = next(stories for kind, _, stories in rows if kind == "total")
    return total, Facets(**{name: facet(name) for name in FACETS})


def _make_cursor(story: Story, score: int) -> str:
    raw = json.dumps([score, story.created_at.isoformat(), story.id]).encode()
    return base64.urlsafe_b64encode(raw).decode()


def _read_cursor(cursor: str) -> tuple[int, datetime, str]:
    try:
        score, moment, story_id = json.loads(base64.urlsafe_b64decode(cursor.encode()))
        created_at = datetime.fromisoformat(moment)
        if (
            type(score) is not int
            or not 0 <= score < 10**6
            or not story_id.isalnum()
            or not created_at.tzinfo
        ):
            raise ValueError
        created_at = created_at.astimezone(UTC)
    except (AttributeError, OverflowError, RecursionError, TypeError, ValueError) as error:
        raise Invalid("invalid", reason="cursor") from error
    return score, created_at, story_id
