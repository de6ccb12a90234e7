"""The journal: append-only, each entry carrying the hash of the one before. Ids only, never content."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Id

GENESIS = "0" * 64


class JournalEntry(Base):
    """Who did what to which story, when. ``actor`` is an account's id, ``pipeline`` or ``teller``."""

    __tablename__ = "journal_entry"

    sequence: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(String(40))
    act: Mapped[str] = mapped_column(String(60))
    story_id: Mapped[str | None] = mapped_column(Id, index=True)
    subject: Mapped[str | None] = mapped_column(String(80))
    previous_hash: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))


class JournalHead(Base):
    """The one row that writers lock, last of all, so that the chain never forks."""

    __tablename__ = "journal_head"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    sequence: Mapped[int]
    hash: Mapped[str] = mapped_column(String(64))


def hash_of(entry: JournalEntry) -> str:
    """SHA-256 over the entry's canonical JSON and the hash before it."""
    canonical = json.dumps(
        [
            entry.sequence,
            entry.at.isoformat(),
            entry.actor,
            entry.act,
            entry.story_id,
            entry.subject,
            entry.previous_hash,
        ],
        separators=(",", ":"),
    )
    return hashlib.sha256(canonical.encode()).hexdigest()


def first_broken(entries: Iterable[JournalEntry]) -> int | None:
    """The sequence number of the first entry that does not fit the chain; None if all do."""
    previous, expected = GENESIS, 1
    for entry in entries:
        if entry.sequence != expected or entry.previous_hash != previous or entry.hash != hash_of(entry):
            return expected
        previous, expected = entry.hash, expected + 1
    return None
