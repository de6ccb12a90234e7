"""What goes in and out of the collections room."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from models.releases import Reason
from models.stories import Purpose

Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)]
Note = Annotated[str, StringConstraints(strip_whitespace=True, max_length=5_000)]
StoryId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
Code = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{1,40}$")]


class QueryIn(BaseModel):
    """Which stories to put in; what is left out does not filter."""

    model_config = ConfigDict(extra="forbid")

    theme: Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,60}$")] | None = Field(
        None, description="A theme of the codebook that a curator accepted."
    )
    language: Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}$")] | None = None
    purpose: Purpose | None = Field(None, description="Stories gathered for both serve either.")
    pilot: Code | None = Field(None, description="Only stories that belong to this pilot as well.")
    from_date: date | None = Field(None, description="Sent on this day (UTC) or later.")
    to_date: date | None = Field(None, description="Sent on this day (UTC) or before.")


class CollectionIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    pilot: Code = Field(description="The code of one of my pilots.")
    title: Title
    purpose: Note = ""
    query: QueryIn | None = Field(None, description="Fill it with what this finds; null: made by hand.")


class EntryIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    story_id: StoryId
    note: Note = ""


class NoteIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    note: Note


class OrderIn(BaseModel):
    """A collection's stories in the order they shall have, each once."""

    model_config = ConfigDict(extra="forbid")

    story_ids: list[StoryId] = Field(max_length=10_000)


class EntryOut(BaseModel):
    story_id: str
    title: str | None = Field(description="Null where the story may not be shared now.")
    language: str | None
    note: str
    is_open: bool = Field(description="Whether it would be in a release made now.")
    closed_because: Reason | None = Field(description="For curators of the pilot only.")


class ReleaseOut(BaseModel):
    """A release. What of it may be had now is in its manifest."""

    number: int
    root_digest: str
    released_at: datetime
    entries: int
    left_out: dict[str, int] | None = Field(
        description="Stories left out when it was made, by reason; for curators of the pilot only."
    )


class LeftOutOut(BaseModel):
    """Stories that are not in a release, counted by reason."""

    when_released: dict[str, int]
    now: dict[Reason, int] = Field(description="Entries of the release that are closed now.")


class CollectionOut(BaseModel):
    id: str
    pilot: str
    title: str
    purpose: str
    query: QueryIn | None
    created_at: datetime
    entries: list[EntryOut]
    releases: list[ReleaseOut]


class CollectionLine(BaseModel):
    """A collection in a list."""

    id: str
    pilot: str
    title: str
    created_at: datetime
    entries: int
    releases: int


class QueryRunOut(BaseModel):
    added: int
    collection: CollectionOut


class RecallOut(BaseModel):
    """A story of a release that I pulled was withdrawn: delete the copies, then acknowledge."""

    id: str
    collection_id: str
    release: int
    story_id: str
    issued_at: datetime
    acknowledged_at: datetime | None
