"""What a story can be found by: written anew as a whole, and forgotten as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import delete

from models.errors import NotFound
from models.search import SearchEntry
from models.stories import Story
from storage import consents
from storage.database import WriteSession


class Source(StrEnum):
    """What an entry is of."""

    TITLE = "title"
    THEME = "theme"
    SEGMENT = "segment"


@dataclass(frozen=True)
class Entry:
    """One findable piece of a story.

    ``surface`` has the folded words of ``shown``, one space between them, as many as
    :func:`storage.search.words.spans_of` finds there. ``lemmas`` is empty, or has for each of them
    ``language·lemma``: a lemma means something in its language only. Times are in seconds, None where there is
    no moment.

    :raises ValueError: there are some lemmas, and not as many as words
    """

    source: Source
    shown: str
    surface: str
    lemmas: str = ""
    recording_id: str | None = None
    start_seconds: float | None = None
    end_seconds: float | None = None

    def __post_init__(self) -> None:
        if self.lemmas and self.lemmas.count(" ") != self.surface.count(" "):
            raise ValueError("there is one lemma for each word, or none at all")


def replace_entries(session: WriteSession, story_id: str, entries: Sequence[Entry]) -> None:
    """Let a story be found by ``entries``, and by nothing that it was found by before.

    :raises NotFound: there is no such story
    :raises Conflict: it was withdrawn
    """
    story = session.get(Story, story_id)
    if story is None:
        raise NotFound("not-found", story_id=story_id)
    consents.lock(session, story)
    forget(session, story_id)
    session.add_all(
        SearchEntry(
            story_id=story_id,
            recording_id=entry.recording_id,
            source=entry.source,
            start_seconds=entry.start_seconds,
            end_seconds=entry.end_seconds,
            shown=entry.shown,
            surface=entry.surface,
            lemmas=entry.lemmas,
        )
        for entry in entries
    )
    session.flush()


def forget(session: WriteSession, story_id: str) -> None:
    """Let a story be found no more. What the index's files still hold goes with :func:`..upkeep.compact`."""
    session.execute(delete(SearchEntry).where(SearchEntry.story_id == story_id))
