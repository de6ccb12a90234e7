"""A story as whoever listens to it meets it: players, what is said, and the moments behind its themes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Query
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.releases import name_shown
from models.stories import Part, Recording, RenditionKind, Story
from models.themes import StoryTheme, ThemeState
from models.transcripts import Segment, Transcript
from pipeline.themes.codebook import Codebook
from storage import communities, ledger, transcripts
from storage.communities import Community

# In an address, where a moment is. The longest is longer than any recording that is taken.
Seconds = Annotated[float | None, Query(ge=0, le=360_000, allow_inf_nan=False)]
RecordingId = Annotated[str | None, Query(pattern=r"^[0-9a-f]{32}$")]


@dataclass(frozen=True)
class Said:
    """A transcript, to be read along. ``is_unapproved``: no person has stood by it yet."""

    language: str
    is_machine_made: bool
    is_unapproved: bool
    segments: tuple[Segment, ...]


@dataclass(frozen=True)
class Start:
    """Where whoever came by a moment's link begins: in a recording (None: the first), at a second."""

    recording_id: str | None
    seconds: float


@dataclass(frozen=True)
class Heard:
    """One recording with what is played of it; ``number`` counts from 1. Sound has no picture and no poster.

    ``plays`` is None where there is a text and nothing to play.
    """

    id: str
    number: int
    plays: RenditionKind | None
    has_poster: bool
    duration_seconds: float | None
    said: Said | None


@dataclass(frozen=True)
class Moment:
    """A place in a recording, and what is said there."""

    recording_id: str
    start_seconds: float
    text: str


@dataclass(frozen=True)
class Theme:
    """A theme that a curator accepted, with the moments that it was found at."""

    id: str
    label: str
    moments: tuple[Moment, ...]


@dataclass(frozen=True)
class StoryHeard:
    """What is shown of a story to who may listen: nothing of who cares for it, and names as their owners agreed."""

    id: str
    title: str
    language: str | None
    content_warning: str | None
    is_signed: bool
    told_by: str | None
    recordings: tuple[Heard, ...]
    themes: tuple[Theme, ...]
    communities: tuple[Community, ...]


def story_heard(session: Session, story: Story, codebook: Codebook, language: str = "en") -> StoryHeard:
    """A story that the gate let through; themes by their names in ``language``."""
    said = {each.recording_id: each for each in transcripts.all_given_out(session, story)}
    recordings = _recordings(story, said)
    return StoryHeard(
        id=story.id,
        title=story.title,
        language=story.spoken_language,
        content_warning=story.content_warning,
        is_signed=story.told_in_sign_language,
        told_by=_teller(session, story),
        recordings=recordings,
        themes=_themes(session, story, {each.id for each in recordings}, codebook, language),
        communities=communities.of_story(session, story.id),
    )


def _recordings(story: Story, said: Mapping[str, Transcript]) -> tuple[Heard, ...]:
    found: list[Heard] = []
    for recording in story.recordings:
        kinds = {row.kind for row in recording.renditions}
        plays = next((kind for kind in (RenditionKind.VIDEO, RenditionKind.AUDIO) if kind in kinds), None)
        text = said.get(recording.id)
        if plays is not None or text is not None:
            number = len(found) + 1
            found.append(_heard(recording, number, plays, RenditionKind.POSTER in kinds, text))
    return tuple(found)


def _heard(
    recording: Recording, number: int, plays: RenditionKind | None, has_poster: bool, text: Transcript | None
) -> Heard:
    return Heard(
        id=recording.id,
        number=number,
        plays=plays,
        has_poster=has_poster and plays is RenditionKind.VIDEO,
        duration_seconds=recording.duration_seconds,
        said=_said(text) if text else None,
    )


def _said(text: Transcript) -> Said:
    return Said(text.language, text.is_machine_made, not text.is_approved, tuple(text.segments))


def _teller(session: Session, story: Story) -> str | None:
    """The name by which the teller wants to be known; None for who wants none."""
    teller = next((person for person in story.people if person.part is Part.TELLER), None)
    return name_shown(teller, ledger.standings_of(session, story.id)[teller.id]) if teller else None


def _themes(
    session: Session, story: Story, heard: Collection[str], codebook: Codebook, language: str
) -> tuple[Theme, ...]:
    labels = {theme.id: theme.label(language) for theme in codebook.themes}
    accepted = select(StoryTheme).where(
        StoryTheme.story_id == story.id, StoryTheme.state == ThemeState.ACCEPTED
    )
    return tuple(
        Theme(row.theme, labels.get(row.theme, row.theme), _moments(row.evidence, heard))
        for row in session.scalars(accepted.order_by(StoryTheme.theme))
    )


def _moments(evidence: list[dict[str, Any]], heard: Collection[str]) -> tuple[Moment, ...]:
    return tuple(
        Moment(each["recording_id"], each["start_seconds"], each["text"])
        for each in evidence
        if each["recording_id"] in heard
    )
