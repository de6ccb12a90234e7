"""What goes in and out of the pilots room."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from models.consent import Combination, Use
from models.roles import READERS, Role

Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=10_000)]
Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Days = Annotated[int, Field(ge=1, le=36_500)]


class ProtocolIn(BaseModel):
    """The community's key: the whole of what it admits from now on. The defaults are the strictest that work."""

    model_config = ConfigDict(extra="forbid")

    uses: set[Use] = Field(description="What the pilot's stories may be put to, where their tellers agree.")
    combination: Combination = Field(
        Combination.ALL,
        description="Of a story's several pilots: all must admit a use; or any, if all say so.",
    )
    shares_outside: bool = Field(
        False, description="Whether a story may be shared with another pilot that it belongs to as well."
    )
    readers: set[Role] = Field(
        default_factory=lambda: set(READERS),
        description="The roles inside the pilot that may see what is shared with it.",
    )


class LabelIn(BaseModel):
    """A community's mark on its stories, as Local Contexts' labels are; it travels in every export."""

    model_config = ConfigDict(extra="forbid")

    code: Line
    text: Line
    uri: Annotated[str, StringConstraints(pattern=r"^(https?://\S+)?$", max_length=500)] = ""


class GovernanceIn(BaseModel):
    """What a pilot's people set beside its protocol: the whole of it."""

    model_config = ConfigDict(extra="forbid")

    labels: list[LabelIn] = Field(default_factory=list, max_length=20)
    terms: Text = Field("", description="What is asked of whoever uses the stories; travels in every export.")
    requires_review_copy: bool = Field(
        False, description="Tellers approve what would leave before a story first leaves its curators."
    )
    safeguarding_contact: Line | None = Field(None, description="How the contact is reached, for printing.")
    safeguarding_name: Line | None = Field(
        None, description="The sign-in name of who is told when a story is flagged; None: every curator."
    )
    unreviewed_days: Days | None = Field(
        None,
        description="Stories that nobody took up in this time are erased, a week after curators were told.",
    )
    originals_days: Days | None = Field(
        None,
        description="Originals are erased so long after publication, where everybody in the story agreed.",
    )


class PilotOut(BaseModel):
    """A pilot, with its protocol and what else it set."""

    code: str
    name: str
    languages: list[str]
    protocol: ProtocolIn
    governance: GovernanceIn


class WordingIn(BaseModel):
    """A new version of the text that people read or hear before they consent."""

    model_config = ConfigDict(extra="forbid")

    language: Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}$")]
    text: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=20_000)]


class WordingOut(BaseModel):
    """One version of a wording: it is never changed."""

    id: str
    language: str
    version: int
    text: str
    created_at: datetime
