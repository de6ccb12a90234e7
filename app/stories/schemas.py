"""What goes in and out of the stories room."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from app.web.fields import Word
from models.curation import State
from models.stories import Part, Purpose, RecordingState, RenditionKind

Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)]
LanguageCode = Annotated[str, StringConstraints(pattern=r"^([a-z]{2,3}|detect)$")]


class PersonIn(BaseModel):
    """Somebody who tells, is heard or is seen; each consents for themselves."""

    label: Line = Field(description="How the curators know them, such as 'my neighbour'.")
    part: Part = Part.HEARD
    shown_name: Line | None = Field(
        None,
        description="The name or pseudonym to be shown, where consented to. It is for the 'naming' that the person "
        "says first; a name for the other one comes with the consent to it.",
    )
    contact: Line | None = Field(
        default=None, description="How to reach them; kept apart and never exported."
    )
    guardian: Line | None = Field(
        default=None,
        description="Who stands beside somebody who is a minor or represented; their consent is asked for too.",
    )


class StoryIn(BaseModel):
    """A new story. Its recordings follow, one or more, each in a request of its own."""

    model_config = ConfigDict(extra="forbid")

    title: Title
    language: LanguageCode = Field(
        description="A code that Whisper knows, or 'detect' among the pilot's own."
    )
    pilots: list[Word] = Field(min_length=1, max_length=10, description="Codes of the pilots it belongs to.")
    purpose: Purpose = Purpose.INPUT
    told_when: Line | None = Field(None, max_length=100, description="Roughly when it was told.")
    told_where: Line | None = Field(None, description="Roughly where it was told.")
    recorded_by: Line | None = Field(None, description="Who recorded it.")
    told_in_sign_language: bool = False
    content_warning: Annotated[str, StringConstraints(max_length=500)] | None = None
    people: list[PersonIn] = Field(
        default_factory=lambda: [PersonIn(label="teller", part=Part.TELLER)], min_length=1, max_length=50
    )


class PersonOut(BaseModel):
    id: str
    label: str
    part: Part
    shown_name: str | None
    guardian: str | None
    allows: list[str] = Field(description="The uses that this person's consent allows now.")


class FailureOut(BaseModel):
    """Why a recording was refused or failed, in words."""

    code: str
    says: str
    can_be_retried: bool
    reason: str | None = Field(None, description="What the program that failed said last, in English.")


class ProgressOut(BaseModel):
    """How far the work on a recording has come."""

    step: str | None = Field(description="inspect, render, transcribe, tag, index; None while it waits.")
    percent: int = Field(ge=0, le=100)
    seconds_left: int | None


class RecordingOut(BaseModel):
    id: str
    state: RecordingState
    size_bytes: int | None = Field(description="Of the original. Only for those who care for the story.")
    sha256: str | None = Field(description="Of the original. Only for those who care for the story.")
    duration_seconds: float | None
    renditions: list[RenditionKind]
    notes: list[str] | None = Field(
        description="What was noticed when it was inspected, such as 'cut-short'. Only for those who care for it."
    )
    progress: ProgressOut | None = Field(description="Only for those who care for the story.")
    failure: FailureOut | None = Field(description="Only for those who care for the story.")


class StoryOut(BaseModel):
    id: str
    title: str
    language: str
    spoken_language: str | None
    pilots: list[str]
    purpose: Purpose
    state: State
    told_when: str | None
    told_where: str | None
    told_in_sign_language: bool
    content_warning: str | None
    themes: list[str]
    created_at: datetime
    people: list[PersonOut] | None = Field(description="Only for those who care for the story.")
    recordings: list[RecordingOut]


class StoryPage(BaseModel):
    """Some stories, newest first; ``next`` is the cursor of the page after this."""

    stories: list[StoryOut]
    total: int
    next: str | None


class RetryIn(BaseModel):
    """Begin again, in another language where the first was wrong."""

    language: LanguageCode | None = None
