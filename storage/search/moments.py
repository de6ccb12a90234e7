"""Where in a story it was found: at its words, or at what speaks of a theme."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from models.curation import CURATED_STATES
from models.search import SearchEntry
from models.stories import Story
from models.themes import StoryTheme, ThemeState
from models.transcripts import Transcript
from storage.search.entries import Source
from storage.search.queries import Reading
from storage.search.terms import places_in
from storage.search.words import SnippetPart, cut_snippet, spans_of

SHOWN = 3


@dataclass(frozen=True)
class Moment:
    """Where in a story something was found; without times for its title and its themes.

    ``is_machine_made``: what is quoted was written by a machine, and no person has approved it.
    """

    source: Source
    recording_id: str | None
    start_seconds: float | None
    end_seconds: float | None
    snippet: tuple[SnippetPart, ...]
    is_machine_made: bool = False


def moments_of(session: Session, reading: Reading, story_ids: list[str]) -> Mapping[str, tuple[Moment, ...]]:
    """Up to three of each story that was found: the best for what was typed, else the first that speak of the theme.

    :param story_ids: stories that the gate let through
    """
    query = reading.query
    found: list[tuple[SearchEntry, frozenset[int]]] = []
    if story_ids and query.terms:
        entries = session.scalars(reading.best_moments(story_ids, SHOWN))
        found = [(each, places_in(each.surface, each.lemmas, query.terms)) for each in entries]
    elif story_ids and query.theme:
        found = _speaking_of(session, query.theme, story_ids)
    if not found:
        return {}
    unchecked = _machine_made(session, {entry.recording_id for entry, _ in found if entry.recording_id})
    return {
        story_id: tuple(_moment(entry, places, entry.recording_id in unchecked) for entry, places in of_story)
        for story_id, of_story in groupby(found, key=lambda each: each[0].story_id)
    }


def _speaking_of(
    session: Session, theme: str, story_ids: list[str]
) -> list[tuple[SearchEntry, frozenset[int]]]:
    """What is said where an accepted theme has its evidence, by story, in the order of the recordings.

    Quoted is what the story is found by, not what the evidence was cut from: words that no longer stand are not shown.
    """
    # By story and theme alone, which is an index; asked for the state, too, SQLite walks through all of the theme.
    of_them = select(StoryTheme).where(StoryTheme.story_id.in_(story_ids), StoryTheme.theme == theme)
    said = {
        row.story_id: _of_first_segments(row.evidence)
        for row in session.scalars(of_them)
        if row.state == ThemeState.ACCEPTED
    }
    around = [_is_around(each) for of_story in said.values() for each in of_story]
    if not around:
        return []
    there = (
        select(SearchEntry)
        .where(SearchEntry.story_id.in_(said), or_(*around))
        .order_by(SearchEntry.story_id, SearchEntry.number)
    )
    found = [(entry, _evidence_in(entry, said[entry.story_id])) for entry in session.scalars(there)]
    return [(entry, places) for entry, places in found if places]


def _of_first_segments(evidence: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    segments = list(dict.fromkeys((each["recording_id"], each["segment"]) for each in evidence))[:SHOWN]
    return [each for each in evidence if (each["recording_id"], each["segment"]) in segments]


def _is_around(evidence: Mapping[str, Any]) -> ColumnElement[bool]:
    return and_(
        SearchEntry.recording_id == evidence["recording_id"],
        SearchEntry.start_seconds <= evidence["end_seconds"],
        SearchEntry.end_seconds >= evidence["start_seconds"],
    )


def _evidence_in(entry: SearchEntry, evidence: Sequence[Mapping[str, Any]]) -> frozenset[int]:
    """The numbers of an entry's words that are evidence; none where its words stand there no more."""
    words, found = spans_of(entry.shown), set[int]()
    for each in evidence:
        start, end = each["start_char"], each["end_char"]
        if each["recording_id"] == entry.recording_id and entry.shown[start:end] == each["text"]:
            found |= {number for number, (begin, stop) in enumerate(words) if begin < end and stop > start}
    return frozenset(found)


def _moment(entry: SearchEntry, places: frozenset[int], is_machine_made: bool) -> Moment:
    return Moment(
        source=Source(entry.source),
        recording_id=entry.recording_id,
        start_seconds=entry.start_seconds,
        end_seconds=entry.end_seconds,
        snippet=cut_snippet(entry.shown, places),
        is_machine_made=is_machine_made,
    )


def _machine_made(session: Session, recording_ids: Collection[str]) -> set[str]:
    """The recordings whose transcript, as it is given out, is a machine's that nobody has approved.

    A curated story is found by what a person approved alone.
    """
    newest = {
        transcript.recording_id: transcript
        for transcript in session.scalars(
            select(Transcript)
            .join(Story, Story.id == Transcript.story_id)
            .where(Transcript.recording_id.in_(recording_ids), Story.state.not_in(CURATED_STATES))
            .order_by(Transcript.version)
        )
    }
    return {each for each, text in newest.items() if text.is_machine_made and not text.is_approved}
