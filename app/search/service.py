"""Asking for stories as a person asks: words in any language, and filters by name."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy.orm import Session

from app.search.schemas import FacetOut, FacetsOut, HitOut, SearchIn, SearchOut
from models.roles import Principal
from pipeline.index import prepare_query
from pipeline.themes.codebook import Codebook
from pipeline.themes.lemmas import LANGUAGES
from pipeline.transcription.languages import language_names
from storage import pilots, search
from storage.search import SearchQuery


def look_for(session: Session, principal: Principal, asked: SearchIn, codebook: Codebook) -> SearchOut:
    """The stories that a reader may see and that have what is asked for.

    :raises NotFound: there is no such pilot
    :raises Invalid: the cursor is none of ours
    """
    page = search.find(session, principal, _query_of(session, asked))
    names = language_names()
    labels = {theme.id: theme.label("en") for theme in codebook.themes}

    def facet(counts: tuple[tuple[str, int], ...], known: dict[str, str]) -> list[FacetOut]:
        return [FacetOut(value=each, label=known.get(each, each), stories=count) for each, count in counts]

    return SearchOut(
        hits=[HitOut.model_validate(hit) for hit in page.hits],
        total=page.total,
        facets=FacetsOut(
            language=facet(page.facets.language, names),
            theme=facet(page.facets.theme, labels),
            state=facet(page.facets.state, {}),
        ),
        next=page.next,
    )


def _query_of(session: Session, asked: SearchIn) -> SearchQuery:
    # Nobody says which language they type: a word's forms are looked up in the one asked for, or in all.
    languages = [asked.language] if asked.language in LANGUAGES else LANGUAGES
    pilot = pilots.by_code(session, asked.pilot) if asked.pilot else None
    filters = SearchQuery(
        pilot_id=pilot.id if pilot else None,
        language=asked.language,
        theme=asked.theme,
        state=asked.state,
        from_date=asked.from_date,
        to_date=asked.to_date,
        limit=asked.limit,
        cursor=asked.cursor,
    )
    return prepare_query(asked.q, languages, filters) if asked.q else replace(filters, terms=())
