"""What goes in and out of the collections room."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from models.collections import RecallReason
from models.releases import Reason
from models.stories import Purpose

Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)]
Note = Annotated[str, StringConstraints(strip_whitespace=True, max_length=5_000)]
StoryId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
Code = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{1,40}$")]


class QueryIn(BaseModel):
    """Which stories to put in; what is left out does not filter."""

    model_config = ConfigDict(extra="forbid")

    q: Annotated[str, StringConstraints(strip_whitespace=True, max_length=500)] = Field(
        "", description="Words, in any language, as in the library: a story is found that has all of them."
    )
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
    """A collection's stories in the order they shall have, each once. What you do not see keeps its place."""

    model_config = ConfigDict(extra="forbid")

    story_ids: list[StoryId] = Field(max_length=10_000)


class EntryOut(BaseModel):
    story_id: str
    title: str | None = Field(description="Null where the story may not be shared now.")
    language: str | None
    note: str
    is_open: bool = Field(
        description="Whether it would be in a release made now; what would not is for curators of the pilot only."
    )
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
    published_at: datetime | None = Field(
        description="Since when everybody finds it, with those of its stories that are published; null: they do not."
    )
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
    """A story of a release that I pulled may not be used any more: delete the copies, then acknowledge."""

    id: str
    collection_id: str
    release: int
    story_id: str
    reason: RecallReason
    issued_at: datetime
    reminders: int = Field(description="How often I was reminded.")
    acknowledged_at: datetime | None


class RecallState(StrEnum):
    OPEN = "open"
    REMINDED = "reminded"
    ACKNOWLEDGED = "acknowledged"


class TrackedRecallOut(RecallOut):
    """A recall of one of my pilots' releases, and how far its holder has come with it."""

    pilot: str
    holder: str = Field(description="The name of whoever pulled the release.")
    holder_id: str
    state: RecallState
    reminded_at: datetime | None


class TrackedRecallsOut(BaseModel):
    recalls: list[TrackedRecallOut] = Field(description="Newest first.")
    next: str | None = Field(description="Give it back as `cursor`; null: this was all.")


class DisclosureOut(BaseModel):
    """That somebody pulled a release of one of my pilots."""

    id: str
    pilot: str
    collection_id: str
    release: int
    holder: str = Field(description="The name of whoever pulled it.")
    holder_id: str
    format: str = Field(description="manifest.json, download.zip, or the name of a text.")
    pulled_at: datetime


class DisclosuresOut(BaseModel):
    disclosures: list[DisclosureOut] = Field(description="Newest first.")
    next: str | None = Field(description="Give it back as `cursor`; null: this was all.")


class ChangeKind(StrEnum):
    RELEASE = "release"
    RECALL = "recall"
    RECALL_ACKNOWLEDGED = "recall-acknowledged"
    ENTRY_CLOSED = "entry-closed"
    ENTRY_OPENED = "entry-opened"


class ChangeRecall(BaseModel):
    """A recall as it stands now."""

    id: str
    story_id: str
    reason: RecallReason
    issued_at: datetime
    acknowledged_at: datetime | None
    is_mine: bool = Field(description="Whether I am the holder who is asked to delete copies.")


class ChangeEntry(BaseModel):
    """An entry of a release, as its manifest knows it when it is closed."""

    position: int
    digest: str


class ChangeOut(BaseModel):
    """Something that changed, by ids and dates alone."""

    kind: ChangeKind
    at: datetime
    pilot: str
    collection_id: str
    release: int
    entry: ChangeEntry | None = Field(description="For `entry-closed` and `entry-opened`.")
    recall: ChangeRecall | None = Field(description="For `recall` and `recall-acknowledged`.")


class ChangesOut(BaseModel):
    changes: list[ChangeOut] = Field(description="Oldest first.")
    next: str = Field(description="Give it back as `since`. Always there: keep it.")
    has_more: bool = Field(description="Whether others wait already; then ask again at once.")


class ResponseIn(BaseModel):
    """What those who listened answer."""

    model_config = ConfigDict(extra="forbid")

    words: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=5_000)]
    answered_on: date
    will_change: Note = Field("", description="What will be different because of the stories.")


class ResponseOut(BaseModel):
    """An answer to a collection. The tellers of the stories in its releases see it."""

    id: str
    words: str
    answered_on: date
    will_change: str
    recorded_at: datetime
