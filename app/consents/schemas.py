"""What goes in and out of the consents room."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from app.web.fields import MOST_SECONDS, Word, in_utc
from models.consent import EventKind, Face, Giver, Manner, Naming, Use, Voice

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Relation = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]


class MomentIn(BaseModel):
    """Where in a recording of the story consent can be heard."""

    model_config = ConfigDict(extra="forbid")

    recording_id: Word
    start_seconds: float = Field(ge=0, le=MOST_SECONDS, allow_inf_nan=False)
    end_seconds: float = Field(gt=0, le=MOST_SECONDS, allow_inf_nan=False)


class ConsentIn(BaseModel):
    """What a person says now: the whole of what stands from then on. The defaults are the narrowest."""

    model_config = ConfigDict(extra="forbid")

    uses: set[Use] = Field(description="What is allowed; none: nothing is.")
    share_with: list[Word] = Field(
        default_factory=list, max_length=50, description="Codes of pilots, for the use 'sharing'."
    )
    until: Annotated[datetime, AfterValidator(in_utc)] | None = Field(
        None, description="When it ends, with its time zone; None: until it is withdrawn."
    )
    naming: Naming = Naming.ANONYMOUS
    shown_name: Name | None = Field(
        None,
        description="The name to be shown, the person's own or another one as 'naming' says. None: the one that was "
        "given for this naming before; if there is none, no name is shown.",
    )
    face: Face = Face.MASKED
    voice: Voice = Voice.KEPT
    manner: Manner = Manner.FORM
    relation: Relation | None = Field(None, description="To the person, where consent is given on behalf.")
    language: Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}$")] = "en"
    evidence: Annotated[str, StringConstraints(max_length=500)] | None = Field(
        None, description="Where it can be seen, in words: a form's reference, for example."
    )
    moment: MomentIn | None = Field(None, description="Where it can be heard, for consent that was spoken.")
    given_by: Giver = Field(
        Giver.PERSON, description="Whose word it is: the person's own, or their guardian's."
    )
    wording_id: Word | None = Field(
        None,
        description="The text that was read or heard. None: not known; then the person is asked whether the text "
        "that there is now is right for them. It is never taken to be the newest one.",
    )
    original_may_go: bool = Field(
        False,
        description="Whether the original may be erased some time after publication, if the pilot does so.",
    )


class ConsentEventOut(BaseModel):
    """One entry of the ledger."""

    id: str
    sequence: int
    person_id: str
    kind: EventKind
    given_by: Giver
    uses: list[str]
    until: datetime | None
    naming: Naming
    face: Face
    voice: Voice
    manner: Manner
    relation: str | None
    language: str
    wording_id: str | None
    evidence_recording_id: str | None
    evidence_start_seconds: float | None
    evidence_end_seconds: float | None
    evidence_media_type: str | None = Field(description="Of the form that was uploaded, if one was.")
    original_may_go: bool
    recorded_at: datetime


class AllowedOut(BaseModel):
    """What the gate lets through now, and what stands in the way of the rest."""

    use: Use
    is_allowed: bool
    reason: str | None = Field(description="Why not, where it is not.")


class ConsentsOut(BaseModel):
    """A story's ledger and what follows from it."""

    allowed: list[AllowedOut]
    events: list[ConsentEventOut]


class WithdrawnOut(BaseModel):
    """A withdrawal: in force at once; ``erased_at`` comes when every byte is gone."""

    story_id: str
    withdrawn_at: datetime
    erased_at: datetime | None
