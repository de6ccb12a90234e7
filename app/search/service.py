"""Asking for stories as a person asks: words in any language, and filters by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy.orm import Session

from app.search.schemas import FacetOut, FacetsOut, HitOut, SearchIn, SearchOut
from app.web.translation import N_
from models.consent import Use
from models.roles import Principal
from models.stories import Purpose
from pipeline.index import terms_of
from pipeline.themes.codebook import Codebook
from pipeline.transcription.languages import language_names
from storage import pilots, search
from storage.search import SearchQuery

PURPOSES = {
    Purpose.INPUT: N_("to shape a service"),
    Purpose.CO_EVALUATION: N_("to say how a service went"),
    Purpose.BOTH: N_("both"),
}
USES = {
    Use.SHARING: N_("in my pilots' own work"),
    Use.PUBLICATION: N_("published, for anyone to hear"),
    Use.EXCERPTS: N_("in short parts"),
    Use.TRANSLATION: N_("translated"),
    Use.RESEARCH: N_("for research"),
}


def look_for(
    session: Session,
    principal: Principal,
    asked: SearchIn,
    codebook: Codebook,
    *,
    language: str = "en",
    count_up_to: int | None = None,
) -> SearchOut:
    """The stories that a reader may see and that have what is asked for; themes by their names in ``language``.

    :raises NotFound: there is no such pilot
    :raises Invalid: the cursor is none of ours
    """
    query = replace(_query_of(session, asked), count_up_to=count_up_to)
    page = search.find(session, principal, query)
    return SearchOut(
        hits=[HitOut.model_validate(hit) for hit in page.hits],
        total=page.total,
        facets=FacetsOut(
            language=_facet(page.facets.language, language_names()),
            theme=_facet(page.facets.theme, {each.id: each.label(language) for each in codebook.themes}),
            state=_facet(page.facets.state, {}),
            pilot=_facet(
                page.facets.pilot, pilots.names_of(session, [code for code, _ in page.facets.pilot])
            ),
            purpose=_facet(page.facets.purpose, PURPOSES),
            year=_facet(tuple(sorted(page.facets.year, reverse=True)), {}),
        ),
        next=page.next,
    )


def _facet(counts: tuple[tuple[str, int], ...], known: Mapping[Any, str]) -> list[FacetOut]:
    return [FacetOut(value=each, label=known.get(each, each), stories=count) for each, count in counts]


def _query_of(session: Session, asked: SearchIn) -> SearchQuery:
    pilot = pilots.by_code(session, asked.pilot) if asked.pilot else None
    return SearchQuery(
        terms=terms_of(asked.q, asked.language),
        pilot_id=pilot.id if pilot else None,
        language=asked.language,
        theme=asked.theme,
        state=asked.state,
        purpose=asked.purpose,
        use=asked.use,
        year=asked.year,
        from_date=asked.from_date,
        to_date=asked.to_date,
        limit=asked.limit,
        cursor=asked.cursor,
    )
