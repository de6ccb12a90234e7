"""Every mapped class, imported once, so that ``Base.metadata`` is whole for migrations and tests."""

from models import (
    accounts,
    collections,
    consent,
    holds,
    journal,
    notices,
    pilots,
    reviewing,
    search,
    second_factors,
    stories,
    tellers,
    themes,
    transcripts,
    uploads,
    webhooks,
    work,
)
from models.base import Base

__all__ = [
    "Base",
    "accounts",
    "collections",
    "consent",
    "holds",
    "journal",
    "notices",
    "pilots",
    "reviewing",
    "search",
    "second_factors",
    "stories",
    "tellers",
    "themes",
    "transcripts",
    "uploads",
    "webhooks",
    "work",
]
