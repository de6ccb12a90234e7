"""Every mapped class, imported once, so that ``Base.metadata`` is whole for migrations and tests."""

from models import (
    accounts,
    collections,
    consent,
    journal,
    pilots,
    search,
    stories,
    themes,
    transcripts,
    work,
)
from models.base import Base

__all__ = [
    "Base",
    "accounts",
    "collections",
    "consent",
    "journal",
    "pilots",
    "search",
    "stories",
    "themes",
    "transcripts",
    "work",
]
