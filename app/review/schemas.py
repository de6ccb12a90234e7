"""What goes in and out of the review room."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from app.web.fields import MOST_SECONDS, Word
from models.curation import State
from models.themes import ThemeState

# A version and how often it was gone on with, as in models.transcripts.
Mark = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,9}(\.[0-9]{1,9})?$")]


class SegmentIn(BaseModel):
    """A segment as a curator leaves it; times in seconds."""

    model_config = ConfigDict(extra="forbid")

    start_seconds: float = Field(ge=0, le=MOST_SECONDS, allow_inf_nan=False)
    end_seconds: float = Field(ge=0, le=MOST_SECONDS, allow_inf_nan=False)
    text: Annotated[str, StringConstraints(max_length=10_000)]
    speaker: Annotated[str, StringConstraints(max_length=100)] | None = None


class CorrectionIn(BaseModel):
    """A new version of a transcript, over the version that the curator saw."""

    model_config = ConfigDict(extra="forbid")

    based_on_version: Annotated[int, Field(ge=0, le=999_999_999)] | Mark = Field(
        description="The ``mark`` of what was read; its version alone will do if nobody went on in it."
    )
    segments: list[SegmentIn] = Field(max_length=20_000)


class DraftSegmentIn(BaseModel):
    """A segment that was typed in, by its position in the transcript."""

    model_config = ConfigDict(extra="forbid")

    position: int = Field(ge=0, le=1_000_000)
    text: Annotated[str, StringConstraints(max_length=10_000)]
    speaker: Annotated[str, StringConstraints(max_length=100)] | None = None


class DraftIn(BaseModel):
    """What was typed since the last time, over the words that stood there."""

    model_config = ConfigDict(extra="forbid")

    based_on: Mark
    segments: list[DraftSegmentIn] = Field(max_length=20_000)


class DraftOut(BaseModel):
    """What was kept. ``themes`` have followed: a suggestion whose words are gone is obsolete."""

    based_on: str
    version: int
    saved_at: datetime
    themes: dict[str, ThemeState]


class WordOut(BaseModel):
    start: float
    end: float
    text: str
    probability: float


class SegmentOut(BaseModel):
    start_seconds: float
    end_seconds: float
    speaker: str | None
    text: str
    words: list[WordOut]


class TranscriptOut(BaseModel):
    """One version of what is said; ``is_machine_made`` until a person wrote or approved it."""

    recording_id: str
    language: str
    version: int
    mark: str = Field(description="What it says, in short: another mark, other words.")
    is_machine_made: bool
    is_approved: bool
    engine: str | None
    weights: str | None
    quality_note: str | None = Field(description="How far the recogniser can be trusted in this language.")
    written_at: datetime
    segments: list[SegmentOut]


class EvidenceOut(BaseModel):
    """The words behind a suggestion, and the moment they are spoken."""

    recording_id: str
    segment: int
    start_char: int
    end_char: int
    start_seconds: float
    end_seconds: float
    text: str
    why: str


class ThemeOut(BaseModel):
    theme: str
    label: str
    state: ThemeState
    score: float | None
    evidence: list[EvidenceOut]


class ThemesOut(BaseModel):
    """A story's themes; ``is_not_yet_in_this_language`` where the codebook has no vocabulary for it."""

    is_not_yet_in_this_language: bool
    themes: list[ThemeOut]


class StepOut(BaseModel):
    """A step that the table allows from the story's state, and what stands in its way."""

    verb: str
    leads_to: State
    missing: list[str]
    says: list[str]


class StepIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    verb: Word


class JournalOut(BaseModel):
    at: datetime
    actor: str
    act: str
    subject: str | None


Words = list[dict[str, Any]]
