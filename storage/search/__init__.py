"""Search: what is kept of a story to be found by, and finding it; the same on SQLite and PostgreSQL.

The gate's condition stands inside the query over the index, so that hits, their order, counts and facets are
made of what the reader may see and of nothing else. See
``docs/decisions/0005-search-without-foreign-statistics.md``.
"""

from storage.search.entries import Entry, Source, forget, replace_entries
from storage.search.facets import Facets
from storage.search.finding import Hit, SearchPage, find
from storage.search.moments import Moment
from storage.search.queries import SearchQuery, has_all
from storage.search.terms import Term
from storage.search.upkeep import compact
from storage.search.words import SnippetPart

__all__ = [
    "Entry",
    "Facets",
    "Hit",
    "Moment",
    "SearchPage",
    "SearchQuery",
    "SnippetPart",
    "Source",
    "Term",
    "compact",
    "find",
    "forget",
    "has_all",
    "replace_entries",
]
