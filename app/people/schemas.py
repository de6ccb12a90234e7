"""What goes in and out of the people room."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints

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
    password: SecretStr = Field(max_length=200, description="Mine, once more: a key outlives the session.")


class SessionOut(BaseModel):
    """A session of mine that still stands."""

    id: str
    began_at: datetime
    seen_at: datetime = Field(description="Noted every five minutes.")
    ends_at: datetime
    is_this_one: bool


class AccountOut(BaseModel):
    """An account as administrators see it, with how many sessions and API keys stand."""

    id: str
    name: str
    sign_in_name: str
    is_active: bool = Field(description="False: it was closed.")
    is_administrator: bool
    has_second_factor: bool
    sessions: int
    api_keys: int


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
