"""What goes in and out of the people room."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from models.roles import Role, Scope

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


class MeOut(BaseModel):
    """Who I am here, and what I may be in which pilot."""

    account_id: str | None
    is_administrator: bool
    roles: dict[str, list[Role]] = Field(description="Roles by the pilot's code.")
    scopes: list[Scope] | None = Field(description="Of the API key; None for a session, which has all.")


class ApiKeyIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: Name
    scopes: set[Scope] = Field(min_length=1)
    days: int = Field(90, ge=1, le=366)


class ApiKeyOut(BaseModel):
    """A key as its owner sees it later: what it may do and until when, not the key itself."""

    id: str
    name: str
    scopes: list[Scope]
    created_at: datetime
    ends_at: datetime


class NewApiKeyOut(ApiKeyOut):
    """The key itself is shown this once."""

    token: str
