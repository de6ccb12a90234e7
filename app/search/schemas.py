"""What goes in and out of the search room."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from models.consent import Use
from models.curation import State
from models.stories import Purpose
from storage.search import Source


def _none_if_empty(sent: object) -> object:
    """A form sends every field, also those left empty."""
    return None if sent == "" else sent


Empty = BeforeValidator(_none_if_empty)


class SearchIn(BaseModel):
    """What is looked for. Without ``q`` the filters alone choose; with none, all that the reader may see."""

    q: Annotated[str, StringConstraints(max_length=500)] = Field(
        "",
        description="Words, in any language. A story is found that has all of them; other forms of a word count "
        'too. "Side by side" in quotation marks; a * at the end lets a word go on.',
    )
    pilot: Annotated[str | None, StringConstraints(pattern=r"^[A-Za-z0-9-]{1,40}$"), Empty] = Field(
        None, description="A pilot's code."
    )
    language: Annotated[str | None, StringConstraints(pattern=r"^[a-z]{2,3}$"), Empty] = Field(
        None, description="The language that a story is told in."
    )
    theme: Annotated[str | None, StringConstraints(pattern=r"^[a-z0-9-]{1,60}$"), Empty] = Field(
        None, description="A theme of the codebook that a curator accepted."
    )
    state: Annotated[State | None, Empty] = None
    purpose: Annotated[Purpose | None, Empty] = Field(
        None, description="What a story was gathered for; those gathered for both serve either."
    )
    use: Annotated[Use | None, Empty] = Field(
        None, description="What I may put the story to, by its tellers' consent and its pilots' protocols."
    )
    year: Annotated[int | None, Empty] = Field(None, ge=2000, le=9000, description="Sent in this year (UTC).")
    from_date: Annotated[date | None, Empty] = Field(None, description="Sent on this day (UTC) or later.")
    to_date: Annotated[date | None, Empty] = Field(None, description="Sent on this day (UTC) or before.")
    limit: int = Field(20, ge=1, le=100, description="How many stories at most.")
    cursor: Annotated[str | None, StringConstraints(max_length=300), Empty] = Field(
        None, description="The 'next' of the page before."
    )


class _Out(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class SnippetPartOut(_Out):
    """A piece of what is quoted; together they are the whole."""

    text: str
    is_match: bool = Field(description="Whether this is what was looked for, or speaks of the theme.")


class MomentOut(_Out):
    """Where it was found: in the title, a theme, or at a moment of a recording."""

    source: Source
    recording_id: str | None
    start_seconds: float | None = Field(description="None for a title or a theme.")
    end_seconds: float | None
    snippet: list[SnippetPartOut]
    is_machine_made: bool = Field(
        description="A machine wrote what is quoted, and no person has approved it yet."
    )


class HitOut(_Out):
    story_id: str
    title: str
    language: str | None
    state: State
    created_at: datetime
    moments: list[MomentOut] = Field(
        description="Up to three: the best for what was typed; without words, the first that speak of the theme that "
        "was asked for; none where other filters chose."
    )


class FacetOut(BaseModel):
    """How many of the stories found have this value."""

    value: str
    label: str
    stories: int


class FacetsOut(BaseModel):
    language: list[FacetOut]
    theme: list[FacetOut]
    state: list[FacetOut]
    pilot: list[FacetOut] = Field(description="By its code; a story may belong to several.")
    purpose: list[FacetOut]
    year: list[FacetOut]


class SearchOut(BaseModel):
    """Some of the stories found, best first; ``next`` is the cursor of the page after this."""

    hits: list[HitOut]
    total: int = Field(description="How many stories were found.")
    facets: FacetsOut
    next: str | None
