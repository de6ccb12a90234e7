"""What goes in and out of the care room."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from app.web.fields import Word, in_utc
from models.holds import HoldKind

Note = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]


class ConcernIn(BaseModel):
    """That somebody may come to harm by this story, or tells of harm in it."""

    model_config = ConfigDict(extra="forbid")

    note: Note = Field(description="What worries you; read by those who care for the story, erased with it.")


class ConcernOut(BaseModel):
    """A concern was taken in: the story stays with its curators until one of them has looked."""

    hold_id: str
    raised_at: datetime


class EmbargoIn(BaseModel):
    """Nothing leaves the curators until a person lifts it. A date that passes opens nothing by itself."""

    model_config = ConfigDict(extra="forbid")

    until: Annotated[datetime, AfterValidator(in_utc)] | None = Field(
        None, description="With its time zone; None: until somebody lifts it."
    )
    warned: Word | None = Field(
        None, description="The sign-in name of who is told when the date has passed; None: whoever asks."
    )


class HoldOut(BaseModel):
    """A hold that stands."""

    id: str
    kind: HoldKind
    until: datetime | None
    note: str
    raised_at: datetime
    warned_at: datetime | None = Field(description="When somebody was told that its date has passed.")
