"""Finding stories: hits with their moments, the count and the facets, page by page."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sqlalchemy.orm import Session

from models.curation import State
from models.errors import Invalid
from models.roles import Principal
from storage.search.facets import Facets, count
from storage.search.moments import Moment, moments_of
from storage.search.queries import Reading, SearchQuery


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
    rows = session.execute(page).all()
    shown = rows[: query.limit]
    is_all = len(rows) <= query.limit and not query.cursor
    counted = reading.counted([row.id for row in rows] if is_all else None)
    total, facets = count(session, counted, is_sqlite=reading.is_sqlite)
    moments = moments_of(session, reading, [row.id for row in shown])
    last = shown[-1] if len(rows) > query.limit else None
    return SearchPage(
        hits=tuple(
            Hit(story_id, title, language, State(state), created_at, moments.get(story_id, ()))
            for story_id, title, language, state, created_at, _ in shown
        ),
        total=total,
        facets=facets,
        next=_make_cursor(int(last.score), last.created_at, last.id) if last else None,
    )


def _make_cursor(score: int, created_at: datetime, story_id: str) -> str:
    raw = json.dumps([score, created_at.isoformat(), story_id]).encode()
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
